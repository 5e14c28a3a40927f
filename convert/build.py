"""Folded weights and ranges to the bytes of a model: the whole chain, one step a line."""

import numpy as np

from convert.flatbuffer import write_model
from convert.lower import lower_model


def build_model(weights: dict[str, np.ndarray], ranges: dict[str, tuple], sequence_length: int) -> bytes:
    """Makes the int8 .tflite model of a folded EmbBERT for texts of one length.

    Args:
        weights: folded float weights by name, as a run stores them.
        ranges: (minimum, maximum) by tensor name.
        sequence_length: number of token ids the model takes.

    Returns:
        The bytes of the .tflite file; equal arguments give equal bytes.

    Raises:
        ValueError: the length does not fit the model, or a range cannot be quantised.
    """
    return write_model(lower_model(weights, ranges, sequence_length))
