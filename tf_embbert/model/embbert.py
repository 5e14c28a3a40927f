"""The Keras model of an EmbBERT: says in one line what Keras and TensorFlow would say in an error of a graph.

A saved `.keras` file names this class by its module, and importing that registers every layer: `load_model` needs no
import of ours before it.
"""

import contextlib
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import tf_keras as keras

from tf_embbert.common.errors import UserError
from tf_embbert.model.layers import NOT_TAKEN, PACKAGE

CONVERTER = "tensorflow.lite.python.lite"  # the module of TFLiteConverter


@keras.saving.register_keras_serializable(PACKAGE)
class EmbBERT(keras.Model):
    """A functional model on EmbBERT's encoder, made by `build_classifier` and its like.

    Texts, ids that it cannot take (too many of a text, or beyond the vocabulary) and TFLiteConverter, which cannot
    convert it, are UserErrors of one line; everything else is `keras.Model`.
    """

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        with plain_errors(self, args, kwargs):
            return super().__call__(*args, **kwargs)

    def fit(self, *args: Any, **kwargs: Any) -> Any:
        """As Keras has it; the optimizer has its variables before the step is traced, which then happens once: of base
        the first step takes two thirds of the time.
        """
        optimizer = getattr(self, "optimizer", None)
        if isinstance(optimizer, keras.optimizers.Optimizer):  # the legacy ones make theirs when they please
            with self.distribute_strategy.scope():
                optimizer.build(self.trainable_variables)
        with plain_errors(self, args, kwargs):
            return super().fit(*args, **kwargs)

    def evaluate(self, *args: Any, **kwargs: Any) -> Any:
        """As Keras has it."""
        with plain_errors(self, args, kwargs):
            return super().evaluate(*args, **kwargs)

    def predict(self, *args: Any, **kwargs: Any) -> Any:
        """As Keras has it."""
        with plain_errors(self, args, kwargs):
            return super().predict(*args, **kwargs)

    def save_spec(self, dynamic_batch: bool = True) -> Any:
        """As Keras has it, which everyone asks who saves or converts a model."""
        refuse_converter()
        return super().save_spec(dynamic_batch)


keras.saving.get_custom_objects()["EmbBERT"] = EmbBERT  # an .h5 file names a model by its class alone


@contextlib.contextmanager
def plain_errors(model: keras.Model, args: Sequence[Any], kwargs: Mapping[str, Any]) -> Iterator[None]:
    """What is no token ids, and what the layers refuse about them, as a UserError of one line.

    The model can then be used again.
    """
    if are_texts(args[0] if args else kwargs.get("x")):
        raise UserError("EmbBERT takes token ids, and these are texts: give it tokenizer(texts)")
    try:
        yield
    except Exception as error:
        told = re.search(f"{NOT_TAKEN}[^\n\\]]*", str(error))
        if told is None:
            raise
        model.train_function = model.test_function = model.predict_function = None  # half traced they would stay broken
        raise UserError(told[0].rstrip("'\" ")) from None


def are_texts(inputs: Any) -> bool:
    """Whether the first of some inputs is a text, or an array or series of them."""
    while isinstance(inputs, (list, tuple)) and inputs:
        inputs = inputs[0]
    return isinstance(inputs, str) or getattr(getattr(inputs, "dtype", None), "kind", None) in ("U", "S", "O")


def refuse_converter() -> None:
    """Raises a UserError with the remedy where TFLiteConverter asks: its errors name operators, not what to do."""
    frame: Any = sys._getframe()
    while frame is not None:
        if frame.f_globals.get("__name__") == CONVERTER:
            raise UserError(
                "TFLiteConverter has no operators for an EmbBERT as it is trained: write tf_embbert.convert_model("
                "model, tokenizer, labels, texts, out=BUNDLE), which makes an int8 model.tflite of it"
            )
        frame = frame.f_back


def require_float32() -> None:
    """Raises a UserError under another dtype policy: folding and QAT go by float32, and sums of squares need it."""
    policy = keras.mixed_precision.global_policy().name
    if policy != "float32":
        raise UserError(
            f"EmbBERT trains in float32, and the dtype policy is {policy}: "
            "keras.mixed_precision.set_global_policy('float32')"
        )
