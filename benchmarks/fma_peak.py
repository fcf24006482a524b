"""The arithmetic limit of the machine, measured: fused multiply-adds of as many threads as ours."""

import ctypes
import functools
import os
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.contest import Work, size
from parzen import _core

SOURCE = Path(__file__).with_name("fma_peak.cpp")
STEPS = size(20_000_000, 100_000)  # about a tenth of a second


@functools.cache
def library() -> ctypes.CDLL:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fma_peak.so"
        compiler = os.environ.get("CXX", "g++")
        flags = ["-O3", "-march=native", "-ffp-contract=fast", "-pthread", "-shared", "-fPIC"]
        subprocess.run([compiler, *flags, "-o", path, SOURCE], check=True)
        loaded = ctypes.CDLL(str(path))
    for name in ("fma_float32", "fma_float64"):
        getattr(loaded, name).restype = ctypes.c_double
        getattr(loaded, name).argtypes = [ctypes.c_int, ctypes.c_long]
    return loaded


def fma_peak(dtype: str) -> Work:
    """Return the contestant that does nothing but multiply-adds."""
    function, threads = getattr(library(), f"fma_{dtype}"), _core.get_num_threads()
    return Work(lambda: function(threads, STEPS), flops=function(threads, STEPS))


def matrix_product(dtype: str, n: int = size(3072, 256)) -> Work:
    """Return NumPy's matrix product of the same type: the yardstick of the pair engine."""
    a = np.random.default_rng(0).standard_normal((n, n), dtype=np.dtype(dtype).type)
    exact = a[:8].astype(np.longdouble) @ a[:, :64].astype(np.longdouble)
    return Work(
        lambda: a @ a,
        error=lambda c: np.abs(c[:8, :64] - exact).max() / np.abs(exact).max(),
        flops=2.0 * n**3,
    )
