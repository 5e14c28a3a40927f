"""Programs: the same function as the Keras model that they are folded from, whole or not at all."""

import numpy as np
import pytest

from tests.support.baselines import TEXTS_AND_PAIRS, padded_rows, small_baseline, small_model
from tf_embbert.common.errors import UserError
from tf_embbert.model.program import Program, Step
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
