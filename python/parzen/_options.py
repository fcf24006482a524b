"""The door where options come in: numbers of a range, names of a list, or a clear error."""

from __future__ import annotations

import math
import operator
import reprlib

import numpy as np

LONGEST = 200  # letters of a value in a message


def shown(value: object) -> str:
    """Return a value for a message: of an array its type and shape, of what is long the ends."""
    shape = getattr(value, "shape", ())
    if isinstance(shape, tuple) and len(shape) > 0:
        return f"{type(value).__name__} of shape {tuple(shape)}"
    text = repr(value)
    return text if len(text) <= LONGEST else reprlib.repr(value)


def as_number(what: str, value: object) -> float:
    """Return a real number as float; text, booleans and arrays are refused."""
    if not isinstance(value, bool | np.bool_ | str | bytes | np.ndarray):
        try:
            return float(value)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            pass
    raise TypeError(f"{what} is {shown(value)}, expected a number")


def as_positive(what: str, value: object) -> float:
    """Return a finite number > 0."""
    number = as_number(what, value)
    if not 0.0 < number < math.inf:
        raise ValueError(f"{what} is {number}, expected a finite number > 0")
    return number


def as_integer(what: str, value: object, least: int, most: int = 2**31 - 1) -> int:
    """Return an integer in [least, most]; 3.0 and True are refused."""
    try:
        number = operator.index(value)  # type: ignore[arg-type]
    except TypeError:
        number = None
    if number is None or isinstance(value, bool | np.bool_):
        raise TypeError(f"{what} is {shown(value)}, expected an integer >= {least}")
    if number < least:
        raise ValueError(f"{what} is {number}, expected an integer >= {least}")
    if number > most:
        raise ValueError(f"{what} is {number}, expected an integer <= {most}")
    return number


def as_seed(what: str, value: object) -> int:
    """Return a seed, which the legacy generator wants below 2^32."""
    return as_integer(what, value, 0, 2**32 - 1)


def check_choice(what: str, value: object, choices: tuple[str, ...], remark: str = "") -> None:
    """Refuse a value that is not one of the names."""
    if not isinstance(value, str) or value not in choices:
        expected = " or ".join(repr(choice) for choice in choices)
        raise ValueError(f"{what} is {shown(value)}, expected {expected}{remark}")
