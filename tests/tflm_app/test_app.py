"""The app: what it did under QEMU, replayed; its parts on this machine; and with the user's TFLM the app itself."""

import hashlib
import json
import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks import app, flash
from benchmarks.app import build_app, one_line, sources_sha256, talk, talk_raw
from benchmarks.firmware.elf import section_bytes
from benchmarks.firmware.runner import KERNELS, missing_tools
from convert.bundle.bundle import read_bundle
from convert.bundle.conversion import convert_run
from convert.predict import answer_texts
from convert.tflite.lengths import answer_by_length, rows_by_length
from convert.tflm.interpreters import predict
from tests.support.chain import FolderOf
from tf_embbert.common.errors import UserError
from tf_embbert.run import load_run
from tf_embbert.tokenizer import segments

ROOT = Path(__file__).resolve().parents[2]
RUNS = json.loads(app.RESULT.read_text())["runs"]
FLASH = json.loads(flash.RESULT.read_text())["measured"]
BOARD = "mps2-an500"


def test_the_app_that_ran_is_the_one_that_is_here() -> None:
    assert {run["sources_sha256"] for run in RUNS} == {sources_sha256()}, "run python -m benchmarks.app again"


def test_cortex_m4_m7_and_m55_answered_as_python_with_both_kernel_sets() -> None:
    assert {(run["board"], run["kernels"]) for run in RUNS if run["texts"] >= 200} >= {
        (board, kernels) for board in list(app.BOARDS)[:3] for kernels in KERNELS
    }
    for run in RUNS:
        assert run["golden_equal"] == run["golden"] > 0 and run["texts_equal"] == run["texts"], run


def test_the_app_stayed_within_its_figures() -> None:
    for run in RUNS:
        assert run["arena_used"] <= run["arena"] == run["arena_of_manifest"], run
        assert 0 < run["stack"] < 4096, run
        assert run["own_kernels"] < 16 * 1024 and run["own_code"] < (16 + 9) * 1024, run


@pytest.mark.parametrize("entry", FLASH, ids=lambda entry: f"{entry['length']}-{entry['plan']}-{entry['own']}")
def test_the_kernels_of_every_form_are_within_their_bytes(entry: dict) -> None:
    assert entry["bytes"]["kernels of ours"] < 16 * 1024


