"""`convert.predict` prints what the device answers: the golden rows of the bundle, and the app's lines."""

import io
import os
import re
import subprocess
from pathlib import Path

import numpy as np
import pytest

from benchmarks.app import build_app, one_line, talk_raw
from benchmarks.firmware.runner import missing_tools
from convert import predict
from convert.bundle.bundle import read_bundle
from convert.bundle.conversion import convert_run
from tests.support.chain import FolderOf
from tf_embbert.common.errors import UserError
from tf_embbert.run import load_run


@pytest.mark.parametrize("kind", ["classes", "pairs", "regression"])
def test_golden_rows_are_answered(kind: str, bundle_of: FolderOf) -> None:
    bundle = read_bundle(bundle_of(kind))
    rows = [row for row in bundle.golden if not {"\t", "\n", "\r"} & set(row["text"] + (row["pair"] or ""))]
    lines = [row["text"] if row["pair"] is None else f"{row['text']}\t{row['pair']}" for row in rows]
    assert rows
    for row, answer in zip(rows, predict.answer_texts(bundle.path, lines), strict=True):
        first, logits, tokens, *sure = answer.split("\t")
        assert [int(logit) for logit in logits.split()] == row["logits"]
        assert tokens.startswith(f"{len(row['tokens'])} of ")
        assert len(sure) == (row["label"] is not None)
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


def require_same_lines(bundle: Path, board: str, kernels: str, folder: Path) -> list[str]:
    """Types the golden rows into the app of a bundle: it answers the lines of `convert.predict`, but for the ticks."""
    if missing_tools() or not os.environ.get("TFLM_ROOT"):
        pytest.skip("needs the tools of a firmware and TFLM_ROOT")
    rows = read_bundle(bundle).golden
    lines = [one_line(row["text"]) + (f"\t{one_line(row['pair'])}" if row["pair"] else "") for row in rows]
    try:
        elf = build_app(bundle, board, kernels, os.environ["TFLM_ROOT"], folder)
    except UserError as error:
        if board == "host" and "Register_" in str(error):
            pytest.skip(f"TFLM's library for this machine has not all operators: {error}")
        raise
    start, said = talk_raw(elf, "".join(f"{line}\n" for line in lines).encode())
    (folder / "board.log").write_text(start + said.decode())
    page = (Path(__file__).parents[2] / "tflm_app/README.md").read_text()
    command = re.search(r"^ +(sed -n '.*' board\.log) \|", page, re.M)[1]  # as people are told
    found = subprocess.run(command, shell=True, cwd=folder, capture_output=True, text=True, check=True).stdout
    assert found.splitlines() == predict.answer_texts(bundle, lines)
    return found.splitlines()


@pytest.mark.parametrize("board, kernels", [("host", "reference"), ("mps2-an500", "cmsis_nn")])
@pytest.mark.parametrize("kind", ["classes", "pairs", "regression"])
def test_the_app_prints_the_same_lines(
    kind: str, board: str, kernels: str, bundle_of: FolderOf, tmp_path: Path
) -> None:
    require_same_lines(bundle_of(kind), board, kernels, tmp_path)


@pytest.mark.parametrize("board, kernels", [("host", "reference"), ("mps2-an386", "cmsis_nn")])
def test_the_app_rejects_what_python_rejects(board: str, kernels: str, run_of: FolderOf, tmp_path: Path) -> None:
    run = load_run(run_of("classes"))
    convert_run(run, tmp_path / "all")
    lines = [text for text, _ in run.sample_texts[:40] if text and one_line(text) == text]
    found = [re.search(r"\tconfidence (\d\.\d{3})$", line)[1] for line in predict.answer_texts(tmp_path / "all", lines)]
    middle = sorted(map(float, found))[len(found) // 2]
    convert_run(run, tmp_path / "bundle", reject=middle)
    again = predict.answer_texts(tmp_path / "bundle", lines)
    assert [line.endswith(", rejected") for line in again] == [float(sure) < middle for sure in found]
    assert any(float(sure) < middle for sure in found)
    require_same_lines(tmp_path / "bundle", board, kernels, tmp_path / "build")
