"""`convert.predict` prints what the device answers: the golden rows of the bundle, and the app's lines."""

import io
import os
from pathlib import Path

import numpy as np
import pytest

from benchmarks.app import build_app, one_line, talk
from benchmarks.firmware.runner import missing_tools
from convert import predict
from convert.bundle.bundle import read_bundle
from tests.support.chain import FolderOf


@pytest.mark.parametrize("kind", ["classes", "pairs", "regression"])
def test_golden_rows_are_answered(kind: str, bundle_of: FolderOf) -> None:
    bundle = read_bundle(bundle_of(kind))
    rows = [row for row in bundle.golden if not {"\t", "\n", "\r"} & set(row["text"] + (row["pair"] or ""))]
    lines = [row["text"] if row["pair"] is None else f"{row['text']}\t{row['pair']}" for row in rows]
    assert rows
    for row, answer in zip(rows, predict.answer_texts(bundle.path, lines), strict=True):
        first, logits, tokens = answer.split("\t")
        assert [int(logit) for logit in logits.split()] == row["logits"]
        assert tokens.startswith(f"{len(row['tokens'])} of ")
        if row["label"] is None:
            assert abs(float(first) - row["score"]) < 0.001 and len(first.partition(".")[2]) == 3
        else:
            assert first == row["label"] == bundle.manifest["labels"][int(np.argmax(row["logits"]))]


def test_texts_come_from_the_command_line_or_standard_input(
    bundle_of: FolderOf, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    bundle = str(bundle_of("classes"))
    assert predict.main([bundle, "play a song", "rain"]) == 0
    given = capsys.readouterr().out
    monkeypatch.setattr("sys.stdin", io.StringIO("play a song\nrain\n"))
    assert predict.main([bundle]) == 0 and capsys.readouterr().out == given
    assert len(given.splitlines()) == 2
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    assert predict.main([bundle]) == 0 and capsys.readouterr().out == ""
    assert predict.main([bundle + "-none", "a"]) == 2


@pytest.mark.parametrize("kind", ["classes", "pairs", "regression"])
def test_the_app_prints_the_same_lines(kind: str, bundle_of: FolderOf, tmp_path: Path) -> None:
    if missing_tools() or not os.environ.get("TFLM_ROOT"):
        pytest.skip("needs the tools of a firmware and TFLM_ROOT")
    bundle = bundle_of(kind)
    rows = read_bundle(bundle).golden
    lines = [one_line(row["text"]) + (f"\t{one_line(row['pair'])}" if row["pair"] else "") for row in rows]
    _, answers = talk(
        build_app(bundle, "mps2-an500", "cmsis_nn", os.environ["TFLM_ROOT"], tmp_path),
        [line.encode() for line in lines],
    )
    assert [answer.decode().rpartition("\t")[0] for answer in answers] == predict.answer_texts(bundle, lines)
