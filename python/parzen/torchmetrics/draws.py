"""Random orders of rows, as torchmetrics draws them."""

from __future__ import annotations

import torch

from parzen.metrics.draws import Rows


def global_permutation(n: int) -> Rows:
    """Draw an order of 0 .. n - 1 from torch's global generator."""
    order: Rows = torch.randperm(n).numpy(force=True)
    return order
