"""Two results, kept as JSON, beside each other: refused where different protocols made them."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from string import ascii_lowercase
from typing import Any, TypeAlias

from rich import box
from rich.table import Table
from rich.text import Text

from parzen._options import shown
from parzen.compare import Comparison
from parzen.metrics.labels import named
from parzen.report import figures
from parzen.several import Comparisons

AnyResult: TypeAlias = "Comparison | Mapping[str, Any] | str | os.PathLike[str]"

LOWER_BOUND = "the error is a lower bound: balls or density held fixed; see halves"
OTHER_REAL = "of different real samples: the difference mixes two references"
SAME_REAL = "not independent, of the same real samples: parzen compare REAL A B tests the pair"
UNKNOWN_REAL = "whether the real samples are the same is unknown"
# Of a result as a whole: what made the features, and by which package's rules.
MADE_BY = (
    *("protocol", "rules", "network", "weights", "weights_sha256", "resize", "normalisation"),
    *("dtype", "layer", "logits_layer", "d"),
)
# Of one metric: what may differ, because the samples do, the expectation does not depend on it, or
# it is of the standard error alone.
MAY_DIFFER = frozenset(
    (
        *("value", "stderr", "std", "n", "m", "dtype", "device", "method", "subset_size"),
        *(
            "stderr_rows",
            "lower_bound",
            "halves",
            "blocks",
            "degrees_of_freedom",
            "interval_scale",
            "estimand",
            "bias",
        ),
    )
)
# The sample counts that the expectation of each number depends on, to first order: by a plug-in of
# estimated moments, balls, densities or class frequencies. At other counts it is another quantity.
EXPECTATION_OF = {
    "fid": "nm",
    "fid_corrected": "",
    "kid": "",
    "kid_subsets": "",
    "inception_score": "n",
    "sharpness": "",
    "diversity": "n",
    "precision": "n",  # balls about the n real samples, which shrink
    "recall": "m",
    "density": "n",
    "coverage": "nm",
    "log_likelihood": "m",  # of a density of the m fake samples
    "vendi": "n",
    "cmmd": "nm",
}


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
        sqrt(stderr1^2 + stderr2^2), of independent numbers; None where one is not known, or where
        both are of the same real samples too, or may be.
    ratio
        value / stderr, of numbers of the fake samples alone; None where the standard error is not
        known or a lower bound.
    notes
        Why there is no difference or ratio.
    """

    name: str
    first: tuple[float, float | None]
    second: tuple[float, float | None]
    value: float | None
    stderr: float | None
    ratio: float | None = None
    notes: tuple[str, ...] = ()


