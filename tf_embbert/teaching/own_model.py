"""EmbBERT as a voter: the shipped encoder, fine-tuned on the labels of a user's rows.

It reads a text in its order, and began with a large model's vectors, so it errs elsewhere than models of counted words:
where there is no large teacher, both together know more than either.
"""

import dataclasses
import tempfile
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tf_keras as keras

from tf_embbert.run import Array, Run
from tf_embbert.teaching.voting import Learn, Speak
from tf_embbert.tokenizer import Tokenizer
from tf_embbert.training.batching import predict_in_order
from tf_embbert.training.fitting import EncodedRows, Recipe, train
from tf_embbert.training.transfer import start_from

LONGEST = 128  # tokens of a text
RATE, BATCH, TOKEN_DROPOUT = 2e-3, 32, 0.2
WATCHED = 32  # rows whose metric is computed after each epoch; it chooses nothing


def learner_of(run: Run, classes: int, epochs: int, seed: int, own_tokens: bool = False) -> Learn:
    """What fits a voter.

    Args:
        run: of the encoder that it starts from.
        classes: how many there are.
        epochs: passes over the rows.
        seed: of everything random.
        own_tokens: whether texts are read by a tokenizer that learns from them, not by the encoder's.
    """

    def learn(texts: Sequence[str], labels: Array) -> Speak:
        tokenizer = Tokenizer.train(texts) if own_tokens else run.tokenizer

        def encode(some: Sequence[str]) -> list[Array]:
            return tokenizer.encode(list(some), max_length=LONGEST).ids

        keras.utils.set_random_seed(seed)
        sizes = dataclasses.replace(run.encoder, token_dropout=TOKEN_DROPOUT, vocab_size=tokenizer.vocab_size)
        model = sizes.build(classes)
        start_from(run, model, tokenizer)
        rows = EncodedRows(encode(texts), labels, "accuracy")
        recipe = Recipe(epochs, RATE, batch_size=BATCH, keep_last=True)
        loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
        with tempfile.TemporaryDirectory() as folder:
            watched = rows.select(np.arange(min(WATCHED, len(rows))))
            train(model, loss, rows, watched, recipe, Path(folder), seed, report=lambda line: None)
        return lambda others: predict_in_order(model, encode(others))

    return learn
