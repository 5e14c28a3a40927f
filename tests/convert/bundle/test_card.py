"""README.md of a bundle is a model card that the hub's own library reads; its errors are those of drawn rows."""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from huggingface_hub import ModelCard

from convert.bundle.card import make_card, standard_error
from convert.bundle.verification import verify_bundle
from convert.tflm.builds import default_kernels
from tests.support.bundles import converted
from tests.support.chain import FolderOf
from tf_embbert.training.metrics import METRICS


def card_of(page: bytes) -> Any:
    """The card as the hub's library reads it; its data has the names of the head as attributes."""
    return ModelCard(page.decode())


def manifest_of(**accuracy: Any) -> dict[str, Any]:
    manifest = json.loads(converted()["manifest.json"])
    manifest["accuracy"] |= accuracy
    return manifest


def test_the_hubs_library_reads_what_the_manifest_says() -> None:
    files, manifest = converted(), manifest_of()
    card = card_of(files["README.md"])
    assert card.data.pipeline_tag == "text-classification" and card.data.model_name == manifest["name"]
    values = {result.metric_name.split(",")[1].strip(): result for result in card.data.eval_results}
    int8, accuracy = values["int8 in TFLM"], manifest["accuracy"]
    assert int8.metric_type == "accuracy" and int8.metric_value == accuracy["int8_tflm"]
    assert (int8.dataset_name, int8.dataset_split) == (accuracy["dataset"], accuracy["split"])
    assert values["float"].metric_value == accuracy["float"]
    error = 100 * np.sqrt(0.94 * 0.06 / accuracy["rows"])
    assert int8.metric_name.endswith(f"{accuracy['rows']} rows, standard error {error:.2f}")
    for core, figures in manifest["arena"].items():
        assert f"| {core} | {default_kernels(core)} | {figures[default_kernels(core)]['total']:,} |" in card.text
    for text in (f"{manifest['model']['bytes']:,} B", *manifest["labels"], "## Limits"):
        assert text in card.text


def test_a_task_of_the_hub_is_named_as_there() -> None:
    card = card_of(make_card(manifest_of(dataset="sst2"), False))
    assert card.data.datasets == ["nyu-mll/glue"] and card.data.eval_results[0].dataset_type == "nyu-mll/glue"


def test_what_was_not_measured_is_no_figure() -> None:
    nothing = dict.fromkeys(("dataset", "split", "rows", "metric", "float", "ptq_tflm", "qat_tflm", "int8_tflm"))
    card = card_of(make_card(manifest_of(**nothing), True))
    assert card.data.eval_results is None and "accuracy was not measured" in card.text and "pairs of texts" in card.text


def test_names_break_neither_head_nor_tables() -> None:
    manifest = manifest_of(dataset="a: b # | c")
    manifest["name"], manifest["labels"] = "x: 'y' # <b>", ["a|b", "<script>", "*"]
    card = card_of(make_card(manifest, False))
    assert card.data.model_name == manifest["name"] and card.data.eval_results[0].dataset_name == "a: b # | c"
    assert "<script>" not in card.text.replace("\\<", "") and "a\\|b" in card.text


def test_a_bundle_still_verifies_when_it_was_on_a_hub(bundle_of: FolderOf, tmp_path: Path) -> None:
    """Its page was edited, and the hub left its own files."""
    bundle = shutil.copytree(bundle_of("classes"), tmp_path / "bundle")
    page = (bundle / "README.md").read_text().replace("license: unknown", "license: mit")
    (bundle / "README.md").write_text(page)
    (bundle / ".gitattributes").write_text("*.tflite filter=lfs\n")
    (bundle / ".cache/huggingface").mkdir(parents=True)
    (bundle / ".cache/huggingface/x.lock").write_text("")
    assert verify_bundle(bundle)["ok"] and ModelCard.load(bundle / "README.md").data.license == "mit"


@pytest.mark.parametrize(("metric", "strength"), [("accuracy", 0.9), ("mcc", 0.3), ("pearson", 0.5), ("spearman", 0.5)])
def test_errors_are_those_of_drawn_rows(metric: str, strength: float, rng: np.random.Generator) -> None:
    rows, scores = 400, []
    for _ in range(300):
        if metric in ("accuracy", "mcc"):
            truth = rng.integers(0, 2, rows)
            right = rng.random(rows) < (strength if metric == "accuracy" else (1 + strength) / 2)
            scores.append(METRICS[metric](truth, np.where(right, truth, 1 - truth)))
        else:
            truth, noise = rng.normal(size=(2, rows))
            scores.append(METRICS[metric](truth, strength * truth + np.sqrt(1 - strength**2) * noise))
    assert standard_error(metric, float(np.mean(scores)), rows) == pytest.approx(np.std(scores), rel=0.2)
    assert standard_error("weighted_f1", 70.0, rows) is None
