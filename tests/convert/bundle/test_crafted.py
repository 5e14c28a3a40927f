"""Bundles whose manifest or golden rows somebody edited or cut: each is one line."""

from pathlib import Path

import pytest

from convert.bundle.bundle import MANIFEST, Bundle, read_bundle
from tests.support.crafted import JSON_KINDS
from tf_embbert.common.errors import UserError


def refused(error: pytest.ExceptionInfo[UserError], name: str) -> None:
    line = str(error.value)
    assert name in line and len(line.splitlines()) == 1 and len(line) < 1000
    line.encode()


@pytest.mark.parametrize("kind", JSON_KINDS)
def test_a_manifest_of_every_kind(tmp_path: Path, kind: str) -> None:
    for name in ("model.tflite", "tokenizer.json", "labels.txt", "golden.json"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / MANIFEST).write_bytes(JSON_KINDS[kind])
    with pytest.raises(UserError) as error:
        read_bundle(tmp_path)
    refused(error, MANIFEST)


ROWS = {
    "no rows": b'{"rows": 3}',
    "a row that is none": b'{"rows": [1]}',
    "a row without tokens": b'{"rows": [{"text": "x"}]}',
    "a token below 0": b'{"rows": [{"text": "x", "pair": null, "tokens": [-1], "segments": null, "logits": [0], '
    b'"label": "a", "score": null}]}',
    "a logit beyond int8": b'{"rows": [{"text": "x", "pair": null, "tokens": [2], "segments": null, "logits": [300], '
    b'"label": "a", "score": null}]}',
    "a text that is a number": b'{"rows": [{"text": 1, "pair": null, "tokens": [2], "segments": null, "logits": [3], '
    b'"label": "a", "score": null}]}',
}


@pytest.mark.parametrize("data", [*JSON_KINDS.values(), *ROWS.values()])
def test_golden_rows_of_every_kind(tmp_path: Path, data: bytes) -> None:
    bundle = Bundle(tmp_path, {}, {"golden.json": data})
    with pytest.raises(UserError) as error:
        _ = bundle.golden
    refused(error, "golden.json")
