"""Running a model row by row: in TFLM's interpreter and in TensorFlow Lite's reference kernels.

Models run in workers (`python -m convert.tflm.interpreters BACKEND`): a message is a NumPy archive of model, tokens and
segments, its answer a NumPy array.
"""

import importlib.util
import io
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib import metadata

import numpy as np

from convert.tflite.model import input_length
from convert.tflm.workers import borrow_worker, read_message, write_message

ARENA_BYTES = 1 << 26  # far above need and never touched, so never paid for: pages are mapped on first use
ROUNDS_AS_TFLM = (2, 19)  # the last TensorFlow whose reference kernels round twice when they requantise, as TFLM does


class TFLMRunner:
    """A model in TFLM's interpreter, in this process.

    Args:
        model: bytes of the .tflite file.
        arena_bytes: size of the arena.

    Raises:
        RuntimeError: TFLM cannot allocate the model; its reason goes to standard error.
    """

    def __init__(self, model: bytes, arena_bytes: int = ARENA_BYTES) -> None:
        from tflite_micro import runtime

        self._interpreter = runtime.Interpreter.from_bytes(model, arena_size=arena_bytes)

    def __call__(self, tokens: np.ndarray, segments: np.ndarray | None = None) -> np.ndarray:
        """int8 logits [C] of padded int32 token ids [L] (and segment ids [L])."""
        for index, values in enumerate([tokens] if segments is None else [tokens, segments]):
            self._interpreter.set_input(np.asarray(values, np.int32)[None], index)
        self._interpreter.invoke()
        return self._interpreter.get_output(0)[0]


class TFLiteReferenceRunner:
    """A model in TensorFlow Lite with the reference kernels, in this process; the call is that of `TFLMRunner`."""

    def __init__(self, model: bytes) -> None:
        import tensorflow as tf

        reference = tf.lite.experimental.OpResolverType.BUILTIN_REF
        self._interpreter = tf.lite.Interpreter(model_content=model, experimental_op_resolver_type=reference)
        self._interpreter.allocate_tensors()
        self._inputs = [detail["index"] for detail in self._interpreter.get_input_details()]
        self._output = self._interpreter.get_output_details()[0]["index"]

    def __call__(self, tokens: np.ndarray, segments: np.ndarray | None = None) -> np.ndarray:
        for index, values in zip(self._inputs, [tokens] if segments is None else [tokens, segments]):
            self._interpreter.set_tensor(index, np.asarray(values, np.int32)[None])
        self._interpreter.invoke()
        return self._interpreter.get_tensor(self._output)[0]


RUNNERS = {"tflm": TFLMRunner, "tflite_reference": TFLiteReferenceRunner}


def require_tflm() -> None:
    """Raises ModuleNotFoundError where TFLM's interpreter, the tflite-micro package, is not installed."""
    if importlib.util.find_spec("tflite_micro") is None:
        raise ModuleNotFoundError("No module named 'tflite_micro'", name="tflite_micro")


def why_not_compared() -> str | None:
    """Why TFLite's reference kernels cannot prove a conversion here, in words; None where they can."""
    try:
        version = metadata.version("tensorflow")
    except metadata.PackageNotFoundError:
        return "TensorFlow is not installed"
    if tuple(map(int, version.split(".")[:2])) <= ROUNDS_AS_TFLM:
        return None
    return f"TensorFlow {version} rounds once where TFLM rounds twice, as TensorFlow did up to 2.19"


def predict(
    model: bytes,
    ids: list[np.ndarray],
    segments: list[np.ndarray] | None = None,
    processes: int = 2,
    backend: str = "tflm",
) -> np.ndarray:
    """Runs a model on many texts.

    Args:
        model: bytes of the .tflite file; an EMBBERT_BLOCK is run as the operators that it is made of.
        ids: int32 token ids, one array a text of at most the model's length; shorter ones are padded with 0.
        segments: segment ids likewise, for models of pairs.
        processes: how many workers share the texts.
        backend: 'tflm', or 'tflite_reference' for TensorFlow Lite's reference kernels.

    Returns:
        int8 logits [rows, C].

    Raises:
        InterpreterError: the interpreter refused the model or crashed.
        ModuleNotFoundError: there is no TFLM interpreter here.
        ValueError: a text is longer than the model's length, or there are none.
    """
    from convert.lowering.expand import expand_model

    if backend == "tflm":
        require_tflm()
    model, length = expand_model(model), input_length(model)
    inputs = {"tokens": pad_rows(ids, length)}
    if segments is not None:
        inputs["segments"] = pad_rows(segments, length)
    parts = np.array_split(np.arange(len(ids)), min(processes, len(ids)))
    jobs = [{name: values[part] for name, values in inputs.items()} for part in parts]
    with ThreadPoolExecutor(len(jobs)) as pool:
        return np.concatenate(list(pool.map(lambda job: _run_worker(backend, model, job), jobs)))


def pad_rows(rows: list[np.ndarray], length: int) -> np.ndarray:
    """Rows of ids to one int32 array [rows, length], zeros on the right."""
    if not len(rows):
        raise ValueError("no rows to run")
    longest = max(len(row) for row in rows)
    if longest > length:
        raise ValueError(f"a row has {longest} ids, the model takes {length}")
    return np.stack([np.pad(np.asarray(row, np.int32), (0, length - len(row))) for row in rows])


def _run_worker(backend: str, model: bytes, inputs: dict[str, np.ndarray]) -> np.ndarray:
    archive = io.BytesIO()
    np.savez(archive, model=np.frombuffer(model, np.uint8), **inputs)
    with borrow_worker([__name__, backend]) as worker:
        return np.load(io.BytesIO(worker.ask(archive.getvalue())))


def _work(backend: str) -> None:
    """A worker: archives on standard input, logits on standard output; interpreters may print, to stderr."""
    output = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)
    while (message := read_message(sys.stdin.buffer)) is not None:
        archive = np.load(io.BytesIO(message))
        runner = RUNNERS[backend](archive["model"].tobytes())
        columns = [archive[name] for name in ("tokens", "segments") if name in archive]
        answer = io.BytesIO()
        np.save(answer, np.stack([runner(*row) for row in zip(*columns)]))
        write_message(output, answer.getvalue())


if __name__ == "__main__":
    _work(sys.argv[1])
