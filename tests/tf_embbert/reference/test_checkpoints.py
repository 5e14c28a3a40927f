"""Checkpoints of the reference against an independent PyTorch transcription of it, there and back; damaged ones."""

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from tests.support.chain import FolderOf, make_rows, refused
from tests.support.helpers import random_tokens, small_config
from tf_embbert.checkpoints import main
from tf_embbert.model.config import PRESETS, EmbBERTConfig
from tf_embbert.pretraining.encoder_run import HEADS
from tf_embbert.run import load_run
from tf_embbert.tokenizer import SPECIAL_TOKENS, Tokenizer

torch = pytest.importorskip("torch", reason="PyTorch is an extra: pip install 'tf-embbert[torch]'")
from safetensors.torch import load_file, save_file  # noqa: E402 - needs PyTorch

from tests.support.torch_embbert import Classifier, Encoder, Pretraining  # noqa: E402

TOLERANCE = 1e-5  # of logits, which are about 1 here
LENGTHS = [12, 7, 3, 1]
SIZES = {"hidden_size": 16, "reduced_size": 4, "num_blocks": 2, "kernel_size": 5, "max_length": 32}


def spelled(vocab_size: int) -> Tokenizer:
    """A tokenizer of a number of tokens, without any merge."""
    letters = [chr(0x4E00 + i) for i in range(vocab_size - len(SPECIAL_TOKENS))]
    return Tokenizer.of_merges({token: i for i, token in enumerate([*SPECIAL_TOKENS, *letters])}, [])


