"""The paper's other models: parameters as published, functions as PyTorch's own layers and plain loops compute them."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import tensorflow as tf
import tf_keras as keras

from tests.support.baselines import SMALL, padded_rows, small_model
from tests.support.helpers import one_in
from tf_embbert.baselines.classifier import build_classifier
from tf_embbert.baselines.config import PRESETS, BaselineConfig
from tf_embbert.common.errors import UserError

# With a head of two classes: RiccardoBravin/tiny-LLM.
PUBLISHED = {
    "bert": 288_882,
    "nano-bert": 270_080,
    "mamba": 220_098,
    "nano-embedder": 292_418,
    "nano-embedder-conv": 297_858,
    "bert-efficient": 323_234,
    "nano-bert-efficient": 366_054,
}

LENGTHS = [16, 7, 2]


def rows(pair: bool = False) -> np.ndarray:
    return padded_rows(LENGTHS, pair)


@pytest.mark.parametrize("name", PRESETS)
def test_the_parameters_are_those_published(name: str) -> None:
    model = build_classifier(BaselineConfig.preset(name), 2)
    assert model.count_params() == PUBLISHED[name]
    assert len({weight.name for weight in model.weights}) == len(model.weights)  # names tell weights apart


@pytest.mark.parametrize("name", one_in(2, PRESETS))
def test_pads_change_nothing(name: str) -> None:
    model, tokens = small_model(name), rows(pair=True)
    for row, length in zip(tokens, LENGTHS):
        np.testing.assert_allclose(model(row[None]).numpy(), model(row[None, :length]).numpy(), atol=1e-5)


@pytest.mark.parametrize("name", one_in(2, PRESETS))
def test_every_weight_learns_and_a_saved_model_answers_the_same(name: str, tmp_path: Any) -> None:
    model, tokens = small_model(name), rows(pair=True)
    with tf.GradientTape() as tape:
        loss = tf.reduce_sum(model(tokens, training=True) ** 2)
    for weight, gradient in zip(model.trainable_weights, tape.gradient(loss, model.trainable_weights)):
        dense = tf.convert_to_tensor(gradient)
        # A key's bias adds the same to all scores of a query.
        assert "key/bias" in weight.name or np.abs(dense.numpy()).max() > 0, weight.name
    model.save(tmp_path / "model.keras")
    again = keras.models.load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(again(tokens).numpy(), model(tokens).numpy())


def test_unknown_names_and_sizes_are_one_line() -> None:
    with pytest.raises(UserError, match="did you mean bert"):
        BaselineConfig.preset("bertt")
    with pytest.raises(UserError, match="2 heads do not divide"):
        BaselineConfig.preset("bert", hidden_size=7)
    with pytest.raises(UserError, match="state_size must be a whole number of at least 1, not 0"):
        BaselineConfig.preset("mamba", state_size=0)


# ---- the functions, written a second time ----


def values(layer: Any) -> dict[str, np.ndarray]:
    return {weight.name.split(":")[0].split("/", 1)[-1]: weight.numpy().astype(np.float64) for weight in layer.weights}


def embedded(model: keras.Model, tokens: np.ndarray) -> np.ndarray:
    """The sum of the tables, a row at a time: float64 [B, L, d]."""
    w = values(model.get_layer("embed"))
    out = np.zeros((*tokens.shape, SMALL["hidden_size"]))
    for b, row in enumerate(tokens):
        second = False
        for t, token in enumerate(row):
            second = second or token == 4
            place, word = w["position_table"][t], w["token_table"][token]
            if "token_kernel" in w:
                place, word = place @ w["position_kernel"], word @ w["token_kernel"]
            out[b, t] = place + (word + w["segment_table"][2 if second else 1] if token else 0)
    return out


def headed(model: keras.Model, pooled: np.ndarray) -> np.ndarray:
    w = values(model.get_layer("head"))
    return pooled @ w["kernel"] + w["bias"]


def root_mean_square(x: np.ndarray, tokens: np.ndarray) -> np.ndarray:
    return np.array([np.sqrt(np.mean(h[row > 0] ** 2, axis=0)) for h, row in zip(x, tokens)])


@pytest.mark.parametrize("name", ["bert", "nano-bert"])
def test_a_transformer_is_pytorchs_own(name: str) -> None:
    torch = pytest.importorskip(
        "torch", reason="PyTorch's TransformerEncoderLayer is the truth here: pip install torch"
    )
    model, tokens = small_model(name), rows(pair=True)
    x = torch.tensor(embedded(model, tokens))
    for index in range(2):
        w = {key: torch.tensor(value) for key, value in values(model.get_layer(f"block{index}")).items()}
        layer = torch.nn.TransformerEncoderLayer(12, 2, 20, batch_first=True).double().eval()
        joined = [w[f"attention/{part}/kernel"].T for part in ("query", "key", "value")]
        layer.self_attn.in_proj_weight.data = torch.cat(joined)
        layer.self_attn.in_proj_bias.data = torch.cat([w[f"attention/{p}/bias"] for p in ("query", "key", "value")])
        pairs: list[tuple[Any, str]] = [(layer.self_attn.out_proj, "attention/output")]
        pairs += [(layer.linear1, "feed_forward/expand"), (layer.linear2, "feed_forward/contract")]
        for linear, part in pairs:
            linear.weight.data, linear.bias.data = w[f"{part}/kernel"].T, w[f"{part}/bias"]
        for norm, part in ((layer.norm1, "norm1"), (layer.norm2, "norm2")):
            norm.weight.data, norm.bias.data = w[f"{part}/gamma"], w[f"{part}/beta"]
        x = layer(x, src_key_padding_mask=torch.tensor(tokens == 0)).detach()
    np.testing.assert_allclose(model(tokens).numpy(), headed(model, x.numpy()[:, 0]), atol=1e-5, rtol=1e-5)


def layer_norm(x: np.ndarray, gain: np.ndarray, bias: np.ndarray) -> np.ndarray:
    centred = x - x.mean(-1, keepdims=True)
    return centred / np.sqrt((centred**2).mean(-1, keepdims=True) + 1e-5) * gain + bias


def silu(x: np.ndarray) -> np.ndarray:
    return x / (1 + np.exp(-x))


@pytest.mark.parametrize("name", ["bert-efficient", "nano-bert-efficient"])
def test_an_efficient_block_is_its_formula(name: str) -> None:
    model, tokens = small_model(name), rows(pair=True)
    out = []
    for x, row in zip(embedded(model, tokens), tokens):
        x = x[row > 0]
        for index in range(PRESETS[name]["num_blocks"]):
            w = values(model.get_layer(f"block{index}"))
            x = layer_norm(x, w["pre_norm/gamma"], w["pre_norm/beta"])
            scores = (x @ w["attention/kernel"] + w["attention/bias"]) @ x.T / np.sqrt(x.shape[1])
            weights = np.exp(scores - scores.max(-1, keepdims=True))
            context = weights / weights.sum(-1, keepdims=True) @ x
            x = x + context @ w["output/kernel"] + w["output/bias"]
            x = layer_norm(x, w["post_norm/gamma"], w["post_norm/beta"])
            inner = silu(x @ w["feed_forward/expand/kernel"] + w["feed_forward/expand/bias"])
            x = x + inner @ w["feed_forward/contract/kernel"] + w["feed_forward/contract/bias"]
        out.append(x[0])
    np.testing.assert_allclose(model(tokens).numpy(), headed(model, np.array(out)), atol=1e-4, rtol=1e-4)


def causal_conv(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """[L, c], [k, c, 1], [c] -> [L, c]."""
    taps = len(kernel)
    past = np.concatenate([np.zeros((taps - 1, x.shape[1])), x])
    return np.array([(past[t : t + taps] * kernel[:, :, 0]).sum(0) + bias for t in range(len(x))])


def test_a_mamba_steps_through_its_states() -> None:
    model, tokens = small_model("mamba", num_blocks=2), rows()
    x = embedded(model, tokens)
    for index in range(2):
        w = values(model.get_layer(f"block{index}"))
        x = np.array([row + mamba_branch(row, w) for row in x])
    np.testing.assert_allclose(model(tokens).numpy(), headed(model, root_mean_square(x, tokens)), atol=1e-4, rtol=1e-4)


def mamba_branch(x: np.ndarray, w: dict[str, np.ndarray]) -> np.ndarray:
    """One text, a token at a time: [L, d] -> [L, d]."""
    normed = x / np.sqrt((x**2).mean(-1, keepdims=True) + 1e-5) * w["norm/gain"]
    inner, gate = np.split(normed @ w["expand/kernel"], 2, axis=-1)
    inner = silu(causal_conv(inner, w["conv/kernel"], w["conv/bias"]))
    decay = -np.exp(w["scan/log_decay"])  # [e, n]
    rank, states = len(w["scan/step_kernel"]), decay.shape[1]
    state, out = np.zeros_like(decay), []
    for u in inner:
        low, b, c = np.split(u @ w["scan/select/kernel"], [rank, rank + states])
        step = np.log1p(np.exp(low @ w["scan/step_kernel"] + w["scan/step_bias"]))  # [e]
        state = np.exp(step[:, None] * decay) * state + np.outer(step * u, b)
        out.append(state @ c + w["scan/skip"] * u)
    return np.array(out) * silu(gate) @ w["contract/kernel"]


EMBEDDERS: dict[str, Callable[[np.ndarray, dict[str, np.ndarray]], np.ndarray]] = {
    "nano-embedder": lambda x, w: x,
    "nano-embedder-conv": lambda x, w: causal_conv(x, w["kernel"], w["bias"]),
}


@pytest.mark.parametrize("name", EMBEDDERS)
def test_an_embedder_pools_its_tables(name: str) -> None:
    model, tokens = small_model(name), rows(pair=True)
    conv = values(model.get_layer("conv")) if name.endswith("conv") else {}
    x = np.array([EMBEDDERS[name](row, conv) for row in embedded(model, tokens)])
    np.testing.assert_allclose(model(tokens).numpy(), headed(model, root_mean_square(x, tokens)), atol=1e-5, rtol=1e-5)
