"""A training in two processes, and on two devices, against one with the same batches; and with a process killed."""

import json
import time
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from tests.support.chain import KINDS, SMALL, history, refused
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


def pretrain(text: Path, steps: int = 8, every: int = 4) -> list[str]:
    # fmt: off
    return ["tf_embbert.pretrain", "--corpus", str(text), "--preset", "nano", "--batch-tokens", "256", "--max-length",
            "32", "--steps", str(steps), "--evaluate-every", str(every)]
    # fmt: on


def same_history(one: Path, other: Path) -> None:
    """Every figure of the two histories is the same, to RELATIVE; of QAT the losses.

    Fake quantisation makes a whole step of a last bit's difference: one of 20 selection rows may be judged otherwise.
    """
    rows, others = history(one), history(other)
    assert len(rows) == len(others)
    for row, expected in zip(rows, others):
        assert row.keys() == expected.keys()
        in_float = row.get("phase", "float") == "float"
        numbers = [name for name in row if name != "phase" and (in_float or name == "loss")]
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


@pytest.fixture(scope="module")
def commands(text: Path, data: dict[str, Path]) -> dict[str, list[str]]:
    """Small trainings, but for their --out. Batches of 16 of 160 rows of several lengths leave uneven ones."""
    # fmt: off
    task = ["--task", str(data["classes"]), *KINDS["classes"][1]]
    dropout = ["--dropout", "0.2", "--token-dropout", "0.2"]
    finetune = ["tf_embbert.finetune", *task, *SMALL, "--batch-size", "16", *dropout]
    return {"pretrain": pretrain(text), "finetune": finetune}
    # fmt: on


@pytest.fixture(scope="module")
def alone(commands: dict[str, list[str]], tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The runs that one process makes on one device."""
    runs = {name: tmp_path_factory.mktemp("alone") / name for name in commands}
    processes = [start([*command, "--out", str(runs[name])], {}) for name, command in commands.items()]
    assert [status for status, _ in finish(processes)] == [0, 0]
    return runs


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pretrain", "finetune"])
@pytest.mark.parametrize("kind", ["devices", "workers"])
def test_two_train_as_one(
    commands: dict[str, list[str]], alone: dict[str, Path], tmp_path: Path, kind: str, name: str
) -> None:
    """Two processes, and two devices of one: dropout draws the same numbers, uneven batches weigh the same."""
    along = tmp_path / "along"
    command = [*commands[name], "--out", str(along)]
    if kind == "workers":
        processes = start_workers(command)
    else:
        processes = [start(["tests.support.two_devices", *command, "--distribute"], {})]
    ended = finish(processes)
    assert [status for status, _ in ended] == [0] * len(processes), ended
    same_run(along, alone[name])
    assert not (tmp_path / "along.partial").exists()


def same_run(along: Path, alone: Path) -> None:
    """The same losses, and the same weights but for the order of sums."""
    same_history(along, alone)
    one, other = load_run(alone), load_run(along)
    assert one.arguments == other.arguments  # how many trained is no part of what was trained
    for name, value in one.float_weights.items():
        np.testing.assert_allclose(other.float_weights[name], value, atol=1e-4, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["pretrain", "finetune"])
def test_a_killed_worker_goes_on(text: Path, commands: dict[str, list[str]], tmp_path: Path, name: str) -> None:
    command = pretrain(text, 400, 20) if name == "pretrain" else [*commands[name], "--epochs", "20"]
    first, second = start_workers([*command, "--out", str(tmp_path / "along")])
    progress = tmp_path / "along.partial/training" / ("float/progress.json" if name == "finetune" else "progress.json")
    until = time.monotonic() + 300
    while not progress.exists() or evaluations(progress) < 4:
        assert time.monotonic() < until and first.poll() is None
        time.sleep(0.1)
    second.kill()
    (status, err), _ = finish([first, second])
    assert status == 2 and err.strip().splitlines()[-1].startswith("error: another worker is gone"), err
    assert evaluations(progress) < 20
    again = start_workers([*command, "--out", str(tmp_path / "along"), "--resume"])
    ended = finish([*again, start([*command, "--out", str(tmp_path / "alone")], {})])
    assert [status for status, _ in ended] == [0, 0, 0], ended
    same_run(tmp_path / "along", tmp_path / "alone")


def evaluations(progress: Path) -> int:
    """How many a training has behind it."""
    state = json.loads(progress.read_text())
    return len(state["history"] if isinstance(state, dict) else state)


@pytest.mark.parametrize(
    "config", ["{", "[]", '{"cluster": {}}', '{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}']
)
def test_a_bad_cluster_is_one_line(
    text: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], config: str
) -> None:
    monkeypatch.setenv("TF_CONFIG", config)
    refused(capsys, main, [*pretrain(text)[1:], "--out", tmp_path / "run", "--distribute"], "TF_CONFIG")
    assert list(tmp_path.iterdir()) == []
