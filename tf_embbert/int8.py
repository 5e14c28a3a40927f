"""The one door to `convert`: integer models and what they answer, for training and evaluation; and whole bundles.

Whatever else of `convert` training may need is asked for here. It is imported when it is used: a float evaluation, and
the help of a command, need none of it.
"""

from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from tf_embbert.common.errors import UserError
from tf_embbert.model.folded import Array
from tf_embbert.run import Quantised, Run
from tf_embbert.tokenizer import Tokenizer, segments


def build_int8(variant: Quantised, length: int) -> bytes:
    """The .tflite file of an integer variant of a model, as lowered, for texts of at most `length` tokens.

    The passes of the export, which take longer, make a model smaller and change no answer.
    """
    from convert.lowering.lower import lower_model
    from convert.lowering.to_tflite import write_model

    return write_model(lower_model(variant.weights, variant.ranges, length))


def predict_int8(model: bytes, ids: Sequence[Array], is_pair: bool) -> Array:
    """What TFLM's interpreter answers.

    Args:
        model: a .tflite file of `build_int8`.
        ids: token ids of each text, int32 [at most the model's length].
        is_pair: whether the model takes segments.

    Returns:
        int8 [rows, C].
    """
    from convert.tflm.interpreters import predict

    second = [segments(row) for row in ids] if is_pair else None
    return predict(model, list(ids), second, backend=find_backend())


def find_backend() -> str:
    """Who answers for a board: TFLM's interpreter, or TFLite's reference kernels where its package is not installed.

    Raises:
        UserError: neither is installed.
    """
    for backend, package in (("tflm", "tflite_micro"), ("tflite_reference", "tensorflow")):
        if find_spec(package):
            return backend
    raise UserError("nothing here runs an int8 model: install tflite-micro (or tensorflow)")


def convert_run(run: Run, out: str | Path, **options: Any) -> dict[str, Any]:
    """Converts a run and writes its bundle, as `python -m convert.convert` does.

    Args:
        run: of `load_run`, `finetune_task` or `quantize`.
        out: the bundle's folder.
        **options: `seq_len`, `shorter`, `boards`, `core`, `arena_budget`, `plan`, `force` and `step` of
            `convert.bundle.conversion.convert_run`.

    Returns:
        The bundle's manifest.

    Raises:
        UserError: a length does not fit the run, no form found fits the arena, or the folder exists.

    Examples:
        >>> from tf_embbert import convert_run, load_run
        >>> manifest = convert_run(load_run("runs/tickets"), "build/tickets", boards=["nano-33-ble"])  # doctest: +SKIP
    """
    from convert.bundle import conversion

    return conversion.convert_run(run, out, **options)


def require_no_bundle(out: str | Path, force: bool) -> None:
    """Raises a UserError where a bundle cannot go: something is there, of another kind or without `force`."""
    from convert.bundle.bundle import require_free

    require_free(out, force)


def coverage_int8(model: bytes, logits: Array, labels: Array) -> list[dict[str, Any]]:
    """What rejecting unsure answers costs and gives: `coverage_table` of a classifier's int8 logits [rows, C]."""
    from convert.bundle.confidence import coverage_table
    from convert.tflite.model import output_quantization, read_model

    return coverage_table(logits, output_quantization(read_model(model))[0], labels)


class BundleModel:
    """A bundle as evaluation uses it: its models and what goes with them.

    Args:
        path: the bundle's folder.

    Raises:
        UserError: no bundle there, or it is not as it was written.
    """

    def __init__(self, path: str | Path) -> None:
        from convert.bundle.integrity import read_own_bundle
        from convert.tflite.model import output_quantization, read_model, takes_pairs

        bundle = read_own_bundle(path)
        self.kind = {"tflm": "int8 in TFLM", "tflite_reference": "int8 in TFLite's reference kernels"}[find_backend()]
        self.models: Any = bundle.models
        self.tokenizer = Tokenizer.load(bundle.path / "tokenizer.json")
        self.labels: list[str] | None = bundle.manifest["labels"] or None
        self.is_pair: bool = takes_pairs(bundle.files["model.tflite"])
        self.max_length: int = bundle.manifest["model"]["sequence_length"]
        self.room: int = bundle.room
        self.seed: int = bundle.manifest["seed"]
        self.reject: float | None = bundle.manifest["arguments"].get("reject")
        # A logit is scale * (int8 - zero point).
        self.scale, self.zero_point = output_quantization(read_model(self.models[self.max_length]))

    def predict(self, ids: Sequence[Array]) -> Array:
        """The model's answers to texts of at most `room` tokens, each by the shortest length that holds it, or its
        windows: int8 [rows, C].
        """
        from convert.tflite.lengths import answer_by_length

        return answer_by_length(self.models, list(ids), lambda model, rows: predict_int8(model, rows, self.is_pair))
