"""Programs: the same function as the Keras model that they are folded from, whole or not at all."""

import numpy as np
import pytest

from tests.support.baselines import TEXTS_AND_PAIRS, padded_rows, small_baseline, small_model
from tf_embbert.common.errors import UserError
from tf_embbert.model.program import Program, Step
from tf_embbert.quantization.calibrate import calibrate
from tf_embbert.quantization.deploy import build_deploy_model
from tf_embbert.quantization.fold_baseline import fold_baseline
from tf_embbert.quantization.quantize import QuantizedModel


@pytest.mark.parametrize("name, pair", TEXTS_AND_PAIRS)
def test_a_program_is_the_model_that_it_is_folded_from(name: str, pair: bool) -> None:
    model = small_model(name)
    program = fold_baseline(model, pair)
    assert program.is_pair == pair and (program.vocab_size, program.max_length) == (60, 48)
    deploy = build_deploy_model(program)
    for tokens in (padded_rows([16, 7, 4], pair), padded_rows([48], pair, length=48), padded_rows([1])):
        np.testing.assert_allclose(deploy(tokens).numpy(), model(tokens).numpy(), atol=1e-4)


@pytest.mark.parametrize("name", ["bert", pytest.param("mamba", marks=pytest.mark.slow)])
def test_fake_quantisation_stays_near_the_model_and_trains(name: str) -> None:
    import tensorflow as tf

    baseline = small_baseline(name)
    quantized = QuantizedModel(baseline.program, baseline.quantised.ranges, train_ranges=True)
    tokens = padded_rows([16, 9, 3])
    wanted = baseline.model(tokens).numpy()
    assert np.sqrt(np.mean((quantized.model(tokens).numpy() - wanted) ** 2)) < 0.1 * np.ptp(wanted)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(quantized.model(tokens, training=True) ** 2)
    variables = quantized.model.trainable_variables
    gradients = tape.gradient(loss, variables)
    assert not [variable.name for variable, gradient in zip(variables, gradients) if gradient is None]
    folded, ranges = quantized.read()
    assert isinstance(folded, Program) and folded.steps == baseline.program.steps
    assert ranges.keys() == baseline.quantised.ranges.keys()


def test_an_archive_gives_the_program_back_and_a_damaged_one_is_one_line() -> None:
    program = small_baseline("bert", pair=True).program
    archive = program.to_archive()
    again = Program.from_archive(archive)
    assert again.steps == program.steps
    for name, value in program.arrays().items():
        np.testing.assert_array_equal(again.arrays()[name], value)
    with pytest.raises(UserError, match="cannot be read"):
        Program.from_archive({**archive, "program": np.array("[{}]")})
    with pytest.raises(UserError, match=r"step block0.head0.query has block0.head0.query.kernel"):
        Program.from_archive({name: value for name, value in archive.items() if name != "block0.head0.query.kernel"})


@pytest.mark.parametrize(
    "step, message",
    [
        (Step("denes", "logits", ("tokens",)), "no kind 'denes'; there are features, lookup"),
        (Step("gate", "logits", ("x7",)), "logits reads x7"),
        (Step("dense", "logits", ("tokens",)), "logits lacks kernel"),
        (Step("softmax", "x1", ("tokens",)), "last step of a program makes 'logits'"),
    ],
)
def test_a_wrong_step_is_one_line(step: Step, message: str) -> None:
    with pytest.raises(UserError, match=message):
        Program((step,), {})


def test_of_sums_that_no_norm_evens_out_long_rows_keep_their_length() -> None:
    """Errors relative to a row's length would cut the range down to the many short rows."""
    program = fold_baseline(small_model("nano-embedder"), is_pair=False)
    table = program.weights["embed.features.token"].copy()
    table[7] *= 20
    program = program.with_arrays({**program.weights, "embed.features.token": table})
    rng = np.random.default_rng(5)
    ids = [np.where(rng.random(16) < 0.05, 7, rng.integers(8, 60, 16)) for _ in range(64)]
    quantized = QuantizedModel(program, calibrate(program, ids, seed=0))
    tokens = np.array(ids, np.int32)
    wanted = build_deploy_model(program)(tokens).numpy()
    assert np.sqrt(np.mean((quantized.model(tokens).numpy() - wanted) ** 2)) < 0.03 * np.ptp(wanted)


def test_what_norms_read_and_others_beside_them() -> None:
    names = {"mamba", "nano-embedder-conv", "bert", "bert-efficient"}
    normed = {name: fold_baseline(small_model(name), is_pair=False).normed for name in names}
    assert normed["nano-embedder-conv"] == {}
    assert normed["bert"] == {f"x{n}": 1 for n in range(1, 5)}
    assert normed["bert-efficient"] == {f"x{n}": 1 for n in range(6)}
    assert normed["mamba"] == {f"x{n}": 0.5 for n in range(len(normed["mamba"]))}
