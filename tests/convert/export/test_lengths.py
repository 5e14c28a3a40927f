"""Several lengths in one model.tflite: each is a whole model, and answers as the one made for it alone."""

import dataclasses
import functools
import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import lengths as lengths_benchmark
from convert import convert, verify
from convert.bundle import conversion, verification
from convert.bundle.bundle import read_bundle
from convert.bundle.manifest import length_offsets
from convert.export.build import build_model, build_stages
from convert.export.build_lengths import build_lengths
from convert.tflite.lengths import answer_by_length, list_all_ops, rows_by_length, split_lengths
from convert.tflite.model import input_length, read_model
from convert.tflite.verifier import DamagedModel, verify_flatbuffer
from convert.tflite.writer import pack_model, pack_models
from convert.tflm.arena import plan_arenas
from convert.tflm.builds import BUILDS
from convert.tflm.interpreters import predict
from tests.support.bundles import contents, make_run
from tests.support.cpp import make_sources, needs_compiler, read_back
from tests.support.transcription import random_model
from tf_embbert.common.errors import UserError
from tf_embbert.int8 import BundleModel
from tf_embbert.model.folded import FoldedModel
from tf_embbert.tokenizer import segments

LENGTHS = [6, 16, 40, 160]  # of which the last is tiled
SERVED = [7, 16]  # by the bundle


@functools.cache
def model_parts(pair: bool = False) -> tuple[FoldedModel, dict]:
    model = random_model(np.random.default_rng(7), pair=pair, max_length=160, vocab_size=90)
    return model.weights, model.ranges


@functools.cache
def built(pair: bool = False) -> tuple[Any, dict[int, int], dict[int, bytes]]:
    """The file and its models by length."""
    one, offsets = build_lengths(*model_parts(pair), LENGTHS)
    return one, offsets, split_lengths(one.model, offsets)


