"""Files as people have them, by kind: read as they are, read with a notice, and refused, each with what is said."""

import bz2
import gzip
import json
import lzma
from typing import Any

from tests.support.plain_rows import DEEP, ROWS, Rows, jsonl, labelled, lines, objects, texts


def every(step: int, value: Any) -> Rows:
    """The rows with every so manieth label replaced."""
    return labelled(lambda number, label: value if number % step == 0 else label)


def by_column() -> dict[str, dict[str, Any]]:
    """The rows as pandas writes a frame as JSON."""
    return {name: {str(i): row[place] for i, row in enumerate(ROWS)} for place, name in enumerate(("text", "label"))}


QUOTED = lines(texts(lambda text: f'"{text}, really"'))
DECIMALS = labelled(lambda number, label: f"{number / 10:.1f}")

# Read as they are, without a word: {kind: (name of the file, content)}.
READ: dict[str, tuple[str, str | bytes]] = {
    "plain": ("a.csv", lines()),
    "byte order mark": ("a.csv", "\ufeff" + lines()),
    "carriage returns": ("a.csv", lines().replace("\n", "\r\n")),
    "old Macintosh": ("a.csv", lines().replace("\n", "\r")),
    "UTF-16 with its mark": ("a.csv", lines().encode("utf-16")),
    "UTF-16, the other end first": ("a.csv", b"\xfe\xff" + lines().encode("utf-16-be")),
    "UTF-32 with its mark": ("a.jsonl", jsonl(objects()).encode("utf-32")),
    "commas in quotes": ("a.csv", QUOTED),
    "Excel's line of the separator": ("a.csv", "sep=;\n" + lines(separator=";")),
    "tabs": ("a.tsv", lines(separator="\t")),
    "tabs in .txt": ("a.txt", lines(separator="\t")),
    "capital suffix": ("A.CSV", lines()),
    "lone quotes in TSV": ("a.tsv", lines(texts(lambda text: f'{text} 27" screen'), "\t")),
    "quotes that open in TSV": ("a.tsv", lines([('"where is it', "help"), *ROWS, ('"so" he said', "bad")], "\t")),
    "one text in quotes in TSV": ("a.tsv", lines([('"fine"', "good"), ('"where is it', "help"), *ROWS], "\t")),
    "line breaks in quotes in TSV": ("a.tsv", lines(texts(lambda text: f'"{text}\nagain"'), "\t")),
    "line breaks in quotes": ("a.csv", lines(texts(lambda text: f'"{text}\nagain"'))),
    "spaces around labels": ("a.csv", lines(every(2, " bad "))),
    "blank lines": ("a.csv", lines().replace("\n", "\n\n")),
    "unnamed empty columns": ("a.csv", lines(labelled(lambda number, label: f"{label},,"), header="text,label,,")),
    "60,000 words in a cell": ("a.csv", lines([("word " * 60_000, "bad"), *ROWS])),
    "objects a line": ("a.jsonl", jsonl(objects())),
    "objects a line in .ndjson": ("a.ndjson", jsonl(objects())),
    "an array of objects": ("a.json", json.dumps(objects())),
    "an indented array of objects": ("a.json", json.dumps(objects(), indent=1)),
    "an array in .jsonl": ("a.jsonl", json.dumps(objects())),
    "lists by column": ("a.json", json.dumps({"text": [row[0] for row in ROWS], "label": [row[1] for row in ROWS]})),
    "commas, spaces and quotes": (
        "a.csv",
        "text, label\n" + "".join(f'"{text}, really", "{label}"\n' for text, label in ROWS),
    ),
    "text under a packed name": ("a.csv.gz", lines()),
    "gzip": ("a.csv.gz", gzip.compress(lines().encode())),
    "gzip under another name": ("a.csv", gzip.compress(lines().encode())),
    "gzip of JSON Lines under another name": ("a.jsonl", gzip.compress(jsonl(objects()).encode())),
    "bzip2": ("a.csv.bz2", bz2.compress(lines().encode())),
    "bzip2 under another name": ("a.csv", bz2.compress(lines().encode())),
    "xz": ("a.jsonl.xz", lzma.compress(jsonl(objects()).encode())),
    "pandas' to_json": ("a.json", json.dumps(by_column())),
    "pandas' to_json, orient split": ("a.json", json.dumps({"columns": ["text", "label"], "index": [], "data": ROWS})),
    "pandas' to_json, orient index": ("a.json", json.dumps(dict(enumerate(objects())))),
    "lists of cells": ("a.json", json.dumps([["text", "label"], *ROWS])),
    "an emoji": ("a.csv", lines(texts(lambda text: f"{text} 🙂"))),
}

