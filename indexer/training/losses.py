"""What is pulled together and what apart, when dense layers are learned."""

from typing import Final

import torch
from torch import nn

CONTRAST_TEMPERATURE: Final = 0.1
_OWN_PRODUCT: Final = 4.0
"""How much more a picture of the same product counts than one of the same category."""
_SMOOTHING: Final = 0.05


class Categories(nn.Module):
    """A last layer that tells categories by embeddings; it helps to learn and is not kept."""

    def __init__(self, count: int, dimension: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(count, dimension))
        self.bias = nn.Parameter(torch.zeros(count))

    def forward(self, embeddings: torch.Tensor) -> torch.Tensor:
        """Return logits, shape (n, count)."""
        return nn.functional.linear(embeddings, self.weight, self.bias)


def contrast(embeddings: torch.Tensor, labels: torch.Tensor, groups: torch.Tensor) -> torch.Tensor:
    """
    Return how far pictures of one category, and more so of one product, are from each other, compared with all others.

    Source: the supervised contrastive loss, Khosla and others 2020, arXiv:2004.11362, equation 2.

    Args:
        embeddings: Of a batch, unit-norm, shape (n, d).
        labels: Category of each, shape (n,).
        groups: Product of each, shape (n,).
    """
    itself = torch.eye(len(labels), dtype=torch.bool, device=embeddings.device)
    scores = (embeddings @ embeddings.T / CONTRAST_TEMPERATURE).masked_fill(itself, -1e9)
    logs = scores - scores.logsumexp(dim=1, keepdim=True)
    wanted = (labels[:, None] == labels).float() + _OWN_PRODUCT * (groups[:, None] == groups).float()
    wanted = wanted.masked_fill(itself, 0)
    return -((logs * wanted).sum(dim=1) / wanted.sum(dim=1).clamp(min=1)).mean()


def loss_of(embeddings: torch.Tensor, logits: torch.Tensor, labels: torch.Tensor, groups: torch.Tensor) -> torch.Tensor:
    """Return what training makes small."""
    named = nn.functional.cross_entropy(logits, labels, label_smoothing=_SMOOTHING)
    return contrast(embeddings, labels, groups) + named
