"""Training by two worker processes on loopback beside one with the same batches; what that says of larger clusters.

    python -m benchmarks.distribution --corpus FILE.. --work DIR     pretraining
    python -m benchmarks.distribution --work DIR                     fine-tuning on the shipped corpus

Writes results/distribution.json: how far the losses are apart, tokens or rows a second; of pretraining also the bytes
that the workers exchange a step, and from those what 10^10 tokens would take on 8 and 64 devices. Both draw the same
numbers for dropout whatever the number of workers: the comparisons are exact but for the order of sums.
"""

import argparse
import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np

from tf_embbert.common.errors import run_command

RESULT = Path(__file__).parent / "results/distribution.json"
PRESET, STEPS, BATCH_TOKENS = "base", 10, 4096
FINETUNE = {"preset": "nano", "task": "pocket", "epochs": 2, "qat_epochs": 1, "qat_rows": 1000, "batch_size": 32}
TOKENS = 10**10
DEVICES = (1, 8, 64)
# Tokens a second of a device that is assumed, for no GPU was at hand; those of a core are in results/pretraining.json.
ASSUMED_GPU = 1_000_000
NETWORKS = {"10 Gbit/s": 1.25e9, "100 Gbit/s": 12.5e9}  # bytes a second between two machines
LATENCY = 50e-6  # seconds of a message
EFFICIENCY = 0.9  # share of the time that is to be spent computing


def pretraining(corpus: list[str]) -> list[str]:
    """The command of a pretraining, without --out."""
    command = ["tf_embbert.pretrain", "--corpus", *corpus, "--preset", PRESET, "--max-length", "64"]
    return [*command, "--steps", str(STEPS), "--evaluate-every", str(STEPS // 2), "--batch-tokens", str(BATCH_TOKENS)]


def finetuning() -> list[str]:
    """The command of a fine-tuning with dropout, without --out."""
    options = [word for name, value in FINETUNE.items() for word in (f"--{name.replace('_', '-')}", str(value))]
    return ["tf_embbert.finetune", *options, "--teacher", "none", "--report-rows", "100"]


def train(command: list[str], work: Path, name: str, ports: list[int]) -> list[dict[str, str]]:
    """The history of a training by as many workers as there are ports, or by this process's kind alone."""
    out = work / name
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-m", *command, "--out", str(out), *(["--distribute"] if ports else [])]
    cluster = {"worker": [f"127.0.0.1:{port}" for port in ports]}
    one_thread = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1", "OMP_NUM_THREADS": "1"}
    processes = []
    for index in range(max(1, len(ports))):
        about = (
            {"TF_CONFIG": json.dumps({"cluster": cluster, "task": {"type": "worker", "index": index}})} if ports else {}
        )
        processes.append(subprocess.Popen(command, env={**os.environ, **one_thread, **about}))
    if any(process.wait() for process in processes):
        sys.exit(f"{name}: a worker failed")
    with open(out / "history.csv") as file:
        return list(csv.DictReader(file))


def apart(rows: list[dict[str, str]], others: list[dict[str, str]]) -> float:
    """The largest relative difference of two histories' losses."""
    names = [name for name in rows[0] if name.endswith("loss")]
    values = [
        np.array([[float(row[name] or "nan") for name in names] for row in history]) for history in (rows, others)
    ]
    return float(np.nanmax(np.abs(values[0] / values[1] - 1)))


def speed(rows: list[dict[str, str]], unit: str) -> float:
    """Of the last float epoch or step: what comes after it, QAT, is too short here to outweigh making its graph."""
    return float([row[unit] for row in rows if row.get("phase", "float") == "float"][-1])


def exchanged() -> int:
    """Bytes of the gradients of a pretraining model, float32."""
    from tf_embbert.model.classifier import build_pretraining_model
    from tf_embbert.model.config import EmbBERTConfig

    return 4 * build_pretraining_model(EmbBERTConfig.preset(PRESET)).count_params()


def exchange_seconds(gradient: int, devices: int, bandwidth: float) -> float:
    """Of a step: each device of a ring sends 2 (n - 1) / n of the gradients, in 2 (n - 1) messages."""
    return 2 * (devices - 1) * (gradient / devices / bandwidth + LATENCY)


def reckoned(gradient: int, rate: float) -> list[dict[str, Any]]:
    """What TOKENS take on devices of a rate: with BATCH_TOKENS a device, and with enough for EFFICIENCY."""
    rows = []
    for network, bandwidth in NETWORKS.items():
        for devices in DEVICES:
            exchange = exchange_seconds(gradient, devices, bandwidth)
            hours = TOKENS / BATCH_TOKENS / devices * (BATCH_TOKENS / rate + exchange) / 3600
            enough = exchange * rate * EFFICIENCY / (1 - EFFICIENCY)
            rows.append(
                {
                    "network": network,
                    "devices": devices,
                    "tokens_per_second": round(rate),
                    "exchange_ms": round(1000 * exchange, 2),
                    "hours": round(hours, 2),
                    "hours_without_exchange": round(TOKENS / devices / rate / 3600, 2),
                    "batch_tokens_for_efficiency": max(BATCH_TOKENS, round(enough)),
                }
            )
    return rows


def extrapolated() -> dict[str, Any]:
    """What larger clusters would do, by the gradients' size and a core's or an assumed GPU's speed."""
    gradient = exchanged()
    core = json.loads(RESULT.with_name("pretraining.json").read_text())["variants"]
    rate = core["short rows too, in buckets: as it is"]["tokens_per_cpu_second"]
    return {
        "gradient_bytes": gradient,
        "reckoned": {"core": reckoned(gradient, rate), "gpu": reckoned(gradient, ASSUMED_GPU)},
    }


@run_command
def main(arguments: list[str] | None = None) -> None:
    parse = argparse.ArgumentParser(
        prog="python -m benchmarks.distribution", description=(__doc__ or "").split("\n")[0]
    )
    parse.add_argument("--corpus", nargs="+", help="text to pretrain on (default: fine-tuning)")
    parse.add_argument("--work", type=Path, required=True, help="folder of the runs")
    parse.add_argument("--port", type=int, default=23456, help="the first of two ports on loopback")
    options = parse.parse_args(arguments)
    load = os.getloadavg()[0]
    command = pretraining(options.corpus) if options.corpus else finetuning()
    alone = train(command, options.work, "alone", [])
    along = train(command, options.work, "along", [options.port, options.port + 1])
    unit = "tokens_per_second" if options.corpus else "rows_per_second"
    measured = {
        "cores": os.cpu_count(),
        "load_average": round(load, 1),
        "relative_difference": apart(along, alone),
        unit: {"one": speed(alone, unit), "two": speed(along, unit)},
    }
    result = json.loads(RESULT.read_text()) if RESULT.is_file() else {}
    if options.corpus:
        result |= {"preset": PRESET, "steps": STEPS, "batch_tokens": BATCH_TOKENS, **measured, **extrapolated()}
    else:
        result["finetune"] = FINETUNE | {"losses": len(alone), **measured}
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    raise SystemExit(main())
