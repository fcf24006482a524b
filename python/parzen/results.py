"""Two results, kept as JSON, beside each other: refused where different protocols made them."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.table import Table
from rich.text import Text

# Of a result as a whole: what made the features, and by which package's rules.
MADE_BY = (
    *("protocol", "rules", "network", "weights", "weights_sha256", "resize", "normalisation"),
    *("dtype", "layer", "logits_layer", "d", "seed"),
)
# Of one metric: what may differ, because the samples do or the expectation does not depend on it.
MAY_DIFFER = frozenset(
    ("value", "stderr", "std", "n", "m", "dtype", "device", "method", "stderr_rows", "subset_size")
)
# Biased by an amount that depends on the number of samples.
BIASED = frozenset(
    ("fid", "inception_score", "diversity", "recall", "coverage", "precision", "vendi", "cmmd")
)


@dataclass(frozen=True)
class Difference:
    """One metric of two results.

    Attributes
    ----------
    name
        As in the file.
    first, second
        The values, with their standard errors or None.
    value
        second - first; None where they do not compare.
    stderr
        sqrt(stderr1^2 + stderr2^2), None where one is not known. It takes the two results as
        independent: of one real set and two fake ones it is somewhat too large.
    note
        Why there is no difference.
    """

    name: str
    first: tuple[float, float | None]
    second: tuple[float, float | None]
    value: float | None
    stderr: float | None
    note: str = ""


def read_result(path: Path) -> dict[str, Any]:
    """Read a file that ``parzen compare --json`` wrote.

    Raises
    ------
    ValueError
        Where it is something else.
    """
    try:
        content = json.loads(path.read_text())
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is no JSON: {error}") from error
    keys = ("metrics", "notes", "protocol")
    if not isinstance(content, dict) or not all(key in content for key in keys):
        raise ValueError(f"{path} is no result of parzen compare: expected the keys {keys}")
    return content


def differences(first: dict[str, Any], second: dict[str, Any]) -> list[Difference]:
    """Return the differences of all metrics that both results have.

    Parameters
    ----------
    first, second
        As `read_result` or `parzen.report.to_dict` returns them.

    Raises
    ------
    ValueError
        Where different protocols made them: the message names every field that differs, with both
        values. Where they share no metric.

    Examples
    --------
    >>> import numpy as np
    >>> from parzen.compare import compare
    >>> from parzen.report import to_dict
    >>> real, one, other = np.random.default_rng(0).normal(size=(3, 300, 4))
    >>> a, b = (to_dict(compare(real, fake, metrics=["kid"])) for fake in (one, other + 1))
    >>> differences(a, b)[0].value > 0
    True
    """
    shared = [name for name in first["metrics"] if name in second["metrics"]]
    if not shared:
        raise ValueError(
            f"the results share no metric: one has {', '.join(first['metrics'])}, the other "
            f"{', '.join(second['metrics'])}"
        )
    differing = _differing("", first["protocol"], second["protocol"], MADE_BY)
    for name in shared:
        a, b = first["metrics"][name], second["metrics"][name]
        settings = sorted((a.keys() | b.keys()) - MAY_DIFFER)
        if "rule" in settings:  # a bandwidth by a rule follows the samples
            settings.remove("bandwidth")
        differing += _differing(f"{name}: ", a, b, settings)
    if differing:
        listed = "\n  ".join(differing)
        raise ValueError(f"the results were made under different protocols:\n  {listed}")
    return [_difference(name, first["metrics"][name], second["metrics"][name]) for name in shared]


def table(found: list[Difference]) -> Table:
    """Return the table of the differences."""
    from parzen.report import figures

    layout = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    layout.add_column("metric", no_wrap=True)
    for name in ("first", "second", "difference", "std. error", "in std. errors"):
        layout.add_column(name, justify="right", no_wrap=True)
    layout.add_column("notes", style="dim")
    for line in found:
        sides = [figures(*side)[0] for side in (line.first, line.second)]
        value, error = ("-", "-") if line.value is None else figures(line.value, line.stderr)
        known = line.value is not None and line.stderr is not None and line.stderr > 0.0
        ratio = f"{line.value / line.stderr:+.1f}" if known else "-"  # type: ignore[operator]
        layout.add_row(Text(line.name), *sides, value, error, ratio, line.note)
    return layout


def _differing(where: str, first: dict[str, Any], second: dict[str, Any], keys: Any) -> list[str]:
    """Return the fields that differ; of nested ones the innermost."""
    found = []
    for key in keys:
        a, b = first.get(key), second.get(key)
        if isinstance(a, dict) and isinstance(b, dict):
            found += _differing(f"{where}{key}.", a, b, sorted(a.keys() | b.keys()))
        elif a != b:
            found.append(f"{where}{key} is {a!r} and {b!r}")
    return found


def _difference(name: str, a: dict[str, Any], b: dict[str, Any]) -> Difference:
    sides = (a["value"], a.get("stderr")), (b["value"], b.get("stderr"))
    sizes = [(entry.get("n"), entry.get("m")) for entry in (a, b)]
    if name in BIASED and sizes[0] != sizes[1]:
        numbers = " and ".join("x".join(str(n) for n in size if n) for size in sizes)
        return Difference(name, *sides, None, None, f"biased, of {numbers} samples")
    errors = [side[1] for side in sides]
    stderr = None if None in errors else math.hypot(*(e for e in errors if e is not None))
    return Difference(name, *sides, b["value"] - a["value"], stderr)
