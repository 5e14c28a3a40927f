"""Trainings that are killed or interrupted go on as if nothing had happened."""

import json
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.chain import KINDS, history, make_rows, write_rows
from tests.support.helpers import random_tokens, small_config
from tf_embbert.training.fitting import EncodedRows

ROOT = Path(__file__).parents[3]
TIMEOUT = 300


@pytest.fixture(scope="module")
def command(data: dict[str, Path]) -> list[str]:
    """Arguments of a training in a process of its own, but for its --out."""
    task = ["--task", str(data["classes"]), *KINDS["classes"][1]]
    options = [
        "--preset",
        "nano",
        "--teacher",
        "ngrams",
        "--variants",
        "50",
        "--epochs",
        "4",
        "--qat-epochs",
        "2",
        "--deterministic",
    ]
    return [sys.executable, "-m", "tf_embbert.finetune", *task, *options, "--out"]


def start(command: list[str], out: Path, *options: str) -> subprocess.Popen[str]:
    """Starts a training that hears Ctrl-C, which what runs behind a shell's `&` does not."""
    pipe = subprocess.PIPE
    hear = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    return subprocess.Popen(
        [*command, str(out), *options], cwd=ROOT, preexec_fn=hear, stdout=pipe, stderr=pipe, text=True
    )


def finish(process: subprocess.Popen[str]) -> str:
    """What a training printed that ends well, and in silence: nothing of TensorFlow's on standard error."""
    output, errors = process.communicate(timeout=TIMEOUT)
    assert process.returncode == 0 and errors == ""
    return output


def stop(command: list[str], out: Path, phase: str, number: int, *options: str) -> tuple[int, str]:
    """Sends a training a signal when a phase has an epoch behind it; its exit status and what it said to stderr."""
    process = start(command, out, *options)
    deadline = time.monotonic() + TIMEOUT
    while not list(Path(f"{out}.partial/training").glob(f"{phase}/progress.json")):
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            pytest.fail(f"it ended by itself, or never got so far: {process.communicate()[1]}")
        time.sleep(0.005)
    process.send_signal(number)
    _, errors = process.communicate(timeout=TIMEOUT)
    return process.returncode, errors


@pytest.mark.slow
def test_a_killed_training_goes_on_as_if_it_had_not_been(command: list[str], tmp_path: Path) -> None:
    """Killed in the float phase, then in the quantisation-aware one."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    undisturbed = start(command, whole)
    assert stop(command, killed, "float", signal.SIGKILL)[0] == -signal.SIGKILL
    assert stop(command, killed, "qat/*", signal.SIGKILL, "--resume")[0] == -signal.SIGKILL
    assert not killed.exists()
    assert "\nepoch 1/4" in finish(undisturbed)
    assert "\nepoch 1/4" not in finish(start(command, killed, "--resume"))  # the float phase is not trained again
    assert not (tmp_path / "killed.partial").exists()
    assert len(history(whole)) == len(history(killed)) >= 6
    for one, other in zip(history(whole), history(killed)):
        assert (one.pop("phase"), one.pop("epoch")) == (other.pop("phase"), other.pop("epoch"))
        figures, others = (np.array(list(row.values()), float) for row in (one, other))
        np.testing.assert_allclose(figures, others, rtol=0, atol=1e-6)
    # Weights, ranges and metrics are the same to the last bit.
    configs = [json.loads((folder / "config.json").read_text()) for folder in (whole, killed)]
    assert configs[0]["files"] == configs[1]["files"]


@pytest.mark.slow
def test_ctrl_c_says_how_to_go_on(command: list[str], tmp_path: Path) -> None:
    status, errors = stop(command, tmp_path / "run", "float", signal.SIGINT)
    assert status == 130 and len(errors.splitlines()) == 1
    assert "--resume" in errors and str(tmp_path / "run.partial") in errors
    assert [path.name for path in tmp_path.iterdir()] == ["run.partial"]


def test_only_the_same_training_is_resumed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A training that was begun with other arguments or other data, and one that is begun anew."""
    from tf_embbert import FinetuneConfig
    from tf_embbert.common.errors import UserError
    from tf_embbert.finetuning.finetune import what_is_begun
    from tf_embbert.training.partial import start_folder, take_up

    def begin(path: Path, **values: Any) -> Any:
        config = FinetuneConfig(task=str(path), **values)
        return what_is_begun(config, config.load(seed=0))

    partial, path = tmp_path / "run.partial", write_rows(tmp_path / "same.jsonl", make_rows("pairs"))
    begun = begin(path)
    start_folder(partial, begun, report=print)
    take_up(partial, begin(path))
    with pytest.raises(UserError, match="was begun with another epochs, seed: give the same"):
        take_up(partial, begin(path, epochs=7, seed=1))
    write_rows(path, make_rows("pairs", seed=1))
    with pytest.raises(UserError, match="was begun with another data: give the same"):
        take_up(partial, begin(path))
    (partial / "old").write_text("")
    start_folder(partial, begun, report=print)
    assert not (partial / "old").exists() and "--resume would have gone on" in capsys.readouterr().out


# ---- the checkpoints themselves ----


@pytest.fixture
def rows() -> EncodedRows:
    from tf_embbert.training.fitting import EncodedRows

    rng = np.random.default_rng(0)
    tokens = random_tokens(rng, small_config(), 12, rng.integers(2, 12, 64))
    return EncodedRows([row[row > 0] for row in tokens], rng.integers(0, 2, 64).astype(np.int32), "accuracy")


def test_an_epoch_that_was_killed_while_it_was_written(rows: EncodedRows, tmp_path: Path) -> None:
    """Files of epoch 2 lie there already, half written: its second writing must keep what it names."""
    trained = train(rows, tmp_path / "a", epochs=1)
    for name in ("best-2.npz", "epoch-2.index", "epoch-2.data-00000-of-00001"):
        (tmp_path / "a" / name).write_bytes(b"half")
    trained = train(rows, tmp_path / "a", epochs=2)
    assert [row["epoch"] for row in trained] == [1, 2]
    names = sorted(path.name for path in (tmp_path / "a").iterdir())
    assert names == ["best-2.npz", "epoch-2.data-00000-of-00001", "epoch-2.index", "progress.json"]
    assert train(rows, tmp_path / "a", epochs=2) == trained


def train(rows: EncodedRows, folder: Path, epochs: int) -> Any:
    import tf_keras as keras

    from tf_embbert import build_classifier
    from tf_embbert.training.fitting import Recipe
    from tf_embbert.training.fitting import train as train_model

    model = build_classifier(small_config(num_blocks=1), 2)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return train_model(model, loss, rows, rows, Recipe(epochs), folder, seed=0, report=lambda line: None)


@pytest.mark.parametrize("pad_to", [None, 16])
@pytest.mark.parametrize("batch_size", [5, 32, 100])
def test_the_number_of_batches_is_known_before(rows: EncodedRows, batch_size: int, pad_to: int | None) -> None:
    """It makes the learning rate end at zero with the last batch."""
    from tf_embbert.training.batching import count_batches, make_batches

    batches = make_batches(rows.ids, rows.labels, batch_size, seed=0, pad_to=pad_to)
    assert count_batches(rows.ids, batch_size, pad_to) == len(list(batches))
