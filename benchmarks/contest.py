"""A contest: every contestant of one work runs turn about, so that a slower minute meets all alike.

A round runs each contestant once, the next round in the opposite order. A short function is called
as often as fills a twentieth of a second, and the pools of the one before are given time to sleep:
OpenBLAS's threads spin for 25 ms after their last product.
"""

from __future__ import annotations

import gc
import math
import os
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

SMOKE = bool(os.environ.get("PARZEN_BENCH_SMOKE"))  # tiny sizes, one round: does it run at all
SHORTEST = 0.002 if SMOKE else 0.05
PAUSE = 0.0 if SMOKE else 0.04
LONG = 2.0  # seconds after which a run needs no warm cache before it


def size(full: int, smoke: int) -> int:
    """Return the size to measure at, or a tiny one where only the running is tried."""
    return smoke if SMOKE else full


@dataclass
class Work:
    """One contestant. `error` maps its result to the error that stands beside its time."""

    run: Callable[[], Any]
    error: Callable[[Any], float] | None = None
    rounds: int | None = None  # of its own, where the others' are too many for it
    flops: float | None = None
    pairs: float | None = None
    info: dict[str, Any] = field(default_factory=dict)


def hold(key: str, title: str, works: dict[str, Work], rounds: int) -> list[dict[str, Any]]:
    """Run a contest and return one record a contestant: its seconds, error, rates and info."""
    records, repeats, wanted = {}, {}, {}
    for name, work in works.items():
        # The first run warms caches and pools up, gives the error and says how long one takes.
        began = time.perf_counter()
        result = work.run()
        first = time.perf_counter() - began
        repeats[name] = max(1, math.ceil(SHORTEST / first))
        wanted[name] = 1 if SMOKE else work.rounds or rounds
        records[name] = {
            "key": key,
            "title": title,
            "name": name,
            "seconds": [first] if first > LONG else [],
            "error": None if work.error is None else float(work.error(result)),
            "flops": work.flops,
            "pairs": work.pairs,
            **work.info,
        }
        del result
    for turn in range(max(wanted.values())):
        for name in list(works)[:: 1 if turn % 2 == 0 else -1]:
            if len(records[name]["seconds"]) <= turn < wanted[name]:
                records[name]["seconds"].append(_timed(works[name].run, repeats[name]))
    return list(records.values())


def _timed(run: Callable[[], Any], repeats: int) -> float:
    gc.collect()
    gc.disable()
    time.sleep(PAUSE)
    try:
        began = time.perf_counter()
        for _ in range(repeats):
            run()
        return (time.perf_counter() - began) / repeats
    finally:
        gc.enable()
