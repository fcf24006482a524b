"""Logits, and the probabilities that are passed for them by mistake."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from parzen._core import Samples

TO_ONE = 1e-4  # what a softmax in float32 keeps


class LogitsWarning(UserWarning):
    """What was passed as logits are probabilities, as a softmax gives them."""


def check_logits(function: str, logits: Samples) -> None:
    """Warn where every row (..., classes) is one of probabilities.

    The softmax of these is nearly uniform, and all that is computed from it far off. Logits may be
    such numbers, but hardly in each row.
    """
    classes = logits.shape[-1]
    if classes < 2 or logits.size == 0:
        return
    rows = logits.reshape(-1, classes)
    if _are_probabilities(rows[:1]) and _are_probabilities(rows):
        warnings.warn(
            f"{function}: every row of logits is >= 0 and sums to 1: these are probabilities, of "
            f"which another softmax would be taken; pass the logits, or np.log(probabilities)",
            LogitsWarning,
            stacklevel=3,
        )


def _are_probabilities(rows: Samples) -> bool:
    sums = rows.sum(axis=1, dtype=np.float64)
    return bool((rows >= 0.0).all() and (np.abs(sums - 1.0) <= TO_ONE).all())
