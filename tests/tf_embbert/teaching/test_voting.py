"""The voting teacher: what it says of rows that it has not seen, of classes that it hardly knows, and how surely."""

from collections.abc import Sequence

import numpy as np
import pytest

from tests.support.chain import make_rows
from tf_embbert.common.errors import UserError
from tf_embbert.teaching.voting import FINE_TUNED, Speak, VotingTeacher, best_temperature, stratified_folds
from tf_embbert.training.metrics import cross_entropy


def made_rows(count: int, seed: int = 0) -> tuple[list[str], np.ndarray]:
    """Texts of three classes."""
    rows = make_rows("classes", count, seed)
    names = sorted({row["queue"] for row in rows})
    return [row["body"] for row in rows], np.array([names.index(row["queue"]) for row in rows])


def test_it_knows_new_texts_and_its_own_unseen_ones() -> None:
    (texts, labels), (others, truth) = made_rows(150), made_rows(100, seed=1)
    teacher = VotingTeacher(texts, labels, 3, seed=0)
    for said, right in ((teacher.unseen, labels), (teacher.judge(others), truth)):
        np.testing.assert_allclose(said.sum(axis=1), 1, atol=1e-6)
        assert np.mean(said.argmax(axis=1) == right) > 0.95


def test_it_has_not_seen_the_label_of_the_row_it_speaks_of() -> None:
    texts, labels = made_rows(60)
    opinion = VotingTeacher(texts, labels, 3, seed=3).unseen
    row = 7
    wrong = labels.copy()
    wrong[row] = (labels[row] + 1) % 3
    again = VotingTeacher(texts, wrong, 3, seed=3).unseen
    assert again[row].argmax() == labels[row]  # whatever its own label says
    assert not np.array_equal(again, opinion)  # the others have seen it


def test_a_voter_that_reads_is_heard_where_words_say_nothing() -> None:
    """Every row has words of its own; what tells its class are the vectors."""
    labels = np.arange(90) % 3
    texts = [f"{i:04d}{'abc'[label]}" for i, label in enumerate(labels)]

    def read(some: Sequence[str]) -> np.ndarray:
        return np.array([np.eye(3)["abc".index(text[-1])] for text in some])

    deaf, hearing = VotingTeacher(texts, labels, 3, 0), VotingTeacher(texts, labels, 3, 0, read)
    assert "sentence vectors" in hearing.chosen and "sentence vectors" not in deaf.chosen
    assert np.mean(hearing.judge(["9999a", "9998b", "9997c"]).argmax(axis=1) == [0, 1, 2]) == 1
    assert cross_entropy(np.log(hearing.unseen), labels) < cross_entropy(np.log(deaf.unseen), labels)


def test_a_voter_that_learns_sees_no_label_of_a_row_that_it_speaks_of() -> None:
    """What it has learnt is the label of each text that it was given, and nothing of any other."""
    texts, labels = made_rows(60)

    def learn(some: Sequence[str], known: np.ndarray) -> Speak:
        label_of = dict(zip(some, known))
        return lambda others: np.array(
            [20 * np.eye(3)[label_of[text]] if text in label_of else np.zeros(3) for text in others]
        )

    texts = [f"{text} {i}" for i, text in enumerate(texts)]
    knowing = VotingTeacher(texts, labels, 3, 0, learn=learn)
    np.testing.assert_array_equal(knowing.unseen, VotingTeacher(texts, labels, 3, 0).unseen)  # nobody hears it

    def guess(some: Sequence[str], known: np.ndarray) -> Speak:
        return lambda others: np.array([5 * np.eye(3)[labels[int(text.split()[-1])]] for text in others])

    heard = VotingTeacher([f"x {i}" for i in range(60)], labels, 3, 0, learn=guess)
    assert heard.chosen == (FINE_TUNED,)
    np.testing.assert_array_equal(heard.judge(["x 3", "x 4"]).argmax(axis=1), labels[3:5])


def test_a_class_without_rows_gets_next_to_nothing() -> None:
    texts, labels = made_rows(60)
    assert VotingTeacher(texts, labels, 5, seed=0).judge(texts)[:, 3:].max() < 0.05


def test_two_classes_and_texts_without_words() -> None:
    texts, labels = made_rows(80)
    two = VotingTeacher([*texts, "", "!"], np.append(labels > 0, [False, False]).astype(int), 2, seed=0)
    assert np.mean(two.judge(texts).argmax(axis=1) == (labels > 0)) > 0.95
    assert np.isfinite(two.judge(["", "漢字"])).all()


def test_every_class_of_two_rows_is_in_two_folds() -> None:
    labels = np.repeat(np.arange(30), 2)
    folds = stratified_folds(labels, seed=5)
    assert all(folds[2 * label] != folds[2 * label + 1] for label in range(30))


def test_one_class_without_a_fold_is_an_error() -> None:
    texts, _ = made_rows(40)
    with pytest.raises(UserError, match="too few rows of all classes but one"):
        VotingTeacher(texts, (np.arange(40) == 4).astype(int), 2, seed=0)


def test_the_temperature_is_that_of_the_noise(rng: np.random.Generator) -> None:
    """Labels drawn from softmax(x): logits of 3 x want a temperature of 3."""
    x = rng.normal(0, 2, (4000, 4))
    p = np.exp(x) / np.exp(x).sum(axis=1, keepdims=True)
    labels = (p.cumsum(axis=1) > rng.random((4000, 1))).argmax(axis=1)
    assert best_temperature(3 * x, labels) == pytest.approx(3, rel=0.25)
    assert cross_entropy(x, labels) < cross_entropy(3 * x, labels)
