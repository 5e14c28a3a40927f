"""A PyTorch transcription of the reference model, timed on the very batches that `benchmarks.pretraining` times.

    TORCH_PYTHON -m benchmarks.pretraining.torch_model BATCHES.npz STEPS

Written from the formulas of the paper (arXiv 2502.10001) and of RiccardoBravin/tiny-LLM, and held to the Keras model:
the archive carries its weights, and the losses must be equal. Torch is no requirement of this project: any Python
with torch and numpy will do.
"""

import json
import sys
import time

import numpy as np

try:
    import torch
    from torch import nn
    from torch.nn import functional as F
except ImportError:
    sys.exit("torch is not installed in this Python: give benchmarks.pretraining a --torch-python that has it")

PAD, SEP = 0, 4


class Block(nn.Module):
    """RMSNorm, then efficient attention minus the convolution branch, no residual."""

    def __init__(self, d: int, taps: int) -> None:
        super().__init__()
        self.norm = nn.RMSNorm(d)
        self.query, self.output, self.contract = (nn.Linear(d, d) for _ in range(3))
        self.conv = nn.Conv1d(d, d, taps, groups=d)
        self.lambdas = nn.Parameter(torch.zeros(4, d))

    def forward(self, x: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        x = self.norm(x)  # [B, L, d]
        scores = self.query(x) @ x.transpose(1, 2) * x.shape[-1] ** -0.5  # [B, L, L]
        weights = scores.masked_fill(~mask[:, None, :], torch.finfo(x.dtype).min).softmax(-1) * mask[:, :, None]
        padded = F.pad(x.transpose(1, 2), (self.conv.kernel_size[0] - 1, 0))  # [B, d, L+k-1]
        branch = self.contract(F.silu(self.conv(padded).transpose(1, 2)))
        q1, k1, q2, k2 = self.lambdas
        return (q1 @ k1).exp() * self.output(weights @ x) - (q2 @ k2).exp() * branch


class Pretraining(nn.Module):
    """The encoder and its MLM and NSP heads."""

    def __init__(self, vocab_size: int, max_length: int, d: int, r: int, blocks: int, taps: int) -> None:
        super().__init__()
        self.token, self.position = nn.Embedding(vocab_size, r, padding_idx=PAD), nn.Embedding(max_length, r)
        self.token_expand, self.position_expand = (nn.Linear(r, d, bias=False) for _ in range(2))
        self.segment = nn.Embedding(3, d, padding_idx=PAD)
        self.blocks = nn.ModuleList(Block(d, taps) for _ in range(blocks))
        self.mlm, self.nsp = nn.Linear(d, vocab_size), nn.Linear(d, 2)

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        mask = tokens != PAD
        segments = torch.where(mask, 1 + ((tokens == SEP).cumsum(1) > 0).long(), 0)
        positions = self.position_expand(self.position.weight[: tokens.shape[1]])
        x = self.token_expand(self.token(tokens)) + positions + self.segment(segments)
        for block in self.blocks:
            x = block(x, mask)
        return x  # [B, L, d]


def load_weights(model: Pretraining, arrays: dict[str, np.ndarray]) -> None:
    """Copies the Keras weights, by their names there."""

    def put(parameter: torch.Tensor, value: np.ndarray) -> None:
        parameter.data.copy_(torch.tensor(value))

    put(model.token.weight, arrays["embed/token_table"])
    put(model.position.weight, arrays["embed/position_table"])
    put(model.segment.weight, arrays["embed/segment_table"])
    put(model.token_expand.weight, arrays["embed/token_kernel"].T)
    put(model.position_expand.weight, arrays["embed/position_kernel"].T)
    for i, block in enumerate(model.blocks):
        value = {name.removeprefix(f"block{i}/"): array for name, array in arrays.items()}
        put(block.norm.weight, value["norm/gain"])
        put(block.lambdas, value["sum/lambdas"])
        put(block.conv.weight, value["conv/kernel"][:, :, 0].T[:, None])
        put(block.conv.bias, value["conv/bias"])
        for layer, name in ((block.query, "attention"), (block.output, "output"), (block.contract, "contract")):
            put(layer.weight, value[f"{name}/kernel"].T)
            put(layer.bias, value[f"{name}/bias"])
    for layer, name in ((model.mlm, "mlm"), (model.nsp, "nsp")):
        put(layer.weight, arrays[f"{name}/kernel"].T)
        put(layer.bias, arrays[f"{name}/bias"])


def batch_loss(model: Pretraining, batch: dict[str, torch.Tensor], hidden_only: bool) -> torch.Tensor:
    """MLM + NSP; logits at all positions, or at the hidden ones only."""
    hidden = model(batch["tokens"])
    positions = batch["positions"]
    logits = model.mlm(hidden.flatten(0, 1)[positions]) if hidden_only else model.mlm(hidden).flatten(0, 1)[positions]
    mlm = F.cross_entropy(logits, batch["targets"])
    nsp = F.cross_entropy(model.nsp(hidden[:, 0]), batch["follows"], reduction="none") * batch["paired"]
    return mlm + nsp.sum() / batch["paired"].sum().clamp(min=1)


def main(path: str, steps: int) -> None:
    torch.set_num_threads(1)
    arrays = dict(np.load(path))
    model = Pretraining(*map(int, arrays["sizes"]))
    load_weights(model, arrays)
    result = {"torch": torch.__version__}
    for variant, kind, hidden_only in (("straightforward", "padded", False), ("fast", "bucketed", True)):
        names = ("tokens", "positions", "targets", "follows", "paired")
        batches = [
            {name: torch.tensor(arrays[f"{kind}{i}/{name}"]) for name in names}
            for i in range(int(arrays[f"{kind}_batches"]))
        ]
        for batch in batches:
            for name in ("tokens", "positions", "targets", "follows"):
                batch[name] = batch[name].long()
        with torch.no_grad():
            result[f"{variant}_loss"] = float(batch_loss(model, batches[0], hidden_only))
        result[variant] = time_steps(model, batches, hidden_only, steps)
    print(json.dumps(result))


def time_steps(
    model: Pretraining, batches: list[dict[str, torch.Tensor]], hidden_only: bool, steps: int
) -> list[tuple[int, float, float]]:
    """[(real tokens, seconds of wall clock, seconds of CPU)] of each step but the first two."""
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.0, weight_decay=0.0)
    timings = []
    for number in range(steps + 2):
        batch = batches[number % len(batches)]
        wall, cpu = time.perf_counter(), time.process_time()
        optimizer.zero_grad()
        batch_loss(model, batch, hidden_only).backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        tokens = int((batch["tokens"] != PAD).sum())
        timings.append((tokens, time.perf_counter() - wall, time.process_time() - cpu))
    return timings[2:]


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
