"""One pretraining in two processes against one process with the same batches, and with one of them killed."""

import json
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from tests.support.chain import history, refused
from tests.support.workers import finish, start, start_workers
from tf_embbert.pretrain import main
from tf_embbert.pretraining.batches import Batch, Pieces, Plan
from tf_embbert.run import load_run
from tf_embbert.tokenizer import SPECIAL_TOKENS, Tokenizer

RELATIVE = 1e-4  # of the losses


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of 600 paragraphs of made words."""
    rng = np.random.default_rng(0)
    words = ["".join(rng.choice(list("abcdefgh"), 4)) for _ in range(60)]
    lines = [". ".join(" ".join(rng.choice(words, 6)) for _ in range(rng.integers(1, 5))) + "." for _ in range(600)]
    path = tmp_path_factory.mktemp("text") / "words.txt"
    path.write_text("\n".join(lines), encoding="utf-8")
    return path


def pretrain(text: Path, out: Path, steps: int = 8, every: int = 4) -> list[str]:
    # fmt: off
    return ["tf_embbert.pretrain", "--corpus", str(text), "--preset", "nano", "--batch-tokens", "256", "--max-length",
            "32", "--steps", str(steps), "--evaluate-every", str(every), "--out", str(out)]
    # fmt: on


def same_history(one: Path, other: Path) -> None:
    """Every figure of the two histories is the same, to RELATIVE."""
    rows, others = history(one), history(other)
    assert len(rows) == len(others)
    for row, expected in zip(rows, others):
        assert row.keys() == expected.keys()
        numbers = [name for name in row if name != "phase"]
        got, wanted = ([float(values[name] or "nan") for name in numbers] for values in (row, expected))
        np.testing.assert_allclose(got, wanted, rtol=RELATIVE, err_msg=str(numbers))


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_parts_of_a_batch_are_the_batch(rng: np.random.Generator, count: int) -> None:
    tokens = rng.integers(5, 99, (7, 6)).astype(np.int32)
    positions = np.sort(rng.permutation(42)[:9]).astype(np.int32)
    targets = tokens.ravel()[positions]
    batch = Batch(tokens, positions, targets, rng.random(7), rng.random(7))
    parts = [batch.part(number, count) for number in range(count)]
    for part in parts:
        np.testing.assert_array_equal(part.tokens.ravel()[part.positions], part.targets)
    for name in ("tokens", "targets", "follows", "paired"):
        np.testing.assert_array_equal(np.concatenate([getattr(part, name) for part in parts]), getattr(batch, name))


def test_memory_goes_by_the_paragraphs() -> None:
    """200 bytes each, as docs/training.md says, however the steps are taken from them."""
    count = 50_000
    ends = np.cumsum(np.random.default_rng(0).integers(20, 180, count))
    starts, ids = np.concatenate([[0], ends[:-1]]), np.zeros(ends[-1], np.int32)
    tokenizer = Tokenizer.of_merges({token: number for number, token in enumerate(SPECIAL_TOKENS)}, [])
    tracemalloc.start()
    try:
        plan = Plan(1000, 256, lambda length: Pieces(ids, starts.copy(), ends.copy(), length, 4096, tokenizer, 0))
        plan.pieces[0].epoch(0)
        assert tracemalloc.get_traced_memory()[1] < 200 * count
    finally:
        tracemalloc.stop()


def test_two_workers_pretrain_as_one(text: Path, tmp_path: Path) -> None:
    alone, along = tmp_path / "alone", tmp_path / "along"
    processes = [*start_workers(pretrain(text, along)), start(pretrain(text, alone), {})]
    assert [status for status, _ in finish(processes)] == [0, 0, 0]
    same_history(along, alone)
    one, other = load_run(alone), load_run(along)
    assert one.arguments == other.arguments  # how many trained is no part of what was trained
    for name, value in one.float_weights.items():
        np.testing.assert_allclose(other.float_weights[name], value, atol=1e-4, err_msg=name)
    assert not (tmp_path / "along.partial").exists()


@pytest.mark.slow
def test_a_killed_worker_goes_on(text: Path, tmp_path: Path) -> None:
    alone, along = tmp_path / "alone", tmp_path / "along"
    command = pretrain(text, along, steps=400, every=20)
    first, second = start_workers(command)
    progress = tmp_path / "along.partial/training/progress.json"
    until = time.monotonic() + 300
    while not progress.exists() or json.loads(progress.read_text())[-1]["step"] < 60:
        assert time.monotonic() < until and first.poll() is None
        time.sleep(0.1)
    second.kill()
    (status, err), _ = finish([first, second])
    assert status == 2 and err.strip().splitlines()[-1].startswith("error: another worker is gone"), err
    assert json.loads(progress.read_text())[-1]["step"] < 400
    processes = [*start_workers([*command, "--resume"]), start(pretrain(text, alone, 400, 20), {})]
    assert [status for status, _ in finish(processes)] == [0, 0, 0]
    same_history(along, alone)


@pytest.mark.parametrize(
    "config", ["{", "[]", '{"cluster": {}}', '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}']
)
def test_a_bad_cluster_is_one_line(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], config: str
) -> None:
    monkeypatch.setenv("TF_CONFIG", config)
    refused(capsys, main, [*pretrain(text, tmp_path / "run")[1:], "--distribute"], "TF_CONFIG")
    assert list(tmp_path.iterdir()) == []
