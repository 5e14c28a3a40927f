"""A checkpoint of the reference to a run, and a run to a checkpoint of the reference."""

from pathlib import Path
from typing import Any

import numpy as np

from tf_embbert.common.console import Report, quiet_import
from tf_embbert.common.errors import UserError
from tf_embbert.model.config import EmbBERTConfig, ModelConfig
from tf_embbert.pretraining.encoder_run import HEADS as HEADS_FILE
from tf_embbert.reference.files import find_file, read_tensors, write_safetensors
from tf_embbert.reference.names import (
    HEADS,
    from_keras,
    head_of,
    infer_config,
    require_fit,
    split_prefix,
    table_of,
    to_keras,
)
from tf_embbert.reference.tokenizers import find_tokenizer
from tf_embbert.run import Array, Run, load_run, read_arrays, read_json, weight_names
from tf_embbert.training.partial import require_free, work_aside


def import_checkpoint(
    source: str | Path, out: str | Path, *, tokenizer: str | None = None, force: bool = False, report: Report = print
) -> Run:
    """Makes a run of the reference's weights; no code of the checkpoint runs.

    Args:
        source: a .safetensors or .pth file, or a folder that `save_pretrained` wrote.
        out: the run's folder.
        tokenizer: the tokenizer's file; None takes the tokenizer.json beside the weights.
        force: whether to replace a run that is there.
        report: called with one line at a time.

    Returns:
        The run: float weights, no integer variants; `finetune --init` goes on from it.

    Raises:
        UserError: a damaged file, tensors that do not fit, another tokenizer; nothing is left at `out`.

    Example:
        >>> from tf_embbert.reference.conversion import import_checkpoint
        >>> run = import_checkpoint("EmbBERT/model.safetensors", "runs/theirs")  # doctest: +SKIP
    """
    require_free(out, force)
    file = find_file(Path(source))
    tensors = split_prefix(read_tensors(file), str(file))
    config, head = infer_config(tensors, str(file)), head_of(tensors)
    classes = next((len(tensors[name]) for name in HEADS["classifier"] if np.ndim(tensors.get(name, 0))), 1)
    table = table_of(config, head, classes)
    require_fit(tensors, table, str(file))
    vocabulary = find_tokenizer(tokenizer, file, config.vocab_size, report)
    values = keep_rows(to_keras(tensors, table), vocabulary.vocab_size)
    config = EmbBERTConfig.from_dict({**config.to_dict(), "vocab_size": vocabulary.vocab_size})
    labels = read_labels(file.parent / "config.json", classes) if head == "classifier" else None
    run = make_run(values, config, labels, file.name, vocabulary)
    report(f"{file.name}: {len(table)} tensors, {run.parameters:,} parameters, head: {head}")

    def work(folder: Path) -> tuple[Run, list[dict[str, Any]]]:
        if head == "pretraining":
            heads: dict[str, Any] = {name: value for name, value in values.items() if name.startswith(("mlm", "nsp"))}
            np.savez(folder / HEADS_FILE, **heads)
        return run, [{"tensors": len(table)}]

    return work_aside(out, False, {}, work, report)


def keep_rows(values: dict[str, Array], vocab_size: int) -> dict[str, Array]:
    """The values with the first rows of what has one a token."""
    first = slice(vocab_size)
    rows: dict[str, Any] = {"embed/token_table": first, "mlm/kernel": (slice(None), first), "mlm/bias": first}
    return {name: value[rows[name]] if name in rows else value for name, value in values.items()}


def make_run(
    values: dict[str, Array], config: EmbBERTConfig, labels: list[str] | None, name: str, vocabulary: Any
) -> Run:
    """The run of a whole model's values by name; a head that is not among them is zero."""
    with quiet_import():
        from tf_embbert.model.classifier import build_classifier

    model = build_classifier(config, len(labels or [None]))
    zeros = {"head/kernel": np.zeros((config.hidden_size, 1), np.float32), "head/bias": np.zeros(1, np.float32)}
    weights = {**zeros, **values}
    model.set_weights([weights[name] for name in weight_names(model)])
    return Run(
        config=config,
        tokenizer=vocabulary,
        labels=labels,
        float_weights={name: weights[name] for name in weight_names(model)},
        variants={},
        metrics={},
        sample_texts=[],
        name="checkpoint",
        seed=0,
        arguments={"checkpoint": name},
        is_pair=False,
        max_length=config.max_length,
        longest=config.max_length,
        parameters=model.count_params(),
        chosen=None,
    )


def read_labels(path: Path, classes: int) -> list[str] | None:
    """Names of the classes: those of a Hugging Face config.json, else their numbers; None for a single output."""
    if classes == 1:
        return None
    about = read_json(path) if path.is_file() else {}
    named = about.get("id2label") if isinstance(about, dict) else None
    given = [named.get(str(i)) for i in range(classes)] if isinstance(named, dict) else []
    names = [name for name in given if isinstance(name, str)]
    return names if len(set(names)) == classes else [str(i) for i in range(classes)]


def export_checkpoint(source: str | Path, path: str | Path, *, force: bool = False) -> int:
    """Writes a run's float weights as safetensors that the reference's classes load; returns how many tensors.

    Args:
        source: the run. One that is pretrained only has the MLM and NSP heads, another its classifier.
        path: the file.
        force: whether to replace a file that is there.

    Raises:
        UserError: no run there, a file that is there, or a model that the reference has no words for.

    Example:
        >>> from tf_embbert.reference.conversion import export_checkpoint
        >>> export_checkpoint("benchmarks/base256", "build/model.safetensors", force=True)  # doctest: +SKIP
        61
    """
    run, path = load_run(source), Path(path)
    if path.suffix != ".safetensors":
        raise UserError(f"--export {path}: the file's name must end in .safetensors")
    if path.exists() and not force:
        raise UserError(f"{path} exists: choose another --export, or replace it with --force")
    config = require_paper(run.config, source)
    values, head = dict(run.float_weights), "classifier"
    if (Path(source) / HEADS_FILE).is_file():
        values, head = {**values, **read_arrays(Path(source) / HEADS_FILE)}, "pretraining"
    elif not values["head/kernel"].any():
        head = "none"
    table = table_of(config, head, len(run.labels or [None]))
    tensors = from_keras(values, table)
    heads = tuple(name.split(".")[0] for name in tensors if "classifier" in name)
    named = {name if name.startswith(heads) or head == "none" else f"model.{name}": v for name, v in tensors.items()}
    write_safetensors(path, named, {"config": run.config.to_dict(), "labels": run.labels})
    return len(tensors)


def require_paper(config: ModelConfig, source: str | Path) -> EmbBERTConfig:
    """The config; a UserError for another model, and for what the reference computes otherwise.

    It has SiLU and PyTorch's epsilon, no options.
    """
    paper = EmbBERTConfig()
    if not isinstance(config, EmbBERTConfig):
        raise UserError(f"{source} is another model: the reference's names are EmbBERT's")
    for name in ("activation", "epsilon"):
        if getattr(config, name) != getattr(paper, name):
            raise UserError(
                f"{source} has {name} {getattr(config, name)}: the reference knows {getattr(paper, name)} only"
            )
    return config
