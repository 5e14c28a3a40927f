"""The device's tokenizer against `tokenizers`, string by string, and what it takes of a Cortex-M.

    python -m benchmarks.tokenizer --data-dir DIR [--work DIR] [--random N] [--fuzz N]

Of two vocabularies, the committed base256 run's and one of all scripts with random merges: N random texts, single at
512 ids and as pairs at several lengths; every text of the folder of tasks, single and as a pair; every character alone,
between letters and between marks. Sizes are of -Os on a Cortex-M7, stack is measured on mps2-an500 under QEMU; --fuzz
runs the libFuzzer target on N inputs, which needs clang. Writes results/tokenizer.json after each part.
"""

import argparse
import gzip
import json
import re
import subprocess
import tempfile
import time
from collections.abc import Iterable, Iterator
from itertools import islice, pairwise
from pathlib import Path

from benchmarks.common.logs import find_in
from benchmarks.common.sources import ROOT, generated_sources, hash_sources, read_files
from benchmarks.tokenizers.device import DeviceTokenizer, Request, expected_ids
from benchmarks.tokenizers.many_scripts import PATTERN, make_many_scripts
from benchmarks.tokenizers.texts import SURROGATES, random_texts
from tf_embbert.common.errors import run_command
from tf_embbert.common.files import write_atomically
from tf_embbert.tokenizer import Tokenizer

RESULT = Path(__file__).parent / "results/tokenizer.json"
CORPUS = ROOT / "tflm_app/tests/corpus"
PAIR_LENGTHS = (4, 7, 32, 33, 512)
CONTEXTS = {"alone": "{}", "between letters": "a{}b", "between marks": "x\U0001d16d{}\U0001e94a"}
CHUNK = 20_000
CLASSIFIER = ("classifier", "bundle_types")  # files of the library that the tokenizer does without


def sources_sha256() -> str:
    """One hash over all that the device's tokenizer and the line reader are compiled of."""
    library = {
        name: data
        for name, data in read_files(ROOT / "tflm_app/embbert").items()
        if Path(name).suffix in (".cc", ".h") and Path(name).stem not in CLASSIFIER
    }
    generated = {name: data for name, data in generated_sources().items() if name.startswith("tokenizer_data")}
    return hash_sources(library | generated)


def compare(tokenizer: Tokenizer, device: DeviceTokenizer, requests: Iterable[Request]) -> dict[str, int]:
    """How many requests there are, and on how many the ids differ."""
    requests, strings, different = iter(requests), 0, 0
    while chunk := list(islice(requests, CHUNK)):
        answers = zip(device.ids(chunk), expected_ids(tokenizer, chunk), strict=True)
        different += sum(ours.tolist() != theirs.tolist() for ours, theirs in answers)
        strings += len(chunk)
    return {"strings": strings, "different": different}


