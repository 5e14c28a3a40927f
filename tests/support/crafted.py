"""A small run on disk, and ways in which people and programs spoil it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.support.runs import small_run
from tf_embbert.run import save_run

# What a JSON file may hold where something else is wanted.
JSON_KINDS: dict[str, bytes] = {
    "nothing": b"",
    "string": b'"music"',
    "number": b"3",
    "number of thousands of digits": b"9" * 5000,
    "number beyond float": b"1e999",
    "not a number": b"NaN",
    "null": b"null",
    "true": b"true",
    "object": b'{"a": 1}',
    "empty object": b"{}",
    "empty list": b"[]",
    "one name": b'["music"]',
    "a name twice": b'["music", "music"]',
    "a name that is a number": b'["music", 3]',
    "a name that is null": b'["music", null]',
    "a name that is a list": b'["music", ["alarm"]]',
    "half a character": b'["music", "\\ud800"]',
    "nested too deep": b"[" * 100_000,
    "half of it": b'["music", "al',
    "not UTF-8": b'["music", "\xff\xfe"]',
    "two documents": b'["music"] ["alarm"]',
    "an image": b"\x89PNG\r\n\x1a\n\x00\x00",
}


def write_small_run(folder: Path) -> Path:
    """A run of two classes; its weights are random."""
    folder.mkdir()
    save_run(small_run(), folder, [{"epoch": 1, "loss": 0.5}])
    return folder


def _set(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda about: about.update({name: value})


def _without(name: str) -> Callable[[dict[str, Any]], Any]:
    return lambda about: about.pop(name)


def _set_model(name: str, value: Any) -> Callable[[dict[str, Any]], None]:
    return lambda about: about["model"].update({name: value})


# Edits of a run's config.json.
RUN_EDITS: dict[str, Callable[[dict[str, Any]], Any]] = {
    **{
        f"{name} {value!r}"[:60]: _set(name, value)
        for name, value in [
            ("format", 2),
            ("format", "1"),
            ("format", None),
            ("format", 10**400),
            ("seed", "1"),
            ("seed", None),
            ("seed", 1.5),
            ("name", 3),
            ("name", None),
            ("arguments", []),
            ("is_pair", "no"),
            ("is_pair", 0),
            ("max_length", 0),
            ("max_length", -1),
            ("max_length", "8"),
            ("max_length", 10**30),
            ("max_length", 60_000),
            ("longest", None),
            ("parameters", "many"),
            ("chosen", "best"),
            ("chosen", "qat"),
            ("chosen", 1),
            ("model", None),
            ("model", []),
            ("model", "base"),
            ("files", None),
            ("files", []),
            ("files", {}),
        ]
    },
    **{
        f"model {name} {value!r}"[:60]: _set_model(name, value)
        for name, value in [
            ("hidden_size", 0),
            ("hidden_size", -1),
            ("hidden_size", "128"),
            ("hidden_size", None),
            ("hidden_size", 1.5),
            ("dropout", 1.0),
            ("dropout", "0.1"),
            ("dropout", -1),
            ("epsilon", 0),
            ("activation", "gelu"),
            ("activation", 3),
            ("activation", None),
            ("colour", 3),
        ]
    },
    **{
        f"without {name}": _without(name)
        for name in (
            "format",
            "model",
            "files",
            "name",
            "seed",
            "arguments",
            "is_pair",
            "max_length",
            "longest",
            "chosen",
        )
    },
    "a file elsewhere": lambda about: about["files"].update({"../secret": "0" * 64}),
    "a hash that is none": lambda about: about["files"].update({"labels.json": "abc"}),
    "a hash that is a number": lambda about: about["files"].update({"labels.json": 3}),
}
