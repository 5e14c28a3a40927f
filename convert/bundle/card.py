"""README.md of a bundle: the model card of a model hub, so that the folder goes there as it is.

The YAML head is what the hub filters and ranks by (`model-index`); the page below it is `templates/card.md`. It holds
no date, so the same run gives the same bytes.
"""

import math
from typing import Any

import yaml
from jinja2 import Environment

from convert.bundle.rendering import TEMPLATES, plain_environment
from convert.tflm.builds import NOT_MEASURED, default_kernels
from tf_embbert.data.catalogue import SPECS

CARD = "README.md"
# The hub's names of our metrics.
METRICS = {
    "accuracy": "accuracy",
    "mcc": "matthews_correlation",
    "f1": "f1",
    "weighted_f1": "f1",
    "pearson": "pearsonr",
    "spearman": "spearmanr",
}


def make_card(manifest: dict[str, Any], is_pair: bool) -> bytes:
    """Renders the card.

    Args:
        manifest: of the bundle; `bundle_sha256`, which covers the card, is not shown.
        is_pair: whether the model takes pairs of texts.

    Returns:
        README.md, UTF-8.
    """
    accuracy = manifest["accuracy"]
    head = yaml.safe_dump(card_head(manifest), sort_keys=False, allow_unicode=True, width=1000)
    page = (
        _environment()
        .get_template("card.md")
        .render(
            m=manifest,
            head=head,
            is_pair=is_pair,
            source=_source(accuracy["dataset"]),
            scores=[_score(accuracy, *row) for row in _scored(accuracy)],
            arena={core: figures[default_kernels(core)] for core, figures in manifest["arena"].items()},
            kernels=default_kernels,
            not_measured=NOT_MEASURED,
            fitting=[board["id"] for board in manifest["boards"] if board["fits"]],
        )
    )
    return page.encode()


def card_head(manifest: dict[str, Any]) -> dict[str, Any]:
    """The YAML head: {license, library_name, pipeline_tag, tags, datasets, metrics, model-index}.

    The licence of a model is whoever publishes it to choose, within that of its data, which no file here tells.
    """
    accuracy = manifest["accuracy"]
    source = _source(accuracy["dataset"])
    head: dict[str, Any] = {
        "license": "unknown",
        "library_name": "tflite",
        "pipeline_tag": "text-classification",
        "tags": ["tflite", "tflite-micro", "microcontroller", "int8", "embbert"],
    }
    if source:
        head["datasets"] = [source]
    measured = [_score(accuracy, *row) for row in _scored(accuracy)]
    if measured:
        hub_metric = METRICS.get(accuracy["metric"], accuracy["metric"])
        head["metrics"] = [hub_metric]
        dataset = {"name": accuracy["dataset"], "type": source or accuracy["dataset"], "split": accuracy["split"]}
        metrics = [{"type": hub_metric, "value": score["value"], "name": score["name"]} for score in measured]
        task = {"type": "text-classification", "name": "Text Classification"}
        head["model-index"] = [
            {"name": manifest["name"], "results": [{"task": task, "dataset": dataset, "metrics": metrics}]}
        ]
    return head


def standard_error(metric: str, value: float, rows: int) -> float | None:
    """How far a score on as many other rows would lie from this one, one standard deviation.

    Args:
        metric: a name in `tf_embbert.training.metrics.METRICS`.
        value: the metric x 100.
        rows: that it was measured on.

    Returns:
        Likewise x 100; None for F1, whose error the score alone does not tell. Of accuracy binomial; of Matthews
        correlation that of a phi coefficient of classes of equal shares; of Pearson's (1 - r^2) / sqrt(n - 1), of
        Spearman's (1 - r^2) sqrt((1 + r^2 / 2) / (n - 3)) (Bonett and Wright 2000).
    """
    share = value / 100
    rest = max(1 - share**2, 0.0)
    if rows <= 3 or metric not in ("accuracy", "mcc", "pearson", "spearman"):
        return None
    if metric == "accuracy":
        return 100 * math.sqrt(share * (1 - share) / rows)
    if metric == "mcc":
        return 100 * math.sqrt(rest / rows)
    if metric == "pearson":
        return 100 * rest / math.sqrt(rows - 1)
    return 100 * rest * math.sqrt((1 + share**2 / 2) / (rows - 3))


def _scored(accuracy: dict[str, Any]) -> list[tuple[str, float]]:
    """The figures there are, of whom."""
    rows = (("int8 in TFLM, this model", "int8_tflm"), ("float, before quantisation", "float"))
    return [(name, accuracy[key]) for name, key in rows if accuracy[key] is not None and accuracy["rows"]]


def _score(accuracy: dict[str, Any], name: str, value: float) -> dict[str, Any]:
    error = standard_error(accuracy["metric"], value, accuracy["rows"])
    told = "no standard error known" if error is None else f"standard error {error:.2f}"
    return {
        "name": f"{accuracy['metric']} x 100, {name}; {accuracy['rows']} rows, {told}",
        "who": name,
        "value": round(value, 2),
        "error": error,
    }


def _source(dataset: str | None) -> str | None:
    """The hub's name of a task's data, where it has one."""
    return SPECS[dataset].hub.get("id") if dataset in SPECS else None


def _environment() -> Environment:
    """Templates of Markdown: nothing is escaped but what would break a table or become HTML."""
    environment = plain_environment(TEMPLATES)
    environment.filters["plain"] = lambda text: "".join(f"\\{c}" if c in "\\`*_{}[]<>#|&" else c for c in text)
    return environment
