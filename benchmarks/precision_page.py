"""docs/precision.md: the words of precision.template.md around the measured tables."""

from __future__ import annotations

from pathlib import Path

from benchmarks.machine import processor
from benchmarks.precision_data import DATA, ROWS

TEMPLATE = Path(__file__).with_name("precision.template.md")


def page(tables: dict[str, str], passed: int) -> str:
    """Return the page: one table an operation, with the bound and why it holds."""
    import numpy as np

    from parzen import _core

    verdict = f"**{passed} figures exceed their bounds**; they are bold."
    return TEMPLATE.read_text().format(
        processor=processor(),
        isa=_core.isa(),
        verdict=verdict if passed else "No figure exceeds its bound.",
        bits=np.finfo(np.longdouble).nmant + 1,
        rows=ROWS,
        sets="\n".join(f"- *{name}*: {what}" for name, what in DATA.items()),
        tables=tables,
    )
