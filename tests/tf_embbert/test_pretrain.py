"""Pretraining: its losses against NumPy, its resuming to the bit, its command, and what fine-tuning takes from it."""

import dataclasses
import json
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from tests.support.chain import CLASSES, EXTRAS, history
from tests.support.helpers import randomise, small_config

if TYPE_CHECKING:
    from tf_embbert import FinetuneConfig

ROOT = Path(__file__).parents[2]
TIMEOUT = 300


@pytest.fixture(scope="module")
def text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A corpus of 600 paragraphs of made commands."""
    rng = np.random.default_rng(0)
    words = [word for texts in CLASSES.values() for text in texts for word in text.split()] + EXTRAS

    def sentences() -> list[str]:
        return [" ".join(rng.choice(words, rng.integers(3, 12))) for _ in range(rng.integers(1, 6))]

    path = tmp_path_factory.mktemp("text") / "commands.txt"
    path.write_text("\n".join(". ".join(sentences()) + "." for _ in range(600)), encoding="utf-8")
    return path


def arguments(text: Path, out: Path, *others: str) -> list[str]:
    return [
        "--corpus",
        str(text),
        "--preset",
        "nano",
        "--batch-tokens",
        "256",
        "--max-length",
        "32",
        "--steps",
        "24",
        "--evaluate-every",
        "6",
        "--out",
        str(out),
        *others,
    ]


@pytest.fixture(scope="module")
def pretrained(text: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run made by the command."""
    from tf_embbert.pretrain import main

    out = tmp_path_factory.mktemp("pretrained") / "run"
    assert main(arguments(text, out)) == 0
    return out


# ---- losses ----


def log_softmax(logits: np.ndarray) -> np.ndarray:
    shifted = logits - logits.max(axis=-1, keepdims=True)
    return shifted - np.log(np.exp(shifted).sum(axis=-1, keepdims=True))


def test_the_losses_are_those_of_the_full_output(rng: np.random.Generator) -> None:
    """Logits at the hidden positions only against those at all positions, in NumPy; single texts have no NSP."""
    from tf_embbert.model.classifier import build_pretraining_model
    from tf_embbert.pretraining.batches import Batch
    from tf_embbert.pretraining.fitting import Objectives, tensors
    from tf_embbert.pretraining.masking import join_parts, mask_tokens

    config = small_config(dropout=0.0)
    model = build_pretraining_model(config)
    randomise(model, rng)
    pieces = [rng.integers(5, 64, rng.integers(4, 30)).astype(np.int32) for _ in range(8)]
    tokens, follows, paired = join_parts(rng, pieces, 32, [6], pair_share=0.5)
    batch = Batch(*mask_tokens(rng, tokens, config.vocab_size), follows, paired)
    outputs = {name: log_softmax(value.numpy().astype(np.float64)) for name, value in model(batch.tokens).items()}

    flat = outputs["mlm"].reshape(-1, config.vocab_size)  # [B*L, V]
    mlm = [flat[position, target] for position, target in zip(batch.positions, batch.targets)]
    right = flat.argmax(axis=1)[batch.positions] == batch.targets
    rows = np.flatnonzero(paired)
    nsp = outputs["nsp"][rows, follows[rows].astype(int)]
    nsp_right = outputs["nsp"].argmax(axis=1)[rows] == follows[rows]
    expected = [-sum(mlm), right.sum(), len(mlm), -nsp.sum(), nsp_right.sum(), len(rows)]
    np.testing.assert_allclose(Objectives(model)(tensors(batch)).numpy(), expected, rtol=1e-4)


def test_a_step_moves_every_weight_but_those_of_pads(rng: np.random.Generator) -> None:
    """The gradient reaches all that the two losses hang on, through the gathered positions too."""
    import tf_keras as keras

    from tf_embbert.model.classifier import build_pretraining_model
    from tf_embbert.pretraining.batches import Batch
    from tf_embbert.pretraining.fitting import Objectives, make_step, parts_of, totals_of
    from tf_embbert.pretraining.masking import join_parts, mask_tokens

    config = small_config(dropout=0.0)
    model = build_pretraining_model(config)
    model.optimizer = keras.optimizers.AdamW(1e-3, weight_decay=0.0)
    pieces = [rng.integers(5, 64, 30).astype(np.int32) for _ in range(16)]
    tokens, follows, paired = join_parts(rng, pieces, 32, [6], pair_share=1.0)
    before = model.get_weights()
    batch = Batch(*mask_tokens(rng, tokens, 64), follows, paired)
    make_step(model, Objectives(model))(parts_of(batch), totals_of(batch))
    for weight, old in zip(model.weights, before):
        if weight.trainable:
            assert (weight.numpy() != old).any(), weight.name
    embed = model.get_layer("embed")
    assert not embed.token_table.numpy()[0].any() and not embed.segment_table.numpy()[0].any()