def write(folder: Path, module: Any, vocab_size: int) -> Path:
    """The module's state as safetensors, with a tokenizer beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    spelled(vocab_size).save(folder / "tokenizer.json")
    save_file(module.state_dict(), folder / "model.safetensors")
    return folder / "model.safetensors"


def seeded(rng: np.random.Generator) -> None:
    torch.manual_seed(int(rng.integers(2**31)))


def ours(run: Path, tokens: np.ndarray) -> np.ndarray:
    return load_run(run).model(tokens).numpy()


def theirs(module: Any, tokens: np.ndarray) -> np.ndarray:
    with torch.no_grad():
        return module(torch.tensor(tokens, dtype=torch.long)).numpy()


@pytest.mark.parametrize("preset", PRESETS)
def test_logits_are_equal_both_ways(rng: np.random.Generator, tmp_path: Path, preset: str) -> None:
    config = EmbBERTConfig.preset(preset)
    seeded(rng)
    module = Classifier(config, 3).eval()
    source = write(tmp_path / "theirs", module, config.vocab_size)
    assert main([str(source), "--out", str(tmp_path / "run")]) == 0
    assert load_run(tmp_path / "run").config == config
    tokens = random_tokens(rng, config, 12, LENGTHS, pair=True)
    logits = theirs(module, tokens)
    np.testing.assert_allclose(ours(tmp_path / "run", tokens), logits, atol=TOLERANCE)

    assert main([str(tmp_path / "run"), "--export", str(tmp_path / "back.safetensors")]) == 0
    back = Classifier(config, 3).eval()
    back.load_state_dict(load_file(tmp_path / "back.safetensors"), strict=True)
    np.testing.assert_allclose(theirs(back, tokens), logits, atol=TOLERANCE)


def test_a_trained_run_is_exported(run_of: FolderOf, rng: np.random.Generator, tmp_path: Path) -> None:
    run = load_run(run_of("pairs"))
    assert main([str(run_of("pairs")), "--export", str(tmp_path / "out.safetensors")]) == 0
    assert isinstance(run.config, EmbBERTConfig)
    module = Classifier(run.config, 2).eval()
    module.load_state_dict(load_file(tmp_path / "out.safetensors"), strict=True)
    tokens = random_tokens(rng, run.config, 20, [20, 9, 4], pair=True)
    np.testing.assert_allclose(theirs(module, tokens), run.model(tokens).numpy(), atol=TOLERANCE)


@pytest.mark.parametrize("expansion", [1, 2])
def test_a_pickle_of_tensors_under_wrappers(rng: np.random.Generator, tmp_path: Path, expansion: int) -> None:
    config = small_config(expansion=expansion)
    seeded(rng)
    module = Classifier(config, 2).eval()
    state = {f"module.{name}": value.double() for name, value in module.state_dict().items()}
    torch.save({"model_state_dict": state, "epoch": 3}, tmp_path / "last.pth")
    spelled(config.vocab_size).save(tmp_path / "other.json")
    arguments = [
        str(tmp_path / "last.pth"),
        "--tokenizer",
        str(tmp_path / "other.json"),
        "--out",
        str(tmp_path / "run"),
    ]
    assert main(arguments) == 0
    tokens = random_tokens(rng, config, 12, LENGTHS)
    np.testing.assert_allclose(ours(tmp_path / "run", tokens), theirs(module, tokens), atol=TOLERANCE)


def test_rows_beyond_the_tokenizer_are_left_out(rng: np.random.Generator, tmp_path: Path) -> None:
    config = small_config()
    seeded(rng)
    source = write(tmp_path, Pretraining(config), config.vocab_size - 9)
    assert main([str(source), "--out", str(tmp_path / "run")]) == 0
    run = load_run(tmp_path / "run")
    assert run.config.vocab_size == run.tokenizer.vocab_size == config.vocab_size - 9
    assert np.load(tmp_path / "run" / HEADS)["mlm/kernel"].shape == (config.hidden_size, config.vocab_size - 9)


def test_without_a_tokenizer_ids_have_no_spelling(
    rng: np.random.Generator, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    config = small_config(vocab_size=300)
    seeded(rng)
    module = Classifier(config, 2).eval()
    source = write(tmp_path, module, config.vocab_size)
    (tmp_path / "tokenizer.json").unlink()
    assert main([str(source), "--out", str(tmp_path / "run")]) == 0
    assert "give --tokenizer FILE" in capsys.readouterr().out
    tokens = random_tokens(rng, config, 12, LENGTHS)
    np.testing.assert_allclose(ours(tmp_path / "run", tokens), theirs(module, tokens), atol=TOLERANCE)
    tokenizer = load_run(tmp_path / "run").tokenizer
    assert tokenizer.decode(tokenizer.encode(["on [unspelled80]"]).ids[0])[1:4] == ["o", "n", "["]


def test_bfloat16_is_read(rng: np.random.Generator, tmp_path: Path) -> None:
    config = small_config()
    seeded(rng)
    module = Classifier(config, 2).bfloat16()
    source = write(tmp_path, module, config.vocab_size)
    assert main([str(source), "--out", str(tmp_path / "run")]) == 0
    tokens = random_tokens(rng, config, 12, LENGTHS)
    np.testing.assert_allclose(ours(tmp_path / "run", tokens), theirs(module.float(), tokens), atol=TOLERANCE)


def test_pretraining_heads_go_on(rng: np.random.Generator, tmp_path: Path) -> None:
    from tf_embbert.model.classifier import build_pretraining_model
    from tf_embbert.pretraining.encoder_run import copy_heads
    from tf_embbert.training.transfer import copy_encoder

    config = small_config()
    seeded(rng)
    module = Pretraining(config).eval()
    write(tmp_path / "theirs", module, config.vocab_size)
    assert main([str(tmp_path / "theirs"), "--out", str(tmp_path / "run")]) == 0
    model = build_pretraining_model(config)
    copy_encoder(load_run(tmp_path / "run").model, model)
    assert copy_heads(tmp_path / "run" / HEADS, model)
    tokens = random_tokens(rng, config, 12, LENGTHS)
    with torch.no_grad():
        mlm, nsp = module(torch.tensor(tokens, dtype=torch.long))
    outputs = model(tokens)
    np.testing.assert_allclose(outputs["mlm"], mlm, atol=TOLERANCE)
    np.testing.assert_allclose(outputs["nsp"], nsp, atol=TOLERANCE)
    assert main([str(tmp_path / "run"), "--export", str(tmp_path / "back.safetensors")]) == 0
    Pretraining(config).load_state_dict(load_file(tmp_path / "back.safetensors"), strict=True)


def test_a_bare_encoder_has_a_head_of_zeros(rng: np.random.Generator, tmp_path: Path) -> None:
    config = small_config()
    seeded(rng)
    source = write(tmp_path, Encoder(config), config.vocab_size)
    assert main([str(source), "--out", str(tmp_path / "run")]) == 0
    assert not ours(tmp_path / "run", random_tokens(rng, config, 12, LENGTHS)).any()
    assert main([str(tmp_path / "run"), "--export", str(tmp_path / "back.safetensors")]) == 0
    Encoder(config).load_state_dict(load_file(tmp_path / "back.safetensors"), strict=True)


def test_the_references_tokenizer_and_class_names_come_along(rng: np.random.Generator, tmp_path: Path) -> None:
    from tokenizers import Tokenizer as Backend
    from tokenizers import models, normalizers, pre_tokenizers, trainers

    texts = [row["body"] for row in make_rows("classes")]
    backend = Backend(models.BPE(unk_token="[UNK]"))
    backend.normalizer = normalizers.BertNormalizer(strip_accents=True, lowercase=True)
    backend.pre_tokenizer = pre_tokenizers.Whitespace()
    backend.train_from_iterator(texts, trainers.BpeTrainer(special_tokens=SPECIAL_TOKENS, vocab_size=120))
    config = small_config(vocab_size=backend.get_vocab_size())
    seeded(rng)
    source = write(tmp_path, Classifier(config, 2), config.vocab_size)
    backend.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "config.json").write_text(json.dumps({"id2label": {"0": "no", "1": "yes"}, "auto_map": {"x": "y.z"}}))
    assert main([str(source), "--out", str(tmp_path / "run")]) == 0
    run = load_run(tmp_path / "run")
    assert run.labels == ["no", "yes"]
    for text, row in zip(texts, run.tokenizer.encode(texts).ids):
        assert row[1:].tolist() == backend.encode(text, add_special_tokens=False).ids


def test_a_checkpoint_goes_to_the_device(
    rng: np.random.Generator, data: dict[str, Path], run_of: FolderOf, tmp_path: Path
) -> None:
    from convert.convert import main as convert
    from convert.verify import main as verify
    from tests.support.chain import KINDS
    from tf_embbert.finetune import main as finetune

    tokenizer = load_run(run_of("classes")).tokenizer
    config = small_config(vocab_size=tokenizer.vocab_size)
    seeded(rng)
    source = write(tmp_path, Classifier(config, 3), 64)
    tokenizer.save(tmp_path / "tokenizer.json")
    assert main([str(source), "--out", str(tmp_path / "theirs")]) == 0
    options = [*KINDS["classes"][1], "--epochs", "1", "--qat-epochs", "1", "--tokenizer", "init"]
    arguments = ["--task", str(data["classes"]), "--init", str(tmp_path / "theirs"), "--out", str(tmp_path / "run")]
    assert finetune([*arguments, *options]) == 0
    assert convert([str(tmp_path / "run"), "--out", str(tmp_path / "bundle")]) == 0
    assert verify([str(tmp_path / "bundle")]) == 0


Damage: Any = Callable[[dict[str, Any]], Any]
DAMAGES: dict[str, tuple[Damage, list[str]]] = {
    "missing": (lambda state: state.pop("model.attentions.1.query.bias"), ["attentions.1.query.bias is missing"]),
    "no table": (lambda state: state.pop("model.embedder.token.weight"), ["holds no EmbBERT"]),
    "no norm": (lambda state: state.pop("model.norms.2.weight"), ["norms.2.weight is missing"]),
    "extra": (
        lambda state: state.update({"model.attentions.0.key.weight": torch.zeros(3), "model.x": torch.zeros(1)}),
        ["2 tensors", "attentions.0.key.weight belongs", "x belongs"],
    ),
    "misshaped": (
        lambda state: state.update({"model.norms.1.weight": torch.zeros(15)}),
        ["norms.1.weight is [15], not [16]"],
    ),
    "flat table": (
        lambda state: state.update({"model.embedder.token.weight": torch.zeros(15)}),
        ["embedder.token.weight is [15], 2 axes"],
    ),
    "whole numbers": (
        lambda state: state.update({"model.norms.1.weight": torch.ones(16, dtype=torch.int64)}),
        ["norms.1.weight", "no floating point numbers"],
    ),
    "NaN": (
        lambda state: state.update({"model.norms.0.weight": torch.full([16], torch.nan)}),
        ["norms.0.weight holds"],
    ),
    "many blocks": (
        lambda state: state.update({"model.norms.999999999.weight": torch.zeros(16)}),
        ["norms.3.weight is missing", "norms.999999999.weight belongs"],
    ),
}


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_tensors_that_do_not_fit(tmp_path: Path, capsys: pytest.CaptureFixture[str], damage: str, suffix: str) -> None:
    change, parts = DAMAGES[damage]
    state = Classifier(small_config(), 2).state_dict()
    change(state)
    path = tmp_path / f"model{suffix}"
    torch.save(state, path) if suffix == ".pth" else save_file(state, path)
    refused(capsys, main, [path, "--out", tmp_path / "run"], *parts)
    assert list(tmp_path.iterdir()) == [path]


class Code:
    """A pickle of it writes a file when it is read."""

    def __init__(self, mark: Path) -> None:
        self.mark = mark

    def __reduce__(self) -> Any:
        return os.mkdir, (str(self.mark),)


@pytest.mark.parametrize("kind", ["zip", "plain"])
def test_code_in_a_pickle_is_not_run(tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: str) -> None:
    path, mark = tmp_path / "model.pth", tmp_path / "ran"
    state = {**Classifier(small_config(), 2).state_dict(), "more": Code(mark)}
    torch.save(state, path) if kind == "zip" else path.write_bytes(pickle.dumps(state))
    refused(capsys, main, [path, "--out", tmp_path / "run"], path, "nothing of it was run")
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", [".safetensors", ".pth"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.999])
def test_a_cut_file(tmp_path: Path, capsys: pytest.CaptureFixture[str], suffix: str, share: float) -> None:
    path = tmp_path / f"model{suffix}"
    state = Classifier(small_config(), 2).state_dict()
    torch.save(state, path) if suffix == ".pth" else save_file(state, path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(share * len(whole))])
    refused(capsys, main, [path, "--out", tmp_path / "run"], path)
    assert list(tmp_path.iterdir()) == [path]


def test_other_mistakes(tmp_path: Path, capsys: pytest.CaptureFixture[str], run_of: FolderOf) -> None:
    out, pairs = ["--out", tmp_path / "run"], run_of("pairs")
    capsys.readouterr()  # of the training, where it was not done before
    refused(capsys, main, [tmp_path / "none.pth", *out], "no such file")
    refused(capsys, main, [tmp_path, *out], "neither model.safetensors nor pytorch_model.bin")
    source = write(tmp_path / "a", Classifier(small_config(), 2), 65)
    refused(capsys, main, [source, *out], "has 65 tokens", "64 rows")
    refused(capsys, main, [source, *out, "--tokenizer", tmp_path / "none.json"], "none.json", "no such file")
    refused(capsys, main, [source, "--export", tmp_path / "x.safetensors"], "is not a run")
    refused(capsys, main, [pairs, "--export", tmp_path / "x.pth"], "must end in .safetensors")
    (tmp_path / "x.safetensors").touch()
    refused(capsys, main, [pairs, "--export", tmp_path / "x.safetensors"], "--force")
    assert not (tmp_path / "run").exists()
