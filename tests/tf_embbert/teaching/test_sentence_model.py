"""The sentence encoder as a teacher: made small and at random here, for it is the training that is looked at."""

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import spearmanr

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from tests.support.chain import make_rows, write_rows  # noqa: E402
from tf_embbert.data.checks import words_of  # noqa: E402
from tf_embbert.data.rows import Rows  # noqa: E402
from tf_embbert.data.tasks import load_task  # noqa: E402
from tf_embbert.finetune import main as finetune  # noqa: E402
from tf_embbert.run import load_run  # noqa: E402
from tf_embbert.teaching.config import Teaching  # noqa: E402
from tf_embbert.teaching.lesson import known_alike, take_lesson, texts_to_judge  # noqa: E402

STRANGERS = [f"stranger{letter}" for letter in "abcdefghijklmnopqrstuvwxyz"]  # words of no row


def small_encoder(path: Path, words: list[str]) -> str:
    """A BERT of two narrow layers and a tokenizer of these words."""
    (path / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]))
    transformers.BertTokenizer(str(path / "vocab.txt")).save_pretrained(path)
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    transformers.BertModel(transformers.BertConfig(vocab_size=5 + len(words), **sizes)).save_pretrained(path)
    return str(path)


def words_of_texts() -> list[str]:
    return sorted({word for row in make_rows("classes", 300) for word in row["body"].split()})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Of a small encoder that knows the texts' words."""
    return small_encoder(tmp_path_factory.mktemp("encoder"), words_of_texts())


@pytest.mark.parametrize("classes", [2, 3])
def test_it_learns_a_task_and_judges_in_the_texts_order(folder: str, classes: int) -> None:
    from tf_embbert.teaching.sentence_model import SentenceTeacher

    names = sorted({row["queue"] for row in make_rows("classes", 9)})[:classes]
    rows = [row for row in make_rows("classes", 240) if row["queue"] in names]
    others = [row for row in make_rows("classes", 300, seed=1) if row["queue"] in names]
    texts, labels = [row["body"] for row in rows], np.array([names.index(row["queue"]) for row in rows])
    teacher = SentenceTeacher(folder, Rows(texts, None, labels), classes + 1, epochs=3, seed=0)  # one has no rows
    said = teacher.judge([row["body"] for row in others])
    truth = np.array([names.index(row["queue"]) for row in others])
    assert said.shape == (len(others), classes + 1)
    np.testing.assert_allclose(said.sum(axis=1), 1, atol=1e-3)
    assert np.mean(said.argmax(axis=1) == truth) > 0.9
    alone = np.concatenate([teacher.judge([row["body"]]) for row in others[:5]])
    np.testing.assert_allclose(alone, said[:5], atol=0.05)  # bfloat16 where the processor has it


@pytest.mark.parametrize("kind", ["pairs", "regression"])
def test_pairs_and_numbers_are_learnt_and_taught(folder: str, kind: str, tmp_path: Path) -> None:
    """The lesson's copies are judged as a human would, none has the words of a held-out row, and it is kept."""
    task = load_task(str(write_rows(tmp_path / "rows.jsonl", make_rows(kind, 1500))))
    how = Teaching(folder, 10, 300, 0.3, seed=0)
    lines: list[str] = []
    lesson = take_lesson(task, how, tmp_path / "work", lines.append)
    soft, again = lesson.soft, take_lesson(task, how, tmp_path / "work", lines.append).soft
    assert len(soft) > 100 and (soft.texts, soft.pairs) == (again.texts, again.pairs)
    rows, selection = task.rows("train"), task.rows("selection")
    assert len(lesson.targets) == len(rows) and lesson.about["selection"]["encoder"] > 75, lesson.about
    held = {tuple(map(words_of, parts)) for parts in zip(selection.texts, selection.pairs or selection.texts)}
    assert not held & {tuple(map(words_of, parts)) for parts in zip(soft.texts, soft.pairs or soft.texts)}
    if kind == "regression":
        words = [len(text.split()) + 3.5 * ("music" in text) for text in soft.texts]
        assert soft.targets.min() >= rows.labels.min() and soft.targets.max() <= rows.labels.max()
        assert spearmanr(words, soft.targets[:, 0]).statistic > 0.5
    else:
        np.testing.assert_allclose(soft.targets.sum(axis=1), 1, atol=1e-3)
        marks = ("lamp", "song", "timer")
        pairs = [[mark in part for mark in marks] for pair in zip(soft.texts, soft.pairs) for part in pair]
        sure = np.array(pairs).reshape(-1, 2, 3)  # of which class's words each part has any
        alike, sure = (sure[:, 0] == sure[:, 1]).all(axis=1), (sure.sum(axis=2) == 1).all(axis=1)
        no = soft.targets[:, task.labels.index("no")]
        assert no[sure & ~alike].mean() - no[sure & alike].mean() > 0.2


@pytest.mark.parametrize("kind", ["pairs", pytest.param("regression", marks=pytest.mark.slow)])
def test_a_run_learns_from_judged_pairs_or_numbers(folder: str, kind: str, tmp_path: Path) -> None:
    data = write_rows(tmp_path / "rows.jsonl", make_rows(kind, 120))
    options = ["--preset", "nano", "--teacher", folder, "--variants", "50", "--epochs", "1", "--qat-epochs", "1"]
    assert finetune(["--task", str(data), *options, "--out", str(tmp_path / "run")]) == 0
    metrics = load_run(tmp_path / "run").metrics
    assert metrics["recipe"]["teacher"]["judged_texts"] > 20 and np.isfinite(metrics["qat_tflm"])


def test_words_of_its_vocabulary_stand_for_those_of_the_rows(tmp_path: Path) -> None:
    task = load_task(
        str(write_rows(tmp_path / "rows.jsonl", make_rows("classes", 40))), text_column="body", label_column="queue"
    )
    how = Teaching(small_encoder(tmp_path, [*words_of_texts(), *STRANGERS]), 1, 200, 0.3, seed=0)
    alike = known_alike(task, how)
    own = {word for text in task.rows("train").texts for word in text.split()}
    assert alike is not None and {word.strip(".,!?").lower() for word in own} >= alike.keys() > set()
    assert any(word in STRANGERS for words in alike.values() for word in words)
    assert any(stranger in str(text) for text in texts_to_judge(task, how) for stranger in STRANGERS)
    assert known_alike(task, Teaching(None, 0, 200, 0.3, seed=0)) is None  # nobody knows


def test_batches_hold_every_row_once() -> None:
    from tf_embbert.teaching.sentence_model import BATCH, batches_of

    texts = ["x" * (i % 50) for i in range(1000)]
    batches = batches_of(texts, np.random.default_rng(0))
    assert sorted(np.concatenate(batches).tolist()) == list(range(1000))
    assert max(map(len, batches)) <= BATCH + 1