# Read, with a notice that matches: {kind: (name of the file, content, notice)}.
NOTED: dict[str, tuple[str, str | bytes, str]] = {
    "semicolons": ("a.csv", lines(texts(lambda text: f"{text}, really"), ";"), "the separator is a semicolon, not"),
    "semicolons alone": ("a.csv", lines(separator=";"), "the separator is a semicolon"),
    "tabs in .csv": ("a.csv", lines(separator="\t"), "the separator is a tab"),
    "bars": ("a.csv", lines(separator="|"), "the separator is a bar"),
    "commas in .tsv": ("a.tsv", lines(), "the separator is a comma, not a tab"),
    "semicolons and quotes": ("a.csv", lines(texts(lambda text: f'"{text}; so"'), ";"), "the separator is a semicolon"),
    "Latin-1": ("a.csv", lines(texts(lambda text: f"{text} für Ärger")).encode("latin-1"), r"read as cp1252 \('für'\)"),
    "cp1252": (
        "a.csv",
        lines(texts(lambda text: f"{text} – it’s €5")).encode("cp1252"),
        "not UTF-8 and is read as cp1252",
    ),
    "JSON in Latin-1": (
        "a.jsonl",
        "".join(f'{{"text": "für {text}", "label": "{label}"}}\n' for text, label in ROWS).encode("latin-1"),
        "read as cp1252",
    ),
    "UTF-16 without its mark": ("a.csv", lines().encode("utf-16-le"), "read as utf-16-le"),
    "UTF-16 without its mark, the other end first": ("a.csv", lines().encode("utf-16-be"), "read as utf-16-be"),
    "header in other case": ("a.csv", lines(header="TEXT,Label"), "column 'TEXT' is taken for 'text'"),
    "header with spaces": ("a.csv", lines(header=" Text,Label "), "column 'Label' is taken for 'label'"),
    "nested objects": (
        "a.jsonl",
        jsonl([{"input": {"text": text}, "label": label} for text, label in ROWS]),
        "column 'input.text' is taken for 'text'",
    ),
    "nested labels": (
        "a.jsonl",
        jsonl([{"text": text, "meta": {"gold": {"label": label}}} for text, label in ROWS]),
        "column 'meta.gold.label' is taken for 'label'",
    ),
    "lists of one label": ("a.jsonl", jsonl(objects(labelled(lambda _, label: [label]))), "a list of one label"),
    "lists of one label, printed": ("a.csv", lines(labelled(lambda _, label: f"['{label}']")), "a list of one label"),
    "header with a sign that is not seen": (
        "a.csv",
        lines(header="\u200btext,label"),
        "column '.u200btext' is taken for 'text'",
    ),
    "texts with two labels, in capitals": (
        "a.csv",
        lines([*ROWS, (ROWS[0][0].upper() + " ", "good")]),
        "1 of 36 different texts have more than",
    ),
    "carets": ("a.csv", lines(separator="^"), "the separator is a caret"),
    "Hive's separator": ("a.txt", lines(separator="\x01"), "the separator is the sign 01"),
    "JSON Lines in .csv": ("a.csv", jsonl(objects()), "a.csv holds JSON, whatever its suffix says"),
    "labels in other marks": ("a.csv", lines(every(12, "b-ad")), "differ in case or spaces only: 'b-ad' and 'bad'"),
    "accents of two kinds": (
        "a.csv",
        lines(labelled(lambda number, _: "caf\u00e9" if number % 2 else "cafe\u0301")),
        "differ in case or spaces only",
    ),
    "numbers of two kinds": (
        "a.csv",
        lines(labelled(lambda number, _: ("0", "1", "1.0")[number % 3])),
        "differ in case or spaces only: '1' and '1.0'",
    ),
    "rows within objects": ("a.json", json.dumps({"data": {"rows": objects()}}), "the rows are 'data.rows'"),
    "rows beside other lists": (
        "a.json",
        json.dumps({"features": [{"name": "text"}], "rows": [{"row": each} for each in objects()]}),
        "the rows are 'rows'",
    ),
    "rows within an object": ("a.json", json.dumps({"version": 1, "data": objects()}), "the rows are 'data'"),
    "labels in other case": ("a.csv", lines(every(12, "BAD")), "differ in case or spaces only: 'BAD' and 'bad'"),
    "labels with inner spaces": ("a.csv", lines(every(12, "b ad")), "differ in case or spaces only: 'b ad' and 'bad'"),
    "empty texts": ("a.csv", lines([*ROWS, ("", "bad"), (" ", "good")]), "2 of 38 texts are empty"),
    "texts with two labels": ("a.csv", lines([*ROWS, (ROWS[0][0], "good")]), "1 of 36 different texts have more than"),
    "a class with one row": ("a.csv", lines([*ROWS, ("so alone", "lonely")]), "single row stay in train .*: lonely"),
    "decimal commas": (
        "a.csv",
        lines(labelled(lambda number, _: f"{number / 10:.1f}".replace(".", ",")), ";"),
        "the commas of its labels are decimal commas",
    ),
    "decimal commas and points of thousands": (
        "a.csv",
        lines(labelled(lambda number, _: f"1.{100 + number},5"), ";"),
        "the commas of its labels are decimal commas",
    ),
    "decimal commas, tabs": (
        "a.tsv",
        lines(labelled(lambda number, _: f"{number / 4:.2f}".replace(".", ",")), "\t"),
        "the commas of its labels are decimal commas",
    ),
    "decimal commas, quoted": (
        "a.csv",
        lines(labelled(lambda number, _: f'"{number / 4:.2f}"'.replace(".", ","))),
        "the commas of its labels are decimal commas",
    ),
}

