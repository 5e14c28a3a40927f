"""What a training leaves out of attention and of texts: nothing where a teacher judges copies."""

import numpy as np

from tf_embbert import FinetuneConfig
from tf_embbert.data.rows import Rows, Task
from tf_embbert.finetuning.plan import LABELS_ALONE, make_plan

WORDS = ["please", "turn", "the", "light", "in", "my", "kitchen", "off", "and", "play", "some", "music"]


def left_out(**options: str | float) -> tuple[float | None, float | None]:
    rng = np.random.default_rng(0)
    rows = Rows([" ".join(rng.choice(WORDS, 8)) for _ in range(40)], None, np.arange(40) % 2)
    task = Task("task", ["off", "on"], {"train": rows, "selection": rows, "test": rows}, "test", "accuracy")
    chosen = make_plan(FinetuneConfig(task="task", deterministic=True, **options), task).config
    return chosen.dropout, chosen.token_dropout


def test_a_taught_training_leaves_nothing_out_but_what_was_asked_for() -> None:
    assert left_out(teacher="ngrams") == (0.0, 0.0)
    assert left_out(teacher="ngrams", dropout=0.2, token_dropout=0.3) == (0.2, 0.3)


def test_without_judged_copies_the_labels_recipe_and_the_encoders_dropout_stand() -> None:
    alone = (None, LABELS_ALONE["token_dropout"])
    assert left_out(teacher="none") == left_out(teacher="ngrams", variants=0) == alone
