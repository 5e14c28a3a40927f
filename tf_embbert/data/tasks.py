"""A task by name, file or folder: texts, labels and splits, whatever they come from.

The test split, or for GLUE the validation split, is only reported. Everything chosen in training (epochs, PTQ or QAT)
is chosen on `selection`: the data's own validation split where the test split is reported, 10 % of train otherwise.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from tf_embbert.common.errors import UserError, nearest
from tf_embbert.data import labels as label_rules
from tf_embbert.data.catalogue import SPECS, Spec, hub_tables, load_from_hub, read_data_folder
from tf_embbert.data.cells import complete
from tf_embbert.data.checks import content_notices, unknown_notice
from tf_embbert.data.columns import DEFAULTS, find_column, with_columns
from tf_embbert.data.folders import Folder, read_folder
from tf_embbert.data.memory import NAME, tables_in_memory
from tf_embbert.data.readers import SUFFIXES, Reading, read_file, suffix_of
from tf_embbert.data.rows import Rows, Task
from tf_embbert.data.splits import SELECTION_SHARE, TEST_SHARE, holdout, holdout_wholes, single_row_classes
from tf_embbert.data.table import Table

PAIR_COLUMN = DEFAULTS["pair"]


@dataclass(frozen=True)
class _Source:
    """Tables of any origin with what is known about them; `_build` makes the task."""

    name: str
    tables: dict[str, Table]
    columns: dict[str, str]
    labels: list[str] | None  # class names in id order, where the source fixes them
    regression: bool | None
    reported: list[str]
    metric: str | None = None
    also: list[str] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)
    nested: bool = False  # whether the training texts are parts of one another
    skip_missing: bool = False  # whether rows without label or text are left out


def load_task(
    task: Any,
    data_dir: str | Path | None = None,
    text_column: str = "text",
    pair_column: str = PAIR_COLUMN,
    label_column: str = "label",
    seed: int = 0,
    regression: bool | None = None,
    labels: list[str] | None = None,
    *,
    reading: Reading | None = None,
    skip_missing: bool = False,
    strict: bool = False,
) -> Task:
    """Loads a task.

    Args:
        task: a name of tasks.yaml (from the package, `data_dir` or the hub); the path of a file or folder, as
            docs/data.md lists them; or data in memory, as `tables_in_memory` takes it: a DataFrame, a Dataset or
            DatasetDict, a dict of columns, a list of dicts or of (text, label), or a dict of such by split.
        data_dir: holds one folder a named task; None takes named tasks from the hub.
        text_column, pair_column, label_column: of a file or folder. Without a column `text_pair`, texts are single.
        seed: of the splits made here: 80/10/10 of data without splits, and 10 % of train for selection where needed.
        regression: whether a file's labels are numbers to predict; None decides by the labels: numbers, not all whole.
        labels: class names of a trained run, in id order; the data must not have others. With them a folder needs no
            train split.
        reading: how files are read: their encoding, and whether they have a header.
        skip_missing: whether rows without a label or a text are left out; otherwise they are refused.
        strict: whether what would be a notice is refused.

    Returns:
        The task; its notices say what was assumed.

    Raises:
        UserError: unknown name, missing or malformed data, a label that is not known, or with `strict` a notice.

    Examples:
        >>> from tf_embbert import load_task
        >>> task = load_task("pocket")
        >>> len(task.rows("train")), task.labels[:2], task.metric
        (10000, ['air_sensor', 'battery'], 'accuracy')
    """
    columns = {"text": text_column, "pair": pair_column, "label": label_column}
    if isinstance(task, str | Path) and str(task) in SPECS:
        source = _named_source(SPECS[str(task)], data_dir)
    else:
        source = _table_source(*_content(task, reading), columns, regression)
    return with_notices(_build(replace(source, skip_missing=skip_missing), labels, seed), [], strict)


def with_notices(task: Task, more: Sequence[str], strict: bool) -> Task:
    """The task with further notices; with `strict` a UserError where there is one."""
    notices = [*task.notices, *more]
    if strict and notices:
        raise UserError(f"--strict refuses what would be a note: {'; '.join(notices)}")
    return replace(task, notices=notices)


def task_from_hub(spec: Spec, dataset_dict: Mapping[str, Any], seed: int = 0, labels: list[str] | None = None) -> Task:
    """The task in a hub's `datasets.DatasetDict` with the hub's own split and column names; see `load_task`."""
    return _build(_hub_source(spec, dataset_dict), labels, seed)


def _named_source(spec: Spec, data_dir: str | Path | None) -> _Source:
    if not spec.shipped and data_dir is None:
        return _hub_source(spec, load_from_hub(spec))
    content, notices = read_data_folder(spec, None if data_dir is None else Path(data_dir))
    return _spec_source(spec, content, spec.folder_columns, notices)


def _hub_source(spec: Spec, dataset_dict: Mapping[str, Any]) -> _Source:
    return _spec_source(spec, Folder(hub_tables(spec, dataset_dict)), spec.columns, [])


def _spec_source(spec: Spec, content: Folder, columns: dict[str, str], notices: list[str]) -> _Source:
    # The class ids of a folder are those of its labels.json; names then give our order.
    ids = {columns["label"]: content.labels} if content.labels else {}
    tables = {split: replace(table, class_names=table.class_names | ids) for split, table in content.tables.items()}
    labels = spec.labels or (content.labels and [label for label in content.labels if label not in spec.drop])
    return _Source(
        spec.name,
        tables,
        columns,
        labels,
        spec.kind == "regression",
        spec.reported,
        spec.metric,
        spec.also,
        notices,
        spec.nested,
    )


def _content(task: Any, reading: Reading | None) -> tuple[str, Folder]:
    """The name and the tables of a file, a folder or data in memory."""
    if not isinstance(task, str | Path):
        return NAME, Folder(tables_in_memory(task))
    path = _existing_path(task)
    content = read_folder(path, None, reading) if path.is_dir() else Folder({"train": read_file(path, reading)})
    return path.resolve().name.split(".")[0], content


def _table_source(name: str, content: Folder, columns: dict[str, str], regression: bool | None) -> _Source:
    first = next(iter(content.tables.values()))
    if columns["pair"] == PAIR_COLUMN and find_column(first, PAIR_COLUMN) is None:
        columns = {key: column for key, column in columns.items() if key != "pair"}
    tables = {split: with_columns(table, columns) for split, table in content.tables.items()}
    names = content.labels or next(iter(tables.values())).class_names.get(columns["label"])
    if regression is None:
        regression = content.regression
    reported = [str(split) for split in ("test", "validation") if split in tables][:1]
    return _Source(name, tables, columns, names, regression, reported)


def _existing_path(task: str | Path) -> Path:
    path = Path(task)
    if path.is_dir() or (path.is_file() and _known_suffix(path)):
        return path
    if path.is_file():
        raise UserError(
            f"{path}: unknown kind of file; give a {', '.join(SUFFIXES)} file, text also with .gz, .bz2 or .xz"
        )
    if _known_suffix(path) or len(path.parts) > 1:
        raise UserError(f"no such file or folder: {path}")
    hint = nearest(str(task), SPECS)
    raise UserError(
        f"unknown task {str(task)!r}; {hint + ' ' if hint else ''}Tasks are {', '.join(SPECS)}, or the "
        f"path of a file or folder"
    )


def _known_suffix(path: Path) -> bool:
    return suffix_of(path) in SUFFIXES


def _build(source: _Source, labels: list[str] | None, seed: int) -> Task:
    """Reads the labels of all tables by one rule, and makes the splits that are missing."""
    if "train" not in source.tables and not (labels or source.labels):
        raise UserError(f"task {source.name} has no train split, only {', '.join(source.tables)}")
    source = _completed(source, labels)
    first = source.tables.get("train") or next(iter(source.tables.values()))
    regression = source.regression
    if regression is None:
        values = first.column(source.columns["label"])
        regression = not labels and label_rules.looks_like_regression(values, first.where)
    learnt_before = labels is not None
    labels = None if regression else labels or _learnt_labels(source, first)
    rows, notices = {}, [notice for table in source.tables.values() for notice in table.notices]
    for split, table in source.tables.items():
        # Files are scored by accuracy, for which a label that is not known is wrong; a named task has its own metric.
        allow_unknown = source.metric is None and (learnt_before or split != "train")
        rows[split], unknown = _rows(source, table, labels, split, allow_unknown)
        notices += unknown
    splits, single = _arrange(rows, source, seed, labels)
    reported = (source.reported or ["test"])[0]
    return Task(
        source.name,
        labels,
        splits,
        reported,
        source.metric or ("spearman" if regression else "accuracy"),
        source.also,
        [*source.notices, *notices, *single, *content_notices(splits, reported, labels)],
    )


def _completed(source: _Source, labels: list[str] | None) -> _Source:
    """The source with tables whose rows all have a label."""
    text, label = source.columns["text"], source.columns["label"]
    tables = {
        split: complete(table, text, label, labels or source.labels, source.skip_missing)
        for split, table in source.tables.items()
    }
    return replace(source, tables=tables)


def _learnt_labels(source: _Source, train: Table) -> list[str]:
    """The class names in id order: those that the source fixes, or those of the training rows."""
    labels = source.labels or label_rules.label_list(_class_names(source, train))
    if len(labels) < 2:
        raise UserError(f"{train.name} has one class only, {labels[0]!r}: there is nothing to learn")
    return labels


def _rows(
    source: _Source, table: Table, labels: list[str] | None, split: str, allow_unknown: bool
) -> tuple[Rows, list[str]]:
    """A table's rows, and a notice of labels that are not known."""
    columns = source.columns
    texts = table.texts(columns["text"])
    pairs = table.texts(columns["pair"]) if "pair" in columns else None
    if labels is None:
        targets = label_rules.regression_targets(table.column(columns["label"]), table.where)
        return Rows(texts, pairs, targets), []
    names = _class_names(source, table)
    rows = Rows(texts, pairs, label_rules.encode_labels(names, labels, table.where, allow_unknown))
    return rows, unknown_notice(rows, names, split)


