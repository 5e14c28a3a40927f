"""Whether TFLM runs a model: the rules of its kernels, asked of a file that nobody vouches for."""

from pathlib import Path

from convert.tflite.c_arrays import is_c_source, read_c_array
from convert.tflite.model import float_tensors, list_ops, read_model
from convert.tflite.other_files import describe
from convert.tflite.verifier import FILE_IDENTIFIER, MAX_FILE_BYTES, DamagedModel
from convert.tflm.libraries import shown
from convert.tflm.rules.engine import ask_rules, asked_of
from convert.tflm.rules.registry import RULES
from tf_embbert.common.errors import UserError

# Rules without which operators and tensors cannot even be listed.
UNREADABLE = ("graph_complete", "graph_tensors_exist", "operator_code_exists", "operator_tensors_exist")


def check_model(path: str | Path, kernels: str = "cmsis_nn", core: str | None = None) -> dict:
    """Checks a model against the rules of TFLM's kernels; nothing in the file is run, and it need not be trusted.

    Args:
        path: a .tflite file, or C source with one in an array.
        kernels: those that the firmware has: 'cmsis_nn', or 'reference', TFLM's own and those of its Python package; or
            the name of another library than tensorflow/tflite-micro (`libraries.yaml`).
        core: 'cortex-m4' and the like, for what holds on some cores only; None asks for every Cortex-M.

    Returns:
        {supported, kernels, tflm, same_answers, integer_only, ops: [{name, version, count, types}], refusals, warnings,
        float_tensors: [{index, name, type}]}; refusals and warnings are lists of what `ask_rules` tells. A model with
        warnings alone is supported; with some of them the kernels answer otherwise than the reference kernels, and
        `same_answers` is False.

    Raises:
        UserError: the file is missing, empty, too large or no TFLite flatbuffer.
    """
    return check_bytes(load_model(path), str(path), kernels, core)


def check_bytes(model: bytes, name: str, kernels: str = "cmsis_nn", core: str | None = None) -> dict:
    """`check_model` of a model in memory; `name` is what an error calls it."""
    try:
        unpacked = read_model(model)
    except DamagedModel as error:
        raise UserError(f"{name} is not a TFLite flatbuffer, or a damaged one: {error}") from error
    refusals, warnings = ask_rules(unpacked, asked_of(kernels, core))
    readable = not any(refusal["rule"] in UNREADABLE for refusal in refusals)
    floats = float_tensors(unpacked) if readable else []
    return {
        "supported": not refusals,
        **shown(kernels),
        "same_answers": not refusals and not differences(warnings),
        "integer_only": readable and not floats,
        "ops": list_ops(unpacked) if readable else [],
        "refusals": refusals,
        "float_tensors": floats,
        "warnings": warnings,
    }


def load_model(path: str | Path) -> bytes:
    """The bytes of a model's file: a .tflite, or C source with a model in an array (`c_arrays.py`).

    Raises:
        UserError: the file is missing, empty or too large, or it is C without a model.
    """
    data = _read(Path(path))
    kind = describe(data) if data[4:8] != FILE_IDENTIFIER else None
    if kind is not None:
        raise UserError(f"{path} is no TFLite model but {kind}")
    try:
        return read_c_array(data) if is_c_source(data) else data
    except DamagedModel as error:
        raise UserError(f"{path} holds no model: {error}") from error


def _read(path: Path) -> bytes:
    if path.is_dir():
        raise UserError(f"{path} is a folder; name a .tflite file, or a C file with one in an array")
    if not path.is_file():
        what = "is a pipe or a device, not a file" if path.exists() else "is not there"
        raise UserError(f"no model file at {path}: it {what}; name a .tflite file")
    if not path.stat().st_size:
        raise UserError(f"{path} is empty")
    if path.stat().st_size > MAX_FILE_BYTES:
        raise UserError(f"{path} has {path.stat().st_size:,} bytes; more than {MAX_FILE_BYTES:,} are not read")
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(f"cannot read {path}: {error.strerror}") from error


def differences(warnings: list[dict]) -> list[dict]:
    """Those of a model's warnings for which the kernels answer otherwise than the reference kernels."""
    names = {rule.name for rule in RULES if rule.differs}
    return [warning for warning in warnings if warning["rule"] in names]


def difference_texts(report: dict) -> list[str]:
    """A line about each way in which a report's kernels answer otherwise: what is there, how often, and what they make
    of it.
    """
    ways: dict[str, list[dict]] = {}
    for entry in differences(report["warnings"]):
        ways.setdefault(entry["requires"], []).append(entry)
    more = {requires: len(entries) - 1 for requires, entries in ways.items()}
    return [
        f"{entry_text(entries[0])}{f', and {more[requires]} more like it' if more[requires] else ''}. {requires}"
        for requires, entries in ways.items()
    ]


def entry_text(entry: dict) -> str:
    """One line about a refusal or warning: the operator and what is wrong."""
    place = f"{entry['op'] or 'operator'} (number {entry['index']}): " if entry["index"] is not None else ""
    return place + entry["reason"]
