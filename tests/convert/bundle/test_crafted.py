"""Bundles whose files somebody edited, cut or swapped: each is one line, by every command that takes a bundle."""

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from convert import arduino, boards, firmware, predict, verify
from convert.bundle.bundle import MANIFEST, Bundle, read_bundle, write_folder
from convert.bundle.manifest import UNHASHED
from tests.support.bundles import converted, digest
from tests.support.crafted import JSON_KINDS
from tf_embbert import evaluate
from tf_embbert.common.errors import UserError


def refused(error: pytest.ExceptionInfo[UserError], name: str) -> None:
    line = str(error.value)
    assert name in line and len(line.splitlines()) == 1 and len(line) < 1000
    line.encode()


@pytest.mark.parametrize("kind", JSON_KINDS)
def test_a_manifest_of_every_kind(tmp_path: Path, kind: str) -> None:
    for name in ("model.tflite", "tokenizer.json", "labels.txt", "golden.json"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / MANIFEST).write_bytes(JSON_KINDS[kind])
    with pytest.raises(UserError) as error:
        read_bundle(tmp_path)
    refused(error, MANIFEST)


ROWS = {
    "no rows": b'{"rows": 3}',
    "a row that is none": b'{"rows": [1]}',
    "a row without tokens": b'{"rows": [{"text": "x"}]}',
    "a token below 0": b'{"rows": [{"text": "x", "pair": null, "tokens": [-1], "segments": null, "logits": [0], '
    b'"label": "a", "score": null}]}',
    "a logit beyond int8": b'{"rows": [{"text": "x", "pair": null, "tokens": [2], "segments": null, "logits": [300], '
    b'"label": "a", "score": null}]}',
    "a text that is a number": b'{"rows": [{"text": 1, "pair": null, "tokens": [2], "segments": null, "logits": [3], '
    b'"label": "a", "score": null}]}',
}


@pytest.mark.parametrize("data", [*JSON_KINDS.values(), *ROWS.values()])
def test_golden_rows_of_every_kind(tmp_path: Path, data: bytes) -> None:
    bundle = Bundle(tmp_path, {}, {"golden.json": data})
    with pytest.raises(UserError) as error:
        _ = bundle.golden
    refused(error, "golden.json")


# ---- by every command ----

FILES = ("model.tflite", "tokenizer.json", "labels.txt", "golden.json")
COMMANDS: dict[ModuleType, list[str]] = {
    verify: [],
    predict: ["a text"],
    boards: ["--board", "nucleo-h743zi"],
    firmware: ["--as", "plain", "--out", "{out}"],
    arduino: ["--out", "{out}"],
    evaluate: ["--task", "{rows}"],
}


def rehash(folder: Path) -> None:
    """The manifest of files that were changed with it."""
    about = json.loads((folder / MANIFEST).read_text())
    files = {file.name: digest(file.read_bytes()) for file in folder.iterdir() if file.name not in UNHASHED}
    about["bundle_sha256"] = digest("".join(sorted(f"{sha}  {name}\n" for name, sha in files.items())).encode())
    for part in ("model", "tokenizer"):
        about[part]["sha256"] = files.get(about[part]["file"], about[part]["sha256"])
    (folder / MANIFEST).write_text(json.dumps(about))


