"""Forms of data beside tables: fastText's lines, numbered parts, a folder with one file; other western encodings."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.plain_rows import ROWS, lines, written
from tf_embbert.common.errors import UserError
from tf_embbert.data.encoding import read_text
from tf_embbert.data.tasks import load_task


def test_fasttexts_lines(tmp_path: Path) -> None:
    expected = load_task(written(tmp_path, {"plain.csv": lines()}) / "plain.csv", strict=True).splits
    file = tmp_path / "fast.txt"
    file.write_text("\n".join(f"__label__{label} {text}" for text, label in ROWS) + "\n")
    splits = load_task(file, strict=True).splits
    assert {split: rows.texts for split, rows in splits.items()} == {s: rows.texts for s, rows in expected.items()}
    assert all((splits[split].labels == rows.labels).all() for split, rows in expected.items())
    file.write_text("__label__a __label__b two\n")
    with pytest.raises(UserError, match=r"fast.txt, line 1: 2 of fastText's labels: a text has one class here"):
        load_task(file)
    file.write_text("__label__a one\n\nnone\n")
    with pytest.raises(UserError, match="line 3: 0 of fastText's labels"):
        load_task(file)


def test_numbered_parts_are_one_split(tmp_path: Path) -> None:
    names = [f"train-0000{i}-of-00003.csv" for i in range(3)]
    written(tmp_path, {name: lines(ROWS[8 * i : 8 * i + 8]) for i, name in enumerate(names)})
    written(tmp_path, {"test-00000-of-00001.csv": lines(ROWS[24:])})
    task = load_task(tmp_path, strict=True)
    texts = sorted(task.rows("train").texts + task.rows("selection").texts)
    assert texts == sorted(text for text, _ in ROWS[:24]) and len(task.rows("test")) == len(ROWS[24:])
    (tmp_path / names[1]).unlink()
    with pytest.raises(UserError, match="has 2 of 3 parts of the train split"):
        load_task(tmp_path)
    written(tmp_path, {names[1]: "other,columns\na,b\n"})
    with pytest.raises(UserError, match=r"train-00001-of-00003.csv has the columns other, columns, and"):
        load_task(tmp_path)


def test_numbered_parts_of_parquet(tmp_path: Path) -> None:
    pandas: Any = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    for part in range(2):
        rows = ROWS[part * 18 : part * 18 + 18]
        frame = pandas.DataFrame(rows, columns=["text", "label"])
        frame.to_parquet(tmp_path / f"train-0000{part}-of-00002.parquet")
    assert len(load_task(tmp_path, strict=True).rows("all")) == 36


def test_a_folder_with_one_file_of_any_name(tmp_path: Path) -> None:
    written(tmp_path, {"mails.csv": lines()})
    task = load_task(tmp_path)
    assert len(task.rows("all")) == len(ROWS)
    assert task.notices == ["mails.csv is the one file of data in its folder, and its rows are split"]
    written(tmp_path, {"others.csv": lines()})
    with pytest.raises(UserError, match="has no data"):
        load_task(tmp_path)


TEXTS = {
    "German": "Die Grüße aus Köln kamen spät, und größer wäre schöner: süße Äpfel für Übermütige, heißes Öl.",
    "French": "Le café était fermé, à côté de la forêt; ça me gêne déjà, où êtes-vous allés, mère et père?",
    "Spanish": "Mañana el niño comerá pequeñas piñas; ¿cómo está usted aquí, señor? Así será el último año.",
}
TURKISH = "Çocuklar bugün çalışıyor, ağaçların altında oturuyorlar; şimdi yağmur yağıyor ve ışık söndü."
ICELANDIC = "Það er gott að vera þar í dag, því veðrið er fallegt og sólin skín á húsið við ána."
ENGLISH = "Don\u2019t wait \u2013 the café\u2019s \u201cspecial\u201d costs \u20ac5\u2026 they\u2019re open."


@pytest.mark.parametrize("language", TEXTS)
@pytest.mark.parametrize("encoding", ["cp850", "mac_roman"])
def test_letters_of_dos_and_old_macs_are_no_other_letters(language: str, encoding: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(TEXTS[language].encode(encoding))
    with pytest.raises(UserError, match=r"name the encoding by --encoding NAME \(it may be (cp850|cp437|mac_\w+)\)"):
        read_text(path)  # some of their texts make words in more than one of them
    assert read_text(path, encoding)[0] == TEXTS[language]


def test_turkish_is_not_read_as_icelandic(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(TURKISH.encode("cp1254"))
    with pytest.raises(UserError, match="it may be cp1254"):
        read_text(path)


@pytest.mark.parametrize("text", [*TEXTS.values(), ICELANDIC, ENGLISH])
def test_what_is_western_is_still_read(text: str, tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(text.encode("cp1252"))
    assert read_text(path)[0] == text


@pytest.mark.parametrize(
    "train, test",
    [
        ("train/data.csv", "test/data.csv"),
        ("train (1).csv", "test (1).csv"),
        ("train_1.csv", "test_1.csv"),
        ("en.train.csv", "en.test.csv"),
        ("TRAIN.CSV", "Test.Csv"),
    ],
)
def test_splits_as_people_call_them(train: str, test: str, tmp_path: Path) -> None:
    written(tmp_path, {train: lines(), test: lines(ROWS[:6])})
    assert [len(load_task(tmp_path).rows(split)) for split in ("train", "selection", "test")] == [33, 3, 6]


def test_a_file_that_is_no_split_is_said(tmp_path: Path) -> None:
    labels = '["bad", "good", "help"]'
    written(tmp_path, {"train.csv": lines(), "heldout.csv": lines(), "labels.json": labels, "README.md": lines()})
    assert load_task(tmp_path).notices == ["not read, as no split is called so: heldout.csv"]


def test_class_folders_in_capitals(tmp_path: Path) -> None:
    written(tmp_path, {f"{label}/{number}.TXT": text for number, (text, label) in enumerate(ROWS)})
    assert load_task(tmp_path).labels == ["bad", "good", "help"]


@pytest.mark.parametrize(
    "suffix, write", [(".pq", "to_parquet"), (".feather", "to_feather"), (".PARQUET", "to_parquet")]
)
def test_frames_with_lists_of_one_label(suffix: str, write: str, tmp_path: Path) -> None:
    pandas: Any = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    frame = pandas.DataFrame({"text": [text for text, _ in ROWS], "label": [[label] for _, label in ROWS]})
    getattr(frame, write)(tmp_path / f"a{suffix}")
    assert load_task(tmp_path / f"a{suffix}").labels == ["bad", "good", "help"]
