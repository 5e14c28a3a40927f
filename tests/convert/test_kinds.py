"""Kinds of files that people bring, each as a model of our own: aligned by TFLM's tool, in C, of a graph without
operators; and what every command does alike.
"""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import TypeAlias

import pytest
from tflite_micro.tensorflow.lite.micro.tools import tflite_flatbuffer_align_wrapper

from convert import arena, boards, check, optimize
from convert.tflite.c_arrays import is_c_source, read_c_array
from convert.tflite.model import read_model, schema
from convert.tflite.verifier import DamagedModel
from convert.tflm.arena import plan_arena
from convert.tflm.resolver import resolver_lines, resolver_method
from convert.tflm.support import check_bytes, load_model
from tests.support.agreement_bases import BASES, f32, i8, variables
from tests.support.agreement_models import Spec, Tensor, operator, operator_code
from tests.support.agreement_truth import measure

Write: TypeAlias = Callable[..., str]  # of bytes or a text, and a name: the file
BOARD = "nucleo-h743zi"
GOOD = BASES["RELU"].build()
REFUSED = BASES["RELU"].edited({"op": "GELU"}).build()
COMMANDS: dict[ModuleType, list[str]] = {check: [], arena: [], boards: [], optimize: ["--out", "{out}"]}


def aligned(model: bytes, tmp_path: Path) -> bytes:
    """A model as TFLM's align tool rewrites it."""
    before, after = tmp_path / "before.tflite", tmp_path / "after.tflite"
    before.write_bytes(model)
    tflite_flatbuffer_align_wrapper.align_tflite_model(str(before), str(after))
    return after.read_bytes()


def xxd(model: bytes, declared: str = "unsigned char model_tflite[]") -> str:
    rows = [", ".join(f"0x{byte:02x}" for byte in model[at : at + 12]) for at in range(0, len(model), 12)]
    body = ",\n  ".join(rows)
    return f"{declared} = {{\n  {body}\n}};\nunsigned int model_tflite_len = {len(model)};\n"


MODEL_COMMANDS = ("check", "arena", "boards", "optimize", "verify", "convert", "arduino", "predict")
ALL_COMMANDS = [f"convert.{name}" for name in (*MODEL_COMMANDS, "firmware")]
ALL_COMMANDS += [f"tf_embbert.{name}" for name in ("finetune", "pretrain", "evaluate")]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def write_file(data: bytes | str, name: str = "model.tflite") -> str:
        (tmp_path / name).write_bytes(data if isinstance(data, bytes) else data.encode())
        return str(tmp_path / name)

    return write_file


def test_models_that_tflms_tool_aligned_are_what_they_were(tmp_path: Path) -> None:
    once = BASES["RELU"].edited({"change": keep_state}).build()
    for name, model in {**{op: spec.build() for op, spec in BASES.items()}, "once": once}.items():
        if not len(read_model(model).subgraphs[0].inputs):
            continue  # TFLM itself counts on the list of a model's inputs, and the tool drops an empty one
        again = aligned(model, tmp_path)
        before, after = (check_bytes(data, name) for data in (model, again))
        assert after == before and after["supported"], name
        assert plan_arena(again) == plan_arena(model), name


def keep_state(model: schema.ModelT) -> None:
    """A variable that a graph of CALL_ONCE assigns: operators and a graph with empty lists, which the tool drops."""
    variables().change(model)
    handle, assign, read = model.subgraphs[0].operators
    once = schema.SubGraphT()
    once.tensors = [t.pack(model.buffers) for t in (f32(2, data=1),)] + [model.subgraphs[0].tensors[1]]
    once.inputs, once.outputs = [], []
    once.operators = [
        operator(0, [], [1], "VarHandleOptions", {"container": "", "sharedName": "v"}),
        operator(1, [1, 0], []),
    ]
    model.operatorCodes.append(operator_code("CALL_ONCE"))
    first = operator(3, [], [], "CallOnceOptions", {"initSubgraphIndex": len(model.subgraphs)})
    model.subgraphs.append(once)
    model.subgraphs[0].operators = [first, handle, assign, read]


