"""The reference's tensors and this project's variables: one table of names and shapes, read in both directions.

Names are those of the reference's EmbBERT and of the classes around it (RiccardoBravin/tiny-LLM, lib/Models/EmbBERT.py,
classifiers.py). A Linear of PyTorch is [out, in], a Dense kernel of Keras [in, out]; Conv1d's weight is [d*m, 1, k],
output channel c*m + i of input channel c, and the causal convolution's kernel here [k, d, m].
"""

import re
from collections.abc import Mapping

import numpy as np

from tf_embbert.common.errors import UserError
from tf_embbert.model.config import PAD, EmbBERTConfig
from tf_embbert.model.folded import Array

LAMBDAS = ("lambda_q1", "lambda_k1", "lambda_q2", "lambda_k2")  # rows of `sum/lambdas`
# The reference's name: ours, and the shape there in letters of `sizes_of`.
EMBEDDER = {
    "embedder.token.weight": ("embed/token_table", "V r"),
    "embedder.tok_expander.weight": ("embed/token_kernel", "d r"),
    "embedder.position.weight": ("embed/position_table", "L r"),
    "embedder.pos_expander.weight": ("embed/position_kernel", "d r"),
    "embedder.sentence.weight": ("embed/segment_table", "3 d"),
}
BLOCK = {
    "norms.#.weight": ("block#/norm/gain", "d"),
    **{f"attentions.#.{name}": (f"block#/sum/lambdas/{row}", "d") for row, name in enumerate(LAMBDAS)},
    "attentions.#.query.weight": ("block#/attention/kernel", "d d"),
    "attentions.#.query.bias": ("block#/attention/bias", "d"),
    "attentions.#.att_output.weight": ("block#/output/kernel", "d d"),
    "attentions.#.att_output.bias": ("block#/output/bias", "d"),
    "attentions.#.conv1d.weight": ("block#/conv/kernel", "dm 1 k"),
    "attentions.#.conv1d.bias": ("block#/conv/bias", "dm"),
    "attentions.#.contract.weight": ("block#/contract/kernel", "d dm"),
    "attentions.#.contract.bias": ("block#/contract/bias", "d"),
}
HEADS = {
    "classifier": {"classifier.weight": ("head/kernel", "C d"), "classifier.bias": ("head/bias", "C")},
    "pretraining": {
        "mlm_classifier.weight": ("mlm/kernel", "V d"),
        "mlm_classifier.bias": ("mlm/bias", "V"),
        "nsp_classifier.weight": ("nsp/kernel", "2 d"),
        "nsp_classifier.bias": ("nsp/bias", "2"),
    },
    "none": {},
}
# What gives the config, beside the first block's convolution and the number of blocks.
TELLING = ("embedder.token.weight", "embedder.position.weight", "embedder.tok_expander.weight")


def split_prefix(tensors: Mapping[str, Array], path: str) -> dict[str, Array]:
    """The tensors without what wrappers put before their names: `model.` of a classifier, `module.` of DataParallel.

    Raises:
        UserError: there is no token table among them.
    """
    first = TELLING[0]
    whole = next((name for name in tensors if name == first or name.endswith(f".{first}")), None)
    if whole is None:
        some = ", ".join(list(tensors)[:3]) or "nothing"
        raise UserError(f"{path} holds no EmbBERT: there is no tensor {first} in it, but {some}")
    encoder = whole.removesuffix(first)
    heads = encoder.removesuffix("model.")
    return {name.removeprefix(encoder).removeprefix(heads): value for name, value in tensors.items()}


def head_of(tensors: Mapping[str, Array]) -> str:
    """The key of HEADS whose tensors are there, "none" for a bare encoder."""
    return next((kind for kind, table in HEADS.items() if set(table) & set(tensors)), "none")


