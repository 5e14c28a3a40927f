"""Generates the shipped corpus `pocket` from our grammar.

    python -m tf_embbert.data.corpus.generate [--out DIR] [--check]

A template is drawn, `(a|b)` picks an alternative and `{slot}` a value, then the utterance is dressed as people talk:
openers and closers, colloquial spellings, typos. Templates and slot values are disjoint between train, validation and
test, so the scores tell what was learnt about the words of an intent, not which sentences were memorised.
"""

import argparse
import gzip
import json
import random
import re
import sys
from collections.abc import Sequence
from pathlib import Path

import yaml

from tf_embbert.common.errors import UserError, run_command

_HERE = Path(__file__).parent
OUT = _HERE / "pocket"
ROWS_PER_INTENT = {"train": 500, "validation": 50, "test": 100}
SEED = 2502

# Shares of the utterances that get each dressing.
OPENER, CLOSER, FILLER, TERSE, COLLOQUIAL, TYPO, WRITTEN = 0.25, 0.25, 0.1, 0.1, 0.3, 0.2, 0.15
_DRAWS_PER_ROW = 200  # a grammar this poor in utterances is a mistake

_KEYBOARD = ["qwertyuiop", "asdfghjkl", "zxcvbnm"]
_NEIGHBOURS = {
    key: (row[i - 1 : i] if i else "") + row[i + 1 : i + 2] for row in _KEYBOARD for i, key in enumerate(row)
}
_ALTERNATIVES = re.compile(r"\(([^()]*)\)")
_SLOT = re.compile(r"\{(\w+)\}")


def load_grammar() -> tuple[dict, dict, dict]:
    """The templates by intent and split, the slot values by name and split, and the style."""
    intents = {path.stem: _read(path) for path in sorted((_HERE / "intents").glob("*.yaml"))}
    return intents, _read(_HERE / "slots.yaml"), _read(_HERE / "style.yaml")


def frames(template: str) -> list[str]:
    """All sentences of a template, slots unfilled: every choice of its alternatives."""
    match = _ALTERNATIVES.search(template)
    if not match:
        return [_tidy(template)]
    head, tail = template[: match.start()], template[match.end() :]
    return [frame for choice in match[1].split("|") for frame in frames(head + choice + tail)]


def generate() -> dict[str, list[dict]]:
    """The rows of every split, `{"text", "label"}` with labels in the order of the intents' names.

    Returns:
        Rows by split; no text occurs twice in the corpus.
    """
    intents, slots, style = load_grammar()
    seen: set[str] = set()
    splits: dict[str, list[dict]] = {}
    for split, count in ROWS_PER_INTENT.items():
        rows = []
        for label, (intent, templates) in enumerate(intents.items()):
            rng = random.Random(f"{SEED} {split} {intent}")
            values = {name: by_split[split] for name, by_split in slots.items()} | {"do": style["do"]}
            texts = _distinct_texts(templates[split], values, style, count, seen, rng, f"{intent} {split}")
            rows += [{"text": text, "label": label} for text in texts]
        random.Random(f"{SEED} {split}").shuffle(rows)
        splits[split] = rows
    return splits


def files() -> dict[str, str]:
    """The corpus as file contents by name, before compression."""
    contents = {
        f"{split}.jsonl.gz": "".join(json.dumps(row) + "\n" for row in rows) for split, rows in generate().items()
    }
    return contents | {"labels.json": json.dumps(list(load_grammar()[0]), indent=1) + "\n"}


def write(folder: Path) -> None:
    """Writes the corpus; the same grammar gives the same bytes, as no time is stored."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, content in files().items():
        data = content.encode()
        (folder / name).write_bytes(gzip.compress(data, 9, mtime=0) if name.endswith(".gz") else data)


def differing(folder: Path) -> list[str]:
    """The files of a folder that are not what the grammar gives.

    Contents are compared before compression: another zlib may pack the same rows otherwise.
    """
    return [name for name, content in files().items() if _content(folder / name) != content]


def _distinct_texts(
    templates: Sequence[str],
    values: dict[str, list[str]],
    style: dict,
    count: int,
    seen: set[str],
    rng: random.Random,
    what: str,
) -> list[str]:
    texts: list[str] = []
    for _ in range(count * _DRAWS_PER_ROW):
        text = _dressed(_filled(rng.choice(templates), values, rng), style, rng)
        if text.lower() not in seen:
            seen.add(text.lower())
            texts.append(text)
        if len(texts) == count:
            return texts
    raise ValueError(f"the templates of {what} give fewer than {count} distinct utterances")


def _filled(template: str, values: dict[str, list[str]], rng: random.Random) -> str:
    """A sentence of a template; a slot's value may hold slots of its own, and no value comes twice."""
    while match := _ALTERNATIVES.search(template) or _SLOT.search(template):
        choices = match[1].split("|") if match[0][0] == "(" else values[match[1]]
        choice = rng.choice([c for c in choices if not c or c not in template] or choices)
        template = template[: match.start()] + choice + template[match.end() :]
    return _tidy(template)


def _dressed(text: str, style: dict, rng: random.Random) -> str:
    """A sentence as somebody would say or type it."""
    if rng.random() < TERSE:
        text = " ".join(word for word in text.split() if word not in style["dropped"]) or text
    if rng.random() < FILLER:
        words = text.split()
        words.insert(rng.randrange(len(words)), rng.choice(style["filler"]))
        text = " ".join(words)
    if rng.random() < OPENER:
        text = f"{rng.choice(style['opener'])} {text}"
    if rng.random() < CLOSER:
        text = f"{text} {rng.choice(style['closer'])}"
    if rng.random() < COLLOQUIAL:
        for plain, short in style["colloquial"].items():
            text = re.sub(rf"\b{plain}\b", short, text)
    if rng.random() < TYPO:
        text = _with_typo(text, rng)
    if rng.random() < WRITTEN:
        text = text[0].upper() + text[1:] + rng.choice([".", "!", "?"])
    return text


def _with_typo(text: str, rng: random.Random) -> str:
    """One slip in a word of four letters or more: a letter dropped, doubled, swapped or hit beside."""
    places = [match.start() + i for match in re.finditer(r"[a-z]{4,}", text) for i in range(1, len(match[0]) - 1)]
    if not places:
        return text
    at = rng.choice(places)
    slip = rng.choice(["", text[at] * 2, text[at + 1] + text[at], rng.choice(_NEIGHBOURS[text[at]])])
    return text[:at] + slip + text[at + (2 if slip == text[at + 1] + text[at] else 1) :]


def _tidy(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace(" ,", ",").strip(" ,")


def _read(path: Path) -> dict:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def _content(path: Path) -> str | None:
    if not path.is_file():
        return None
    data = path.read_bytes()
    return (gzip.decompress(data) if path.suffix == ".gz" else data).decode()


@run_command
def main(argv: list[str] | None = None) -> int:
    """Writes the corpus, or with --check compares a folder with it: exit 1 when it differs."""
    parser = argparse.ArgumentParser(prog="python -m tf_embbert.data.corpus.generate", description=main.__doc__)
    parser.add_argument("--out", type=Path, default=OUT, help="the folder (default: the one that ships)")
    parser.add_argument("--check", action="store_true", help="compare, write nothing")
    args = parser.parse_args(argv)
    if args.check:
        wrong = differing(args.out)
        print(f"{args.out}: {'differs in ' + ', '.join(wrong) if wrong else 'is what the grammar gives'}")
        return 1 if wrong else 0
    if args.out.is_file():
        raise UserError(f"--out {args.out} is a file; give a folder")
    write(args.out)
    print(f"wrote {', '.join(files())} to {args.out}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
