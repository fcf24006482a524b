"""Labels of rows: classes and cells of any hashable kind."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parzen._options import shown

Rows = NDArray[np.intp]


def rows_by_label(what: str, labels: object, n: int) -> dict[Any, Rows]:
    """Return the rows of each label; labels are a sequence or an array of n hashable objects."""
    values: Any = labels.tolist() if hasattr(labels, "tolist") else labels
    if isinstance(values, str | bytes | dict) or not isinstance(values, Iterable):
        raise TypeError(f"{what} is {shown(labels)}, expected a sequence of {n} labels")
    values = list(values)
    if len(values) != n:
        raise ValueError(f"{what} has {len(values)} labels, expected one for each of {n} samples")
    rows: dict[Any, list[int]] = {}
    for row, label in enumerate(values):
        if not isinstance(label, Hashable):
            raise TypeError(
                f"{what} has {shown(label)} in row {row}, expected a label that can be hashed: one "
                f"number or name for each sample"
            )
        rows.setdefault(label, []).append(row)
    return {label: np.array(found, dtype=np.intp) for label, found in in_order(rows).items()}


def in_order(by_label: dict[Any, Any]) -> dict[Any, Any]:
    """Return the same in ascending order of labels, as they come where these have no order."""
    try:
        return {label: by_label[label] for label in sorted(by_label)}
    except TypeError:
        return by_label


def named(labels: Iterable[object], most: int = 5) -> str:
    """Return labels for a message, the first few of many."""
    names = [repr(label) for label in labels]
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more
