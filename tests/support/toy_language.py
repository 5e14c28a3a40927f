"""A language of a dozen sentences' patterns: plain text in it, and a task of telling them from shuffled ones."""

import gzip
import json
from collections.abc import Iterable
from pathlib import Path

import numpy as np
import pytest

from tf_embbert.distillation import fluency

NOUNS = ["cat", "dog", "bird", "girl", "boy", "king", "cook", "fox"]
VERBS = ["saw", "liked", "heard", "found", "held", "met"]


def sentence(rng: np.random.Generator, nouns: list[str] = NOUNS) -> list[str]:
    return ["the", str(rng.choice(nouns)), str(rng.choice(VERBS)), "a", str(rng.choice(nouns)), "."]


def shuffled(rng: np.random.Generator, words: list[str]) -> list[str]:
    """The words in another order; the last, which is a mark, stays."""
    other = words
    while other == words:
        other = [*rng.permutation(words[:-1]).tolist(), words[-1]]
    return other


def few_classes(patch: pytest.MonkeyPatch) -> None:
    """Has `Fluency` make as few classes as so few words need."""
    for name, value in {"OWN_CLASS": 8, "SHARED_CLASSES": 3, "CONTEXTS": 14, "WIDTH": 6}.items():
        patch.setattr(fluency, name, value)


def write_language(folder: Path, corpora: Iterable[str]) -> Path:
    """Writes pretrain/NAME.txt.gz of all nouns, and a CoLA whose training rows know half of them only: the folder."""
    rng = np.random.default_rng(0)
    (folder / "pretrain").mkdir()
    for name in corpora:
        lines = (" ".join(" ".join(sentence(rng)) for _ in range(5)) for _ in range(150))
        (folder / f"pretrain/{name}.txt.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    (folder / "glue_cola").mkdir()
    (folder / "glue_cola/labels.json").write_text(json.dumps(["unacceptable", "acceptable"]))
    for split, nouns in (("train", NOUNS[:4]), ("validation", NOUNS[4:])):
        sentences = [sentence(rng, nouns) for _ in range(300)]
        rows = [
            {"text": " ".join(words if i % 2 else shuffled(rng, words)), "label": i % 2}
            for i, words in enumerate(sentences)
        ]
        (folder / f"glue_cola/{split}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return folder
