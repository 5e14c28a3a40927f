"""Token vectors from counting which tokens stand near each other: where pretraining's token table starts.

Counting takes seconds for what gradient steps would need hours for: how like any two tokens are used. The vectors are
the leading singular vectors of the positive pointwise mutual information (Levy and Goldberg, 2014; context smoothing
and square-rooted singular values: Levy, Goldberg and Dagan, 2015), as many as the table is wide.
"""

import numpy as np

from tf_embbert.model.folded import Array
from tf_embbert.tokenizer import FIRST_ORDINARY

WINDOW = 5  # tokens to each side; the nearer ones count more, by 1 / distance
SMOOTHING = 0.75  # power of the context counts
IDS_AT_ONCE = 40_000_000
OVERSAMPLING, POWER_STEPS = 16, 4  # of the randomised SVD (Halko, Martinsson and Tropp, 2011)


def token_vectors(ids: Array, vocab_size: int, width: int, seed: int) -> Array:
    """Vectors of all tokens, of mean square 1; special tokens and those never seen are at zero.

    Args:
        ids: int32 [tokens], a whole corpus; it may lie on disk.
        vocab_size: V.
        width: r, numbers a token.
        seed: of the randomised SVD.

    Returns:
        float32 [V, r].
    """
    information = mutual_information(count_neighbours(ids, vocab_size))
    vectors = leading_vectors(information, width, seed)
    used = vectors.any(axis=1)
    used[:FIRST_ORDINARY] = False
    vectors[used] -= vectors[used].mean(axis=0)  # what all tokens share tells none from another
    vectors[~used] = 0
    return (vectors / np.sqrt(np.mean(vectors[used] ** 2))).astype(np.float32)


def count_neighbours(ids: Array, vocab_size: int) -> Array:
    """How often two tokens stand within the window, either way round: float32 [V, V]."""
    counts = np.zeros(vocab_size**2, np.float32)
    for start in range(0, len(ids), IDS_AT_ONCE):
        part = np.asarray(ids[start : start + IDS_AT_ONCE], np.int64)
        for distance in range(1, WINDOW + 1):
            pairs = part[:-distance] * vocab_size + part[distance:]
            counts += np.bincount(pairs, minlength=vocab_size**2) / np.float32(distance)
    counts = counts.reshape(vocab_size, vocab_size)
    return counts + counts.T


def count_tokens(ids: Array, vocab_size: int) -> Array:
    """How often each token stands in a corpus that may lie on disk: int64 [V]."""
    parts = (ids[start : start + IDS_AT_ONCE] for start in range(0, len(ids), IDS_AT_ONCE))
    return sum((np.bincount(part, minlength=vocab_size) for part in parts), np.zeros(vocab_size, np.int64))


def mutual_information(counts: Array) -> Array:
    """Positive pointwise mutual information of counts, tokens by contexts: float32, as they are."""
    tokens = counts.sum(axis=1)
    contexts = np.ascontiguousarray(counts.T).sum(axis=1) ** SMOOTHING
    contexts /= contexts.sum()
    expected = np.outer(tokens, contexts)
    seen = counts > 0
    return np.log(np.divide(counts, expected, out=np.ones_like(counts), where=seen)).clip(0)


def leading_vectors(matrix: Array, width: int, seed: int) -> Array:
    """U sqrt(S) of the matrix's leading singular values: [V, width], by a randomised SVD."""
    rng = np.random.default_rng(seed)
    basis = rng.normal(size=(matrix.shape[1], width + OVERSAMPLING)).astype(matrix.dtype)
    for _ in range(POWER_STEPS):
        basis = np.linalg.qr(matrix.T @ (matrix @ basis))[0]
    left = np.linalg.qr(matrix @ basis)[0]
    u, values, _ = np.linalg.svd(left.T @ matrix, full_matrices=False)
    return (left @ u)[:, :width] * np.sqrt(values[:width])