def all_requests(data: Path, count: int) -> dict[str, Iterator[Request]]:
    """What is compared, by name."""
    parts: dict[str, Iterator[Request]] = {"random texts": map(Request, random_texts(count, seed=0))}
    for length in PAIR_LENGTHS:
        pairs = pairwise(random_texts(count // 10 + 1, seed=length))
        parts[f"random pairs, {length} ids"] = (Request(a, b, length) for a, b in pairs)
    parts["pairs of the tasks, 64 ids"] = (
        Request(row[0].encode(), row[1].encode(), 64) for row in _rows(data) if len(row) == 2
    )
    parts["texts of the tasks"] = (Request(text.encode()) for row in _rows(data) for text in row)
    for name, context in CONTEXTS.items():
        parts[f"every character, {name}"] = _every_character(context)
    return parts


def _every_character(context: str) -> Iterator[Request]:
    return (Request(context.format(chr(c)).encode(), max_length=16) for c in range(0x110000) if c not in SURROGATES)


def _rows(data: Path) -> Iterator[list[str]]:
    """The texts of each row of all files under a folder of tasks, and of the lines of its plain texts."""
    for file in sorted(data.rglob("*.gz")):
        with gzip.open(file, "rt", encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line) if ".jsonl" in file.name else {"text": line}
                yield [row[column] for column in ("text", "text_pair") if column in row]


def measure_board(tokenizer: Tokenizer, work: Path) -> dict[str, int]:
    """Bytes of tables, code and stack on a Cortex-M7 at -Os."""
    device = DeviceTokenizer(tokenizer, work / "mps2-an500", "mps2-an500")
    device.ids([Request(text, max_length=256) for text in random_texts(500, seed=1)])
    library = device.folder / "embbert/libembbert_tokenizer.a"
    lines = subprocess.run(["arm-none-eabi-size", library], capture_output=True, text=True, check=True).stdout
    rows = re.findall(r"(\d+)\s+(\d+)\s+\d+\s+\d+\s+\w+\s+(\S+)\.cc", lines)  # text data bss dec hex name.cc.obj
    sizes = {name: int(text) + int(initialised) for text, initialised, name in rows}
    return {
        "tables_bytes": sizes.pop("tokenizer_data"),
        "code_bytes": sum(sizes.values()),
        "stack_bytes": device.measured["stack"] - device.measured["stack_before"],
    }


def fuzz(tokenizer: Tokenizer, work: Path, runs: int) -> dict:
    """Runs the libFuzzer target; RuntimeError or CalledProcessError at a finding."""
    clang = ["-DCMAKE_C_COMPILER=clang", "-DCMAKE_CXX_COMPILER=clang++"]
    options = [*clang, "-DSANITIZE=ON", "-DCMAKE_BUILD_TYPE=Release"]
    device = DeviceTokenizer(tokenizer, work / "fuzz", options=options, target="fuzz")
    found = work / "fuzz/corpus"
    found.mkdir(exist_ok=True)
    start = time.monotonic()
    # The limit of the resident size would count what this process had when it started the child; single allocations
    # are limited instead, and the tokenizer makes none.
    limits = ["-rss_limit_mb=0", "-malloc_limit_mb=256"]
    fixed = ["-max_len=80", *limits, "-print_final_stats=1"]
    command: list[str | Path] = [device.folder / "fuzz", f"-runs={runs}", *fixed, found, CORPUS]
    log = subprocess.run(command, stderr=subprocess.PIPE, text=True, errors="replace", check=True).stderr
    inputs = int(find_in(r"number_of_executed_units:\s*(\d+)", log)[1])
    return {"inputs": inputs, "minutes": round((time.monotonic() - start) / 60, 1), "findings": 0}


@run_command
def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data-dir", required=True, type=Path, metavar="DIR", help="folder of tasks")
    parser.add_argument("--work", type=Path, metavar="DIR", help="builds are kept here")
    parser.add_argument("--random", type=int, default=1_000_000, metavar="N", help="random texts a vocabulary")
    parser.add_argument("--fuzz", type=int, default=0, metavar="N", help="inputs of the fuzzer")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        work = options.work or Path(folder)
        work.mkdir(parents=True, exist_ok=True)
        vocabularies = {
            "base256": Tokenizer.load(PATTERN),
            "many scripts": make_many_scripts(work / "many_scripts.json"),
        }
        result = json.loads(RESULT.read_text()) if RESULT.exists() else {}
        result["sources_sha256"] = sources_sha256()
        if options.fuzz:
            result["fuzzing"] = fuzz(vocabularies["many scripts"], work, options.fuzz)
        for name, tokenizer in vocabularies.items():
            device = DeviceTokenizer(tokenizer, work / name.replace(" ", "-"), options=["-DCMAKE_BUILD_TYPE=Release"])
            result[name] = {"vocab_size": tokenizer.vocab_size, "cortex-m7": measure_board(tokenizer, work), "ids": {}}
            for part, requests in all_requests(options.data_dir, options.random).items():
                result[name]["ids"][part] = compare(tokenizer, device, requests)
                print(name, part, result[name]["ids"][part], flush=True)
                write_atomically(RESULT, json.dumps(result, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
