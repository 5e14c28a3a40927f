"""An encoder under another tokenizer: the vectors of its tokens, and a training that starts from them."""

from pathlib import Path

import numpy as np
import pytest

from tests.support.chain import CLASSES, EXTRAS, FolderOf
from tf_embbert.model.config import CLS, PAD, UNK
from tf_embbert.tokenizer import Tokenizer
from tf_embbert.training.transfer import translate_table

WORDS = [word for texts in CLASSES.values() for text in texts for word in text.split()]


@pytest.fixture(scope="module")
def tokenizers() -> tuple[Tokenizer, Tokenizer]:
    """One that has whole words, one that has hardly more than letters, of the same texts."""
    texts = [" ".join(WORDS + EXTRAS)] * 20
    return Tokenizer.train(texts, 300), Tokenizer.train(texts, 85)


def spelling(tokenizer: Tokenizer, token: int) -> str:
    return tokenizer.decode([token])[0]


@pytest.mark.parametrize("forth", [True, False])
def test_a_token_has_the_mean_of_the_tokens_that_spell_it(tokenizers: tuple[Tokenizer, Tokenizer], forth: bool) -> None:
    source, target = tokenizers if forth else tokenizers[::-1]
    table = np.random.default_rng(0).normal(size=(source.vocab_size, 4)).astype(np.float32)
    translated = translate_table(table, source, target)
    assert translated.shape == (target.vocab_size, 4)
    np.testing.assert_array_equal(translated[:5], table[:5])
    rows = {spelling(source, token): table[token] for token in range(5, source.vocab_size)}
    cut = 0
    for token in range(5, target.vocab_size):
        spelt = spelling(target, token)
        parts = source.decode(source.encode([spelt]).ids[0][1:])
        assert "".join(parts) == spelt
        cut += len(parts) > 1
        np.testing.assert_allclose(translated[token], np.mean([rows[part] for part in parts], axis=0), atol=1e-6)
    assert (cut > 20) == (not forth)


def test_spellings_that_the_source_has_no_letter_of(tokenizers: tuple[Tokenizer, Tokenizer]) -> None:
    """Letters that only the target has are [UNK] to the source: of them nothing is known, and no two begin alike."""
    source = tokenizers[0]
    target = Tokenizer.train(["жж ллжа"] * 20 + ["lamp"] * 20)
    table = np.random.default_rng(0).normal(size=(source.vocab_size, 4)).astype(np.float32)
    translated = translate_table(table, source, target)
    first, second, both = (translated[target.encode([text]).ids[0][1]] for text in ("ж", "л", "лл"))
    assert len({tuple(row) for row in (first, second, both)}) == 3 and not np.allclose(first, table[UNK])
    np.testing.assert_array_equal(translated, translate_table(table, source, target))


def test_a_training_starts_with_its_own_tokenizer(run_of: FolderOf, data: dict[str, Path]) -> None:
    """From a run of another task: the blocks are the run's, the tokenizer is not, the token vectors are translated."""
    from tf_embbert import FinetuneConfig
    from tf_embbert.finetuning.plan import make_plan
    from tf_embbert.finetuning.prepare import PreparedTask
    from tf_embbert.run import load_run, weight_names

    start = load_run(run_of("pairs"))
    columns = {"text_column": "body", "label_column": "queue"}
    config = FinetuneConfig(task=str(data["classes"]), **columns, init=str(run_of("pairs")), teacher="none")
    task = config.load(seed=0)
    prepared = PreparedTask(task, make_plan(config, task).config, report=print)
    assert prepared.tokenizer.to_json() == Tokenizer.train(task.rows("train").texts, start.config.vocab_size).to_json()
    weights = dict(zip(weight_names(model := prepared.initial_model()), model.get_weights()))
    for name, value in start.float_weights.items():
        if not name.startswith("head") and name != "embed/token_table":
            np.testing.assert_array_equal(weights[name], value)
    expected = translate_table(start.float_weights["embed/token_table"], start.tokenizer, prepared.tokenizer)
    np.testing.assert_array_equal(weights["embed/token_table"], expected)
    assert not expected[PAD].any() and expected[CLS].any()