def told_by_all(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> list[str]:
    """The one line that every command says, which ends with 2; `verify` with 1 where the bundle can be read."""
    (tmp_path / "rows.csv").write_text("text,label\n" + "play the song,music\nset an alarm,alarm\n" * 20)
    lines = []
    for command, words in COMMANDS.items():
        given = [word.format(out=tmp_path / "out", rows=tmp_path / "rows.csv") for word in words]
        status = command.main([str(folder), *given])
        printed = capsys.readouterr()
        if command is verify and status == 1:
            lines += printed.out.splitlines()[:1]
            continue
        assert status == 2 and printed.err.count("\n") == 1 and len(printed.err) < 1000, (command, printed)
        lines.append(printed.err)
    assert not (tmp_path / "out").exists()
    return lines


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "of pairs", "of a regression"])
@pytest.mark.parametrize("hashes", ["of before", "made anew"])
def test_files_missing_empty_cut_or_of_another_bundle(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], name: str, damage: str, hashes: str
) -> None:
    if hashes == "made anew" and (damage == "missing" or (name, damage[:3]) == ("tokenizer.json", "of ")):
        return  # no hash helps; and a tokenizer of as many tokens only `verify` knows from another, by the golden rows
    files = dict(converted())
    other = {"of pairs": converted(pair=True), "of a regression": converted(regression=True)}.get(damage, {})
    changed = other.get(name, {"missing": None, "empty": b""}.get(damage, files[name][: len(files[name]) // 2]))
    if changed == files.pop(name):
        return
    write_folder(tmp_path / "bundle", files if changed is None else {**files, name: changed})
    if hashes == "made anew":
        rehash(tmp_path / "bundle")
    told_by_all(tmp_path / "bundle", tmp_path, capsys)


LONG = "an integer that Python does not write"
MANIFEST_EDITS: dict[str, Callable[[dict[str, Any]], object]] = {
    "a label less": lambda about: about["labels"].pop(),
    "a label more": lambda about: about["labels"].append("more"),
    "another label": lambda about: about["labels"].__setitem__(0, "more"),
    "labels in another order": lambda about: about["labels"].reverse(),
    "no labels": lambda about: about["labels"].clear(),
    "a label that is a number": lambda about: about["labels"].__setitem__(0, 3),
    "labels that are an object": lambda about: about.update(labels={"0": "music"}),
    "a longer model": lambda about: about["model"].update(sequence_length=64),
    "a shorter model": lambda about: about["model"].update(sequence_length=8),
    "a length of 5,000 digits": lambda about: about["model"].update(sequence_length=LONG),
    "a length of none": lambda about: about["model"].update(sequence_length=0),
    "a length that is a text": lambda about: about["model"].update(sequence_length="16"),
    "a length that is half": lambda about: about["model"].update(sequence_length=16.5),
    "more tokens": lambda about: about["tokenizer"].update(vocab_size=8192),
    "fewer tokens": lambda about: about["tokenizer"].update(vocab_size=20),
    "another file": lambda about: about["model"].update(file="../model.tflite"),
    "a file that is absolute": lambda about: about["tokenizer"].update(file="/etc/passwd"),
    "a hash in capitals": lambda about: about["model"].update(sha256=about["model"]["sha256"].upper()),
    "a hash that is short": lambda about: about["model"].update(sha256="abc"),
    "another hash": lambda about: about.update(bundle_sha256="0" * 64),
    "a later format": lambda about: about.update(format=2),
    "no format": lambda about: about.pop("format"),
    "no name": lambda about: about.pop("name"),
    "no labels at all": lambda about: about.pop("labels"),
    "no arguments": lambda about: about.pop("arguments"),
    "no boards": lambda about: about.pop("boards"),
    "an arena of none": lambda about: about.update(arena=None),
    "an arena below nothing": lambda about: about["arena"]["cortex-m4"]["cmsis_nn"].update(total=-1),
    "a core of none": lambda about: about["arena"].update({"z80": {}}),
    "lengths of nowhere": lambda about: about["model"].update(
        lengths=[{"sequence_length": n, "offset": at, "macs": 1} for n, at in ((8, 10**9), (16, 0))]
    ),
    "lengths within a model": lambda about: about["model"].update(
        lengths=[{"sequence_length": n, "offset": at, "macs": 1} for n, at in ((8, 16), (16, 0))]
    ),
    "a rejection of text": lambda about: about["arguments"].update(reject="often"),
    "a rejection above 1": lambda about: about["arguments"].update(reject=7),
    "something unknown": lambda about: about.update(colour="red"),
}


@pytest.mark.parametrize("edit", MANIFEST_EDITS)
def test_a_manifest_edited_by_hand(tmp_path: Path, capsys: pytest.CaptureFixture[str], edit: str) -> None:
    write_folder(tmp_path / "bundle", converted())
    about = json.loads((tmp_path / "bundle" / MANIFEST).read_text())
    MANIFEST_EDITS[edit](about)
    (tmp_path / "bundle" / MANIFEST).write_text(json.dumps(about).replace(f'"{LONG}"', "9" * 5000))
    told_by_all(tmp_path / "bundle", tmp_path, capsys)
