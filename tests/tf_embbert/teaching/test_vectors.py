"""The shipped encoder's vectors: of length 1, in the texts' order, and alike where the texts mean the same."""

import numpy as np


def test_texts_that_mean_the_same_are_nearer() -> None:
    from tf_embbert.finetuning.plan import SENTENCES
    from tf_embbert.run import load_run
    from tf_embbert.teaching.vectors import EncoderVectors

    read = EncoderVectors(load_run(SENTENCES))
    texts = ["the doctor is ill", "a physician was sick", "play some music please", "listen to a song", "", "x" * 900]
    vectors = read(texts)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    likeness = vectors @ vectors.T
    assert likeness[0, 1] > likeness[0, 2:4].max() and likeness[2, 3] > likeness[2, :2].max()
    np.testing.assert_allclose(read(texts[::-1])[::-1], vectors, atol=1e-5)