def test_a_graph_without_operators_runs(write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def only_pass_on(model: schema.ModelT) -> None:
        graph = model.subgraphs[0]
        graph.operators, graph.outputs = None, graph.inputs

    path = write(Spec("RELU", [i8(2, 3)], [i8(2, 3)], change=only_pass_on).build())
    assert measure([Path(path).read_bytes()])[0]["runs"]
    for command, more in COMMANDS.items():
        assert command.main([path, *(word.format(out=tmp_path / "o") for word in more)]) == 0
    assert "damaged" not in capsys.readouterr().err


def test_a_model_in_c_is_read_like_the_file(write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    sources = {
        "model.cc": xxd(GOOD),
        "model.h": "// a comment [1] = {2}\nalignas(16) const unsigned char g_model[] DATA = {\n"
        + ",".join(map(str, GOOD))
        + "};",
        "two.c": "const char other[2] = {0x01, 0x02};\n/* { */" + xxd(GOOD, "static const uint8_t model[77]"),
    }
    for name, source in sources.items():
        path = write(source, name)
        assert load_model(path) == GOOD
        for command, more in COMMANDS.items():
            assert command.main([path, *(word.format(out=tmp_path / "o.tflite") for word in more)]) == 0
    capsys.readouterr()


@pytest.mark.parametrize(
    "source, message",
    [
        ("extern const unsigned char model[];\n", "in the .cc file"),
        ("unsigned char model[] = {0x01, 0x02};\n", "begins as a model does"),
        ("unsigned char model[] = {" + "0x00, " * 99 + "};", "begins as a model does"),
    ],
)
def test_c_without_a_model(write: Write, capsys: pytest.CaptureFixture[str], source: str, message: str) -> None:
    assert is_c_source(source.encode())
    with pytest.raises(DamagedModel, match=message):
        read_c_array(source.encode())
    assert check.main([write(source, "model.h")]) == 2
    assert message in capsys.readouterr().err


def test_the_resolver_has_exactly_the_operators(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    path = write(BASES["IF"].build())
    assert check.main([path, "--resolver"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "tflite::MicroMutableOpResolver<2> resolver;",
        "resolver.AddIf();",
        "resolver.AddRelu();",
    ]
    assert check.main([write(REFUSED), "--resolver"]) == 1
    assert [resolver_method(name) for name in ("ADD_N", "CUMSUM", "CUSTOM:SignalPCAN", "CUSTOM:TFLM_DECODE")] == [
        "AddAddN",
        "AddCumSum",
        "AddPCAN",
        "AddDecode",
    ]
    assert resolver_lines([]) == ["tflite::MicroMutableOpResolver<1> resolver;"]


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.__name__)
def test_every_command_says_the_same_of_a_refused_model(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str], command: ModuleType
) -> None:
    path, more = write(REFUSED), [word.format(out=tmp_path / "o.tflite") for word in COMMANDS[command]]
    assert command.main([path, *more, "--json"]) == 1
    report = json.loads(capsys.readouterr().out)
    assert report["supported"] is False and [entry["op"] for entry in report["refusals"]] == ["GELU"]
    assert command.main([path, *more]) == 1
    printed = capsys.readouterr()
    said = printed.out + printed.err
    assert "refused GELU (number 0): TFLM has no kernel for GELU" in said and "to fix:" in said
    assert "TFLM would refuse this model" in said and not (tmp_path / "o.tflite").exists()


def test_options_stand_before_or_after_the_file(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(GOOD)
    for words in ([path, "--board", BOARD], ["--board", BOARD, path], ["--board", BOARD, "--json", path]):
        assert boards.main(words) == 0
        assert BOARD in capsys.readouterr().out
    assert boards.main(["--board", BOARD, "nowhere.tflite"]) == 2
    assert "no model file at nowhere.tflite" in capsys.readouterr().err
    assert boards.main(["--board", "no-such-board", path]) == 2
    assert "unknown board 'no-such-board'" in capsys.readouterr().err
    assert arena.main(["--core", "cortex-m7", path]) == 0
    assert optimize.main(["--out", str(tmp_path / "o.tflite"), path]) == 0


def test_refusals_of_a_kind_are_printed_together(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    def three(model: schema.ModelT) -> None:
        graph = model.subgraphs[0]
        graph.tensors += [i8(2, 3).pack(model.buffers) for _ in range(2)]
        graph.operators += [operator(0, [1], [2]), operator(0, [2], [3])]

    assert check.main([write(BASES["RELU"].edited({"op": "GELU", "change": three}).build())]) == 1
    printed = capsys.readouterr().out
    assert printed.count("refused ") == 1 and "and 2 more like it: GELU (number 1), GELU (number 2)" in printed


def test_a_lower_bound_is_called_one_everywhere(
    write: Write, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write(BASES["RELU"].edited({"op": "CUSTOM:TFLM_DECODE"}).build())
    assert check.main([path]) == 0
    assert "known by name only" in capsys.readouterr().out
    assert arena.main([path, "--max-bytes", "100000", "--core", "cortex-m7"]) == 1
    printed = capsys.readouterr()
    assert "at least" in printed.out and "not known to stay within" in printed.err
    assert arena.main([path]) == 0
    assert "at least" in capsys.readouterr().out
    assert boards.main([path, "--board", BOARD]) == 1
    assert "at least" in capsys.readouterr().out
    assert optimize.main([path, "--out", str(tmp_path / "o.tflite")]) == 0
    assert "at least" in capsys.readouterr().out


def test_run_tells_what_the_interpreter_did(write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    assert check.main([write(GOOD), "--run"]) == 0
    assert "TFLM's interpreter ran it" in capsys.readouterr().out
    assert check.main([write(REFUSED), "--run"]) == 1
    assert "TFLM's interpreter refused it" in capsys.readouterr().out


def test_signatures_follow_their_tensors(write: Write, tmp_path: Path) -> None:
    def signed(model: schema.ModelT) -> None:
        graph = model.subgraphs[0]
        graph.tensors.insert(0, i8(9).pack(model.buffers))  # no one uses it: every index moves by one
        graph.inputs, graph.outputs, graph.operators[0].inputs, graph.operators[0].outputs = [1], [2], [1], [2]
        signature, maps = schema.SignatureDefT(), [schema.TensorMapT(), schema.TensorMapT()]
        maps[0].name, maps[0].tensorIndex, maps[1].name, maps[1].tensorIndex = "x", 1, "y", 2
        signature.signatureKey, signature.inputs, signature.outputs = "serving_default", [maps[0]], [maps[1]]
        model.signatureDefs = [signature]

    out = tmp_path / "o.tflite"
    assert optimize.main([write(BASES["RELU"].edited({"change": signed}).build()), "--out", str(out)]) == 0
    model = read_model(out.read_bytes())
    (signature,) = model.signatureDefs
    assert len(model.subgraphs[0].tensors) == 2 and signature.signatureKey == b"serving_default"
    assert [entry.tensorIndex for entry in signature.inputs] == list(model.subgraphs[0].inputs)
    assert [entry.tensorIndex for entry in signature.outputs] == list(model.subgraphs[0].outputs)


@pytest.mark.parametrize("command", ALL_COMMANDS)
def test_help_answers_before_anything_heavy_is_imported(command: str) -> None:
    """A machine may be busy: what is held is not the time but what takes it."""
    command_line = [sys.executable, "-X", "importtime", "-m", command, "--help"]
    done = subprocess.run(command_line, capture_output=True, text=True)
    assert done.returncode == 0 and "usage:" in done.stdout
    imported = {line.split("|")[-1].strip().split(".")[0] for line in done.stderr.splitlines()}
    assert not imported & {"numpy", "rich", "jsonschema", "jinja2", "tensorflow", "tf_keras", "scipy", "sklearn"}


@pytest.mark.parametrize(
    "data, words",
    [
        (b"# Heading\n\nSome [text](of) mine.\n", "it is a text"),
        (b'{"a": 1}', "it is a text"),
        (b"#include <a.h>\nint x[3];", "it is C without an array of bytes"),
        (b"int x[] = {1, 2};", "none of its arrays begins as a model does"),
        (b"<!DOCTYPE html><html>", "a web page"),
        (b"version https://git-lfs.github.com/spec/v1\n", "git lfs pull"),
        (b"PK\x03\x04" + bytes(40), "a zip archive"),
        (b"\x89HDF\r\n\x1a\n" + bytes(40), "an HDF5 file"),
        (b"\x1f\x8b" + bytes(40), "a gzip archive"),
        (b"\x08\x07\x12\x07pytorch", "an ONNX model"),
    ],
)
def test_what_is_no_model_is_said_to_be_what_it_is(
    data: bytes, words: str, write: Write, capsys: pytest.CaptureFixture[str]
) -> None:
    assert check.main([write(data)]) == 2
    assert words in one_line(capsys)


@pytest.mark.parametrize("text", ["[", "[]", "/*", "={", "= ", "[]= ", "//"])
def test_a_text_is_read_once_whatever_it_is(text: str, write: Write, capsys: pytest.CaptureFixture[str]) -> None:
    """What starts over at every byte would take hours for these."""
    assert check.main([write("int a[3];\n" + text * 1_000_000)]) == 2
    assert "holds no model" in one_line(capsys)


def test_a_folder_and_a_pipe_are_called_so(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path, words in ((tmp_path, "is a folder"), (tmp_path / "pipe", "is a pipe or a device")):
        assert check.main([str(path)]) == 2
        assert words in one_line(capsys)


def one_line(capsys: pytest.CaptureFixture[str]) -> str:
    printed = capsys.readouterr()
    assert printed.out == "" and printed.err.count("\n") == 1
    return printed.err


def test_a_convolution_without_options_is_judged_for_every_core(write: Write) -> None:
    path = write(BASES["TRANSPOSE_CONV"].edited({"options": None}).build())
    assert check.main([path]) == 0


def test_a_constant_without_elements_is_called_empty_and_not_computed(write: Write) -> None:
    amounts = Tensor("int32", (0, 2))
    told = check_bytes(Spec("PAD", [i8(), amounts], [i8()]).build(), "scalar")["refusals"]
    assert [entry["rule"] for entry in told] == ["inputs_not_empty"] and "has no elements" in told[0]["reason"]
