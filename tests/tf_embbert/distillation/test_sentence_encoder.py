"""The encoder of sentence vectors: what sentences it reads, and that it learns the vectors that it is shown."""

import gzip
import random
from pathlib import Path

import numpy as np
import pytest

from tests.support.chain import FolderOf, make_rows
from tf_embbert.common.errors import UserError
from tf_embbert.distillation import sentence_encoder
from tf_embbert.distillation.sentences import CUT, LONG, MIXED, cut_sentences, read_sentences
from tf_embbert.run import load_run


def test_sentences_end_at_marks_and_quotations_and_long_ones_are_cut() -> None:
    text = '"Come here," he said. Nobody came -- it was late; 12 34. ' + "word " * 60
    found = [sentence for seed in range(20) for sentence in cut_sentences(text, random.Random(seed))]
    assert {"Come here", "he said.", "Nobody came", "it was late"} <= set(found)
    runs = [len(sentence.split()) for sentence in found if sentence.startswith("word")]
    assert runs and CUT[0] <= min(runs) and max(runs) <= CUT[1] < LONG
    assert not any(sentence.startswith("12") for sentence in found)  # no words


def test_sentences_are_different_and_their_first_ones_do_not_depend_on_the_count(tmp_path: Path) -> None:
    for name in MIXED:
        with gzip.open(tmp_path / f"{name}.txt.gz", "wt") as file:
            file.writelines(f"The {name} has line {i % 40} of it.\n" for i in range(80))
    few, all_of_them = (read_sentences(tmp_path, count) for count in (30, 1000))
    assert few == all_of_them[:30] and len(set(all_of_them)) == len(all_of_them) == 120
    (tmp_path / "books.txt.gz").unlink()
    with pytest.raises(UserError, match="--data-dir must hold pretrain"):
        read_sentences(tmp_path, 30)


def test_it_learns_the_vectors(run_of: FolderOf, monkeypatch: pytest.MonkeyPatch, rng: np.random.Generator) -> None:
    """Vectors of the sentences' words, each word with a direction of its own."""
    monkeypatch.setattr(sentence_encoder, "HELD_OUT", 60)
    texts = [row["body"] for row in make_rows("classes", 900)]
    directions = {word: rng.normal(size=24) for word in sorted({word for text in texts for word in text.split()})}
    vectors = np.array([sum(directions[word] for word in text.split()) for text in texts])
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float16)
    start = load_run(run_of("pairs"))
    _, history = sentence_encoder.train_encoder(start, texts, vectors, 8, 32, lambda line: None)
    assert len(history) == 8 and history[-1]["held_out_cosine"] > max(0.5, history[0]["held_out_cosine"])
