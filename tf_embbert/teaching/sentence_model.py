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
from sklearn.linear_model import LogisticRegression, Ridge
from torch.nn import functional
from transformers import AutoModel, AutoTokenizer
from transformers.utils import logging

from tf_embbert.common.console import progress_bar
from tf_embbert.data.rows import Rows, Text, parts_of
from tf_embbert.run import Array

LONGEST = 128  # tokens of a text
BATCH, JUDGED_BATCH = 32, 128
RATE, HEAD_RATE, WEIGHT_DECAY, WARMUP = 5e-5, 5e-4, 0.01, 0.1
DROPOUT, SMOOTHING = 0.1, 0.05
HEAD_STRENGTH, PAIR_STRENGTH, RIDGE = (
    10.0,
    1.0,
    10.0,
)  # C of the head's first values, of texts and pairs; alpha of numbers
# bfloat16 where the processor multiplies it: three times as fast, and the vectors' cosine with float32's is 0.99995.
FAST = bool(getattr(torch.cpu, "_is_avx512_bf16_supported", bool)())
KIND = torch.bfloat16 if FAST else torch.float32


class SentenceModel(torch.nn.Module):
    """A sentence encoder and a dense layer: texts or pairs -> [texts, outputs].

    Args:
        folder: of the encoder, or its name on the hub.
        outputs: numbers that a text gets.
        is_pair: whether it reads pairs.
    """

    def __init__(self, folder: str, outputs: int, is_pair: bool = False) -> None:
        super().__init__()
        logging.set_verbosity_error()
        logging.disable_progress_bar()
        self.tokenizer, self.encoder = AutoTokenizer.from_pretrained(folder), AutoModel.from_pretrained(folder)
        self.width: int = self.encoder.config.hidden_size
        self.head = torch.nn.Linear((1 + is_pair) * self.width, outputs)

    def features(self, texts: Sequence[Text]) -> torch.Tensor:
        """What the head reads: of a text its vector, [texts, width]; of a pair what its vectors differ and agree in,
        [pairs, 2 width] (Conneau et al., 2017, section 3).
        """
        vectors = self.vectors([part for text in texts for part in parts_of(text)])
        if self.head.in_features == self.width:
            return vectors
        first, second = vectors[0::2], vectors[1::2]
        return torch.cat([(first - second).abs(), first * second], dim=1)

    def vectors(self, texts: Sequence[str]) -> torch.Tensor:
        """Mean tokens, of length sqrt(width): [texts, width]."""
        batch = self.tokenizer(list(texts), padding=True, truncation=True, max_length=LONGEST, return_tensors="pt")
        states, mask = self.encoder(**batch).last_hidden_state, batch["attention_mask"].unsqueeze(-1)  # [B, L, width]
        mean = (states * mask).sum(1) / mask.sum(1)
        return functional.normalize(mean, dim=-1) * mean.shape[-1] ** 0.5

    def forward(self, texts: Sequence[Text]) -> torch.Tensor:
        return self.head(functional.dropout(self.features(texts), DROPOUT, self.training))

    @torch.no_grad()
    def of_all(self, texts: Sequence[Text], function: Callable[[Sequence[Text]], torch.Tensor], title: str) -> Array:
        """A function of texts, in batches of like length: float32 [texts, ..]."""
        order, parts = np.argsort(lengths(texts), kind="stable"), []
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
        rows: to be trained on.
        classes: how many there are; 0 where the labels are numbers.
        epochs: passes over the rows.
        seed: of everything random.
    """

    def __init__(self, folder: str, rows: Rows, classes: int, epochs: int, seed: int) -> None:
        torch.manual_seed(seed)
        self.numbers = None if classes else Numbers(rows.labels)
        model = SentenceModel(folder, classes or 1, rows.pairs is not None).eval()
        labels = self.numbers.scaled(rows.labels) if self.numbers else rows.labels
        start_head(model, rows.whole_texts, labels)
        fine_tune(model.train(), rows.whole_texts, labels, epochs, seed)
        self.model = in_fast_numbers(model)

    def judge(self, texts: Sequence[Text]) -> Array:
        """Probabilities of texts, float32 [texts, classes]; or their numbers, [texts, 1]."""
        if self.numbers:
            return self.numbers.meant(self.model.of_all(texts, self.model, "judging"))
        return self.model.of_all(texts, lambda some: torch.softmax(self.model(some).float(), -1), "judging")


class Numbers:
    """Labels that are numbers, of mean 0 and deviation 1 while the encoder learns them.

    Args:
        labels: of the training rows, float [rows].
    """

    def __init__(self, labels: Array) -> None:
        self.mean, self.deviation = float(labels.mean()), float(labels.std()) or 1.0
        self.least, self.most = float(labels.min()), float(labels.max())

    def scaled(self, labels: Array) -> Array:
        """Labels as they are learnt."""
        return (labels - self.mean) / self.deviation

    def meant(self, outputs: Array) -> Array:
        """Labels again, within those that there were."""
        return np.clip(outputs * self.deviation + self.mean, self.least, self.most)


def lengths(texts: Sequence[Text]) -> list[int]:
    """Characters of each text, of both parts of a pair."""
    return [sum(map(len, parts_of(text))) for text in texts]


def in_fast_numbers(model: SentenceModel) -> SentenceModel:
    """A copy that only reads, in the numbers that this processor is fastest with."""
    return copy.deepcopy(model).to(KIND).eval()


def start_head(model: SentenceModel, texts: Sequence[Text], labels: Array) -> None:
    """Sets the head to a linear model of the untrained encoder's vectors: a logistic regression, or of numbers a ridge
    regression.
    """
    fast, scale = in_fast_numbers(model), model.width**0.5
    features = fast.of_all(texts, fast.features, "reading") / scale
    with torch.no_grad():
        if labels.dtype.kind == "f":
            ridge = Ridge(alpha=RIDGE).fit(features, labels)
            model.head.weight[0], model.head.bias[0] = torch.tensor(ridge.coef_ / scale), float(ridge.intercept_)
            return
        strength = PAIR_STRENGTH if model.head.in_features > model.width else HEAD_STRENGTH
        fitted = LogisticRegression(C=strength, max_iter=200).fit(features, labels)
        weights, bias = fitted.coef_, fitted.intercept_
        if len(fitted.classes_) == 2:
            weights, bias = np.concatenate([-weights, weights]) / 2, np.concatenate([-bias, bias]) / 2
        model.head.weight.zero_(), model.head.bias.fill_(float(bias.min()) - 1.0)
        model.head.weight[fitted.classes_] = torch.tensor(weights / scale, dtype=torch.float32)
        model.head.bias[fitted.classes_] = torch.tensor(bias, dtype=torch.float32)


def fine_tune(model: SentenceModel, texts: Sequence[Text], labels: Array, epochs: int, seed: int) -> None:
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
                outputs = model([texts[i] for i in chosen])
            loss = loss_of(outputs.float(), labels[chosen])
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
            schedule.step()
            update(step + 1)


def loss_of(outputs: torch.Tensor, labels: Array) -> torch.Tensor:
    """Of logits [B, classes] and class ids, or of numbers [B, 1] and numbers."""
    if labels.dtype.kind == "f":
        return functional.mse_loss(outputs[:, 0], torch.tensor(labels, dtype=torch.float32))
    return functional.cross_entropy(outputs, torch.tensor(labels, dtype=torch.long), label_smoothing=SMOOTHING)


def batches_of(texts: Sequence[Text], rng: np.random.Generator) -> list[Array]:
    """An epoch's batches of row numbers, of like length among a few hundred neighbours in a random order."""
    order = rng.permutation(len(texts))
    pools = np.array_split(order, max(1, len(texts) // (BATCH * 8)))
    length = np.array(lengths(texts))
    sorted_rows = np.concatenate([pool[np.argsort(length[pool])] for pool in pools])
    batches = np.array_split(sorted_rows, max(1, round(len(texts) / BATCH)))
    return [batches[i] for i in rng.permutation(len(batches))]
