"""The large teacher: a sentence encoder of 22 M parameters, fine-tuned on the task's rows. Wants torch (`[teacher]`).

The head begins as a logistic regression of the encoder's own vectors, so that few rows need few steps (Kumar et al.,
2022, "Fine-tuning can distort pretrained features": first the head, then all of it).
"""

import copy
import math
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from sklearn.linear_model import LogisticRegression
from torch.nn import functional
from transformers import AutoModel, AutoTokenizer
from transformers.utils import logging

from tf_embbert.common.console import progress_bar
from tf_embbert.run import Array

LONGEST = 128  # tokens of a text
BATCH, JUDGED_BATCH = 32, 128
RATE, HEAD_RATE, WEIGHT_DECAY, WARMUP = 5e-5, 5e-4, 0.01, 0.1
DROPOUT, SMOOTHING = 0.1, 0.05
HEAD_STRENGTH = 10.0  # C of the head's first values
# bfloat16 where the processor multiplies it: three times as fast, and the vectors' cosine with float32's is 0.99995.
FAST = bool(getattr(torch.cpu, "_is_avx512_bf16_supported", bool)())
KIND = torch.bfloat16 if FAST else torch.float32


class SentenceModel(torch.nn.Module):
    """The encoder's mean token, of length sqrt(width), and a dense layer: texts -> logits [texts, classes]."""

    def __init__(self, folder: str, classes: int) -> None:
        super().__init__()
        logging.set_verbosity_error()
        logging.disable_progress_bar()
        self.tokenizer, self.encoder = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
        self.head = torch.nn.Linear(self.encoder.config.hidden_size, classes)

    def vectors(self, texts: Sequence[str]) -> torch.Tensor:
        """[texts, width]."""
        batch = self.tokenizer(list(texts), padding=True, truncation=True, max_length=LONGEST, return_tensors="pt")
        states, mask = self.encoder(**batch).last_hidden_state, batch["attention_mask"].unsqueeze(-1)  # [B, L, width]
        mean = (states * mask).sum(1) / mask.sum(1)
        return functional.normalize(mean, dim=-1) * mean.shape[-1] ** 0.5

    def forward(self, texts: Sequence[str]) -> torch.Tensor:
        return self.head(functional.dropout(self.vectors(texts), DROPOUT, self.training))

    @torch.no_grad()
    def of_all(self, texts: Sequence[str], function: Callable[[Sequence[str]], torch.Tensor], title: str) -> Array:
        """A function of texts, in batches of like length: float32 [texts, ..]."""
        order, parts = np.argsort([len(text) for text in texts], kind="stable"), []
        with progress_bar(title, len(texts), "texts") as update:
            for start in range(0, len(texts), JUDGED_BATCH):
                chosen = order[start : start + JUDGED_BATCH]
                parts.append(function([texts[i] for i in chosen]).float().numpy())
                update(start + len(chosen))
        return np.concatenate(parts)[np.argsort(order, kind="stable")]


class SentenceTeacher:
    """A sentence encoder that has learnt a task.

    Args:
        folder: of the encoder, or its name on the hub.
        texts: to be trained on.
        labels: their classes, int [rows].
        classes: how many there are.
        epochs: passes over them.
        seed: of everything random.
    """

    def __init__(self, folder: str, texts: Sequence[str], labels: Array, classes: int, epochs: int, seed: int) -> None:
        torch.manual_seed(seed)
        model = SentenceModel(folder, classes).eval()
        start_head(model, texts, labels)
        fine_tune(model.train(), texts, labels, epochs, seed)
        self.model = in_fast_numbers(model)

    def judge(self, texts: Sequence[str]) -> Array:
        """Probabilities of texts: float32 [texts, classes]."""
        return self.model.of_all(texts, lambda some: torch.softmax(self.model(some).float(), -1), "judging")


def in_fast_numbers(model: SentenceModel) -> SentenceModel:
    """A copy that only reads, in the numbers that this processor is fastest with."""
    return copy.deepcopy(model).to(KIND).eval()


def start_head(model: SentenceModel, texts: Sequence[str], labels: Array) -> None:
    """Sets the head to a logistic regression of the untrained encoder's vectors."""
    fast = in_fast_numbers(model)
    vectors = fast.of_all(texts, fast.vectors, "reading") / model.head.in_features**0.5
    fitted = LogisticRegression(C=HEAD_STRENGTH, max_iter=200).fit(vectors, labels)
    weights, bias = fitted.coef_, fitted.intercept_
    if len(fitted.classes_) == 2:
        weights, bias = np.concatenate([-weights, weights]) / 2, np.concatenate([-bias, bias]) / 2
    with torch.no_grad():
        model.head.weight.zero_(), model.head.bias.fill_(float(bias.min()) - 1.0)
        model.head.weight[fitted.classes_] = torch.tensor(weights / model.head.in_features**0.5, dtype=torch.float32)
        model.head.bias[fitted.classes_] = torch.tensor(bias, dtype=torch.float32)


def fine_tune(model: SentenceModel, texts: Sequence[str], labels: Array, epochs: int, seed: int) -> None:
    """Trains in place; batches are drawn from all texts, so that they pad little only where texts are alike."""
    batches = [b for epoch in range(epochs) for b in batches_of(texts, np.random.default_rng([seed, epoch]))]
    groups: list[dict[str, Any]] = [
        {"params": model.encoder.parameters(), "lr": RATE},
        {"params": model.head.parameters(), "lr": HEAD_RATE},
    ]
    optimizer = torch.optim.AdamW(groups, weight_decay=WEIGHT_DECAY)
    rising = max(1, math.ceil(WARMUP * len(batches)))
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min((step + 1) / rising, (len(batches) - step) / max(1, len(batches) - rising))
    )
    with progress_bar("fine-tuning the teacher", len(batches), "steps") as update:
        for step, chosen in enumerate(batches):
            with torch.autocast("cpu", torch.bfloat16, enabled=FAST):
                logits = model([texts[i] for i in chosen])
            targets = torch.tensor(labels[chosen], dtype=torch.long)
            loss = functional.cross_entropy(logits.float(), targets, label_smoothing=SMOOTHING)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            update(step + 1)


def batches_of(texts: Sequence[str], rng: np.random.Generator) -> list[Array]:
    """An epoch's batches of row numbers, of like length among a few hundred neighbours in a random order."""
    order = rng.permutation(len(texts))
    pools = np.array_split(order, max(1, len(texts) // (BATCH * 8)))
    sorted_rows = np.concatenate([pool[np.argsort([len(texts[i]) for i in pool])] for pool in pools])
    batches = np.array_split(sorted_rows, max(1, round(len(texts) / BATCH)))
    return [batches[i] for i in rng.permutation(len(batches))]