def random_ids(rng: np.random.Generator, length: int, count: int = 12) -> list[np.ndarray]:
    rows = [rng.integers(5, 90, rng.integers(4, length + 1)).astype(np.int32) for _ in range(count - 1)]
    rows.append(rng.integers(5, 90, length).astype(np.int32))
    for row in rows:
        row[0], row[len(row) // 2] = 2, 4
    return rows


def test_one_length_is_the_file_it_always_was() -> None:
    assert build_lengths(*model_parts(), [16]) == (build_stages(*model_parts(), 16), {16: 0})


def test_each_length_is_a_flatbuffer_by_itself() -> None:
    one, offsets, models = built()
    assert list(models) == list(offsets) == LENGTHS and offsets[160] == 0
    for length, offset in offsets.items():
        assert offset % 16 == 0 and models[length] == one.model[offset:]
        verify_flatbuffer(models[length])
        assert input_length(models[length]) == length
        assert len(pack_model(read_model(models[length]))) < len(one.model)


def test_constants_are_as_aligned_in_each_length_as_in_a_file_of_its_own() -> None:
    for model in built()[2].values():
        start = np.frombuffer(model, np.uint8).ctypes.data
        for buffer in read_model(model).buffers:
            if buffer.data is not None:
                assert (np.frombuffer(buffer.data, np.uint8).ctypes.data - start) % 16 == 0


def test_the_weights_are_there_once() -> None:
    """What a length adds are its operators, its tensors, and the rows of its position table."""
    one, _, models = built()
    constants = Counter(
        data
        for model in models.values()
        for data in {buffer.data.tobytes() for buffer in read_model(model).buffers if buffer.data is not None}
    )
    shared = [data for data, lengths in constants.items() if lengths == len(LENGTHS) and len(data) >= 64]
    assert all(one.model.count(data) == 1 for data in shared)
    *shorter, longest = (len(build_model(*model_parts(), length)) for length in LENGTHS)
    assert len(one.model) < longest + sum(alone - sum(map(len, shared)) for alone in shorter)


@pytest.mark.parametrize("pair", [False, True])
def test_each_length_answers_as_the_model_made_for_it_alone(pair: bool, rng: np.random.Generator) -> None:
    """In TFLM's interpreter, which for the whole file is that of the longest length."""
    for length, model in built(pair)[2].items():
        ids = random_ids(rng, length)
        second = [segments(row) for row in ids] if pair else None
        alone = predict(build_model(*model_parts(pair), length), ids, second, 1)
        assert (predict(model, ids, second, 1) == alone).all()


def test_no_length_needs_more_arena_than_the_longest() -> None:
    totals = {
        length: [plan["total"] for plan in plan_arenas(model, list(BUILDS))] for length, model in built()[2].items()
    }
    assert all((np.array(totals[length]) <= totals[160]).all() for length in LENGTHS)


def test_the_same_parts_give_the_same_bytes() -> None:
    again, offsets = build_lengths(*model_parts(), LENGTHS[::-1])
    assert (again, offsets) == built()[:2]


def test_packing_several_models_changes_none_of_them() -> None:
    models = [read_model(build_model(*model_parts(), length)) for length in (40, 16)]
    data, offsets = pack_models(models)
    assert [pack_model(read_model(data[offset:])) for offset in offsets] == [pack_model(model) for model in models]


def test_a_text_goes_to_the_shortest_length_that_holds_it() -> None:
    ids = [np.zeros(count, np.int32) for count in (1, 7, 4, 16, 8, 17)]
    assert rows_by_length([16, 4, 7], ids) == {4: [0, 2], 7: [1], 16: [3, 4, 5]}
    models = {4: b"four", 7: b"seven", 16: b"sixteen"}
    answers = answer_by_length(models, ids, lambda model, rows: np.array([[len(model), len(row)] for row in rows]))
    assert answers.tolist() == [[4, 1], [5, 7], [4, 4], [7, 16], [7, 8], [7, 9]]  # 17 tokens are two windows of 9


@pytest.mark.parametrize(
    "offset, message",
    [
        (0, r"the model at byte 0 takes 160 tokens, not 40"),
        (8, r"there is no model at byte 8: bytes 4 to 7 are not TFL3"),
        (10**9, r"there is no model at byte 1000000000"),
    ],
)
def test_a_length_that_is_not_where_it_should_be(offset: int, message: str) -> None:
    one, offsets, _ = built()
    with pytest.raises(DamagedModel, match=message):
        split_lengths(one.model, {**offsets, 40: offset})


@pytest.fixture
def tflm_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """TFLM for both interpreters: it starts in a tenth of TensorFlow's time."""
    one = verification.predict
    monkeypatch.setattr(verification, "predict", lambda *arguments: one(*arguments[:-1]))


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of three lengths."""
    folder = tmp_path_factory.mktemp("lengths") / "bundle"
    conversion.convert_run(make_run(), folder, shorter=[7, 7])
    return folder


def test_the_manifest_says_where_each_length_is(bundle: Path) -> None:
    opened = read_bundle(bundle)
    lengths = opened.manifest["model"]["lengths"]
    assert [entry["sequence_length"] for entry in lengths] == SERVED == list(opened.models)
    assert lengths[-1]["offset"] == 0 and lengths[-1]["macs"] == opened.manifest["model"]["macs"]
    assert [entry["macs"] for entry in lengths] == sorted(entry["macs"] for entry in lengths)
    assert opened.manifest["model"]["sequence_length"] == 16
    assert opened.manifest["ops"] == list_all_ops(opened.models.values())
    assert opened.manifest["accuracy"]["int8_tflm"] == 94.0  # measured at the length of the run, which the file serves
    said = opened.manifest["verification"]
    assert (said["rows"], said["equal"], said["golden"]) == (400, 400, len(opened.golden))


def test_the_arena_is_that_of_the_length_that_needs_most(bundle: Path) -> None:
    opened = read_bundle(bundle)
    totals = [[plan["total"] for plan in plan_arenas(model, list(BUILDS))] for model in opened.models.values()]
    found = [opened.manifest["arena"][core][kernels]["total"] for core, kernels in BUILDS]
    assert found == np.max(totals, axis=0).tolist()


def test_the_report_tells_what_each_length_costs(bundle: Path) -> None:
    page = (bundle / "report.html").read_text()
    rows = re.findall(r'<tr id="length-(\d+)">.*?</tr>', page)
    macs = [entry["macs"] for entry in read_bundle(bundle).manifest["model"]["lengths"]]
    assert list(map(int, rows)) == SERVED and all(f">{count:,}<" in page for count in macs)


def test_golden_rows_are_of_every_length_and_answered_by_it(bundle: Path) -> None:
    opened = read_bundle(bundle)
    ids = [np.array(row["tokens"], np.int32) for row in opened.golden]
    assert list(rows_by_length(opened.models, ids)) == SERVED
    logits = answer_by_length(opened.models, ids, lambda model, rows: predict(model, rows, None, 1))
    assert logits.tolist() == [row["logits"] for row in opened.golden]


@needs_compiler
def test_the_sources_say_where_each_length_is(bundle: Path, tmp_path: Path) -> None:
    opened = read_bundle(bundle)
    facts, *_, model = read_back(make_sources(opened), tmp_path)
    assert facts["offsets"] == length_offsets(opened.manifest) and facts["sequence_length"] == SERVED[-1]
    assert model == opened.files["model.tflite"]


def test_verify_runs_every_length(bundle: Path, capsys: pytest.CaptureFixture[str], tflm_twice: None) -> None:
    assert verify.main([str(bundle), "--json"]) == 0
    report = json.loads(capsys.readouterr().out)
    assert report["rows"] == report["equal"] == 200 * len(SERVED)
    rows = rows_by_length(SERVED, verification.random_rows(read_bundle(bundle)))
    assert {length: len(numbers) for length, numbers in rows.items()} == dict.fromkeys(SERVED, 200)


def test_a_corrupted_offset_gets_one_clear_line(
    bundle: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "bundle"
    folder.mkdir()
    for name, data in contents(bundle).items():
        (folder / name).write_bytes(data)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["model"]["lengths"][0]["offset"] = 0
    (folder / "manifest.json").write_text(json.dumps(manifest))
    assert verify.main([str(folder)]) == 1
    out = capsys.readouterr().out
    reason = "model.tflite is not as manifest.json says: the model at byte 0 takes 16 tokens, not 7; convert again"
    assert out.splitlines()[0].endswith(reason)
    with pytest.raises(UserError, match="takes 16 tokens, not 7; convert again"):
        BundleModel(folder)


def test_evaluate_answers_as_the_device(bundle: Path) -> None:
    opened = read_bundle(bundle)
    ids = [np.array(row["tokens"], np.int32) for row in opened.golden]
    assert BundleModel(bundle).predict(ids).tolist() == [row["logits"] for row in opened.golden]


def test_the_same_run_gives_the_same_bundle(bundle: Path, tmp_path: Path, tflm_twice: None) -> None:
    conversion.convert_run(make_run(), tmp_path / "again", shorter=[7])
    assert contents(tmp_path / "again") == contents(bundle)


@pytest.mark.parametrize("pair, shorter", [(False, 1), (False, 16), (False, 17), (True, 3)])
def test_a_shorter_length_that_cannot_be(tmp_path: Path, pair: bool, shorter: int) -> None:
    with pytest.raises(UserError, match=rf"--shorter {shorter} is not within {4 if pair else 2}\.\.15"):
        conversion.convert_run(make_run(pair=pair), tmp_path / "bundle", shorter=[shorter])
    assert not list(tmp_path.iterdir())


def test_the_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tflm_twice: None
) -> None:
    monkeypatch.setattr("tf_embbert.run.load_run", lambda path: make_run())
    assert convert.main(["run", "--out", str(tmp_path / "bundle"), "--shorter", "7"]) == 0
    out = capsys.readouterr().out
    assert "warning" not in out and "400 of 400 rows" in out and "MACs, L = 7" in out
    same = read_bundle(tmp_path / "bundle").manifest["verification"]["same_at_longest"]
    assert re.search(rf"answered as by the longest\W+{same} of 200", out)


def test_a_word_among_lengths_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="--shorter auto is not within"):
        conversion.convert_run(make_run(), tmp_path / "bundle", shorter=["auto", 7])


def test_by_default_the_lengths_are_those_that_the_runs_texts_call_for(tmp_path: Path, tflm_twice: None) -> None:
    run, longest = make_run(), 40
    model = random_model(
        np.random.default_rng(5), mask_margin=6.0, vocab_size=run.tokenizer.vocab_size, max_length=longest
    )
    run = dataclasses.replace(run, weights=model.weights, ranges=model.ranges, max_length=longest)
    manifest = conversion.convert_run(run, tmp_path / "auto")
    assert list(length_offsets(manifest)) == [20, longest] and manifest["arguments"]["shorter"] == ["auto"]
    assert manifest["accuracy"]["int8_tflm"] == run.metrics["qat_tflm"]
    opened = read_bundle(tmp_path / "auto")
    ids = run.tokenizer.encode([text for text, _ in run.sample_texts], None, max_length=longest).ids
    same = answer_by_length(opened.models, ids, predict).argmax(-1) == predict(opened.models[longest], ids).argmax(-1)
    assert manifest["verification"]["same_at_longest"] == same.sum() and manifest["verification"]["texts"] == len(ids)
    alone = conversion.convert_run(run, tmp_path / "none", shorter=["none"])
    assert list(length_offsets(alone)) == [longest] and "texts" not in alone["verification"]


def test_what_was_measured_under_qemu() -> None:
    measured = json.loads(lengths_benchmark.RESULT.read_text())
    files, served = measured["bytes"], measured["lengths"]
    assert files["shared"] < 1.15 * files["files"][str(served[-1])] < files["separately"] / 3
    assert files["arena"] == max(files["arenas"].values()) < measured["arena_together"]
    for alone, shared in zip(measured["texts"]["one"], measured["texts"]["shared"], strict=True):
        assert alone["tokens"] == shared["tokens"] and alone["length"] == served[-1]
        assert shared["length"] == min(length for length in served if length >= shared["tokens"])
        assert shared["instructions"] < 1.01 * alone["instructions"] * shared["length"] / served[-1]
        assert 0 < shared["switched"] - shared["instructions"] < 0.05 * shared["instructions"]
    assert all(task["all_lengths"] < task["one_length"] for task in measured["tasks"].values())