# ---- the command ----


def test_all_options_are_fields_of_the_config_and_none_has_another_default() -> None:
    from tf_embbert.common.arguments import split_output
    from tf_embbert.pretrain import parser
    from tf_embbert.pretraining.config import PretrainConfig

    values, output = split_output(parser().parse_args(["--corpus", "a.txt", "--out", "run"]))
    assert PretrainConfig(**{**values, "corpus": ("a.txt",)}) == PretrainConfig(corpus=("a.txt",))
    options = {action.dest for action in parser()._actions} - {"help", *output}
    assert options == {field.name for field in dataclasses.fields(PretrainConfig)}


def test_no_steps_leave_the_counted_vectors(text: Path, tmp_path: Path) -> None:
    from tf_embbert.pretrain import main
    from tf_embbert.pretraining.cooccurrence import token_vectors
    from tf_embbert.pretraining.corpus import bare_ids
    from tf_embbert.pretraining.warm_start import TOKEN_SCALE
    from tf_embbert.run import load_run

    assert main(arguments(text, tmp_path / "run", "--steps", "0")) == 0
    run = load_run(tmp_path / "run")
    ids = np.concatenate(bare_ids(run.tokenizer, text.read_text().split("\n")))
    table = run.float_weights["embed/token_table"]
    np.testing.assert_allclose(table, TOKEN_SCALE * token_vectors(ids, table.shape[0], table.shape[1], 0), atol=1e-6)
    assert [int(row["step"]) for row in history(tmp_path / "run")] == [0]


def test_a_run_says_what_was_trained(pretrained: Path, text: Path) -> None:
    config = json.loads((pretrained / "config.json").read_text())
    assert config["arguments"]["corpus"] == [text.name] and config["max_length"] == 32
    assert sorted(path.name for path in pretrained.iterdir()) == [
        "config.json",
        "heads.npz",
        "history.csv",
        "labels.json",
        "metrics.json",
        "tokenizer.json",
        "verification.jsonl",
        "weights.npz",
    ]
    rows = history(pretrained)
    assert [int(row["step"]) for row in rows] == [0, 6, 12, 18, 24]
    assert float(rows[-1]["held_out_mlm_loss"]) < float(rows[0]["held_out_mlm_loss"])
    metrics = json.loads((pretrained / "metrics.json").read_text())
    assert metrics["held_out_mlm_loss"] == float(rows[-1]["held_out_mlm_loss"])
    assert metrics["corpus"]["paragraphs"] == 600


