"""What the sentence encoder reads of how many rows: all of them, as many as the minutes allow, or none."""

import pytest

from tests.support.switches import switches
from tf_embbert import FinetuneConfig
from tf_embbert.finetuning.budget import BESIDE, ENCODER_FEWEST, ENCODER_LEARNS, Budget


def budget(rows: int, minutes: float) -> Budget:
    return Budget(FinetuneConfig(task="task", minutes=minutes, deterministic=True), switches(rows))


@pytest.mark.parametrize(("rows", "epochs"), [(30, 10), (1500, 10), (5000, 3), (15_000, 1)])
def test_few_rows_are_all_read_and_the_more_often_the_fewer_they_are(rows: int, epochs: int) -> None:
    assert budget(rows, 60).encoder_lesson(must=False) == (rows, epochs)


def test_of_too_many_rows_a_part_is_read_once() -> None:
    of_many, of_more = budget(40_000, 20), budget(60_000, 20)
    rows, epochs = of_many.encoder_lesson(must=False)
    assert ENCODER_FEWEST < rows < 40_000 and epochs == 1
    assert of_more.encoder_lesson(must=False) == (rows, 1)  # it costs no more of more rows
    spent = rows * of_many.read_tokens * ENCODER_LEARNS * of_many.encoder_factor
    assert 0.99 * BESIDE < spent / of_many.seconds <= BESIDE


def test_where_the_student_has_no_time_to_spare_linear_models_teach_alone() -> None:
    assert budget(300_000, 20).encoder_lesson(must=False) == (0, 0)


def test_a_part_of_the_rows_leaves_the_student_its_time() -> None:
    many = budget(50_000, 20)
    rows, epochs = many.encoder_lesson(must=False)
    copies, taught = many.student(rows, epochs, 0)
    assert copies >= 10_000 and taught >= 4
    less, fewer = many.student(50_000, epochs, 0)
    assert (less, fewer) < (copies, taught)


def test_in_a_minute_only_an_encoder_that_must_teaches() -> None:
    assert budget(50_000, 1.5).encoder_lesson(must=False) == (0, 0)
    assert budget(50_000, 1.5).encoder_lesson(must=True) == (ENCODER_FEWEST, 1)
    assert budget(500, 0.1).encoder_lesson(must=True) == (500, 1)
