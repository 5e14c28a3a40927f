"""The sentence encoder as a teacher: made small and at random here, for it is the training that is looked at."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
transformers = pytest.importorskip("transformers")

from tests.support.chain import make_rows  # noqa: E402


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A BERT of two narrow layers and a tokenizer of the texts' words."""
    path = tmp_path_factory.mktemp("encoder")
    words = sorted({word for row in make_rows("classes", 300) for word in row["body"].split()})
    (path / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words]))
    transformers.BertTokenizer(str(path / "vocab.txt")).save_pretrained(path)
    torch.manual_seed(0)
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": 64}
    transformers.BertModel(transformers.BertConfig(vocab_size=5 + len(words), **sizes)).save_pretrained(path)
    return str(path)


@pytest.mark.parametrize("classes", [2, 3])
def test_it_learns_a_task_and_judges_in_the_texts_order(folder: str, classes: int) -> None:
    from tf_embbert.teaching.sentence_model import SentenceTeacher

    names = sorted({row["queue"] for row in make_rows("classes", 9)})[:classes]
    rows = [row for row in make_rows("classes", 240) if row["queue"] in names]
    others = [row for row in make_rows("classes", 300, seed=1) if row["queue"] in names]
    texts, labels = [row["body"] for row in rows], np.array([names.index(row["queue"]) for row in rows])
    teacher = SentenceTeacher(folder, texts, labels, classes + 1, epochs=3, seed=0)  # one class has no rows
    said = teacher.judge([row["body"] for row in others])
    truth = np.array([names.index(row["queue"]) for row in others])
    assert said.shape == (len(others), classes + 1)
    np.testing.assert_allclose(said.sum(axis=1), 1, atol=1e-3)
    assert np.mean(said.argmax(axis=1) == truth) > 0.9
    alone = np.concatenate([teacher.judge([row["body"]]) for row in others[:5]])
    np.testing.assert_allclose(alone, said[:5], atol=0.05)  # bfloat16 where the processor has it


def test_batches_hold_every_row_once() -> None:
    from tf_embbert.teaching.sentence_model import BATCH, batches_of

    texts = ["x" * (i % 50) for i in range(1000)]
    batches = batches_of(texts, np.random.default_rng(0))
    assert sorted(np.concatenate(batches).tolist()) == list(range(1000))
    assert max(map(len, batches)) <= BATCH + 1
