"""Commands run by several processes that train along, each with its own TF_CONFIG on loopback."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).parents[2]
TIMEOUT = 600


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


def start(command: Sequence[str], environment: dict[str, str]) -> "subprocess.Popen[str]":
    """`python -m COMMAND` in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env={**os.environ, **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def start_workers(command: Sequence[str], count: int = 2) -> "list[subprocess.Popen[str]]":
    """The same command with --distribute in `count` processes of one cluster."""
    cluster = {"worker": [f"127.0.0.1:{port}" for port in free_ports(count)]}
    tasks = [{"type": "worker", "index": index} for index in range(count)]
    configs = [json.dumps({"cluster": cluster, "task": task}) for task in tasks]
    return [start([*command, "--distribute"], {"TF_CONFIG": config}) for config in configs]


def finish(processes: "Sequence[subprocess.Popen[str]]") -> list[tuple[int, str]]:
    """(exit status, standard error) of each process."""
    ended = []
    for process in processes:
        try:
            _, err = process.communicate(timeout=TIMEOUT)
        finally:
            process.kill()
        ended.append((process.returncode, err))
    return ended
