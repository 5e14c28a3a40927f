"""Short sentences of the folder's plain text, and what a large sentence encoder says of texts: its vectors."""

import gzip
import random
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from tf_embbert.common.console import Report
from tf_embbert.common.errors import UserError
from tf_embbert.run import Array
from tf_embbert.teaching.alike import unit

# A sentence ends at a mark, a dash or a quotation mark: what is said in a novel is nearest to what people write.
ENDS = re.compile(r"(?<=[.!?;:])\s+|\s+--?\s+|(?<=[.!?])['\"”’]\s+|[\"“”]")
LONG, CUT = 18, (4, 16)  # words: a longer sentence is left out, or one run of so many words of it is taken
MIXED = {"books": 520_000, "wikinews": 300_000, "wikipedia": 320_000}  # sentences of each file, of which some are read


def cut_sentences(text: str, rng: random.Random, longest: int = LONG, cut: tuple[int, int] = CUT) -> Iterator[str]:
    """The sentences of a paragraph, and of half of the long ones a run of words.

    Args:
        text: the paragraph.
        rng: of all choices.
        longest: words beyond which a sentence is long.
        cut: words of a run, the fewest and the most.
    """
    for part in ENDS.split(text.strip()):
        words = (part or "").strip(" '\"”’“‘,;:-").split()
        if len(words) > longest:
            if rng.random() < 0.5:
                continue
            count = rng.randint(*cut)
            start = rng.randrange(len(words) - count)
            words = words[start : start + count]
        if sum(any(letter.isalpha() for letter in word) for word in words) >= 2:
            yield " ".join(words)


def read_sentences(folder: Path, count: int, longest: int = LONG, cut: tuple[int, int] = CUT) -> list[str]:
    """Different sentences of the plain text, the first of a seeded order; `longest` and `cut` as in `cut_sentences`."""
    rng, chosen = random.Random(0), dict[str, None]()
    for name, most in MIXED.items():
        path = folder / f"{name}.txt.gz"
        if not path.is_file():
            raise UserError(f"no such file: {path}; --data-dir must hold pretrain/{path.name}")
        with gzip.open(path, "rt", encoding="utf-8") as file:
            found = list(dict.fromkeys(part for line in file for part in cut_sentences(line, rng, longest, cut)))
        rng.shuffle(found)
        chosen.update(dict.fromkeys(found[:most]))
    sentences = list(chosen)
    rng.shuffle(sentences)
    return sentences[:count]


def read_vectors(encoder: str, texts: Sequence[str], folder: Path, report: Report) -> Array:
    """The large encoder's vectors of length 1, float16 [texts, width], kept in the folder. Wants torch."""
    path = folder / "vectors.npy"
    if not path.is_file():
        from tf_embbert.teaching.sentence_model import SentenceModel, in_fast_numbers

        report(f"the sentence encoder reads {len(texts):,} texts")
        model = in_fast_numbers(SentenceModel(encoder, 1))
        vectors = model.of_all(texts, model.vectors, "reading")
        folder.mkdir(parents=True, exist_ok=True)
        np.save(path, unit(vectors).astype(np.float16))
    return np.load(path)
