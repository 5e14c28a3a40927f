"""Confidence in integers against the softmax in float, and what a threshold leaves."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest

from convert.bundle.confidence import ONE, REJECTS, confidences, coverage_table, exponentials
from convert.bundle.conversion import convert_run
from tests.support.bundles import make_run
from tf_embbert.common.errors import UserError


def softmax_of_largest(logits: np.ndarray, scale: float) -> np.ndarray:
    shifted = scale * (logits.astype(np.float64) - logits.max(axis=1, keepdims=True))
    return 1 / np.exp(shifted).sum(axis=1)


@pytest.mark.parametrize("classes", [2, 3, 20, 300])
@pytest.mark.parametrize("scale", [0.001, 0.02, 0.15, 0.7, 5.0])
def test_the_confidence_is_the_softmax_to_a_thousandth(classes: int, scale: float, rng: np.random.Generator) -> None:
    logits = rng.integers(-128, 128, (200, classes), dtype=np.int8)
    logits[0] = 127
    logits[1], logits[1, 0] = -128, 127
    found = confidences(logits, scale) / 1000
    assert np.abs(found - softmax_of_largest(logits, scale)).max() < 0.0005 + classes / ONE


def test_the_table_of_exponentials_fits_the_device() -> None:
    for scale in (1e-4, 0.1, 3.0):
        table = exponentials(scale)
        assert table[0] == ONE < 1 << 16 and table == sorted(table, reverse=True) and min(table) > 0
        assert len(table) <= 256


def test_a_threshold_leaves_fewer_answers_of_which_as_many_are_right_as_counted(rng: np.random.Generator) -> None:
    scale, labels = 0.05, rng.integers(0, 3, 500)
    logits = rng.integers(-100, 100, (500, 3)).astype(np.int8)
    table = coverage_table(logits, scale, labels)
    exact, right = softmax_of_largest(logits, scale), logits.argmax(axis=1) == labels
    assert [row["reject"] for row in table] == [reject / 1000 for reject in REJECTS]
    assert table[0] == {"reject": 0, "coverage": 100.0, "accuracy": 100.0 * right.mean()}
    for row in table:
        clear = np.abs(exact - row["reject"]) > 0.001  # of the others the rounded thousandths decide
        answered = exact[clear] >= row["reject"]
        assert abs(row["coverage"] * 5 - answered.sum()) <= (~clear).sum() + 1e-9
        if clear.all() and answered.any():
            assert row["accuracy"] == pytest.approx(100.0 * right[answered].mean())
    assert coverage_table(np.zeros((4, 2), np.int8), scale, np.zeros(4, int))[-1]["accuracy"] is None


def test_the_threshold_is_in_the_manifest_and_in_the_sources(tmp_path: Path, no_interpreters: None) -> None:
    manifest = convert_run(make_run(), tmp_path / "bundle", reject=0.8)
    assert manifest["arguments"]["reject"] == 0.8
    assert "kReject = 800;" in (tmp_path / "bundle/bundle.h").read_text()
    assert "reject" not in convert_run(make_run(), tmp_path / "other")["arguments"]
    with pytest.raises(UserError, match="a regression has no confidence"):
        convert_run(make_run(regression=True), tmp_path / "none", reject=0.5)
    assert not (tmp_path / "none").exists()


def test_the_report_shows_the_table_of_the_chosen_variant(tmp_path: Path, no_interpreters: None) -> None:
    tables = {
        name: [{"reject": 0.5, "coverage": figure, "accuracy": None}]
        for name, figure in (("ptq", 11.25), ("qat", 61.5))
    }
    run = make_run()
    run = dataclasses.replace(run, metrics={**run.metrics, "coverage": tables})
    manifest = convert_run(run, tmp_path / "bundle")
    assert manifest["accuracy"]["coverage"] == tables["qat"]
    page = (tmp_path / "bundle/report.html").read_text()
    assert "61.50" in page and "11.25" not in page and "none answered" in page
    assert json.loads((tmp_path / "bundle/manifest.json").read_text())["accuracy"]["coverage"] == tables["qat"]
    convert_run(make_run(), tmp_path / "other")
    assert "older than this table" in (tmp_path / "other/report.html").read_text()
