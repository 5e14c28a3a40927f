"""What training takes: buckets of lengths, several workers."""

import statistics
from typing import Any

from benchmarks.tables.common import lines_of, read_result


def bucketing_table() -> str:
    """Means over the seeds, bucketed and padded."""
    result, rows = read_result("bucketing.json"), []
    for bucketed in (True, False):
        runs = [run for run in result["runs"] if run["bucketed"] == bucketed]
        speed, accuracy = (statistics.mean(run[key] for run in runs) for key in ("rows_per_second", "test_accuracy"))
        name = "bucketed by length" if bucketed else f"padded to {result['padded_to']}"
        rows.append([name, f"{speed:.0f}", f"{accuracy:.2f}"])
    return lines_of("| Snips, batches | examples a second | test accuracy, mean of 3 seeds |", rows)


def distribution_table() -> str:
    """What 10^10 tokens take, a line for each kind of device, network and number of devices."""
    result = read_result("distribution.json")
    names = {"core": "CPU core (measured)", "gpu": "GPU (assumed)"}
    rows = [
        [
            f"{names[kind]}, {row['tokens_per_second']:,} tokens/s",
            row["network"],
            str(row["devices"]),
            f"{row['exchange_ms']:.1f} ms",
            f"{row['hours']:.1f} h ({row['hours_without_exchange'] / row['hours']:.0%})",
            f"{row['batch_tokens_for_efficiency']:,}",
        ]
        for kind, reckoned in result["reckoned"].items()
        for row in reckoned
    ]
    speed = result["tokens_per_second"]
    return (
        f"{result['steps']} steps of `{result['preset']}`, {result['batch_tokens']:,} tokens each: losses at most "
        f"{result['relative_difference']:.1e} apart (relative); one worker {speed['one']:,.0f} tokens/s, two "
        f"{speed['two']:,.0f} (load average of the {result['cores']} cores before: {result['load_average']}); "
        f"{result['gradient_bytes']:,} bytes of gradients a step.\n\n{finetuning_along(result['finetune'])}\n\n"
    ) + lines_of(
        f"| device | network | n | exchange a step | 10^10 tokens, {result['batch_tokens']:,} a device and step "
        "(efficiency) | tokens a device and step for 90 % |",
        rows,
    )


def finetuning_along(result: dict[str, Any]) -> str:
    """One sentence on a fine-tuning by two workers."""
    rows = result["rows_per_second"]
    return (
        f"`finetune` of `{result['preset']}` on `{result['task']}`, {result['epochs']} epochs and QAT in batches of "
        f"{result['batch_size']}: losses at most {result['relative_difference']:.1e} apart; one worker "
        f"{rows['one']:,.0f} rows/s, two {rows['two']:,.0f} (load average before: {result['load_average']})."
    )
