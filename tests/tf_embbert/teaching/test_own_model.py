"""EmbBERT as a voter: it learns labels from the encoder that it starts from."""

import numpy as np

from tests.support.chain import FolderOf, make_rows
from tf_embbert.run import load_run
from tf_embbert.teaching.own_model import learner_of


def test_it_learns_labels(run_of: FolderOf) -> None:
    rows = make_rows("classes", 160, 5)
    names = sorted({row["queue"] for row in rows})
    texts, labels = [row["body"] for row in rows], np.array([names.index(row["queue"]) for row in rows])
    run = load_run(run_of("pairs"))
    before = [value.copy() for value in run.float_weights.values()]
    learn = learner_of(run, len(names), epochs=20, seed=0)
    said = learn(texts[:120], labels[:120])(texts[120:])
    assert said.shape == (40, len(names))
    assert np.mean(said.argmax(axis=1) == labels[120:]) > 0.9
    for value, kept in zip(run.float_weights.values(), before):
        np.testing.assert_array_equal(value, kept)