@pytest.mark.slow
def test_a_killed_pretraining_goes_on_to_the_same_bits(text: Path, tmp_path: Path) -> None:
    """Killed once it has a checkpoint and resumed, against one that nothing disturbed."""
    whole, killed = tmp_path / "whole", tmp_path / "killed"

    def command(out: Path, *others: str) -> list[str]:
        return [sys.executable, "-m", "tf_embbert.pretrain", *arguments(text, out, "--deterministic", *others)]

    process = subprocess.Popen(command(killed), cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + TIMEOUT
    progress = Path(f"{killed}.partial/training/progress.json")
    while not (progress.exists() and '"step": 6' in progress.read_text()):
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not killed.exists()
    for begun in (command(whole), command(killed, "--resume")):
        done = subprocess.run(begun, cwd=ROOT, capture_output=True, text=True, timeout=TIMEOUT)
        assert done.returncode == 0 and done.stderr == ""
    assert history(whole) == history(killed)
    hashes = [json.loads((run / "config.json").read_text())["files"] for run in (whole, killed)]
    assert hashes[0] == hashes[1]
    assert not (tmp_path / "killed.partial").exists()


def from_pretrained(pretrained: Path, data: dict[str, Path]) -> "FinetuneConfig":
    """Of a short fine-tuning that starts there."""
    from tf_embbert import FinetuneConfig

    columns = {"text_column": "body", "label_column": "queue"}
    small = {"preset": "nano", "epochs": 2, "qat_epochs": 1, "teacher": "none"}
    return FinetuneConfig(task=str(data["classes"]), **columns, **small, init=str(pretrained), tokenizer="init")


def test_fine_tuning_starts_from_it(pretrained: Path, data: dict[str, Path]) -> None:
    """The encoder and the tokenizer pass on, the heads do not."""
    from tf_embbert.finetuning.prepare import PreparedTask
    from tf_embbert.run import load_run, weight_names

    config = from_pretrained(pretrained, data)
    prepared = PreparedTask(config.load(seed=0), config, report=print)
    model = prepared.initial_model()
    run = load_run(pretrained)
    for name, value in run.float_weights.items():
        if not name.startswith("head"):
            np.testing.assert_array_equal(dict(zip(weight_names(model), model.get_weights()))[name], value)
    assert prepared.tokenizer.to_json() == run.tokenizer.to_json()


@pytest.mark.slow
def test_a_fine_tuned_run_has_its_tokenizer(pretrained: Path, data: dict[str, Path], tmp_path: Path) -> None:
    from tf_embbert import finetune_task
    from tf_embbert.run import load_run

    wanted = load_run(pretrained).tokenizer.to_json()
    assert finetune_task(from_pretrained(pretrained, data), tmp_path / "run").tokenizer.to_json() == wanted
    assert load_run(tmp_path / "run").tokenizer.to_json() == wanted


def test_pretraining_starts_from_a_run(pretrained: Path, text: Path, tmp_path: Path) -> None:
    """Its tokenizer, its encoder and its heads are where the new one begins, and so is its held-out loss."""
    from tf_embbert.pretrain import main

    more = [
        "--corpus",
        str(text),
        "--init",
        str(pretrained),
        "--batch-tokens",
        "256",
        "--max-length",
        "32",
        "--steps",
        "6",
        "--evaluate-every",
        "6",
        "--learning-rate",
        "1e-9",
        "--seed",
        "1",
        "--out",
        str(tmp_path / "more"),
    ]
    assert main(more) == 0
    assert (tmp_path / "more/tokenizer.json").read_bytes() == (pretrained / "tokenizer.json").read_bytes()
    for name in ("weights.npz", "heads.npz"):
        with np.load(tmp_path / "more" / name) as weights, np.load(pretrained / name) as before:
            assert set(weights) == set(before)
            for name in weights:
                np.testing.assert_allclose(weights[name], before[name], atol=1e-6)
    losses = [float(history(run)[-1]["held_out_mlm_loss"]) for run in (tmp_path / "more", pretrained)]
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_a_pretrained_run_is_not_converted(
    pretrained: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from convert.convert import main

    assert main([str(pretrained), "--out", str(tmp_path / "bundle")]) == 2
    message = capsys.readouterr().err
    assert "--init" in message and len(message.splitlines()) == 1 and not (tmp_path / "bundle").exists()


@pytest.mark.parametrize(
    "change, message",
    [
        (["--corpus", "gone.txt"], "no such file: gone.txt"),
        (["--preset", "bas"], "did you mean base"),
        (["--max-length", "3"], "--max-length 3 is not within 4..256"),
        (["--max-length", "257"], "--max-length 257 is not within 4..256"),
        (["--tokens", "5"], "not allowed with"),
        (["--batch-tokens", "0"], "'0' is not a whole number"),
        (["--batch-tokens", "10000000"], "too small for one batch"),
        (["--init", "gone"], "gone is not a run"),
        (["--resume"], "nothing to resume"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(
    text: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], change: list[str], message: str
) -> None:
    from tf_embbert.pretrain import main

    assert main(arguments(text, tmp_path / "run", *change)) == 2
    error = capsys.readouterr().err
    assert message in error and len(error.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_binary_files_are_bad_input_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from tf_embbert.pretrain import main

    (tmp_path / "a.txt.gz").write_bytes(b"no gzip at all")
    assert main(arguments(tmp_path / "a.txt.gz", tmp_path / "run")) == 2
    assert "a.txt.gz" in capsys.readouterr().err and [path.name for path in tmp_path.iterdir()] == ["a.txt.gz"]
