"""The encoder that tells how likely words are: what it is asked, that it learns it, that finetune starts from it."""

from pathlib import Path

import numpy as np
import pytest

from tests.support.chain import FolderOf
from tests.support.toy_language import few_classes, sentence, write_language
from tf_embbert.distillation import fluency_encoder
from tf_embbert.distillation.fluency import CORPUS, Fluency
from tf_embbert.distillation.fluency_encoder import BOUND, ToldSentences
from tf_embbert.model.config import CLS
from tf_embbert.run import load_run
from tf_embbert.tokenizer import Tokenizer


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    few_classes(monkeypatch)
    return write_language(tmp_path, CORPUS)


def test_numbers_stand_at_the_last_token_of_their_word(folder: Path, rng: np.random.Generator) -> None:
    counted = Fluency([folder / f"pretrain/{name}.txt.gz" for name in CORPUS])
    sentences = [sentence(rng) for _ in range(40)] + [["cat", "unthinkable", "dog"]]
    tokenizer = Tokenizer.train(["the cat dog a saw"], 80)  # most words are several tokens
    told = ToldSentences(sentences, counted, tokenizer)
    raw = counted.gains(sentences)[0]
    expected = np.clip((raw - raw.mean(axis=0)) / raw.std(axis=0), -BOUND, BOUND)
    start = 0
    tokens, (numbers, means), (weights, _) = told.batch(np.arange(41))
    for row, words in enumerate(sentences):
        own, start = expected[start : start + len(words)], start + len(words)
        ends = [len(tokenizer.encode([" ".join(words[: n + 1])], max_length=99).ids[0]) - 1 for n in range(len(words))]
        assert tokens[row, 0] == CLS and np.flatnonzero(weights[row]).tolist() == ends
        np.testing.assert_allclose(numbers[row, ends], own, rtol=1e-5, atol=1e-5)
        np.testing.assert_allclose(means[row], own.mean(axis=0), rtol=1e-4, atol=1e-5)
    assert weights.mean() == pytest.approx(1)


def test_an_epoch_has_each_row_once_but_the_last_few(folder: Path, rng: np.random.Generator) -> None:
    counted = Fluency([folder / f"pretrain/{name}.txt.gz" for name in CORPUS])
    sentences = [sentence(rng)[:length] for length in rng.integers(1, 7, 50)]
    told = ToldSentences(sentences, counted, Tokenizer.train(["the cat"], 80))
    batches = [tokens for tokens, _, _ in told.batches(np.arange(50), 8, seed=1)]
    rows = [tuple(np.trim_zeros(row, "b")) for batch in batches for row in batch]
    own = [tuple(row) for row in told.tokens]
    assert len(rows) == 48 and all(rows.count(row) <= own.count(row) for row in rows)


@pytest.mark.slow
def test_it_learns_and_finetune_starts_from_it(
    folder: Path, run_of: FolderOf, capsys: pytest.CaptureFixture[str]
) -> None:
    from tf_embbert.finetune import main as finetune

    out, start = folder / "fluent", run_of("classes")
    arguments = [
        "--data-dir",
        str(folder),
        "--init",
        str(start),
        "--sentences",
        "2000",
        "--epochs",
        "3",
        "--batch-size",
        "32",
        "--learning-rate",
        "5e-3",
        "--out",
        str(out),
    ]
    assert fluency_encoder.main(arguments) == 0
    run = load_run(out)
    assert run.metrics["held_out_words"] < 0.6 and run.chosen is None  # 1 is knowing nothing
    before, after = load_run(start).float_weights, run.float_weights
    assert not np.array_equal(before["embed/token_table"], after["embed/token_table"])
    assert (
        finetune(
            [
                "--task",
                "cola",
                "--data-dir",
                str(folder),
                "--init",
                str(out),
                "--teacher",
                "none",
                "--epochs",
                "1",
                "--qat-epochs",
                "1",
                "--out",
                str(folder / "cola"),
            ]
        )
        == 0
    )
    capsys.readouterr()
    assert fluency_encoder.main([*arguments[:-1], str(folder / "other"), "--batch-size", "5000"]) == 2
    assert "are no batch of 5000: give more plain text" in capsys.readouterr().err and not [*folder.glob("other*")]
    assert fluency_encoder.main(arguments) == 2 and "exists" in capsys.readouterr().err
