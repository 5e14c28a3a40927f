"""What a pretrained EmbBERT says of a text before it has learnt any task: its [CLS] as features of a linear voter.

The encoder of sentence vectors has them from a large one: it knows words that no training row has.
"""

from collections.abc import Sequence
from typing import Any

import tf_keras as keras

from tf_embbert.run import Array, Run
from tf_embbert.teaching.alike import unit
from tf_embbert.training.batching import predict_in_order

LONGEST = 128  # tokens of a text


class EncoderVectors:
    """Reads texts.

    Args:
        run: of the encoder.
    """

    def __init__(self, run: Run) -> None:
        self.tokenizer, model = run.tokenizer, run.model
        self.encoder: Any = keras.Model(model.input, model.get_layer("head").input)

    def __call__(self, texts: Sequence[str]) -> Array:
        """Vectors of length 1: float32 [texts, d]."""
        ids = self.tokenizer.encode(list(texts), max_length=LONGEST).ids
        return unit(predict_in_order(self.encoder, ids))
