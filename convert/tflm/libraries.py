"""The libraries of TFLM that people have, beside tensorflow/tflite-micro itself; what they are is in libraries.yaml."""

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import yaml

MAIN, MAIN_COMMIT = "main", "90b983c2b"  # where kernels and structs were read


@dataclass(frozen=True)
class Library:
    """A library.

    Attributes:
        id: what `--tflm` calls it.
        title, repository, commit, date: where it was read.
        tflm: which TFLM is in it.
        how: how what it lacks was found.
        kernels: the kernels that it has, 'cmsis_nn' or 'reference'.
        cores: the cores that there are arena figures for; `measured` those of them on which they were measured.
        lacks: operators that it does not register.
        lacks_types: of each operator the types, by role, that its kernel has no code for.
        holds: rules of CMSIS-NN that hold in it too.
    """

    id: str
    title: str
    repository: str
    commit: str
    date: date
    tflm: str
    how: str
    kernels: str
    cores: tuple[str, ...]
    measured: tuple[str, ...]
    lacks: tuple[str, ...]
    lacks_types: dict[str, dict[str, list[str]]]
    holds: tuple[str, ...]


def _read() -> dict[str, Library]:
    entries: dict[str, Any] = yaml.safe_load(Path(__file__).with_name("libraries.yaml").read_text(encoding="utf-8"))
    return {name: _library({"id": name, **entry}) for name, entry in entries.items()}


def _library(entry: dict[str, Any]) -> Library:
    fields: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in entry.items()}
    return Library(**fields)


LIBRARIES = _read()
NAMES = (MAIN, *LIBRARIES)


def library_of(kernels: str) -> Library | None:
    """The library that a name of kernels stands for; None for tensorflow/tflite-micro's own."""
    return LIBRARIES.get(kernels)


def shown(kernels: str) -> dict[str, str]:
    """{kernels, tflm} as reports have them."""
    library = library_of(kernels)
    return {"kernels": library.kernels if library else kernels, "tflm": library.id if library else MAIN}


def words(kernels: str) -> str:
    """`cmsis_nn kernels of tensorflow/tflite-micro 90b983c2b`."""
    library = library_of(kernels)
    if library is None:
        return f"{kernels} kernels of tensorflow/tflite-micro {MAIN_COMMIT}"
    return f"{library.kernels} kernels of {library.title} {library.commit[:9]} ({library.date})"