def _class_names(source: _Source, table: Table) -> list[str]:
    column = source.columns["label"]
    return label_rules.class_names(table.column(column), table.class_names.get(column) or source.labels, table.where)


def _arrange(
    rows: dict[str, Rows], source: _Source, seed: int, labels: list[str] | None
) -> tuple[dict[str, Rows], list[str]]:
    """Adds the splits that are missing; returns them with notices."""
    if "train" not in rows:
        return rows, []
    reported = {split: rows[split] for split in source.reported if split in rows}
    if "validation" in rows and "validation" not in reported:
        return {"train": rows["train"], "selection": rows["validation"]} | reported, []
    notices = _single_row_notices(rows["train"], labels)
    train = rows["train"]
    if not reported:
        train, reported["test"] = _hold_out(train, TEST_SHARE, seed, source)
    # 10 % of all rows, whether or not the test split was just taken out.
    share = SELECTION_SHARE * len(rows["train"]) / len(train)
    train, selection = _hold_out(train, share, seed, source)
    return {"train": train, "selection": selection} | reported, notices


def _hold_out(rows: Rows, share: float, seed: int, source: _Source) -> tuple[Rows, Rows]:
    if source.nested:
        kept, held = holdout_wholes(rows.texts, rows.labels, share, seed)
    else:
        kept, held = holdout(rows.labels, share, seed)
    if not len(held):
        classes = len(set(rows.labels.tolist()))
        said = f" ({classes} labels in {len(rows)} rows)" if classes > max(9, len(rows) / 2) else ""
        raise UserError(f"task {source.name} has too few rows to split: no class has a row to spare{said}")
    return rows.select(kept), rows.select(held)


def _single_row_notices(train: Rows, labels: list[str] | None) -> list[str]:
    single = single_row_classes(train.labels)
    if not single or labels is None:
        return []
    names = ", ".join(labels[i] for i in single[:5]) + (", .." if len(single) > 5 else "")
    return [f"{len(single)} class(es) with a single row stay in train and are in no other split: {names}"]
