"""Runs and bundles that several test files use: each is made once, by the commands."""

import os
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import numpy as np
import pytest

from tests.support.chain import KINDS, SMALL, FolderOf, make_rows, write_rows


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers of a new seed, which is printed; it seeds Keras too."""
    import tf_keras as keras

    seed = int(np.random.SeedSequence().generate_state(1)[0]) // 2
    print(f"seed {seed}")
    keras.utils.set_random_seed(seed)
    return np.random.default_rng(seed)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The data file of each kind of task, by kind."""
    folder = tmp_path_factory.mktemp("data")
    return {kind: write_rows(folder / name, make_rows(kind)) for kind, (name, _) in KINDS.items()}


@pytest.fixture(scope="session")
def run_of(data: dict[str, Path], tmp_path_factory: pytest.TempPathFactory) -> FolderOf:
    """The run of a kind of task, `run_of("pairs")`: trained by the command, once."""
    from tf_embbert.finetune import main

    folder = tmp_path_factory.mktemp("runs")

    def train(kind: str) -> Path:
        out = folder / kind
        if not out.exists():
            assert main(["--task", str(data[kind]), *KINDS[kind][1], *SMALL, "--seed", "3", "--out", str(out)]) == 0
        return out

    return train


@pytest.fixture(scope="session")
def bundle_of(run_of: FolderOf, tmp_path_factory: pytest.TempPathFactory) -> FolderOf:
    """The bundle of that run: converted by the command, once."""
    from convert.convert import main

    folder = tmp_path_factory.mktemp("bundles")

    def convert(kind: str) -> Path:
        if not (folder / kind).exists():
            assert main([str(run_of(kind)), "--out", str(folder / kind)]) == 0
        return folder / kind

    return convert
