"""Signatures of a model whose tensors were renumbered: TFLM reads none, the interpreters of other devices do.

A signature names tensors of a graph by its inputs and outputs, and those keep their order.
"""

import copy
from collections.abc import Iterable

from convert.tflite import schema
from convert.tflite.model import indices, read_model
from convert.tflite.writer import pack_model


def with_signatures(before: bytes, after: bytes) -> bytes:
    """A model with the signatures of another that takes and gives the same tensors.

    Args:
        before: bytes of a model, with signatures or without.
        after: bytes of what was made of it.

    Returns:
        Bytes of the second with the first one's signatures; those that name other tensors than a graph's inputs and
        outputs are left out.
    """
    old, new = read_model(before), read_model(after)
    if not old.signatureDefs or new.signatureDefs:
        return after
    moved = [_moved(signature, old, new) for signature in old.signatureDefs]
    new.signatureDefs = [signature for signature in moved if signature is not None]
    return pack_model(new)


def left_out(model: bytes) -> list[str]:
    """What of a model's file a smaller one does not keep, in words: metadata, and what is packed behind it."""
    names = [_text(entry.name) for entry in read_model(model).metadata or []]
    metadata = [f"metadata {', '.join(names)}"] if names else []
    return metadata + (["the files packed behind the model"] if b"PK\x05\x06" in model[-65557:] else [])


def _moved(signature: schema.SignatureDefT, old: schema.ModelT, new: schema.ModelT) -> schema.SignatureDefT | None:
    number = signature.subgraphIndex
    if number >= len(old.subgraphs):
        return None
    pairs = [
        (getattr(old.subgraphs[number], ends), getattr(new.subgraphs[number], ends)) for ends in ("inputs", "outputs")
    ]
    inputs, outputs = (
        _entries(entries, dict(zip(indices(was), indices(now))))
        for entries, (was, now) in zip((signature.inputs, signature.outputs), pairs)
    )
    if inputs is None or outputs is None:
        return None
    moved = copy.copy(signature)
    moved.inputs, moved.outputs = inputs, outputs
    return moved


def _entries(entries: Iterable[schema.TensorMapT] | None, places: dict[int, int]) -> list[schema.TensorMapT] | None:
    """The entries with new indices; None when one has no place."""
    moved = [copy.copy(entry) for entry in entries or []]
    if any(entry.tensorIndex not in places for entry in moved):
        return None
    for entry in moved:
        entry.tensorIndex = places[entry.tensorIndex]
    return moved


def _text(name: bytes | str | None) -> str:
    return name.decode("utf-8", "replace") if isinstance(name, bytes) else name or "without a name"
