"""The shipped corpus: as generated, distinct, and with nothing of the held-out splits in train."""

import gzip
import json
import re
from itertools import chain, combinations
from pathlib import Path

import pytest

from tf_embbert.data.corpus import generate as corpus
from tf_embbert.data.tasks import load_task

SPLITS = ("train", "validation", "test")


@pytest.fixture(scope="module")
def grammar() -> tuple[dict, dict, dict]:
    return corpus.load_grammar()


def bare_frames(template: str) -> set[str]:
    """A template's sentences without what every split may say before an imperative."""
    return {frame.replace("{do} ", "") for frame in corpus.frames(template)}


def test_committed_files_are_what_the_grammar_gives() -> None:
    assert corpus.differing(corpus.OUT) == []


def test_bytes_are_reproducible(tmp_path: Path) -> None:
    for name in ("one", "two"):
        corpus.write(tmp_path / name)
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()


def test_check_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert corpus.main(["--out", str(tmp_path / "new")]) == 0
    assert corpus.main(["--out", str(tmp_path / "new"), "--check"]) == 0
    (tmp_path / "new" / "test.jsonl.gz").write_bytes(gzip.compress(b"{}\n"))
    (tmp_path / "new" / "labels.json").unlink()
    assert corpus.main(["--out", str(tmp_path / "new"), "--check"]) == 1
    assert "differs in test.jsonl.gz, labels.json" in capsys.readouterr().out
    assert corpus.main(["--out", str(corpus.OUT / "labels.json")]) == 2
    assert "is a file" in capsys.readouterr().err


def test_size_and_distinctness() -> None:
    task = load_task("pocket")
    assert len(task.labels) >= 12
    texts = [text.lower() for text in task.rows("all").texts]
    assert len(texts) == len(set(texts)) >= 6000
    assert {split: len(rows) for split, rows in task.splits.items()} == {
        ours: count * len(task.labels)
        for ours, count in zip(("train", "selection", "test"), corpus.ROWS_PER_INTENT.values())
    }


def test_templates_are_disjoint_between_splits(grammar: tuple[dict, dict, dict]) -> None:
    intents, _, _ = grammar
    for intent, by_split in intents.items():
        frames = {split: set().union(*map(bare_frames, by_split[split])) for split in SPLITS}
        for a, b in combinations(SPLITS, 2):
            assert not frames[a] & frames[b], (intent, a, b)


def test_no_template_says_two_things(grammar: tuple[dict, dict, dict]) -> None:
    """The same sentence in two intents would be a wrong label."""
    intents, _, _ = grammar
    owners: dict[str, str] = {}
    for intent, by_split in intents.items():
        for template in chain.from_iterable(by_split.values()):
            for frame in bare_frames(template):
                assert owners.setdefault(frame, intent) == intent, frame


def test_slot_values_are_disjoint_between_splits(grammar: tuple[dict, dict, dict]) -> None:
    _, slots, _ = grammar
    for name, by_split in slots.items():
        for a, b in combinations(SPLITS, 2):
            assert not set(by_split[a]) & set(by_split[b]), (name, a, b)


def test_grammar_is_rich_enough(grammar: tuple[dict, dict, dict]) -> None:
    intents, slots, style = grammar
    for intent, by_split in intents.items():
        assert [len(by_split[split]) >= least for split, least in zip(SPLITS, (25, 6, 8))] == [True] * 3, intent
        used = {slot for template in chain.from_iterable(by_split.values()) for slot in corpus._SLOT.findall(template)}
        assert used <= set(slots) | {"do"}, intent
    assert style["opener"] and style["closer"] and style["colloquial"]


def test_rows_have_typos_and_colloquial_forms(grammar: tuple[dict, dict, dict]) -> None:
    words = re.findall(r"[a-z']+", " ".join(load_task("pocket").rows("train").texts).lower())
    written = set(re.findall(r"[a-z']+", json.dumps(grammar).lower()))
    assert 0.005 < sum(word not in written for word in words) / len(words) < 0.05  # slips of the keyboard
    colloquial = set(grammar[2]["colloquial"].values())
    assert sum(word in colloquial for word in words) > 1000


def test_labels_file_is_in_intent_order(grammar: tuple[dict, dict, dict]) -> None:
    assert json.loads((corpus.OUT / "labels.json").read_text()) == sorted(grammar[0]) == load_task("pocket").labels