def read_result(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Read a file that ``parzen compare --json`` wrote.

    Raises
    ------
    ValueError, OSError
        Where it is something else, or holds several results.
    """
    try:
        content = json.loads(Path(path).read_text())
    except (UnicodeDecodeError, json.JSONDecodeError) as error:
        raise ValueError(f"{path} is no JSON: {error}") from error
    return _checked(str(path), content)


def as_result(what: str, given: AnyResult) -> dict[str, Any]:
    """Return a result as its file has it: that of a `Comparison`, of a path, or as it is.

    Raises
    ------
    ValueError, TypeError, OSError
        Where it is something else, or holds several results.
    """
    if isinstance(given, str | os.PathLike):
        return read_result(given)
    if isinstance(given, Comparison | Comparisons):
        given = given.to_dict()
    if not isinstance(given, Mapping):
        raise TypeError(
            f"{what} is {shown(given)}, expected a Comparison, its to_dict() or the path of a file "
            f"that parzen compare --json wrote"
        )
    try:
        content = json.loads(json.dumps(dict(given)))  # as from a file, where tuples are lists
    except TypeError as error:
        raise TypeError(f"{what} is no result of parzen compare: {error}") from error
    return _checked(what, content)


def _checked(what: str, content: object) -> dict[str, Any]:
    """Refuse what is not one result."""
    keys = ("metrics", "notes", "protocol")
    if isinstance(content, dict) and all(key in content for key in keys):
        return content
    results = content.get("results") if isinstance(content, dict) else None
    if isinstance(results, dict) and results:
        first = next(iter(results))
        raise ValueError(
            f"{what} holds the results of {len(results)} fake sets ({named(results)}), and one is "
            f"expected: keep that of parzen compare REAL FAKE for one of them, or in Python pass "
            f"its results[{first!r}]"
        )
    raise ValueError(f"{what} is no result of parzen compare: expected the keys {keys}")


def differences(first: AnyResult, second: AnyResult) -> list[Difference]:
    """Return the differences of all metrics that both results have.

    Parameters
    ----------
    first, second
        Each a `Comparison`, its ``to_dict()``, or the path of a file that ``parzen compare --json``
        wrote.

    Raises
    ------
    ValueError, TypeError, OSError
        Where different protocols made the features, or no metric has the same options in both: the
        message names every field that differs, with both values. Where they share no metric. Where
        one is no result, or holds several.

    Examples
    --------
    >>> import numpy as np
    >>> from parzen.compare import compare
    >>> real, one, other = np.random.default_rng(0).normal(size=(3, 300, 4))
    >>> a, b = (compare(real, x, metrics="kid,vendi") for x in (one, 2 * other))
    >>> {line.name: line.ratio is None for line in differences(a, b)}
    {'kid': True, 'kid_subsets': True, 'vendi': False}
    """
    first, second = as_result("first", first), as_result("second", second)
    shared = [name for name in first["metrics"] if name in second["metrics"]]
    if not shared:
        raise ValueError(
            f"the results share no metric: one has {', '.join(first['metrics'])}, the other "
            f"{', '.join(second['metrics'])}"
        )
    pairs = [(name, first["metrics"][name], second["metrics"][name]) for name in shared]
    options = {name: _options(a, b) for name, a, b in pairs}
    differing = _differing("", first["protocol"], second["protocol"], MADE_BY)
    if not differing and all(options.values()):
        differing = [f"{name}: {text}" for name in shared for text in options[name]]
    if differing:
        listed = "\n  ".join(differing)
        raise ValueError(f"the results were made under different protocols:\n  {listed}")
    same_real = _same(first, second, "real")
    return [_difference(name, a, b, options[name], same_real) for name, a, b in pairs]


def notes(
    first: AnyResult, second: AnyResult, names: tuple[str, str] = ("first", "second")
) -> list[str]:
    """Return what a reader has to know of two results: of their samples, and their own notes."""
    first, second = as_result("first", first), as_result("second", second)
    found = []
    same = {key: _same(first, second, key) for key in ("real", "fake", "logits")}
    if None in (same["real"], same["fake"]):
        found.append(
            "Whether the samples of both are the same is unknown: a result has no fingerprints."
        )
    if same["real"] is False:
        found.append("The real samples differ: differences mix two references.")
    if same["fake"] or (same["fake"] is None and same["logits"]):
        found.append("Both results are of the same fake samples.")
    for name, own, others in zip(names, (first, second), (second, first), strict=True):
        for note in own["notes"]:
            if note not in others["notes"]:
                found.append(f"{name}: {note}")
            elif own is first:
                found.append(f"both: {note}")
    return found


def table(found: list[Difference]) -> Table:
    """Return the table of the differences; what is to be said of a line stands below, by letter."""
    letters: dict[str, str] = {}
    for line in found:
        for note in line.notes:
            letters.setdefault(note, ascii_lowercase[len(letters) % len(ascii_lowercase)])
    caption = Text("\n".join(f"{letter}  {note}" for note, letter in letters.items()), style="dim")
    layout = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    layout.caption, layout.caption_justify = (caption if letters else None), "left"
    layout.add_column("metric", no_wrap=True)
    for name in ("first", "second", "difference", "std. error", "in std.\nerrors"):
        layout.add_column(name, justify="right", no_wrap=True)
    layout.add_column("", style="dim", no_wrap=True)
    for line in found:
        sides = [figures(*side)[0] for side in (line.first, line.second)]
        value, error = ("-", "-") if line.value is None else figures(line.value, line.stderr)
        if LOWER_BOUND in line.notes and line.stderr is not None:
            error = f"≥{error}"
        ratio = "-" if line.ratio is None else f"{line.ratio:+.1f}"
        marks = " ".join(sorted(letters[note] for note in line.notes))
        layout.add_row(Text(line.name), *sides, value, error, ratio, marks)
    return layout


def _options(a: dict[str, Any], b: dict[str, Any]) -> list[str]:
    """Return in words how the options of one metric differ."""
    keys = (a.keys() | b.keys()) - MAY_DIFFER
    if "rule" in keys:  # a bandwidth by a rule follows the samples
        keys.remove("bandwidth")
    if any(key in entry for entry in (a, b) for key in ("halves", "blocks")):
        keys.discard("seed")  # of the standard error
    return _differing("", a, b, sorted(keys))


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


def _same(first: dict[str, Any], second: dict[str, Any], key: str) -> bool | None:
    """Whether both are of the same samples; None where a result does not tell."""
    a, b = (each["protocol"].get("fingerprints", {}).get(key) for each in (first, second))
    return None if a is None or b is None else a == b


def _difference(
    name: str, a: dict[str, Any], b: dict[str, Any], options: list[str], same_real: bool | None
) -> Difference:
    sides = (a["value"], a.get("stderr")), (b["value"], b.get("stderr"))
    if options:
        return Difference(name, *sides, None, None, None, tuple(options))
    depends = EXPECTATION_OF.get(name, "nm")
    if any(a.get(size) != b.get(size) for size in depends):
        counts = " and ".join(
            " x ".join(str(entry[size]) for size in "nm" if size in entry) for entry in (a, b)
        )
        return Difference(name, *sides, None, None, None, (f"biased, of {counts} samples",))
    value, errors = b["value"] - a["value"], [side[1] for side in sides]
    said, stderr, ratio = [], None, None
    if "m" in a and same_real is not False:
        # Of the real samples too, whose noise is in both: variances do not add, and without the
        # samples it is not known whether the error is larger than their sum or smaller.
        said.append(UNKNOWN_REAL if same_real is None else SAME_REAL)
    elif None not in errors:
        stderr = math.hypot(*(error for error in errors if error is not None))
        if "lower_bound" in a or "lower_bound" in b:
            said.append(LOWER_BOUND)
        elif "m" not in a and stderr > 0.0:
            ratio = value / stderr
    if "m" in a and same_real is False:
        said.append(OTHER_REAL)
    return Difference(name, *sides, value, stderr, ratio, tuple(said))
