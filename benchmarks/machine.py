"""What the figures were measured on."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

PEERS = (
    "numpy",
    "scipy",
    "torch",
    "torch-fidelity",
    "torchmetrics",
    "pytorch-fid",
    "clean-fid",
    "prdc",
    "vendi-score",
    "scikit-learn",
)
Load = tuple[float, float, float]


def processor() -> str:
    """Return the processor's name and caches, as far as Linux tells them."""
    name = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next((x.split(": ", 1)[1] for x in lines if x.startswith("model name")), name)
    caches = []
    for index in sorted(Path("/sys/devices/system/cpu/cpu0/cache").glob("index*")):
        level, kind, size = (
            (index / file).read_text().strip() for file in ("level", "type", "size")
        )
        if kind != "Instruction":
            caches.append(f"L{level} {size}")
    return ", ".join([name, *caches])


def describe(before: Load, after: Load) -> str:
    """Return processor, threads, versions and load: one paragraph."""
    import numpy as np
    import torch

    from parzen import _core

    packages = ", ".join(f"{peer} {version(peer)}" for peer in PEERS)
    config: Any = np.show_config(mode="dicts")
    blas = config["Build Dependencies"]["blas"]
    return (
        f"{processor()}; parzen {version('parzen')} on {_core.get_num_threads()} threads, "
        f"instruction set {_core.isa()}; torch on {torch.get_num_threads()} threads; NumPy's BLAS "
        f"{blas['name']} {blas['version']}; Python {platform.python_version()}; {packages}. "
        f"Load average (1, 5, 15 minutes) before {_load(before)}, after {_load(after)}."
    )


def _load(values: Load) -> str:
    return ", ".join(f"{value:.1f}" for value in values)
