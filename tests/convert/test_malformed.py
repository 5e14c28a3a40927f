"""Files that are no models, and models with insane contents: one line and exit status 2, or a verdict; quickly."""

import struct
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as flatc

from benchmarks.mutations.__main__ import good_models
from benchmarks.mutations.flips import mutants
from benchmarks.mutations.judging import judge_all
from convert import arena, check
from convert.tflite.model import read_model
from convert.tflite.verifier import FILE_IDENTIFIER, MAX_TABLES, DamagedModel, verify_flatbuffer
from convert.tflm.arena import plan_arena
from convert.tflm.support import check_bytes
from tests.support.agreement_bases import BASES
from tests.support.agreement_models import MixedBuilder
from tf_embbert.common.errors import UserError

SEED = 100
GOOD = BASES["CONV_2D"].build()


@pytest.mark.parametrize(
    "data, message",
    [
        (b"", "is empty"),
        (b"not a model at all", "it is a text"),
        (b"\x10\x00\x00\x00TFL3", "are not in the file"),
        (b"\x10\x00\x00\x00TFL3\xff\xff\xff\xff" * 3, "are not in the file"),
        (GOOD[: len(GOOD) // 2], "are not in the file"),
        (GOOD[:4] + b"TFL2" + GOOD[8:], "bytes 4 to 7 are not TFL3"),
        (struct.pack("<I", 2**32 - 1) + GOOD[4:], "are not in the file"),
    ],
)
@pytest.mark.parametrize("command", [check, arena])
def test_files_that_are_no_models(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], command: ModuleType, data: bytes, message: str
) -> None:
    path = tmp_path / "model.tflite"
    path.write_bytes(data)
    assert command.main([str(path)]) == 2
    captured = capsys.readouterr()
    assert message in captured.err and captured.err.count("\n") == 1 and str(path) in captured.err
    assert captured.out == ""


def test_every_cut_of_a_good_model_is_damaged_or_judged() -> None:
    for end in range(0, len(GOOD), 7):
        try:
            check_bytes(GOOD[:end], "cut")
        except UserError as error:
            assert "cut" in str(error)


def test_a_vector_longer_than_the_file_is_damaged() -> None:
    place = GOOD.index(struct.pack("<5i", 4, 1, 4, 4, 2))
    with pytest.raises(DamagedModel, match="are not in the file"):
        verify_flatbuffer(GOOD[:place] + struct.pack("<I", 2**30) + GOOD[place + 4 :])


def test_a_small_file_that_unpacks_to_gigabytes_is_damaged() -> None:
    """One graph of many tensors, referred to over and over: flatbuffers share it, a reader makes copies."""
    wide = read_model(BASES["RELU"].build()).subgraphs[0]
    wide.tensors = wide.tensors * 500
    builder, times = MixedBuilder(1 << 12), MAX_TABLES // 1000 + 1
    graph = wide.Pack(builder)
    flatc.ModelStartSubgraphsVector(builder, times)
    for _ in range(times):
        builder.PrependUOffsetTRelative(graph)
    graphs = builder.EndVector()
    flatc.ModelStart(builder)
    flatc.ModelAddSubgraphs(builder, graphs)
    builder.Finish(flatc.ModelEnd(builder), FILE_IDENTIFIER)
    data = bytes(builder.Output())
    assert len(data) < 1 << 17
    with pytest.raises(DamagedModel, match="tables"):
        verify_flatbuffer(data)


@pytest.mark.parametrize(
    "edits, rule",
    [
        ({"i0": {"shape": (1 << 30, 1 << 30)}}, "tensor_below_2_gib"),
        ({"i0": {"shape": (-4, 2)}}, "dimensions_not_negative"),
        ({"o0": {"shape": (0, 2)}}, "outputs_not_empty"),
        ({"i0": {"data": 0, "cut": 2}}, "buffer_holds_tensor"),
        ({"change": lambda model: setattr(model.subgraphs[0].operators[0], "outputs", [77])}, "operator_tensors_exist"),
        ({"change": lambda model: setattr(model.subgraphs[0], "outputs", [-1])}, "graph_tensors_exist"),
        ({"change": lambda model: setattr(model.subgraphs[0].tensors[0], "buffer", 77)}, "buffer_exists"),
    ],
)
def test_insane_models_are_refused_before_their_arena_is_planned(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], edits: dict[str, Any], rule: str
) -> None:
    model = BASES["RELU"].edited(edits).build()
    assert rule in [refusal["rule"] for refusal in check_bytes(model, "insane")["refusals"]]
    (tmp_path / "model.tflite").write_bytes(model)
    assert arena.main([str(tmp_path / "model.tflite")]) == 1
    assert "TFLM would refuse this model" in capsys.readouterr().err


def test_a_sample_of_mutations_costs_little_and_never_crashes() -> None:
    print(f"seed {SEED}")
    outcomes = judge_all(mutants(good_models(), 100, SEED))
    assert {outcome["verdict"] for outcome in outcomes} <= {"damaged", "refused", "supported"}
    assert len(outcomes) == 100


def test_the_arena_of_each_good_model_is_planned() -> None:
    for model in good_models():
        assert plan_arena(model)["total"] > 0
