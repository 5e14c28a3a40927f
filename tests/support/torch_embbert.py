"""EmbBERT in PyTorch, from the formulas of the paper (arXiv 2502.10001), with the reference's tensor names."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from tf_embbert.model.config import PAD, SEP, EmbBERTConfig


class Embedder(nn.Module):
    """Token and position tables of width r, a Linear to d for each, and a table of segments."""

    def __init__(self, config: EmbBERTConfig) -> None:
        super().__init__()
        d, r = config.hidden_size, config.reduced_size
        self.token = nn.Embedding(config.vocab_size, r, padding_idx=PAD)
        self.tok_expander = nn.Linear(r, d, bias=False)
        self.position = nn.Embedding(config.max_length, r)
        self.pos_expander = nn.Linear(r, d, bias=False)
        self.sentence = nn.Embedding(3, d, padding_idx=PAD)

    def forward(self, tokens: Tensor) -> Tensor:
        separated = (tokens == SEP).long().cumsum(dim=1).clamp(max=1)
        segments = (1 + separated) * (tokens != PAD)
        places = self.position(torch.arange(tokens.shape[1]))  # [L, r]
        return self.tok_expander(self.token(tokens)) + self.pos_expander(places) + self.sentence(segments)  # [B, L, d]


class Attention(nn.Module):
    """exp(q1 k1) attention - exp(q2 k2) convolution."""

    def __init__(self, config: EmbBERTConfig) -> None:
        super().__init__()
        d, wide = config.hidden_size, config.hidden_size * config.expansion
        self.lambda_q1, self.lambda_k1, self.lambda_q2, self.lambda_k2 = (
            nn.Parameter(0.1 * torch.randn(d)) for _ in range(4)
        )
        self.query, self.att_output = nn.Linear(d, d), nn.Linear(d, d)
        self.conv1d = nn.Conv1d(d, wide, config.kernel_size, groups=d)
        self.contract = nn.Linear(wide, d)

    def forward(self, x: Tensor, real: Tensor) -> Tensor:
        scores = torch.einsum("bid,bjd->bij", self.query(x), x) / x.shape[-1] ** 0.5
        weights = scores.masked_fill(~real[:, None], -torch.inf).softmax(dim=-1) * real[..., None]
        attended = self.att_output(weights @ x)
        past = functional.pad(x.mT, (self.conv1d.kernel_size[0] - 1, 0))  # [B, d, k-1+L]
        local = self.contract(functional.silu(self.conv1d(past).mT))
        first, second = (self.lambda_q1 @ self.lambda_k1).exp(), (self.lambda_q2 @ self.lambda_k2).exp()
        return first * attended - second * local


class Encoder(nn.Module):
    """Embedder and blocks: tokens int64 [B, L] -> [B, L, d]."""

    def __init__(self, config: EmbBERTConfig) -> None:
        super().__init__()
        self.embedder = Embedder(config)
        self.norms = nn.ModuleList(nn.RMSNorm(config.hidden_size) for _ in range(config.num_blocks))
        self.attentions = nn.ModuleList(Attention(config) for _ in range(config.num_blocks))

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embedder(tokens)
        for norm, attention in zip(self.norms, self.attentions):
            x = attention(norm(x), tokens != PAD)
        return x


class Classifier(nn.Module):
    """Logits of the first position: [B, classes]."""

    def __init__(self, config: EmbBERTConfig, classes: int) -> None:
        super().__init__()
        self.model = Encoder(config)
        self.classifier = nn.Linear(config.hidden_size, classes)

    def forward(self, tokens: Tensor) -> Tensor:
        return self.classifier(self.model(tokens)[:, 0])


class Pretraining(nn.Module):
    """Logits of the tokens [B, L, V] and of the pair [B, 2]."""

    def __init__(self, config: EmbBERTConfig) -> None:
        super().__init__()
        self.model = Encoder(config)
        self.mlm_classifier = nn.Linear(config.hidden_size, config.vocab_size)
        self.nsp_classifier = nn.Linear(config.hidden_size, 2)

    def forward(self, tokens: Tensor) -> tuple[Tensor, Tensor]:
        hidden = self.model(tokens)
        return self.mlm_classifier(hidden), self.nsp_classifier(hidden[:, 0])
