"""Is a bundle what it says? Hashes, golden vectors, and TFLM against TensorFlow Lite's reference kernels."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from convert.bundle.bundle import Bundle, read_bundle
from convert.bundle.integrity import failures as own_failures
from convert.bundle.manifest import length_offsets
from convert.tflite.lengths import answer_by_length
from convert.tflite.model import takes_pairs
from convert.tflm.interpreters import predict, why_not_compared
from convert.tflm.workers import InterpreterError
from tf_embbert.common.errors import UserError
from tf_embbert.tokenizer import CLS, SEP, Tokenizer, segments

ROWS = 200


@dataclass
class Answers:
    """int8 logits [rows, C] of both interpreters to the same rows; None of one that cannot be compared."""

    tflm: np.ndarray
    reference: np.ndarray | None = None

    @property
    def equal(self) -> np.ndarray:
        """Whether all bytes of a row are equal, bool [rows]; none where nothing was compared."""
        return np.zeros(0, bool) if self.reference is None else (self.tflm == self.reference).all(axis=1)


def verify_bundle(path: str | Path, rows: list[np.ndarray] | None = None) -> dict:
    """Checks a bundle against its manifest and runs its model in both interpreters.

    Args:
        path: the bundle's folder.
        rows: unpadded int32 token ids to run; by default 200 random rows for each length, the same every time.

    Returns:
        {ok, rows, equal, golden, failures: [text]}: rows run, rows with equal bytes, golden rows answered right, and
        a line for everything that differs. Where a file is not as it was written nothing is run; where TFLite's
        reference kernels cannot be compared `not_compared` says why, and no row is.

    Raises:
        UserError: the folder is no bundle.
    """
    bundle = read_bundle(path)
    failures = own_failures(bundle)
    report = {"ok": not failures, "rows": 0, "equal": 0, "golden": 0, "failures": failures}
    return report if failures else _run_bundle(bundle, random_rows(bundle) if rows is None else rows)


def _run_bundle(bundle: Bundle, rows: list[np.ndarray]) -> dict:
    golden = bundle.golden
    try:
        answers = compare_by_length(bundle.models, [*_tokens(golden), *rows])
    except (InterpreterError, UserError) as error:
        return {"ok": False, "rows": len(rows), "equal": 0, "golden": 0, "failures": [str(error)]}
    why = why_not_compared() if answers.reference is None else None
    wrong = dict(_golden_failures(bundle, answers.tflm[: len(golden)]))
    failures = [f"golden row {row}: {text}" for row, text in wrong.items()]
    equal = int(answers.equal[len(golden) :].sum())
    if not answers.equal.all():
        failures.append(f"TFLM and TFLite reference differ on {(~answers.equal).sum()} of {len(answers.equal)} rows")
    return {
        "ok": not failures,
        "rows": 0 if why else len(rows),
        "equal": equal,
        "golden": len(golden) - len(wrong),
        "failures": failures,
        **({"not_compared": why} if why else {}),
    }


def compare_interpreters(model: bytes, ids: list[np.ndarray]) -> Answers:
    """Runs rows of unpadded token ids in TFLM and, where these round as TFLM does, in TFLite's reference kernels at the
    same time.

    Raises:
        InterpreterError: one of them refused the model or crashed.
    """
    second = [segments(row) for row in ids] if takes_pairs(model) else None
    backends = ("tflm",) if why_not_compared() else ("tflm", "tflite_reference")
    with ThreadPoolExecutor(2) as pool:
        jobs = [pool.submit(predict, model, ids, second, 1, backend) for backend in backends]
        return Answers(*(job.result() for job in jobs))


def compare_by_length(models: dict[int, bytes], ids: list[np.ndarray]) -> Answers:
    """`compare_interpreters` of the models of several lengths, each on what a device gives it: rows, and the windows of
    rows that are too long, whose answers are averaged.
    """

    def both(model: bytes, rows: list[np.ndarray]) -> np.ndarray:
        answers = compare_interpreters(model, rows)
        return np.stack([each for each in (answers.tflm, answers.reference) if each is not None], axis=1)

    return Answers(*np.moveaxis(answer_by_length(models, ids, both), 1, 0))


def random_rows(bundle: Bundle, count: int = ROWS) -> list[np.ndarray]:
    """Seeded token rows, `count` for each length that the model serves: of all numbers of tokens that no shorter
    length has room for, every fourth as many as this length has.
    """
    rng = np.random.default_rng(0)
    vocab_size, pairs = bundle.manifest["tokenizer"]["vocab_size"], takes_pairs(bundle.files["model.tflite"])
    rows = []
    for shorter, longest in pairwise([1, *length_offsets(bundle.manifest)]):
        for index in range(count):
            length = longest if index % 4 == 0 else int(rng.integers(shorter + 1, longest + 1))
            row = rng.integers(SEP + 1, vocab_size, length, dtype=np.int32)
            row[0] = CLS
            if pairs:
                row[rng.integers(1, length)] = SEP
            rows.append(row)
    return rows


def _golden_failures(bundle: Bundle, logits: np.ndarray) -> Iterator[tuple[int, str]]:
    """(row, what differs) of golden rows whose ids, logits or label are not what the bundle gives today."""
    tokenizer = Tokenizer.load(bundle.path / bundle.manifest["tokenizer"]["file"])
    labels = bundle.files["labels.txt"].decode().splitlines()
    for index, row in enumerate(bundle.golden):
        pair = None if row["pair"] is None else [row["pair"]]
        if tokenizer.encode([row["text"]], pair, max_length=bundle.room).ids[0].tolist() != row["tokens"]:
            yield index, "the tokenizer gives other ids"
        if logits[index].tolist() != row["logits"]:
            yield index, "TFLM gives other logits"
        if labels and labels[int(np.argmax(row["logits"]))] != row["label"]:
            yield index, "the label is not that of the largest logit"


def _tokens(golden: list[dict]) -> list[np.ndarray]:
    return [np.array(row["tokens"], np.int32) for row in golden]
