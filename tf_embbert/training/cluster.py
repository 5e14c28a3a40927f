"""Which of several workers this process is, from TF_CONFIG, TensorFlow's own way to say it. Needs no TensorFlow.

    TF_CONFIG='{"cluster": {"worker": ["10.0.0.1:2222", "10.0.0.2:2222"]}, "task": {"type": "worker", "index": 0}}'

The first worker is the chief: it alone writes. The others read what it has written, so `--out` lies on storage that all
of them see, as Keras' BackupAndRestore asks for too.
"""

import os
from dataclasses import dataclass
from typing import Any

from tf_embbert.common.errors import UserError
from tf_embbert.common.json_text import parse_json


class WorkerLost(UserError):
    """Another worker is gone; what was done so far is kept."""


class Helped(Exception):
    """This worker has done its part; the chief writes what came of it."""


@dataclass(frozen=True)
class Cluster:
    """The workers that train one model.

    Args:
        workers: how many.
        index: of this one.
    """

    workers: int
    index: int


def read_cluster() -> Cluster:
    """The workers that TF_CONFIG names; this process alone where it is not set.

    Raises:
        UserError: it does not name workers and which of them this is.
    """
    text = os.environ.get("TF_CONFIG")
    if not text:
        return Cluster(1, 0)
    about: Any = parse_json(text, "TF_CONFIG")
    try:
        workers, task = about["cluster"]["worker"], about["task"]
        cluster = Cluster(len(workers), int(task["index"]))
        right = (
            task["type"] == "worker" and set(about["cluster"]) == {"worker"} and cluster.index in range(len(workers))
        )
    except (KeyError, TypeError, ValueError):
        right = False
    if not right:
        raise UserError(
            'TF_CONFIG must be {"cluster": {"worker": ["HOST:PORT", ..]}, "task": {"type": "worker", "index": N}}, '
            "N from 0; unset it to train on this machine alone"
        )
    return cluster


def helps(distribute: bool) -> bool:
    """Whether this process trains along and another one, the chief, writes the run."""
    return distribute and read_cluster().index > 0
