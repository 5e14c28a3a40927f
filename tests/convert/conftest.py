"""Conversions without running a model, for what does not look at the answers."""

import numpy as np
import pytest

from convert.bundle import conversion, verification
from convert.passes import pipeline


@pytest.fixture(autouse=True)
def verify_each_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    """What every pass makes is held to `convert/passes/verifier.py`."""
    monkeypatch.setattr(pipeline, "VERIFY_EACH", True)


@pytest.fixture
def no_interpreters(monkeypatch: pytest.MonkeyPatch) -> None:
    """Conversions without the interpreters' start-up: answers are zeros."""

    def zeros(model: bytes, ids: list[np.ndarray]) -> verification.Answers:
        logits = np.zeros((len(ids), 3), np.int8)
        return verification.Answers(logits, logits)

    monkeypatch.setattr(conversion, "compare_interpreters", zeros)
    monkeypatch.setattr(conversion, "_require_supported", lambda model: None)
