"""The generated C++ sources of a bundle: what a compiler reads in them is what the bundle says."""

import json
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from convert.bundle.bundle import read_bundle
from convert.bundle.manifest import length_offsets, sha256
from convert.bundle.sources import firmware_sources
from convert.tflite.model import output_quantization, read_model
from tf_embbert.tokenizer import Tokenizer

TESTS = Path(__file__).parents[3] / "tflm_app/tests"
needs_compiler = pytest.mark.skipif(not (shutil.which("cmake") and shutil.which("g++")), reason="needs cmake and g++")

ARENA = {"cortex-m7": {"cmsis_nn": {"total": 4096}, "reference": {"total": 4080}}}
# What C++ could read otherwise: quotes, backslashes, trigraphs, escapes that digits follow, other scripts.
LABELS = ['"??/', "\\n\x01" + "7 ünïcödé 한"]


def make_sources(bundle, labels=None):
    """The sources of a bundle, from what is in it."""
    arena = bundle.manifest["arena"] if "cortex-m7" in bundle.manifest["arena"] else ARENA
    tokenizer = Tokenizer.load(bundle.path / "tokenizer.json")
    labels = labels or bundle.manifest["labels"] or None
    name, model = bundle.manifest["name"], bundle.files["model.tflite"]
    return firmware_sources(name, model, length_offsets(bundle.manifest), tokenizer, labels, bundle.golden, arena)


def build(sources, folder, target):
    """Compiles them into a program of tflm_app/tests, every warning an error; the folder of the build."""
    for name, data in sources.items():
        (folder / name).write_bytes(data)
    for command in (["cmake", "-S", TESTS, "-B", folder, f"-DBUNDLE={folder}"],
                    ["cmake", "--build", folder, "--target", target]):
        done = subprocess.run(command, capture_output=True, text=True)
        assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
    return folder


def read_back(sources, folder):
    """What the compiled sources say: facts (of which `offsets` is that of each length), labels, golden rows, the model."""
    output = subprocess.run([build(sources, folder, "sources") / "sources"], capture_output=True, check=True).stdout
    line, rest = output.split(b"\n", 1)
    facts = json.loads(line, object_pairs_hook=list)  # `label` is there for each class
    every = lambda wanted: [value for name, value in facts if name == wanted]
    labels, offsets = list(map(text_of, every("label"))), dict(zip(every("length"), every("offset")))
    *rows, model = rest.split(b"\n", int(dict(facts)["golden"]))
    return {**dict(facts), "offsets": offsets}, labels, list(map(json.loads, rows)), model


def text_of(hexadecimal):
    return None if hexadecimal is None else bytes.fromhex(hexadecimal).decode()


@needs_compiler
@pytest.mark.parametrize("kind", ["pairs", "regression"])
def test_the_compiler_reads_what_the_bundle_says(bundle_of, tmp_path, kind):
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
def test_the_arena_of_a_build_is_found_by_name(bundle_of, tmp_path):
    bundle = read_bundle(bundle_of("pairs"))
    bundle.manifest["arena"] = ARENA
    facts, *_ = read_back(make_sources(bundle), tmp_path)
    assert (facts["arena"], facts["no_arena"]) == (ARENA["cortex-m7"]["cmsis_nn"]["total"], 0)


@needs_compiler
def test_labels_of_any_characters_are_read_as_they_are(bundle_of, tmp_path):
    _, labels, *_ = read_back(make_sources(read_bundle(bundle_of("pairs")), LABELS), tmp_path)
    assert labels == LABELS


def test_the_same_bundle_gives_the_same_sources(bundle_of):
    bundle = read_bundle(bundle_of("pairs"))
    assert make_sources(bundle) == make_sources(bundle)


def test_the_resolver_has_the_operators_of_the_model_and_no_others(bundle_of):
    bundle = read_bundle(bundle_of("pairs"))
    resolver = make_sources(bundle)["op_resolver.h"].decode()
    names = {op["name"].replace("_", "").lower() for op in bundle.manifest["ops"]}
    added = re.findall(r"->Add(\w+)\(\)", resolver)
    assert sorted(name.lower() for name in added) == sorted(names)
    assert f"MicroMutableOpResolver<{len(names)}>" in resolver
