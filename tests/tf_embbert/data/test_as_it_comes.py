"""Data as people have it: every kind that docs/data.md lists is read, read with a notice, or refused in one line."""

import re
import sys
from pathlib import Path

import pytest

from tests.support.chain import refused
from tests.support.kinds_of_input import DECIMALS, NOTED, READ, REFUSED, every
from tests.support.plain_rows import CLASSES, ROWS, jsonl, labelled, lines, objects, written
from tf_embbert.common.errors import UserError
from tf_embbert.data.tasks import Reading, load_task
from tf_embbert.finetune import main


@pytest.mark.parametrize("name, content", READ.values(), ids=READ)
def test_read_as_it_is(tmp_path: Path, name: str, content: str | bytes) -> None:
    task = load_task(written(tmp_path, {name: content}) / name, strict=True)
    rows = task.rows("all")
    assert task.labels == CLASSES and len(rows) in (36, 37, 38)
    first = next(text for text in sorted(rows.texts) if "bus" in text and "day 0" in text)
    assert first.startswith(ROWS[0][0]) and rows.labels[rows.texts.index(first)] == CLASSES.index("bad")


@pytest.mark.parametrize("name, content, notice", NOTED.values(), ids=NOTED)
def test_read_with_a_notice_that_strict_refuses(tmp_path: Path, name: str, content: str | bytes, notice: str) -> None:
    path = written(tmp_path, {name: content}) / name
    task = load_task(path)
    assert any(re.search(notice, said) for said in task.notices), task.notices
    assert len(task.rows("all")) in (36, 37, 38) and str(tmp_path) not in "".join(task.notices)
    with pytest.raises(UserError, match=rf"--strict refuses what would be a note: .*{notice}"):
        load_task(path, strict=True)


@pytest.mark.parametrize("name, content, message", REFUSED.values(), ids=REFUSED)
def test_refused_in_one_line(tmp_path: Path, name: str, content: str | bytes, message: str) -> None:
    with pytest.raises(UserError, match=message) as error:
        load_task(written(tmp_path, {name: content}) / name)
    assert len(str(error.value)) < 1000 and "\n" not in str(error.value)


def test_texts_keep_their_characters(tmp_path: Path) -> None:
    for encoding in ("utf-8", "utf-16", "cp1252"):
        content = lines([("naïve café – “so”", "bad"), *ROWS]).encode(encoding)
        assert "naïve café – “so”" in load_task(written(tmp_path, {"a.csv": content}) / "a.csv").rows("all").texts
    tabbed = lines([('"quoted"', "bad"), ('"open', "good"), *ROWS], "\t")
    assert {'"quoted"', '"open'} <= set(load_task(written(tmp_path, {"a.tsv": tabbed}) / "a.tsv").rows("all").texts)


@pytest.mark.parametrize("encoding", ["cp1251", "shift_jis", "gb18030"])
def test_encoding_as_told(tmp_path: Path, encoding: str) -> None:
    text = {"cp1251": "позавчера", "shift_jis": "遅れました", "gb18030": "公交车"}[encoding]
    path = written(tmp_path, {"a.csv": lines([(text, "bad"), *ROWS]).encode(encoding)}) / "a.csv"
    assert text in load_task(path, reading=Reading(encoding), strict=True).rows("all").texts
    with pytest.raises(UserError, match="unknown --encoding 'klingon'"):
        load_task(path, reading=Reading("klingon"))
    with pytest.raises(UserError, match=r"a.csv is not ascii"):
        load_task(path, reading=Reading("ascii"))


def test_without_header(tmp_path: Path) -> None:
    path = written(tmp_path, {"a.csv": lines(header=None)}) / "a.csv"
    task = load_task(path, reading=Reading(header=False))
    assert len(task.rows("all")) == 36 and task.labels == CLASSES
    assert task.notices[0] == "a.csv: column 1 is taken for the text (--text-column names another)"
    named = load_task(path, text_column="1", label_column="2", reading=Reading(header=False), strict=True)
    assert named.rows("all").texts == task.rows("all").texts


def test_paths_into_objects(tmp_path: Path) -> None:
    rows = [{"input": {"a": text, "b": "no"}, "out": {"label": label}} for text, label in ROWS]
    path = written(tmp_path, {"a.jsonl": jsonl(rows)}) / "a.jsonl"
    assert sorted(
        load_task(path, text_column="input.a", label_column="out.label", strict=True).rows("all").texts
    ) == sorted(text for text, _ in ROWS)


def test_rows_without_label_are_left_out_where_asked(tmp_path: Path) -> None:
    path = written(tmp_path, {"a.csv": lines(every(6, ""))}) / "a.csv"
    task = load_task(path, skip_missing=True)
    assert len(task.rows("all")) == 30 and task.notices == ["a.csv: 6 rows without label or text are left out"]
    path = written(tmp_path, {"a.csv": lines([("x", "nan"), *DECIMALS])}) / "a.csv"
    assert load_task(path, skip_missing=True).is_regression


def test_decimal_commas_are_numbers(tmp_path: Path) -> None:
    path = written(tmp_path, {"a.csv": NOTED["decimal commas"][1]}) / "a.csv"
    labels = sorted(load_task(path).rows("all").labels.tolist())
    assert labels == pytest.approx([number / 10 for number in range(36)])


def test_none_is_a_class_among_words_and_names_that_are_given(tmp_path: Path) -> None:
    written(tmp_path, {"train.csv": lines(every(2, "none"))})
    assert "none" in load_task(tmp_path).labels
    written(
        tmp_path, {"train.csv": lines(labelled(lambda n, _: "nan" if n % 2 else "x")), "labels.json": '["nan", "x"]'}
    )
    assert load_task(tmp_path).labels == ["nan", "x"]


def test_parquet(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    pandas.DataFrame(objects()).to_parquet(tmp_path / "a.parquet")
    assert load_task(tmp_path / "a.parquet", strict=True).labels == CLASSES
    pandas.DataFrame(objects(every(6, None))).to_parquet(tmp_path / "a.parquet")
    with pytest.raises(UserError, match="row 1: the label is missing, and in 5 more"):
        load_task(tmp_path / "a.parquet")


def test_excel_is_read_or_names_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pandas = pytest.importorskip("pandas")
    path = tmp_path / "a.xlsx"
    try:
        import openpyxl  # noqa: F401
    except ImportError:
        path.write_bytes(b"PK\x03\x04")
    else:
        pandas.DataFrame(objects()).to_excel(path, index=False)
        assert load_task(path, strict=True).labels == CLASSES
        with pandas.ExcelWriter(path) as book:
            for sheet in ("mine", "other"):
                pandas.DataFrame(objects()).to_excel(book, sheet_name=sheet, index=False)
        assert load_task(path).notices == ["a.xlsx: of 2 sheets the first is read, 'mine'"]
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(UserError, match=r"cannot read .*a.xlsx \(.*pandas.*\); or save it as CSV"):
        load_task(path)


def test_the_command_has_the_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each ends as the library does, before TensorFlow is imported."""
    path, out = written(tmp_path, {"a.csv": lines(header=None, separator=";")}) / "a.csv", tmp_path / "run"
    command = ["--task", path, "--out", out]
    refused(capsys, main, command, "give --no-header")
    refused(
        capsys, main, [*command, "--no-header", "--strict"], "--strict refuses what would be a note: a.csv: the sep"
    )
    refused(capsys, main, [*command, "--encoding", "x"], "unknown --encoding 'x'")
    written(tmp_path, {"a.csv": lines([("x", "")])})
    refused(capsys, main, [*command, "--skip-missing"], "has no row with a label")
    assert not out.exists()
