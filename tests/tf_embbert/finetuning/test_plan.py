"""What a training leaves out of attention and of texts: nothing where a teacher judges copies."""

from tests.support.switches import switches
from tf_embbert import FinetuneConfig
from tf_embbert.finetuning.plan import LABELS_ALONE, make_plan


def left_out(**options: str | float) -> tuple[float | None, float | None]:
    chosen = make_plan(FinetuneConfig(task="task", deterministic=True, **options), switches(40)).config
    return chosen.dropout, chosen.token_dropout


def test_a_taught_training_leaves_nothing_out_but_what_was_asked_for() -> None:
    assert left_out(teacher="ngrams") == (0.0, 0.0)
    assert left_out(teacher="ngrams", dropout=0.2, token_dropout=0.3) == (0.2, 0.3)


def test_without_judged_copies_the_labels_recipe_and_the_encoders_dropout_stand() -> None:
    alone = (None, LABELS_ALONE["token_dropout"])
    assert left_out(teacher="none") == left_out(teacher="ngrams", variants=0) == alone
