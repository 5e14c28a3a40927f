"""The description of a .tflite file's tables against the classes that flatc made, those of the tflite-micro package."""

import inspect
import random
import re
from pathlib import Path
from typing import Any

import flatbuffers
import pytest
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated

from convert.tflite import schema
from convert.tflite.builder import Builder
from convert.tflite.flatbuffer import Field, Table
from convert.tflite.model import OPTIONS_OF
from convert.tflite.operator_tables import OPTIONS
from convert.tflite.verifier import FILE_IDENTIFIER
from convert.tflm.rules.operators import OPERATORS

flatc: Any = schema_py_generated
MODELS = sorted((Path(__file__).parents[3] / "benchmarks/firmware/models").glob("*.tflite"))
TABLES = [
    *(
        kind
        for kind in vars(schema).values()
        if isinstance(kind, type) and issubclass(kind, Table) and kind is not Table
    ),
    *OPTIONS.values(),
]
FORMATS = {"Bool": "?", "Int8": "b", "Uint8": "B", "Int16": "h", "Uint16": "H", "Int32": "i", "Uint32": "I"} | {
    "Int64": "q", "Uint64": "Q", "Float32": "f", "Float64": "d"
}  # fmt: skip
NOT_READ = {"externalBufferGroups", "externalBuffers"}  # came after 90b983c2b
WITHOUT_OPTIONS = {"BROADCAST_ARGS", "CEIL", "ELU", "EMBEDDING_LOOKUP", "FLOOR", "LOG", "LOGISTIC", "PRELU", "RELU"} | {
    "RELU6", "ROUND", "RSQRT", "SIN", "SQRT", "TANH"
}  # fmt: skip
MAXIMUM_MINIMUM = {"MAXIMUM", "MINIMUM"}  # have a table without fields that nobody reads


def capital(name: str) -> str:
    return name[0].upper() + name[1:]


def flatc_fields(name: str) -> list[tuple[str, int, str, Any]]:
    """(name, slot, format, default) of a table's fields, from the source of flatc's class; those of offsets have no
    format.
    """
    kind = getattr(flatc, name + "T")
    names = [field for field in inspect.signature(kind.__init__).parameters if field != "self"]
    fields = []
    for field in names:
        add = inspect.getsource(getattr(flatc, f"{name}Add{capital(field)}"))
        written, slot = re.search(r"Prepend(\w+)Slot\((\d+)", add).groups()
        default = inspect.signature(kind.__init__).parameters[field].default
        fields.append((field, int(slot), FORMATS.get(written, ""), default))
    return fields


@pytest.mark.parametrize("kind", TABLES, ids=lambda kind: kind.__name__)
def test_fields_are_those_of_flatc(kind: type[Table]) -> None:
    mine = [(f.name, f.slot, f.of if f.kind == "scalar" else "", f.default) for f in kind.FIELDS]
    theirs = [field for field in flatc_fields(kind.__name__.removesuffix("T")) if field[0] not in NOT_READ]
    assert mine == theirs


@pytest.mark.parametrize("name", ["BuiltinOperator", "TensorType", "Padding", "ActivationFunctionType"])
def test_numbers_are_those_of_flatc(name: str) -> None:
    theirs = {key: number for key, number in vars(getattr(flatc, name)).items() if not key.startswith("_")}
    assert vars(getattr(schema, name)) == theirs


def test_options_are_those_of_the_operators_that_tflm_registers() -> None:
    for name, number in vars(schema.BuiltinOptions).items():
        assert getattr(flatc.BuiltinOptions, name) == number
    builtin = {name for name in OPERATORS if not name.startswith("CUSTOM:")}
    assert builtin - set(OPTIONS_OF) == WITHOUT_OPTIONS | MAXIMUM_MINIMUM


def pack(model: Any) -> bytes:
    builder = Builder() if isinstance(model, Table) else flatbuffers.Builder(1 << 12)
    builder.Finish(model.Pack(builder), FILE_IDENTIFIER)
    return bytes(builder.Output())


@pytest.mark.parametrize("path", MODELS, ids=lambda path: path.stem)
def test_a_model_is_written_with_the_bytes_of_flatc(path: Path) -> None:
    data = path.read_bytes()
    assert pack(schema.unpack_model(data)) == pack(flatc.ModelT.InitFromPackedBuf(data))


def random_table(kind: type[Table], rng: random.Random, depth: int = 0) -> Table:
    """A table whose fields have values here and there, with tables of its own."""
    made = kind()
    for field in kind.FIELDS:
        if rng.random() < 0.7 and depth < 4 and field.name not in ("type", "version"):
            setattr(made, field.name, random_value(field, made, rng, depth))
    return made


def random_number(format: str, rng: random.Random) -> Any:
    if format in "fd":
        return rng.choice([0.0, 0.5, -3.25])
    return rng.random() < 0.5 if format == "?" else rng.choice([0, 1, 2, 3, 100])


def random_value(field: Field, made: Table, rng: random.Random, depth: int) -> Any:
    count = rng.randrange(4)
    if field.kind == "scalar":
        return field.default if field.name.endswith("Type") else random_number(field.of, rng)
    if field.kind == "string":
        return rng.choice([b"", b"a", b"\xff\xfe name"])
    if field.kind == "vector":
        return [random_number(field.of, rng) for _ in range(count)]
    if field.kind == "table":
        return random_table(field.of, rng, depth + 1)
    if field.kind == "tables":
        return [random_table(field.of, rng, depth + 1) for _ in range(count)]
    number = rng.choice([0, *field.of])
    setattr(made, field.name + "Type", number)
    return random_table(field.of[number], rng, depth + 1) if number else None


def test_random_tables_are_read_and_written_as_flatc_does() -> None:
    seed = random.randrange(2**32)
    print(f"seed {seed}")
    rng = random.Random(seed)
    for _ in range(200):
        data = pack(random_table(schema.ModelT, rng))
        assert pack(flatc.ModelT.InitFromPackedBuf(data)) == data
        assert pack(schema.unpack_model(data)) == data


def test_options_that_no_tflm_operator_has_are_none() -> None:
    model = flatc.ModelT(subgraphs=[flatc.SubGraphT(operators=[flatc.OperatorT()])])
    op = model.subgraphs[0].operators[0]
    op.builtinOptions, op.builtinOptionsType = flatc.Conv3DOptionsT(strideD=2), flatc.BuiltinOptions.Conv3DOptions
    read = schema.unpack_model(pack(model)).subgraphs[0].operators[0]
    assert (read.builtinOptionsType, read.builtinOptions) == (flatc.BuiltinOptions.Conv3DOptions, None)
