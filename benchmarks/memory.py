"""Peak memory of a call, in a process of its own: `python -m benchmarks.memory CASE N D`.

What counts is the rise of the resident peak over what was resident just before the call, less the
arrays that it returns. A tiny call comes first, so that libraries and pools are there; malloc keeps
nothing above 128 kB for later, which would hide what the call takes.
"""

from __future__ import annotations

import ctypes
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import parzen
from benchmarks import rivals
from benchmarks.conftest import normal
from benchmarks.contest import size

H = 8.0
PERMUTATIONS = size(1000, 20)


def _torch_fidelity(x: Any, y: Any) -> Any:
    from benchmarks.bench_kid import torch_fidelity

    return torch_fidelity(x, y)


CASES: dict[str, Callable[[Any, Any], Any]] = {
    "mmd, Gaussian": lambda x, y: parzen.mmd(x, y, kernel=parzen.Gaussian(H)),
    "mmd, energy": lambda x, y: parzen.mmd(x, y, kernel=parzen.Energy()),
    "kid, all pairs": lambda x, y: parzen.kid(x, y, subsets=None, method="pairs"),
    "kid, moments": lambda x, y: parzen.kid(x, y, subsets=None, method="moments"),
    "kid, 100 subsets": lambda x, y: parzen.kid(x, y, subset_size=min(1000, len(x))),
    "log_density": lambda x, y: parzen.log_density(x, y, bandwidth=H),
    "precision_recall": lambda x, y: parzen.precision_recall(x, y),
    "mmd_test": lambda x, y: parzen.mmd_test(
        x, y, kernel=parzen.Gaussian(H), permutations=PERMUTATIONS
    ),
    # At n = 100,000 the products with 1000 vectors would take minutes; a slot for each is small.
    "mmd_test, 20 permutations": lambda x, y: parzen.mmd_test(
        x, y, kernel=parzen.Gaussian(H), permutations=20
    ),
    "fid": lambda x, y: parzen.fid(x, y),
    "NumPy, full KID in place": rivals.kid,
    "NumPy, full KID as the formula": lambda x, y: rivals.kid(x, y, in_place=False),
    "NumPy, permutation test": lambda x, y: rivals.mmd_test(x, y, H, PERMUTATIONS),
    "torch-fidelity, 100 subsets": _torch_fidelity,
}


def measure(case: str, n: int, d: int) -> dict[str, Any]:
    """Run a case in a process of its own; return its seconds and bytes."""
    command = [sys.executable, "-W", "ignore", "-m", "benchmarks.memory", case, str(n), str(d)]
    environment = os.environ | {"MALLOC_MMAP_THRESHOLD_": "131072", "MALLOC_TRIM_THRESHOLD_": "0"}
    run = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
    result: dict[str, Any] = json.loads(run.stdout.splitlines()[-1])
    return result


def _resident(name: str) -> int:
    match = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert match
    return 1024 * int(match[1])


def _returned(result: Any) -> int:
    if isinstance(result, np.ndarray):
        return result.nbytes
    return sum(map(_returned, result)) if isinstance(result, tuple) else 0


def main() -> None:
    case, n, d = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    call = CASES[case]
    x, y = normal(n, d, 1), normal(n, d, 2)
    y *= np.float32(1.02)
    few = size(1000, 50) if "torch" in case else 16
    call(x[:few], y[:few])
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")  # the peak starts again from here
    before, began, runs = _resident("VmRSS"), time.perf_counter(), 0
    while runs == 0 or time.perf_counter() - began < 0.1:
        result, runs = call(x, y), runs + 1
    seconds = (time.perf_counter() - began) / runs
    extra = _resident("VmHWM") - before - _returned(result)
    print(json.dumps({"seconds": [seconds], "bytes": max(extra, 0)}))


if __name__ == "__main__":
    main()
