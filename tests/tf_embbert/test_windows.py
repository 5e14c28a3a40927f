"""Long texts by windows: how they are cut, and what averaging gives."""

import numpy as np
import pytest

from tf_embbert.windows import answer_by_windows, room, split, split_all


def test_windows_hold_each_token_once_and_are_as_few_and_equal_as_can_be(rng: np.random.Generator) -> None:
    for _ in range(300):
        length, tokens = int(rng.integers(2, 20)), int(rng.integers(0, 90))
        ids = np.concatenate([[2], rng.integers(5, 99, tokens)]).astype(np.int32)
        windows = split(ids, length)
        sizes = [len(window) - 1 for window in windows]
        assert all(window[0] == 2 for window in windows) and max(sizes) < length
        assert np.concatenate([window[1:] for window in windows]).tolist() == ids[1:].tolist()
        assert len(windows) == max(1, -(-tokens // (length - 1))) and max(sizes) - min(sizes) <= 1


def test_a_room_is_filled_by_just_so_many_windows() -> None:
    assert len(split(np.arange(room(16, 5)), 16)) == 5 and len(split(np.arange(room(16, 5) + 1), 16)) == 6
    assert room(16, 1) == 16


@pytest.mark.parametrize("dtype", [np.int8, np.float32])
def test_answers_are_the_mean_of_the_windows(dtype: type, rng: np.random.Generator) -> None:
    """Against exact fractions; integers are rounded, halves up."""
    ids = [np.concatenate([[2], rng.integers(0, 9, n)]) for n in (0, 5, 6, 7, 13, 29, 50)]
    said = {}

    def answer(rows: list) -> np.ndarray:
        outputs: np.ndarray = rng.integers(-128, 128, (len(rows), 3)).astype(dtype)
        said.update({tuple(row): output for row, output in zip(rows, outputs)})
        return outputs

    found = answer_by_windows(ids, 7, answer)
    assert found.dtype == dtype
    for row, mean in zip(ids, found):
        windows = np.array([said[tuple(window)] for window in split(row, 7)], np.float64)
        exact = windows.mean(axis=0)
        np.testing.assert_allclose(mean, np.floor(exact + 0.5) if dtype is np.int8 else exact, rtol=1e-6)


def test_each_window_knows_its_text() -> None:
    windows, texts = split_all([np.arange(3), np.arange(9), np.arange(1)], 5)
    assert texts.tolist() == [0, 1, 1, 2] and [len(window) for window in windows] == [3, 5, 5, 1]
