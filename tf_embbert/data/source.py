"""Where the rows of a task come from, as commands are told and runs record it."""

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tf_embbert.data.readers import Reading
from tf_embbert.data.tasks import PAIR_COLUMN, Task, load_task


@dataclass(frozen=True, kw_only=True)
class TaskSource:
    """What names a task; see `load_task`.

    Args:
        task: a name, or the path of a file or folder.
        data_dir: folder with one folder a named task; without it, the hub.
        text_column: of a file or folder.
        pair_column: as `text_column`; without such a column texts are single.
        label_column: as `text_column`.
        encoding: of text files, by Python's name; None recognises it.
        header: whether the first row of delimited text names the columns.
        skip_missing: whether rows without a label or a text are left out.
        strict: whether what would be a notice is refused.
    """

    task: str
    data_dir: str | None = None
    text_column: str = "text"
    pair_column: str = PAIR_COLUMN
    label_column: str = "label"
    encoding: str | None = None
    header: bool = True
    skip_missing: bool = False
    strict: bool = False

    @property
    def reading(self) -> Reading:
        """How files are read."""
        return Reading(self.encoding, self.header)

    def load(self, seed: int, regression: bool | None = None, labels: list[str] | None = None) -> Task:
        """The task itself; `seed`, `regression` and `labels` are those of `load_task`."""
        columns = (self.text_column, self.pair_column, self.label_column)
        return load_task(
            self.task,
            self.data_dir,
            *columns,
            seed,
            regression,
            labels,
            reading=self.reading,
            skip_missing=self.skip_missing,
            strict=self.strict,
        )


def recorded(config: Any, unnamed: set[str], files: set[str]) -> dict[str, Any]:
    """The fields of a config that make a run what it is: none of where things lie, files by their names only.

    Args:
        config: a dataclass.
        unnamed: fields left out.
        files: fields that hold paths.

    Returns:
        Values by field, without those that are None.
    """
    values = {field.name: getattr(config, field.name) for field in dataclasses.fields(config)}
    kept = {name: value for name, value in values.items() if name not in unnamed and value is not None}
    return {name: file_name(value) if name in files else value for name, value in kept.items()}


def file_name(path: str | Path) -> str:
    """The last part of a path, also of one that ends in a slash."""
    return Path(path).absolute().name
