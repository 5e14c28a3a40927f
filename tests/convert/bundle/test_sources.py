"""The generated C++ sources of a bundle: what a compiler reads in them is what the bundle says."""

import re
import subprocess
from pathlib import Path

import pytest

from convert.bundle.bundle import read_bundle
from convert.bundle.manifest import length_offsets, sha256
from convert.bundle.sources import WITH_KERNELS
from convert.tflite.model import output_quantization, read_model
from convert.tflm.resolver import resolver_method
from tests.support.chain import FolderOf
from tests.support.cpp import ARENA, TESTS, make_sources, needs_compiler, read_back, text_of

# What C++ could read otherwise: quotes, backslashes, trigraphs, escapes that digits follow, other scripts.
LABELS = ['"??/', "\\n\x01" + "7 ünïcödé 한"]


@needs_compiler
@pytest.mark.parametrize("kind", ["pairs", "regression"])
def test_the_compiler_reads_what_the_bundle_says(bundle_of: FolderOf, tmp_path: Path, kind: str) -> None:
    bundle = read_bundle(bundle_of(kind))
    facts, labels, rows, model = read_back(make_sources(bundle), tmp_path)
    assert model == bundle.files["model.tflite"] and facts["misaligned"] == 0
    assert facts["model_sha256"] == sha256(model)
    assert facts["tokenizer_sha256"] == bundle.manifest["tokenizer"]["sha256"]
    assert text_of(facts["name"]) == bundle.manifest["name"]
    assert facts["sequence_length"] == bundle.manifest["model"]["sequence_length"]
    assert facts["offsets"] == length_offsets(bundle.manifest)
    assert facts["token_rows"] == bundle.manifest["tokenizer"]["vocab_size"]
    assert (facts["takes_pairs"], facts["is_regression"]) == (kind == "pairs", kind == "regression")
    assert labels == (bundle.manifest["labels"] or [None]) and facts["classes"] == len(labels)
    assert (facts["scale"], facts["zero_point"]) == output_quantization(read_model(model))
    for row, golden in zip(rows, bundle.golden, strict=True):
        assert (text_of(row["text"]), text_of(row["pair"])) == (golden["text"], golden["pair"])
        assert (row["tokens"], row["logits"]) == (golden["tokens"], golden["logits"])


@needs_compiler
def test_the_arena_of_a_build_is_found_by_name(bundle_of: FolderOf, tmp_path: Path) -> None:
    bundle = read_bundle(bundle_of("pairs"))
    bundle.manifest["arena"] = ARENA
    facts, *_ = read_back(make_sources(bundle), tmp_path)
    assert facts["arena"] == ARENA["cortex-m7"]["cmsis_nn"]["total"]


@needs_compiler
def test_kernels_without_an_arena_figure_do_not_compile(bundle_of: FolderOf, tmp_path: Path) -> None:
    for name, data in make_sources(read_bundle(bundle_of("pairs"))).items():
        (tmp_path / name).write_bytes(data)
    command = ["g++", "-std=c++17", "-fsyntax-only", f"-I{tmp_path}", f"-I{TESTS.parent}", str(TESTS / "sources.cc")]
    for kernels in ("cmsis_nn", "other"):
        done = subprocess.run([*command, f'-DARENA_KERNELS="{kernels}"'], capture_output=True, text=True)
        named = "NoArenaFigureForThisCoreAndTheseKernels" in done.stderr
        assert (done.returncode != 0) == named == (kernels == "other"), done.stderr


@needs_compiler
def test_labels_of_any_characters_are_read_as_they_are(bundle_of: FolderOf, tmp_path: Path) -> None:
    _, labels, *_ = read_back(make_sources(read_bundle(bundle_of("pairs")), LABELS), tmp_path)
    assert labels == LABELS


def test_the_same_bundle_gives_the_same_sources(bundle_of: FolderOf) -> None:
    bundle = read_bundle(bundle_of("pairs"))
    assert make_sources(bundle) == make_sources(bundle)


def test_the_resolver_has_the_operators_of_the_model_and_no_others(bundle_of: FolderOf) -> None:
    bundle = read_bundle(bundle_of("pairs"))
    resolver = make_sources(bundle)["op_resolver.h"].decode()
    names = {op["name"].replace("_", "").lower() for op in bundle.manifest["ops"]}
    added = re.findall(r"->Add(\w+)\(", resolver)
    assert sorted(name.lower() for name in added) == sorted(names)
    assert f"MicroMutableOpResolver<{len(names)}>" in resolver


def test_the_resolver_takes_every_kernel_that_there_is() -> None:
    declared = re.findall(r"^TFLMRegistration (\w+)\(\);", (TESTS.parent / "kernels/kernels.h").read_text(), re.M)
    assert [f"Add{name}" for name in declared] == [resolver_method(name) for name in WITH_KERNELS]
