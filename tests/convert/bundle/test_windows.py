"""A bundle that reads long texts in windows: what it says, what it answers, and what cannot be."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from convert.bundle.bundle import read_bundle
from convert.bundle.conversion import convert_run
from convert.bundle.verification import verify_bundle
from convert.predict import answer_texts
from convert.tflm.interpreters import predict
from tests.support.bundles import make_run
from tf_embbert.common.errors import UserError
from tf_embbert.tokenizer import Tokenizer

LENGTH, WINDOWS = 8, 3


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("windows") / "bundle"
    convert_run(make_run(), out, seq_len=LENGTH, shorter=["none"], windows=WINDOWS)
    return out


def test_the_bundle_says_so_and_verifies(bundle: Path) -> None:
    read = read_bundle(bundle)
    assert read.manifest["model"]["windows"] == WINDOWS and read.room == 1 + WINDOWS * (LENGTH - 1)
    assert f"kWindows = {WINDOWS};" in (bundle / "bundle.h").read_text()
    assert max(len(row["tokens"]) for row in read.golden) > LENGTH  # some need more than one
    report = verify_bundle(bundle)
    assert report["ok"] and report["golden"] == len(read.golden)
    assert read.manifest["accuracy"]["int8_tflm"] is None  # the run was not scored so


def test_answers_are_the_rounded_mean_of_the_windows(bundle: Path) -> None:
    """By hand, from TFLM's interpreter; and a text that is too long for all windows loses its middle."""
    read, tokenizer = read_bundle(bundle), Tokenizer.load(bundle / "tokenizer.json")
    word = "turn the music on "
    texts = [word * times + end for times in (0, 1, 2, 3, 4, 5, 9) for end in ("", "alarm", "lights off")]
    ids = tokenizer.encode(texts, max_length=1000).ids
    counts = set()
    for row, line in zip(ids, answer_texts(bundle, texts)):
        body = row[1:]
        room = WINDOWS * (LENGTH - 1)
        if len(body) > room:
            body = np.concatenate([body[: room - room // 2], body[-(room // 2) :]])
        windows = max(1, -(-len(body) // (LENGTH - 1)))
        parts = [body[len(body) * i // windows : len(body) * (i + 1) // windows] for i in range(windows)]
        logits = predict(read.files["model.tflite"], [np.concatenate([row[:1], part]) for part in parts])
        mean = np.floor(logits.astype(int).sum(axis=0) / windows + 0.5).astype(int)
        assert line.split("\t")[1] == " ".join(map(str, mean))
        counts.add(windows)
        if windows > 1:
            assert line.split("\t")[2] == f"{1 + len(body)} tokens, {windows} times {LENGTH}"
    assert counts == {1, 2, 3}


def test_ram_holds_the_ids_of_a_text(bundle: Path, tmp_path: Path) -> None:
    convert_run(make_run(), tmp_path / "one", seq_len=LENGTH, shorter=["none"])
    several, one = (
        {board["id"]: board["ram_used"] for board in read_bundle(path).manifest["boards"]}
        for path in (bundle, tmp_path / "one")
    )
    known = [name for name, used in one.items() if used is not None]
    assert known and {several[name] - one[name] for name in known} == {4 * (1 + WINDOWS * (LENGTH - 1))}


def test_pairs_have_no_windows(tmp_path: Path) -> None:
    run: Any = make_run(pair=True)
    with pytest.raises(UserError, match="--windows is for single texts"):
        convert_run(run, tmp_path / "bundle", windows=2)