def infer_config(tensors: Mapping[str, Array], path: str) -> EmbBERTConfig:
    """The sizes of an EmbBERT, from its tensors' shapes; dropout is the paper's.

    Raises:
        UserError: a tensor that tells them is missing, or no table of two axes.
    """
    blocks = {found[1] for name in tensors if (found := re.match(r"(?:norms|attentions)\.(\d+)\.", name))}
    conv = "attentions.0.conv1d.weight"
    for name, axes in [*((name, 2) for name in TELLING), ("norms.0.weight", 1), (conv, 3)]:
        if name not in tensors:
            raise UserError(f"{path}: tensor {name} is missing")
        if tensors[name].ndim != axes or not tensors[name].size:
            raise UserError(f"{path}: tensor {name} is {list(tensors[name].shape)}, {axes} axes are expected")
    token, position, expander = (tensors[name] for name in TELLING)
    return EmbBERTConfig(
        vocab_size=token.shape[0],
        max_length=position.shape[0],
        hidden_size=expander.shape[0],
        reduced_size=token.shape[1],
        num_blocks=len(blocks),
        expansion=max(1, tensors[conv].shape[0] // expander.shape[0]),
        kernel_size=tensors[conv].shape[2],
    )


def table_of(config: EmbBERTConfig, head: str, classes: int) -> dict[str, tuple[str, tuple[int, ...]]]:
    """{the reference's name: (ours, the shape there)} of a whole model.

    Args:
        config: of the model.
        head: a key of HEADS.
        classes: of a classifier's.
    """
    sizes = {"V": config.vocab_size, "L": config.max_length, "d": config.hidden_size, "r": config.reduced_size}
    sizes |= {"dm": config.hidden_size * config.expansion, "k": config.kernel_size, "C": classes}
    blocks = {
        name.replace("#", str(i)): (ours.replace("#", str(i)), shape)
        for i in range(config.num_blocks)
        for name, (ours, shape) in BLOCK.items()
    }
    table = {**EMBEDDER, **blocks, **HEADS[head]}
    return {
        name: (ours, tuple(sizes[axis] if axis in sizes else int(axis) for axis in shape.split()))
        for name, (ours, shape) in table.items()
    }


def require_fit(tensors: Mapping[str, Array], table: Mapping[str, tuple[str, tuple[int, ...]]], path: str) -> None:
    """Raises a UserError that names every tensor that is missing, left over, of another shape, or not of numbers."""
    wrong = [f"{name} is missing" for name in table if name not in tensors]
    wrong += [f"{name} belongs to no EmbBERT" for name in tensors if name not in table]
    for name, (_, shape) in table.items():
        if name in tensors and tensors[name].shape != shape:
            wrong.append(f"{name} is {list(tensors[name].shape)}, not {list(shape)}")
        elif name in tensors and not np.isfinite(tensors[name]).all():
            wrong.append(f"{name} holds NaN or infinite numbers")
    if wrong:
        raise UserError(f"{path}: {len(wrong)} tensors do not fit: {'; '.join(wrong)}")


def to_keras(tensors: Mapping[str, Array], table: Mapping[str, tuple[str, tuple[int, ...]]]) -> dict[str, Array]:
    """Values by our variables' names, of tensors that fit the table."""
    values: dict[str, Array] = {}
    for name, (ours, shape) in table.items():
        value = tensors[name]
        if ours.endswith("conv/kernel"):  # [d*m, 1, k]
            width = tensors["embedder.tok_expander.weight"].shape[0]
            value = value.reshape(width, -1, shape[-1]).transpose(2, 0, 1)  # [k, d, m]
        elif ours.endswith("kernel"):
            value = value.T
        values[ours] = np.ascontiguousarray(value, np.float32)
    for block in {ours.split("/")[0] for ours in values if "/lambdas/" in ours}:
        values[f"{block}/sum/lambdas"] = np.stack([values.pop(f"{block}/sum/lambdas/{row}") for row in range(4)])
    for name in ("embed/token_table", "embed/segment_table"):  # padding_idx: PyTorch never trains that row
        values[name] = values[name].copy()
        values[name][PAD] = 0
    return values


def from_keras(values: Mapping[str, Array], table: Mapping[str, tuple[str, tuple[int, ...]]]) -> dict[str, Array]:
    """The reference's tensors, of values by our variables' names: the inverse of `to_keras`."""
    tensors: dict[str, Array] = {}
    for name, (ours, shape) in table.items():
        if "/lambdas/" in ours:
            ours, row = ours.rsplit("/", 1)
            value = values[ours][int(row)]
        elif ours.endswith("conv/kernel"):
            value = values[ours].transpose(1, 2, 0).reshape(shape)
        else:
            value = values[ours].T if ours.endswith("kernel") else values[ours]
        tensors[name] = np.ascontiguousarray(value, np.float32)
    return tensors
