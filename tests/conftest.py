"""Runs and bundles that several test files use: each is made once, by the commands, for all workers."""

import os
from collections.abc import Callable
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_USE_LEGACY_KERAS", "1")  # as in our commands (`common.errors.set_up_tensorflow`)
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
# Threads of two workers on two cores wait for each other in a loop: a fit of 0.1 s took 7 s of processor time.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")
os.environ.setdefault("TF_NUM_INTEROP_THREADS", "1")

import numpy as np
import pytest
from filelock import FileLock

from tests.support.chain import KINDS, SMALL, FolderOf, make_rows, write_rows


@pytest.fixture
def rng() -> np.random.Generator:
    """Random numbers of a new seed, which is printed; it seeds Keras too."""
    import tf_keras as keras

    seed = int(np.random.SeedSequence().generate_state(1)[0]) // 2
    print(f"seed {seed}")
    keras.utils.set_random_seed(seed)
    return np.random.default_rng(seed)


@pytest.fixture
def few_buckets(monkeypatch: pytest.MonkeyPatch) -> None:
    """A linear model of n-grams that hashes them into few buckets is fitted in no time."""
    from tf_embbert.training import ngrams

    monkeypatch.setattr(ngrams, "BUCKETS", 2**12)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The data file of each kind of task, by kind."""
    folder = tmp_path_factory.mktemp("data")
    return {kind: write_rows(folder / name, make_rows(kind)) for kind, (name, _) in KINDS.items()}


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """The folder that all workers' temporary files lie in."""
    base = tmp_path_factory.getbasetemp()
    return base if worker_id == "master" else base.parent


def once(out: Path, make: Callable[[], int]) -> Path:
    """Makes a folder with a command unless it is there; the other workers wait."""
    out.parent.mkdir(exist_ok=True)
    with FileLock(f"{out}.lock"):
        if not out.exists():
            assert make() == 0
    return out


@pytest.fixture(scope="session")
def run_of(data: dict[str, Path], shared: Path) -> FolderOf:
    """The run of a kind of task, `run_of("pairs")`: trained by the command, once."""
    from tf_embbert.finetune import main

    def train(kind: str) -> Path:
        out = shared / "runs" / kind
        options = [*KINDS[kind][1], *SMALL, "--seed", "3", "--out", str(out)]
        return once(out, lambda: main(["--task", str(data[kind]), *options]))

    return train


@pytest.fixture(scope="session")
def bundle_of(run_of: FolderOf, shared: Path) -> FolderOf:
    """The bundle of that run: converted by the command, once."""
    from convert.convert import main

    def convert(kind: str) -> Path:
        out = shared / "bundles" / kind
        return once(out, lambda: main([str(run_of(kind)), "--out", str(out)]))

    return convert
