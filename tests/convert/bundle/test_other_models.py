"""Bundles of the paper's other models: with and without attention, and one that loops over the tokens."""

from pathlib import Path
from typing import Any

import pytest

from convert.bundle.bundle import read_bundle
from convert.bundle.conversion import convert_run
from convert.bundle.verification import verify_bundle
from tests.support.baselines import small_model
from tests.support.bundles import Run
from tf_embbert.quantization.calibrate import calibrate
from tf_embbert.quantization.fold_baseline import fold_baseline
from tf_embbert.tokenizer import Tokenizer

TOKENS = 80


@pytest.mark.parametrize("name", ["nano-embedder-conv", "bert", pytest.param("mamba", marks=pytest.mark.slow)])
def test_a_bundle_verifies_and_names_its_table_and_its_work(name: str, tmp_path: Path) -> None:
    texts = [(" ".join(["on", "off", "then"][i % 3 :] * (1 + i // 3)), None) for i in range(9)]
    tokenizer = Tokenizer.train([text for text, _ in texts], vocab_size=TOKENS)
    program: Any = fold_baseline(small_model(name, vocab_size=TOKENS), is_pair=False)
    ranges = calibrate(program, tokenizer.encode([text for text, _ in texts], max_length=16).ids, seed=0)
    run: Any = Run(tokenizer, program, ranges, ["a", "b", "c"], False, texts, room=16)
    manifest = convert_run(run, tmp_path / "bundle", shorter=[8])
    assert verify_bundle(tmp_path / "bundle")["ok"]
    assert f"kTokenRows = {TOKENS};" in read_bundle(tmp_path / "bundle").files["bundle.h"].decode()
    short, long = (one["macs"] for one in manifest["model"]["lengths"])
    assert 0 < short < long
    if name == "mamba":  # all but the head's work is the loop's
        assert long > 1.99 * short