@pytest.fixture(scope="module")
def sha256(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not shutil.which("g++"):
        pytest.skip("not installed: g++")
    program = tmp_path_factory.mktemp("sha256") / "sha256"
    options = ["-std=c++17", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined", f"-I{ROOT / 'tflm_app'}"]
    sources = [ROOT / "tflm_app/app/sha256.cc", ROOT / "tflm_app/tests/sha256.cc"]
    subprocess.run(["g++", *options, *sources, "-o", program], check=True)
    return program


@pytest.mark.parametrize("length", [0, 1, 55, 56, 63, 64, 65, 119, 120, 128, 100_003])
def test_sha256_is_that_of_hashlib(sha256: Path, length: int, rng: np.random.Generator) -> None:
    data = rng.bytes(length)
    found = subprocess.run([sha256], input=data, capture_output=True, check=True).stdout
    assert found.decode() == hashlib.sha256(data).hexdigest()


def parts_as_converted(bundle: Path, folder: Path) -> dict[str, bool]:
    """Whether each part that a compiler made of a bundle's sources has its hash."""
    program = folder / "parts"
    files = [ROOT / "tflm_app" / name for name in ("app/parts.cc", "app/sha256.cc", "tests/parts.cc")]
    files += [bundle / f"{name}_data.cc" for name in ("model", "tokenizer", "golden")]
    options = ["-std=c++17", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined", f"-I{ROOT / 'tflm_app'}"]
    subprocess.run(["g++", *options, f"-I{bundle}", *files, "-o", program], check=True)
    lines = subprocess.run([program], capture_output=True, text=True, check=True).stdout.splitlines()
    return {name: equal == "1" for name, _, equal in (line.rpartition(" ") for line in lines)}


@pytest.mark.skipif(not shutil.which("g++"), reason="needs g++")
@pytest.mark.parametrize("kind", ["classes", "pairs", "regression"])
def test_all_parts_have_the_hashes_of_the_bundle(kind: str, bundle_of: FolderOf, tmp_path: Path) -> None:
    found = parts_as_converted(bundle_of(kind), tmp_path)
    assert found == dict.fromkeys(("model", "tokenizer", "labels", "golden rows"), True)


@pytest.mark.skipif(not shutil.which("g++"), reason="needs g++")
@pytest.mark.parametrize(
    "part, file, place",
    [
        ("tokenizer", "tokenizer_data.cc", r"(kMergeRanks\[\] = \{\n +)(\d+)"),
        ("tokenizer", "tokenizer_data.cc", r"(ActionKind::kShift, )(\d+)"),
        ("labels", "bundle.h", r'(kLabels\[kClasses\] = \{\n +")(\w)'),
        ("golden rows", "golden_data.cc", r"(kLogits1\[\] = \{\n +)(-?\d+)"),
        ("golden rows", "golden_data.cc", r"(kIds1\[\] = \{\n +)(\d+)"),
    ],
)
def test_a_part_of_another_bundle_has_another_hash(
    part: str, file: str, place: str, bundle_of: FolderOf, tmp_path: Path
) -> None:
    bundle = shutil.copytree(bundle_of("classes"), tmp_path / "bundle")
    text, count = re.subn(place, r"\g<1>7", (bundle / file).read_text(), count=1)
    assert count == 1
    (bundle / file).write_text(text)
    assert [name for name, equal in parts_as_converted(bundle, tmp_path).items() if not equal] == [part]


@pytest.mark.skipif(not (shutil.which("cmake") and shutil.which("g++")), reason="needs cmake and g++")
def test_what_is_missing_gets_one_clear_message(bundle_of: FolderOf, tmp_path: Path) -> None:
    bundle = bundle_of("classes")
    with pytest.raises(UserError, match=r"no bundle in BUNDLE=.*convert/convert.py"):
        build_app(tmp_path, "host", "reference", tmp_path, tmp_path / "a")
    with pytest.raises(UserError, match=r"there is no board uno; -DBOARD= takes one of"):
        build_app(bundle, "uno", "reference", tmp_path, tmp_path / "b")
    with pytest.raises(UserError, match=r"no TFLM in TFLM_ROOT=.*takes a checkout of tensorflow/tflite-micro"):
        build_app(bundle, "host", "reference", tmp_path, tmp_path / "c")
    changed = tmp_path / "changed"
    shutil.copytree(bundle, changed)
    (changed / "labels.txt").write_text("others\n")
    with pytest.raises(UserError, match=r"are not those of its manifest"):
        build_app(changed, "host", "reference", tmp_path, tmp_path / "d")


def needs_tflm() -> None:
    if missing_tools():
        pytest.skip(f"not installed: {', '.join(missing_tools())}")
    if not os.environ.get("TFLM_ROOT"):
        pytest.skip("TFLM_ROOT is not set")


def python_answers(run: Any, bundle: Path, rows: Any) -> list[tuple[str, str]]:
    """Logits, and counts of tokens with the length that answers, by the wheel's interpreter."""
    firsts, seconds = zip(*rows)
    ids = run.tokenizer.encode(list(firsts), list(seconds) if run.is_pair else None, max_length=run.max_length).ids
    models = read_bundle(bundle).models
    logits = answer_by_length(
        models, ids, lambda model, some: predict(model, some, [segments(row) for row in some] if run.is_pair else None)
    )
    lengths = {row: length for length, numbers in rows_by_length(models, ids).items() for row in numbers}
    return [
        (" ".join(map(str, row)), f"{len(tokens)} of {lengths[number]} tokens")
        for number, (row, tokens) in enumerate(zip(logits, ids))
    ]


def require_python_answers(run: Any, bundle: Path, board: str, folder: Path, lengths: Any = None) -> str:
    """Types 40 texts into the app of a bundle and holds its answers to Python's; what it says on start.

    `lengths` are those that must have answered.
    """
    rows = [(one_line(a), one_line(b or "")) for a, b in run.sample_texts[:40]]
    expected = python_answers(run, bundle, rows)
    assert lengths is None or {int(tokens.split()[2]) for _, tokens in expected} == lengths
    elf = build_app(bundle, board, "cmsis_nn", os.environ["TFLM_ROOT"], folder / "build")
    start, answers = talk(elf, [(f"{a}\t{b}" if run.is_pair else a).encode() for a, b in rows])
    found = [answer.decode().split("\t") for answer in answers]
    assert [tuple(parts[1:3]) for parts in found] == expected
    if run.labels:
        best = [run.labels[int(np.argmax([int(logit) for logit in logits.split()]))] for logits, _ in expected]
        assert [parts[0] for parts in found] == best
    return start


@pytest.mark.parametrize("kind", ["classes", "pairs", "regression"])
def test_the_app_answers_as_python(kind: str, run_of: FolderOf, bundle_of: FolderOf, tmp_path: Path) -> None:
    needs_tflm()
    run, bundle = load_run(run_of(kind)), bundle_of(kind)
    start = require_python_answers(run, bundle, BOARD, tmp_path)
    manifest = read_bundle(bundle).manifest
    assert manifest["bundle_sha256"] in start and f"{manifest['model']['sha256']}, as in flash" in start
    assert f"tokenizer {manifest['tokenizer']['sha256']}, as in flash" in start
    labels = hashlib.sha256((bundle / "labels.txt").read_bytes()).hexdigest()
    assert f"labels {labels}, as in flash" in start and re.search(r"golden rows \w{64}, as in flash", start)


@pytest.mark.parametrize("kind, board", [("classes", "mps2-an386"), ("pairs", BOARD)])
def test_the_app_takes_the_shortest_length_that_holds_a_text(
    kind: str, board: str, run_of: FolderOf, tmp_path: Path
) -> None:
    needs_tflm()
    run = load_run(run_of(kind))
    convert_run(run, tmp_path / "bundle", shorter=[6, 8])
    start = require_python_answers(run, tmp_path / "bundle", board, tmp_path, lengths={6, 8, run.max_length})
    used, arena = map(int, re.search(r"arena (\d+) bytes used of (\d+)", start).groups())
    assert used <= arena


def test_the_app_averages_the_windows_of_a_long_text(run_of: FolderOf, tmp_path: Path) -> None:
    needs_tflm()
    bundle = tmp_path / "bundle"
    convert_run(load_run(run_of("classes")), bundle, seq_len=8, shorter=[6], windows=3)
    word = "play the song again "
    texts = [word * times for times in (0, 1, 2, 3, 4, 5, 8, 20)] + ["never " + word * 5, word * 6 + "please"]
    elf = build_app(bundle, BOARD, "cmsis_nn", os.environ["TFLM_ROOT"], tmp_path / "build")
    start, answers = talk(elf, [text.encode() for text in texts])
    assert [answer.decode().rsplit("\t", 1)[0] for answer in answers] == answer_texts(bundle, texts)
    assert "8 of 8 rows equal" in start and {b" 2 times", b" 3 times"} <= set(
        re.findall(rb" \d times", b"".join(answers))
    )


def test_a_line_that_is_too_long_is_said_to_be(bundle_of: FolderOf, tmp_path: Path) -> None:
    """And the folders of all three may have blanks in their names."""
    needs_tflm()
    tflm, bundle = tmp_path / "a tflm", tmp_path / "a bundle"
    tflm.symlink_to(os.environ["TFLM_ROOT"])
    shutil.copytree(bundle_of("classes"), bundle)
    elf = build_app(bundle, BOARD, "cmsis_nn", tflm, tmp_path / "a build", "-DLINE_BYTES=64")
    _, (long, short) = talk(elf, [b"a" * 100, b"play a song"])
    assert long == b"error: a line has at most 64 bytes" and not short.startswith(b"error")
    require_echo(elf, short)


def require_echo(elf: Path, answer: bytes) -> None:
    """What is typed is seen, what is taken back goes, and CR LF is one end."""
    typed = "\x7f\x7fpläx\x08\x7fay a\x1b sonx\x7fg\r\n".encode()
    shown = "plä" + "x\b \b" + "\b \b" + "ay a sonx\b \bg\r\n"
    output = talk_raw(elf, typed)[1].decode()
    assert output.startswith(shown) and output.endswith("\r\n> ")
    words = r"[\w ]+\t[-\d ]+\t\d+ of \d+ tokens\tconfidence [01]\.\d{3}\t\d+ ticks"
    assert re.fullmatch(words, output.removeprefix(shown).removesuffix("\r\n> ")) and re.fullmatch(
        words, answer.decode()
    )


def test_the_app_of_a_nucleo_links_and_says_that_it_was_not_run(bundle_of: FolderOf, tmp_path: Path) -> None:
    needs_tflm()
    elf = build_app(bundle_of("classes"), "nucleo-h743zi2", "cmsis_nn", os.environ["TFLM_ROOT"], tmp_path)
    assert b"nucleo-h743zi2 (compiles, not run here)" in elf.read_bytes()
    text, data, bss = section_bytes(elf).values()
    assert text + data <= 2 << 20 and data + bss <= 512 << 10


@pytest.mark.skipif(not shutil.which("g++"), reason="needs g++")
def test_tflm_without_its_static_memory_does_not_compile(bundle_of: FolderOf) -> None:
    root = Path(os.environ.get("TFLM_ROOT") or pytest.skip("TFLM_ROOT is not set"))
    downloads = root / "tensorflow/lite/micro/tools/make/downloads"
    folders = [root, downloads / "flatbuffers/include", downloads / "gemmlowp", bundle_of("classes"), ROOT / "tflm_app"]
    command = ["g++", "-std=c++17", "-fsyntax-only", *(f"-I{folder}" for folder in folders)]
    source = ROOT / "tflm_app/embbert/classifier.cc"
    assert subprocess.run([*command, "-DTF_LITE_STATIC_MEMORY", source]).returncode == 0
    done = subprocess.run([*command, source], capture_output=True, text=True)
    assert done.returncode and "compile with -DTF_LITE_STATIC_MEMORY" in done.stderr


def test_a_model_that_changed_in_flash_stops_the_app(bundle_of: FolderOf, tmp_path: Path) -> None:
    needs_tflm()
    bundle = bundle_of("classes")
    elf = build_app(bundle, BOARD, "cmsis_nn", os.environ["TFLM_ROOT"], tmp_path)
    model, image = (bundle / "model.tflite").read_bytes(), bytearray(elf.read_bytes())
    image[image.index(model) + len(model) // 2] ^= 1
    elf.write_bytes(image)
    with pytest.raises(UserError, match=r"ended with 2.*the model in flash has another hash"):
        talk(elf, [])
