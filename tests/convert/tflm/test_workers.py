"""Workers that run models: one process for many, and what is left when one fails."""

import io
import os
import signal
import threading
import time

import numpy as np
import pytest

from convert.lowering.expand import expand_model
from convert.tflite.model import input_length
from convert.tflm import workers
from convert.tflm.interpreters import TFLMRunner, predict
from convert.tflm.workers import InterpreterError, borrow_worker, read_message, write_message
from tests.support.fused_cases import FUSED

TFLM = ["convert.tflm.interpreters", "tflm"]
MODEL, OTHER = sorted(FUSED.values(), key=len)[:2]


@pytest.fixture
def no_workers() -> None:
    workers.close_workers()


def number_of(worker: workers.Worker) -> int:
    return worker._process.pid


def rows() -> list[np.ndarray]:
    return [np.array([2, 7, 8], np.int32), np.array([2, 4], np.int32), np.array([2], np.int32)]


def test_one_process_runs_one_model_after_another(no_workers: None) -> None:
    numbers = set()
    for model in (MODEL, OTHER, MODEL):
        answers = predict(model, rows(), processes=1)
        with borrow_worker(TFLM) as worker:
            numbers.add(number_of(worker))
        here, length = TFLMRunner(expand_model(model)), input_length(model)
        np.testing.assert_array_equal(answers, [here(np.pad(row, (0, length - len(row)))) for row in rows()])
    assert len(numbers) == 1


def test_two_at_once_are_two_processes(no_workers: None) -> None:
    with borrow_worker(TFLM) as one, borrow_worker(TFLM) as other:
        assert number_of(one) != number_of(other)


def test_a_crash_says_its_signal_and_the_next_model_runs(no_workers: None) -> None:
    wanted = predict(MODEL, rows(), processes=1)
    with pytest.raises(InterpreterError, match="tflm failed: crashed with signal 11"), borrow_worker(TFLM) as worker:
        os.kill(number_of(worker), signal.SIGSEGV)
        worker.ask(b"")
    np.testing.assert_array_equal(predict(MODEL, rows(), processes=1), wanted)


def test_a_worker_that_was_killed_while_it_was_free_is_replaced(no_workers: None) -> None:
    wanted = predict(MODEL, rows(), processes=1)
    with borrow_worker(TFLM) as worker:
        killed = number_of(worker)
    os.kill(killed, signal.SIGKILL)
    while worker.is_alive():
        time.sleep(0.01)
    np.testing.assert_array_equal(predict(MODEL, rows(), processes=1), wanted)
    with borrow_worker(TFLM) as worker:
        assert number_of(worker) != killed


def test_a_refusal_says_what_the_interpreter_said_of_this_model_only(no_workers: None) -> None:
    predict(MODEL, rows(), processes=1)
    with borrow_worker(TFLM) as worker, pytest.raises(InterpreterError, match="tflm failed: ") as caught:
        worker.ask(b"no archive")
    assert "Traceback" in caught.value.log and caught.value.log.count("Traceback") == 1


def test_threads_never_share_a_worker(no_workers: None) -> None:
    wanted = predict(MODEL, rows(), processes=1)
    answers: dict[int, np.ndarray] = {}

    def ask(number: int) -> None:
        answers[number] = predict(MODEL, rows()[number % 3 :][:1], processes=1)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(answers) == 6
    for number, answer in answers.items():
        np.testing.assert_array_equal(answer[0], wanted[number % 3])


@pytest.mark.parametrize("message", [b"", b"some bytes", bytes(100_000)])
def test_a_message_comes_back_whole_or_not_at_all(message: bytes) -> None:
    stream = io.BytesIO()
    write_message(stream, message)
    whole = stream.getvalue()
    assert read_message(io.BytesIO(whole)) == message
    for cut in {0, 1, 7, len(whole) - 1}:
        assert read_message(io.BytesIO(whole[:cut])) is None
