"""What all networks share: the check of a batch, and arithmetic that no setting changes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import torch

__all__ = ["check_batch", "exact_arithmetic"]


def check_batch(images: object) -> None:
    """Refuse what is not a uint8 tensor (n, 3, h, w).

    Raises
    ------
    TypeError
        Not a uint8 tensor.
    ValueError
        Not of that shape, or empty.
    """
    if not isinstance(images, torch.Tensor) or images.dtype != torch.uint8:
        came = getattr(images, "dtype", type(images).__name__)
        raise TypeError(f"images: expected a uint8 tensor of values 0..255, got {came}")
    if images.ndim != 4 or images.shape[1] != 3 or images.numel() == 0:
        raise ValueError(f"images: expected shape (n, 3, h, w), got {tuple(images.shape)}")


@contextlib.contextmanager
def exact_arithmetic(device: str) -> Iterator[None]:
    """Neither a caller's autocast nor TF32 may change features that are labelled float32."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(torch.autocast(device, enabled=False))
        backends = torch.backends
        if hasattr(backends.cuda.matmul, "fp32_precision"):  # torch 2.9 and later
            for library in (backends.mkldnn, backends.cudnn):
                _set(stack, library.conv, "fp32_precision", "ieee")
            for library in (backends.mkldnn, backends.cuda):
                _set(stack, library.matmul, "fp32_precision", "ieee")
        elif device == "cuda":
            _set(stack, backends.cuda.matmul, "allow_tf32", False)
            stack.enter_context(backends.cudnn.flags(backends.cudnn.enabled, allow_tf32=False))
        yield


def _set(stack: contextlib.ExitStack, owner: Any, name: str, value: object) -> None:
    stack.callback(setattr, owner, name, getattr(owner, name))
    setattr(owner, name, value)
