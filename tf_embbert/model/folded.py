"""Folded weights: what `fold.py` makes of a trained model, a run stores and `convert` lowers.

An archive has an array for each field, by the name of the tensor that it becomes: `embed.token`, `block0.query.kernel`,
`head.bias`. An activation other than SiLU is there by its name, as `activation`. This module needs no TensorFlow.
"""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from tf_embbert.common.errors import UserError

Array: TypeAlias = NDArray[Any]
# By tensor or kernel: (minimum, maximum), or [channels] largest magnitudes of a convolution's kernel.
Ranges: TypeAlias = Mapping[str, tuple[float, float] | Array]
Part = TypeVar("Part")


@dataclass(frozen=True, eq=False)
class FoldedEmbedder:
    """The dense over [token row ; position row (; second segment)], d wide.

    Args:
        token: [V, r].
        position: [longest text, r].
        bias: [d].
        segment: [3, 1], 0 but for tokens of the second text; None in models of single texts.
        kernel: [d, 2r], or [d, 2r + 1] with segments.
    """

    token: Array
    position: Array
    bias: Array
    segment: Array | None
    kernel: Array


@dataclass(frozen=True, eq=False)
class FoldedBranches:
    """The start of a block's two branches: all that the last block has of its own.

    Args:
        query_kernel, query_bias: [d, d] and [d], scaled so that the scores are the product with unit vectors.
        conv_kernel, conv_bias: [k, d*m] and [d*m]; one tap, k = 1, in the last block.
    """

    query_kernel: Array
    query_bias: Array
    conv_kernel: Array
    conv_bias: Array


@dataclass(frozen=True, eq=False)
class FoldedBlock(FoldedBranches):
    """A block before the last.

    Args:
        value_kernel: [d, d], the output projection of the attention.
        context_bias: [d], the biases of both branches.
        contract_kernel: [d, d*m].
    """

    value_kernel: Array
    context_bias: Array
    contract_kernel: Array


@dataclass(frozen=True, eq=False)
class FoldedHead:
    """The head, folded with the last block's projections: kernels [C, d] and [C, d*m], bias [C]."""

    context_kernel: Array
    conv_kernel: Array
    bias: Array


@dataclass(frozen=True, eq=False)
class FoldedModel:
    """The folded weights of a whole model, float32; dense kernels are [out, in].

    Args:
        embed: tables and dense of the embedder.
        blocks: the blocks before the last.
        last: the last block, which is computed for the [CLS] row only.
        head: what makes logits of it.
        activation: of the convolutions, one of `tf_embbert.model.config.ACTIVATIONS`.

    Examples:
        >>> from tf_embbert import load_run
        >>> folded = load_run("benchmarks/base256").weights
        >>> len(folded.blocks), folded.embed.token.shape, folded.activation
        (3, (8192, 16), 'silu')
    """

    embed: FoldedEmbedder
    blocks: tuple[FoldedBlock, ...]
    last: FoldedBranches
    head: FoldedHead
    activation: str = "silu"

    @property
    def is_pair(self) -> bool:
        """Whether its texts are pairs."""
        return self.embed.segment is not None

    @property
    def hidden_size(self) -> int:
        """d, numbers of a token between the blocks."""
        return len(self.embed.bias)

    @property
    def num_blocks(self) -> int:
        """Number of blocks, the last one too."""
        return len(self.blocks) + 1

    def arrays(self) -> dict[str, Array]:
        """The weights by the names of the tensors that they become."""
        parts: dict[str, Any] = {"embed": self.embed}
        parts |= {f"block{i}": block for i, block in enumerate((*self.blocks, self.last))}
        parts["head"] = self.head
        return {
            f"{prefix}.{tensor_name(field.name)}": value
            for prefix, part in parts.items()
            for field in dataclasses.fields(part)
            if (value := getattr(part, field.name)) is not None
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, Array], activation: str = "silu") -> "FoldedModel":
        """The model whose `arrays()` these are.

        Raises:
            UserError: an array is missing or of no part of the model; the message names it.
        """
        left = dict(arrays)
        blocks = sum(name.endswith(".query.kernel") for name in arrays)
        model = cls(
            _take(FoldedEmbedder, "embed", left),
            tuple(_take(FoldedBlock, f"block{index}", left) for index in range(blocks - 1)),
            _take(FoldedBranches, f"block{max(blocks, 1) - 1}", left),
            _take(FoldedHead, "head", left),
            activation,
        )
        if left:
            raise UserError(f"{min(left)} is not among an EmbBERT's folded weights: train again")
        return model

    def with_arrays(self, arrays: Mapping[str, Array]) -> "FoldedModel":
        """The same model with other weights; raises as `from_arrays` does."""
        return self.from_arrays(arrays, self.activation)

    @property
    def symmetric(self) -> set[str]:
        """Tensors whose zero point is 0: FULLY_CONNECTED takes other operators' outputs as weights with that only, so
        the values are; so are the tables, which are weights themselves.
        """
        return {"embed.features", *(f"block{index}.values" for index in range(len(self.blocks)))}

    @property
    def normed(self) -> dict[str, float]:
        """Tensors that norms read, and what share of their readers these are: the sums that blocks begin with, all."""
        return {f"x{index}": 1.0 for index in range(len(self.blocks) + 1)}

    @property
    def max_length(self) -> int:
        """Rows of the position table."""
        return len(self.embed.position)

    @property
    def vocab_size(self) -> int:
        """Rows of the token table."""
        return len(self.embed.token)

    def to_archive(self) -> dict[str, Array]:
        """`arrays()`, and the activation where it is not SiLU: what a run stores."""
        return self.arrays() | ({} if self.activation == "silu" else {"activation": np.array(self.activation)})

    @classmethod
    def from_archive(cls, archive: Mapping[str, Array]) -> "FoldedModel":
        """The model that `to_archive` gave; raises as `from_arrays` does."""
        arrays = {name: value for name, value in archive.items() if name != "activation"}
        return cls.from_arrays(arrays, str(archive.get("activation", "silu")))


def tensor_name(field: str) -> str:
    """The last part of a tensor's name, of a field's: `query_kernel` is `query.kernel`."""
    return field.replace("_", ".")


def _take(kind: type[Part], prefix: str, arrays: dict[str, Array]) -> Part:
    """A part of the model from its arrays, which are taken out of the dict."""
    names = {field.name: f"{prefix}.{tensor_name(field.name)}" for field in dataclasses.fields(cast(Any, kind))}
    missing = [name for name in names.values() if name not in arrays and name != "embed.segment"]
    if missing:
        raise UserError(f"folded weights of an EmbBERT without {missing[0]}: train again")
    return kind(**{field: arrays.pop(name, None) for field, name in names.items()})
