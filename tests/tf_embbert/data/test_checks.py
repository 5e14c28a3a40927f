"""What rows tell against a task."""

import numpy as np

from tf_embbert.data.checks import content_notices, not_in_train, unknown_notice
from tf_embbert.data.labels import UNKNOWN
from tf_embbert.data.rows import Rows


def rows(texts: list[str], labels: list[int], pairs: list[str] | None = None) -> Rows:
    return Rows(texts, pairs, np.array(labels, np.int32))


def test_rows_that_training_had() -> None:
    splits = {"train": rows(["a", "b"], [0, 1]), "test": rows(["b", "c", "b"], [1, 1, 0])}
    assert not_in_train(splits, "test").tolist() == [False, True, False]
    assert not_in_train({"test": splits["test"]}, "test").all()


def test_a_pair_is_known_as_a_pair() -> None:
    splits = {"train": rows(["a", "b"], [0, 1], ["x", "y"]), "test": rows(["a", "b"], [0, 1], ["y", "y"])}
    assert not_in_train(splits, "test").tolist() == [True, False]


def test_notices_count() -> None:
    splits = {"train": rows(["a", "a", "b", " "], [0, 1, 1, 0]), "test": rows(["b", "c"], [0, 1])}
    assert content_notices(splits, "test", ["Yes", "y es"]) == [
        "classes that differ in case or spaces only: 'Yes' and 'y es'",
        "1 of 6 texts are empty",
        "2 of 4 different texts have more than one label",
        "1 of 2 test texts stand in train too",
    ]
    assert content_notices({"train": rows(["a", "b"], [0, 1])}, "test", ["x", "y"]) == []


def test_unknown_labels_are_named_once() -> None:
    part = rows(["a", "b", "c"], [0, UNKNOWN, UNKNOWN])
    assert unknown_notice(part, ["x", "new", "new"], "test") == [
        "2 of 3 test rows have a label training never saw, and count as wrong: 'new'"
    ]
    assert unknown_notice(rows(["a"], [0]), ["x"], "test") == []