# Refused, with a message that matches: {kind: (name of the file, content, message)}.
REFUSED: dict[str, tuple[str, str | bytes, str]] = {
    "no header": (
        "a.csv",
        lines(header=None),
        r"no column 'text'; its columns are the bus .*, bad: .* give --no-header$",
    ),
    "other columns": (
        "a.csv",
        lines(
            [(number, f"{label},{text}") for number, (text, label) in enumerate(ROWS)], header="id,Category,Utterance"
        ),
        r"columns are id, Category, Utterance; --text-column Utterance --label-column Category looks right",
    ),
    "another label column": ("a.csv", lines(every(2, 5), header="text,stars"), "--label-column stars looks right"),
    "columns of a pair": (
        "a.csv",
        lines([(text, f"{text} again,{label}") for text, label in ROWS], header="sentence1,sentence2,label"),
        "--text-column sentence1 --pair-column sentence2 looks right",
    ),
    "a column of two words": ("a.csv", lines(header="Tweet content,polarity"), "--text-column 'Tweet content' --label"),
    "decimals under another name": (
        "a.csv",
        lines(labelled(lambda number, _: f"{number / 10:.1f}"), header="text,score"),
        "--label-column score looks right",
    ),
    "nested under another name": (
        "a.jsonl",
        jsonl([{"input": {"sentence": text}, "label": label} for text, label in ROWS]),
        "columns are label, input.sentence; --text-column input.sentence looks right",
    ),
    "lists of cells without names": ("a.json", json.dumps(ROWS), "give --no-header$"),
    "objects with a name as labels": (
        "a.jsonl",
        jsonl(objects(labelled(lambda _, label: {"name": label}))),
        "--label-column label.name leads into it",
    ),
    "objects as texts": (
        "a.jsonl",
        jsonl([{"text": {"en": text}, "label": label} for text, label in ROWS]),
        "--text-column text.en leads into it",
    ),
    "a null text": (
        "a.jsonl",
        jsonl([{"text": None, "label": "bad"}, *objects()]),
        "line 1: 'text' is None, not a text; --skip-missing leaves",
    ),
    "a name of two lines": ("a.csv", lines(header='"te\nxt",label'), "its columns are te xt, label"),
    "NULL among words": ("a.csv", lines(every(6, "NULL")), "line 2: the label is missing, and in 5"),
    "a label is missing": ("a.csv", lines(every(36, "")), r"line 2: the label is missing; --skip-missing"),
    "labels are missing": ("a.csv", lines(every(6, " ")), r"line 2: the label is missing, and in 5 more rows; --skip"),
    "null labels": ("a.jsonl", jsonl(objects(every(6, None))), "line 1: the label is missing, and in 5 more rows"),
    "no label key": ("a.jsonl", jsonl([{"text": "x"}, *objects()]), "line 1: the label is missing;"),
    "empty lists": ("a.jsonl", jsonl(objects(every(6, []))), "line 1: the label is missing, and in 5"),
    "NaN in JSON": ("a.jsonl", jsonl(objects(every(6, float("nan")))), "line 1: the label is missing, and in 5"),
    "nan among words": ("a.csv", lines(every(6, "nan")), "line 2: the label is missing, and in 5"),
    **{
        f"{word} among decimals": (
            "a.csv",
            lines([(text, word if number % 6 == 0 else label) for number, (text, label) in enumerate(DECIMALS)]),
            "line 2: the label is missing, and in 5 more rows",
        )
        for word in ("nan", "NaN", "N/A", "null", "None", "-", "?")
    },
    "a word among decimals": (
        "a.csv",
        lines([("x", "high"), *DECIMALS]),
        "line 2: label 'high' is not a number; the ot",
    ),
    "several labels": (
        "a.jsonl",
        jsonl(objects(every(6, ["bad", "good"]))),
        "line 1: 2 labels, .*: a text has one class",
    ),
    "objects as labels": ("a.jsonl", jsonl(objects(every(6, {"id": 1}))), "line 1: label {'id': 1} is neither"),
    "NUL in a text": ("a.csv", lines([("the\0bus", "bad"), *ROWS]), "line 2: 'text' holds a NUL character"),
    "NUL in the header": ("a.csv", lines(header="te\0xt,label"), "line 1: the header holds a NUL character"),
    "NULs behind the rows": ("a.csv", lines() + "\0" * 99, "line 38: the row holds a NUL character"),
    "NUL in a label": ("a.csv", lines([("the bus", "ba\0d"), *ROWS]), r"label 'ba\\x00d' holds a NUL character"),
    "half a surrogate pair in a text": (
        "a.jsonl",
        jsonl([{"text": "\ud800", "label": "bad"}, *objects()]),
        "not valid Un",
    ),
    "half a surrogate pair in a label": (
        "a.jsonl",
        jsonl(objects(every(2, "\ud800"))),
        r"label '\\ud800' is not valid Un",
    ),
    "one class": ("a.csv", lines(every(1, "all")), "one class only, 'all'"),
    "two rows": ("a.csv", lines(ROWS[:2]), "too few rows to split"),
    "a label each": ("a.csv", lines(labelled(lambda number, _: f"{number} %")), r"spare \(36 labels in 36 rows\)"),
    "a header and no rows": ("a.csv", "text,label\n", "has a header and no rows"),
    "an empty file": ("a.csv", "", "is empty"),
    "an empty array": ("a.json", "[]", "not a JSON object"),
    "a web page": ("a.csv", "<html><table><tr><td>text</td></tr></table></html>", "is HTML or XML"),
    "a web page with a doctype": ("a.csv", "\n<!DOCTYPE html>\n<html></html>", "is HTML or XML"),
    "a workbook under another name": ("a.csv", b"PK\x03\x04" + bytes(90), "a zip archive or an Excel workbook"),
    "an old workbook under another name": ("a.csv", b"\xd0\xcf\x11\xe0" + bytes(90), "an old Excel workbook"),
    "a workbook that is a web page": ("a.xls", "<html><table></table></html>", "is HTML or XML"),
    "a saved web page": ("a.csv", "<!-- saved -->\n<html></html>", "is HTML or XML"),
    "a page with its pictures": ("a.csv", "MIME-Version: 1.0\n\n<html></html>", "is HTML or XML"),
    "a pointer of Git LFS": ("a.csv", "version https://git-lfs.github.com/spec/v1\n", "a pointer of Git LFS"),
    "a tar archive": ("a.csv", gzip.compress(b"a.csv".ljust(257, b"\0") + b"ustar" + bytes(250)), "is a tar archive"),
    "a 7-Zip archive": ("a.csv", b"7z\xbc\xaf\x27\x1c" + bytes(60), "is a 7-Zip archive"),
    "bzip2 cut off": ("a.csv", bz2.compress(lines().encode())[:90], "is not a whole bzip2 file"),
    "xz cut off": ("a.csv.xz", lzma.compress(lines().encode())[:90], "is not a whole xz file"),
    "colons": ("a.csv", lines(separator=":"), "separate the columns by commas, semicolons, tabs or bars"),
    "Big5": (
        "a.csv",
        lines(texts(lambda text: f"{text} 你好世界")).encode("big5"),
        "is not UTF-8; name the encoding by --encoding NAME",
    ),
    "Parquet under another name": ("a.csv", b"PAR1" + bytes(90), "a Parquet file: name it .parquet"),
    "gzip cut off": ("a.csv", gzip.compress(lines().encode())[:90], "is not a whole gzip file"),
    "a broken Parquet file": ("a.parquet", b"PAR1" + bytes(90), "is no readable .parquet file"),
    "Cyrillic": (
        "a.csv",
        lines(texts(lambda text: f"{text} позавчера вечером")).encode("cp1251"),
        r"line 2: byte 0x.. .* is not UTF-8; name the encoding by --encoding NAME \(it may be cp1251\)",
    ),
    "Japanese": (
        "a.csv",
        lines(texts(lambda text: f"{text} このバスはまた遅れました")).encode("shift_jis"),
        "name the encoding by --encoding NAME",
    ),
    "damaged UTF-8": (
        "a.csv",
        lines(texts(lambda text: f"für {text}")).encode() + b"\xc3,bad\n",
        "line 38: .* mend that",
    ),
    "a separator in a text": ("a.csv", lines([*ROWS, ("one, two", "bad")]), "line 38: 3 fields .* quote a text that"),
    "a field is missing": (
        "a.csv",
        lines() + "alone\n",
        "line 38: 1 fields where the header has 2; a field is missing",
    ),
    "a quote that does not close": ("a.csv", lines([('"open', "bad")]), "line 2: unexpected end of data"),
    "a column twice": ("a.csv", lines(header="text,text"), "names a column twice"),
    "a broken array": ("a.json", json.dumps(objects(), indent=1)[:-30], r"line 1\d\d: invalid JSON"),
    "objects among others": ("a.jsonl", jsonl(objects()) + "3\n", "line 37: not a JSON object"),
    "JSON nested too deep": ("a.jsonl", f'{{"text": {DEEP}, "label": "bad"}}\n', "line 1: the JSON is nested too deep"),
    "an array nested too deep": ("a.json", f'[{{"text": {DEEP}}}]', "the JSON is nested too deep"),
    "a number of 5,000 digits": (
        "a.jsonl",
        f'{{"text": "x", "label": {"9" * 5000}}}\n',
        "a number of thousands of dig",
    ),
    "a number of 400 digits": (
        "a.jsonl",
        jsonl(objects(every(2, 10**400))),
        "line 1: label 1000.* is neither a name nor",
    ),
    "a number beyond float": ("a.jsonl", jsonl(objects()) + '{"text": "x", "label": 1e400}\n', "label inf is neither"),
    "too large a regression label": (
        "a.csv",
        lines([("x", "1e300"), *DECIMALS]),
        "line 2: label '1e300' is beyond 1e.15",
    ),
    "a text that is a number": (
        "a.jsonl",
        jsonl([{"text": 3, "label": "bad"}, *objects()]),
        "line 1: 'text' is 3, not a",
    ),
}
