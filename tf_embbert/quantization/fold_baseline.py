"""Folds the paper's other models into programs: which fold is whose, and what the embedders do."""

from typing import Any

import numpy as np

from tf_embbert.baselines.efficient import EfficientBlock
from tf_embbert.baselines.layers import RMSPool
from tf_embbert.baselines.mamba import MambaBlock
from tf_embbert.baselines.transformer import TransformerBlock
from tf_embbert.model.folded import Array
from tf_embbert.model.program import LOGITS, TOKENS, Program
from tf_embbert.quantization.fold import read
from tf_embbert.quantization.fold_efficient import fold_efficient
from tf_embbert.quantization.fold_transformer import fold_transformer
from tf_embbert.quantization.program_builder import ProgramBuilder, View, dense_weights


def is_baseline(model: Any) -> bool:
    """Whether a Keras model has a baseline's layers."""
    return any(isinstance(layer, TransformerBlock | EfficientBlock | MambaBlock | RMSPool) for layer in model.layers)


def fold_baseline(model: Any, is_pair: bool) -> Program:
    """The program of a trained baseline.

    Args:
        model: Keras model of `baselines.classifier.build_classifier`.
        is_pair: whether its texts are pairs; a single text's segment row is then a constant.

    Raises:
        UserError: a model that has no fold.
    """
    build = ProgramBuilder()
    blocks = [layer for layer in model.layers if layer.name.startswith("block")]
    if not blocks:
        fold_embedder(build, model, is_pair)
    elif isinstance(blocks[0], TransformerBlock):
        build.dense(LOGITS, fold_transformer(build, model, blocks, is_pair), *dense_weights(model.get_layer("head")))
    elif isinstance(blocks[0], EfficientBlock):
        fold_efficient(build, model, blocks, is_pair)
    else:
        fold_mamba(build, model, blocks, is_pair)
    return build.program()


def fold_embedder(build: ProgramBuilder, model: Any, is_pair: bool) -> None:
    """NanoEmbedder and NanoEmbedderConv."""
    x = build.embed(model.get_layer("embed"), is_pair)
    for layer in model.layers:
        if layer.name == "conv":
            x = build.step("conv", "pool.conv", x, arrays=conv_weights(layer))
    fold_pooled_head(build, model, x)


def fold_mamba(build: ProgramBuilder, model: Any, blocks: list[Any], is_pair: bool) -> None:
    """MAMBA: its blocks, then the head."""
    x = build.embed(model.get_layer("embed"), is_pair)
    for index, block in enumerate(blocks):
        x = fold_mamba_block(build, index, block, x)
    fold_pooled_head(build, model, x)


def fold_mamba_block(build: ProgramBuilder, index: int, block: Any, x: str) -> str:
    """x + Wo (scan(SiLU(conv(W1 n))) SiLU(W2 n)), n = RMSNorm(x)."""
    name, gain, scan = f"block{index}", read(block.norm.gain), block.scan
    build.step("unit_norm", f"{name}.norm", x, epsilon=len(gain) * block.norm.epsilon)
    n = View(f"{name}.norm", np.sqrt(len(gain)) * gain, np.zeros(len(gain)))
    expand = read(block.expand.kernel).T  # [2e, d]
    inner, outer = (
        build.dense(f"{name}.{part}", n, kernel) for part, kernel in zip(("inner", "outer"), np.split(expand, 2))
    )
    u = fold_silu(build, f"{name}.in", build.step("conv", f"{name}.conv", inner, arrays=conv_weights(block.conv)))
    low, for_b, for_c = np.split(read(scan.select.kernel).T, [scan.rank, scan.rank + scan.state_size])
    z = build.dense(f"{name}.z", build.dense(f"{name}.low", u, low), read(scan.step_kernel).T, read(scan.step_bias))
    b, c = build.dense(f"{name}.b", u, for_b), build.dense(f"{name}.c", u, for_c)
    states = build.step("scan", f"{name}.states", u, z, b, arrays={"decay": np.exp(read(scan.log_decay))})
    skip = build.step("scale", f"{name}.skip", u, arrays={"gain": read(scan.skip)})
    y = build.step("add", f"{name}.y", build.step("readout", f"{name}.readout", states, c), skip)
    gated = build.step("multiply", f"{name}.gated", y, fold_silu(build, f"{name}.out", outer))
    contract = build.dense(f"{name}.contract", gated, read(block.contract.kernel).T)
    return build.step("add", f"x{index + 1}", x, contract)


def fold_silu(build: ProgramBuilder, name: str, x: str) -> str:
    """x / (1 + exp(-x))."""
    return build.step("multiply", f"{name}.silu", x, build.step("gate", f"{name}.gate", x))


def fold_pooled_head(build: ProgramBuilder, model: Any, x: str) -> None:
    """The root mean square over the tokens, then the head."""
    pooled = build.step("over_root", "pool.mean", build.step("lengths", "pool.lengths", x, TOKENS), TOKENS)
    build.dense(LOGITS, pooled, *dense_weights(model.get_layer("head")))


def conv_weights(layer: Any) -> dict[str, Array]:
    """Kernel [k, d] and bias [d] of a CausalDepthwiseConv without expansion."""
    return {"kernel": read(layer.kernel)[:, :, 0], "bias": read(layer.bias)}
