"""An entry point of a peer beside ours, as data, and how the two are compared."""

from __future__ import annotations

import contextlib
import fnmatch
import io
import math
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import parzen
from benchmarks.contest import PAUSE

Values = Mapping[str, Any]  # a number or an array for each quantity
Pair = tuple[Any, Any]

TURNS = 6  # runs of a short call
LONG = 0.5  # seconds: needs no run before to warm caches up, and no other after it
UNEXPLAINED = 1e-6  # relative; more than this needs a reason


@dataclass(frozen=True)
class Reason:
    """Why ours differs from theirs on some inputs, and by how much at most.

    Attributes
    ----------
    inputs
        A glob on the names of the inputs.
    at_most
        The largest relative difference that it explains.
    why
        In words.
    both
        Whether both round, so that ours need not be the nearer one.
    """

    inputs: str
    at_most: float
    why: str
    both: bool = False


@dataclass(frozen=True)
class Entry:
    """A peer's entry point.

    Attributes
    ----------
    peer, name
        Whose, and how it is called.
    theirs
        Takes a pair of samples, returns the quantities.
    ours
        The same of ours, by how it is called. PATCHED: theirs, with `parzen.patch` in force.
    inputs
        A glob on the names of the inputs.
    exactly
        The truth, of samples in float64; None: what theirs gives in float64.
    reasons
        Of differences.
    """

    peer: str
    name: str
    theirs: Callable[[Any, Any], Values]
    ours: Mapping[str, Callable[[Any, Any], Values] | None]
    inputs: str = "*"
    exactly: Callable[[Any, Any], Values] | None = None
    reasons: tuple[Reason, ...] = ()


PATCHED = "parzen.patch()"


@dataclass
class Row:
    """One comparison. `errors`: of ours and of theirs against the truth, where they differ."""

    entry: Entry
    way: str
    inputs: str
    quantities: Values
    difference: float
    ratio: float
    errors: tuple[float, float] | None = None
    reason: Reason | None = None
    failure: str = ""

    @property
    def explained(self) -> bool:
        """Whether a difference is small, or a reason covers it and ours is the nearer one."""
        if self.failure:
            return False
        if self.difference <= UNEXPLAINED:
            return True
        if self.reason is None or self.difference > self.reason.at_most:
            return False
        if self.errors is None:
            return True
        ours, theirs = self.errors
        return ours <= (self.reason.at_most if self.reason.both else max(theirs, UNEXPLAINED))


@dataclass
class Timed:
    """What a call gave, and its shortest time."""

    values: Values
    seconds: float = field(default=math.inf)


@contextlib.contextmanager
def _silence() -> Iterator[None]:
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


def timed(run: Callable[[Any, Any], Values], pair: Pair) -> Timed:
    """Run without printing. The first run warms caches up, and gives the values.

    A call that is not long is repeated, and the shortest counts. Before it the pools of threads of
    the package before are given time to sleep.
    """
    result = Timed({})
    began_all = time.perf_counter()
    for turn in range(TURNS):
        with warnings.catch_warnings(), _silence():
            warnings.simplefilter("ignore")
            time.sleep(PAUSE)
            began = time.perf_counter()
            values = run(*pair)
            seconds = time.perf_counter() - began
        if turn == 0:
            result.values = values
        if turn > 0 or seconds > LONG:
            result.seconds = min(result.seconds, seconds)
        if math.isfinite(result.seconds) and time.perf_counter() - began_all > LONG:
            break
    return result


def difference(a: Values, b: Values) -> float:
    """Return the largest difference of a quantity, relative to the largest of its values in b."""
    if set(a) != set(b):
        raise ValueError(f"ours gives {', '.join(a)}; theirs {', '.join(b)}")
    worst = 0.0
    for name in b:
        x, y = np.asarray(a[name], dtype=np.float64), np.asarray(b[name], dtype=np.float64)
        if x.shape != y.shape:
            raise ValueError(f"{name}: ours has shape {x.shape}, theirs {y.shape}")
        unequal = x != y
        if not unequal.any():
            continue
        gap = np.abs(x[unequal] - y[unequal]).max() / np.abs(y[np.isfinite(y)]).max(initial=0.0)
        worst = max(worst, float(gap) if math.isfinite(gap) else math.inf)
    return worst


def compare(entry: Entry, inputs: str, pair: Pair) -> list[Row]:
    """Compare all of our ways with theirs on a pair of samples."""
    parzen.unpatch()
    theirs = timed(entry.theirs, pair)
    rows = []
    for way, run in entry.ours.items():
        ours = _patched(entry, pair) if run is None else timed(run, pair)
        gap = difference(ours.values, theirs.values)
        row = Row(entry, way, inputs, ours.values, gap, theirs.seconds / ours.seconds)
        if gap > UNEXPLAINED:
            row.errors = _errors(entry, pair, ours.values, theirs.values)
            for reason in entry.reasons:
                if fnmatch.fnmatchcase(inputs, reason.inputs):
                    row.reason = reason
                    break
        rows.append(row)
    return rows


def _patched(entry: Entry, pair: Pair) -> Timed:
    parzen.patch(quiet=True)
    try:
        return timed(entry.theirs, pair)
    finally:
        parzen.unpatch()


def _errors(entry: Entry, pair: Pair, ours: Values, theirs: Values) -> tuple[float, float] | None:
    """Return both errors, or None where nothing says which is nearer: samples that are files."""
    if not all(isinstance(x, np.ndarray) for x in pair):
        return None
    wide = tuple(x.astype(np.float64) for x in pair)
    if entry.exactly is None and all(x.dtype == np.float64 for x in pair):
        return None
    truth = timed(entry.exactly or entry.theirs, wide).values
    return difference(ours, truth), difference(theirs, truth)
