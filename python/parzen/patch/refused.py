"""What ours does not take and the package's own function gets."""

from __future__ import annotations

from typing import Any

# The errors of ours that say so; those of the package's own function are then the program's.
REFUSED = (ValueError, TypeError, OverflowError, AttributeError, KeyError)


def wants_gradient(*tensors: Any) -> bool:
    """Return whether a gradient may be asked for, which ours do not have."""
    import torch

    return torch.is_grad_enabled() and any(tensor.requires_grad for tensor in tensors)


def on_cpu(*tensors: Any) -> bool:
    """Return whether these are tensors in this processor's memory."""
    return all(tensor.device.type == "cpu" for tensor in tensors)
