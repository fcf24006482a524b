"""Arguments whose errors are ValueErrors, as in torchmetrics, and say what parzen's say."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


def as_flag(what: str, value: object) -> bool:
    """Return a bool."""
    if not isinstance(value, bool):
        raise ValueError(f"{what} is {value!r}, expected a bool")
    return value


def as_value(check: Callable[..., T], what: str, value: object, *bounds: int) -> T:
    """Return what a check of `parzen._options` returns."""
    try:
        return check(what, value, *bounds)
    except TypeError as error:
        raise ValueError(str(error)) from None
