"""The device's tokenizer on a Cortex-M4F under QEMU, against Python's."""

import shutil
from itertools import pairwise
from pathlib import Path

import pytest

from benchmarks.tokenizers.device import DeviceTokenizer, Request, expected_ids
from benchmarks.tokenizers.many_scripts import PATTERN
from benchmarks.tokenizers.texts import random_texts
from tf_embbert.tokenizer import Tokenizer

MISSING = [tool for tool in ("cmake", "arm-none-eabi-g++", "qemu-system-arm") if not shutil.which(tool)]
STACK_BYTES = 1024  # promised by tflm_app/embbert/tokenizer.h


@pytest.mark.skipif(bool(MISSING), reason=f"needs {', '.join(MISSING)}")
def test_ids_on_a_cortex_m4_are_those_of_python(tmp_path: Path) -> None:
    tokenizer = Tokenizer.load(PATTERN)
    device = DeviceTokenizer(tokenizer, tmp_path, "mps2-an386")
    texts = list(random_texts(400, seed=4))
    single = [Request(text, max_length=256) for text in texts]
    pairs = [Request(a, b, 33) for a, b in pairwise(texts)]
    expected = expected_ids(tokenizer, single) + expected_ids(tokenizer, pairs)
    for ours, theirs in zip(device.ids(single + pairs), expected, strict=True):
        assert ours.tolist() == theirs.tolist()
    assert device.measured["stack"] - device.measured["stack_before"] <= STACK_BYTES
