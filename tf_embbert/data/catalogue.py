"""The tasks that go by a name (tasks.yaml), and their rows: shipped, from a data folder, or from the hub."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from tf_embbert.common.errors import UserError
from tf_embbert.data.folders import Folder, read_folder, tables_of
from tf_embbert.data.table import Table

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class Spec:
    """One entry of tasks.yaml, which explains the fields."""

    name: str
    kind: str
    reported: list[str]
    metric: str
    hub: dict = field(default_factory=dict)
    columns: dict[str, str] = field(default_factory=dict)
    labels: list[str] | None = None
    drop: list[str] = field(default_factory=list)
    splits: dict[str, str] = field(default_factory=dict)
    also: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    stand_ins: dict[str, str] = field(default_factory=dict)
    shipped: str | None = None
    nested: bool = False

    @property
    def folder_columns(self) -> dict[str, str]:
        """The column names of a data folder."""
        pair = {} if self.kind == "classification" else {"pair": "text_pair"}
        return {"text": "text", "label": "label"} | pair


SPECS = {name: Spec(name=name, **entry) for name, entry in yaml.safe_load((_HERE / "tasks.yaml").read_text()).items()}


def read_data_folder(spec: Spec, data_dir: Path | None) -> tuple[Folder, list[str]]:
    """A task's rows from its shipped folder or from `data_dir/<folder>`.

    Returns:
        The folder's splits, and notices for the user.

    Raises:
        UserError: no such folder, or a split is missing; the message says what would do.
    """
    folder, notices = (_HERE / spec.shipped, []) if spec.shipped else _find_folder(spec, data_dir)
    content = read_folder(folder, list(dict.fromkeys(["train", "validation", *spec.reported])))
    missing = [split for split in ["train", *spec.reported] if split not in content.tables]
    if missing:
        raise UserError(f"{folder} has no {' and no '.join(missing)} split for task {spec.name}; {_layout(spec)}")
    return content, notices


def load_from_hub(spec: Spec) -> Any:
    """Downloads a task, all splits of it.

    Returns:
        A `datasets.DatasetDict` with the hub's own column and split names.

    Raises:
        UserError: whatever the reason; the message says which data folder would do instead.
    """
    import datasets  # slow to import, and most data needs none of it
    from huggingface_hub.utils import logging as hub_logging

    verbosity = hub_logging.get_verbosity()
    hub_logging.set_verbosity_error()  # without a network it would print every retry
    try:
        return datasets.load_dataset(spec.hub["id"], spec.hub.get("config"), revision=spec.hub["revision"])
    except Exception as error:  # the network, the hub and the loader raise errors of many kinds
        reason = str(error).strip().split("\n")[0] or type(error).__name__
        raise UserError(
            f"cannot load task {spec.name} from the Hugging Face hub ({spec.hub['id']}): {reason}; "
            f"without it, {_layout(spec)}"
        ) from None
    finally:
        hub_logging.set_verbosity(verbosity)


def hub_tables(spec: Spec, dataset_dict: Mapping[str, Any]) -> dict[str, Table]:
    """The tables of a hub's `DatasetDict` under our split names, unwanted labels dropped.

    Raises:
        UserError: the hub has no such split.
    """
    tables = tables_of(dataset_dict, f"{spec.name} from the hub")
    missing = [split for split in spec.splits.values() if split not in tables]
    if missing:
        raise UserError(
            f"task {spec.name}: the hub's {spec.hub['id']} has no split {', '.join(missing)}, only {', '.join(tables)}"
        )
    return {ours: _without(tables[theirs], spec.columns["label"], spec.drop) for ours, theirs in spec.splits.items()}


def _without(table: Table, label_column: str, drop: list[str]) -> Table:
    """A table without the rows of some classes."""
    if not drop:
        return table
    names = table.class_names.get(label_column)
    labels = table.column(label_column)
    keep = [i for i, label in enumerate(labels) if (names[label] if names else label) not in drop]
    columns = {name: [values[i] for i in keep] for name, values in table.columns.items()}
    return Table(table.name, columns, class_names=table.class_names)


def _find_folder(spec: Spec, data_dir: Path | None) -> tuple[Path, list[str]]:
    if data_dir is None or not data_dir.is_dir():
        raise UserError(f"no such data folder: {data_dir}")
    for name in spec.folders:
        if (data_dir / name).is_dir():
            return data_dir / name, []
    for name, notice in spec.stand_ins.items():
        if (data_dir / name).is_dir():
            return data_dir / name, [f"{name} stands in for {spec.name}: {notice}"]
    raise UserError(f"{data_dir} has no data for task {spec.name}; {_layout(spec)}")


def _layout(spec: Spec) -> str:
    files = " and ".join(f"{split}.jsonl.gz" for split in ["train", *spec.reported])
    row = '{"text", "label"}' if spec.kind == "classification" else '{"text", "text_pair", "label"}'
    names = "" if spec.kind == "regression" else ", and labels.json with the class names in id order"
    return f"--data-dir DIR needs DIR/{spec.folders[0]}/ with {files} of one {row} object a line{names}"
