"""EmbBERT's formulas in NumPy float64, from the paper and its reference code; shares nothing with the package.

One row at a time, loops where loops say it more plainly: the truth that Keras and the deploy graph are held to.
"""

from collections.abc import Callable, Iterable
from typing import Any, TypeAlias

import numpy as np

PAD, SEP = 0, 4
Weights: TypeAlias = dict[str, Any]  # arrays by name; `blocks` is a list of the like


def silu(x: np.ndarray) -> np.ndarray:
    return x / (1.0 + np.exp(-x))


def hard_swish(x: np.ndarray) -> np.ndarray:
    return x * np.minimum(np.maximum(x + 3.0, 0.0), 6.0) / 6.0


ACTIVATIONS = {"silu": silu, "hard_swish": hard_swish}


def segment_rows(tokens: Iterable[int]) -> list[int]:
    rows, seen = [], False
    for token in tokens:
        seen = seen or token == SEP
        rows.append(0 if token == PAD else 2 if seen else 1)
    return rows


def embed(weights: Weights, tokens: Iterable[int]) -> np.ndarray:
    """[L] -> [L, d]."""
    out = []
    for position, (token, segment) in enumerate(zip(tokens, segment_rows(tokens))):
        token_row = weights["token_table"][token] if token != PAD else 0 * weights["token_table"][0]
        segment_row = weights["segment_table"][segment] if segment else 0 * weights["segment_table"][0]
        out.append(
            token_row @ weights["token_kernel"]
            + weights["position_table"][position] @ weights["position_kernel"]
            + segment_row
        )
    return np.array(out)


def rms_norm(x: np.ndarray, gain: np.ndarray, epsilon: float) -> np.ndarray:
    return x / np.sqrt(np.mean(x**2, axis=-1, keepdims=True) + epsilon) * gain


def attention(block: Weights, x: np.ndarray, tokens: Iterable[int]) -> np.ndarray:
    """Softmax over the real keys; pad queries have no weights: [L, d] -> [L, d]."""
    query = x @ block["query_kernel"] + block["query_bias"]
    context = np.zeros_like(x)
    real = [j for j, token in enumerate(tokens) if token != PAD]
    for i in real:
        scores = np.array([query[i] @ x[j] for j in real]) / np.sqrt(x.shape[1])
        weights = np.exp(scores - scores.max())
        context[i] = (weights / weights.sum()) @ x[real]
    return context


def convolution(block: Weights, x: np.ndarray) -> np.ndarray:
    """Causal depthwise: [L, d] -> [L, d*m]; tap k-1 sees the present."""
    taps, d, m = block["conv_kernel"].shape
    out = np.zeros((len(x), d * m))
    for t in range(len(x)):
        for tap in range(taps):
            source = t - (taps - 1 - tap)
            if source >= 0:
                out[t] += (x[source][:, None] * block["conv_kernel"][tap]).reshape(-1)
    return out + block["conv_bias"]


def run_block(block: Weights, x: np.ndarray, tokens: Iterable[int], epsilon: float, activation: str) -> np.ndarray:
    x = rms_norm(x, block["gain"], epsilon)
    first = attention(block, x, tokens) @ block["output_kernel"] + block["output_bias"]
    second = ACTIVATIONS[activation](convolution(block, x)) @ block["contract_kernel"] + block["contract_bias"]
    q1, k1, q2, k2 = block["lambdas"]
    return np.exp(q1 @ k1) * first - np.exp(q2 @ k2) * second


def encode(
    weights: Weights, tokens: Iterable[int], epsilon: float = 1.1920929e-07, activation: str = "silu"
) -> np.ndarray:
    """One row of tokens [L] -> hidden states [L, d]."""
    x = embed(weights, tokens)
    for block in weights["blocks"]:
        x = run_block(block, x, tokens, epsilon, activation)
    return x


def read_weights(model: Any, num_blocks: int) -> Weights:
    """The reference's weights out of a Keras model, in float64."""

    def value(variable: Any) -> np.ndarray:
        return variable.numpy().astype(np.float64)

    tables = model.get_layer("embed")
    names = ("token_table", "token_kernel", "position_table", "position_kernel", "segment_table")
    weights: Weights = {name: value(getattr(tables, name)) for name in names}
    weights["blocks"] = [read_block(model.get_layer(f"block{i}"), value) for i in range(num_blocks)]
    return weights


def read_block(block: Any, value: Callable[[Any], np.ndarray]) -> Weights:
    return {
        "gain": value(block.norm.gain),
        "query_kernel": value(block.attention.query.kernel),
        "query_bias": value(block.attention.query.bias),
        "output_kernel": value(block.output_dense.kernel),
        "output_bias": value(block.output_dense.bias),
        "conv_kernel": value(block.conv.kernel),
        "conv_bias": value(block.conv.bias),
        "contract_kernel": value(block.contract.kernel),
        "contract_bias": value(block.contract.bias),
        "lambdas": value(block.sum.lambdas),
    }
