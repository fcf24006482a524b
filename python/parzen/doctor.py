"""What runs here: instruction set, threads, libraries, weights."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import scipy
from rich.console import Console
from rich.text import Text

from parzen import _core
from parzen._estimate import __version__

OPTIONAL = {
    "vision": ("torch", "pillow"),
    "timm": ("timm",),
    "clip": ("transformers",),
    "latent": ("scikit-learn", "scikit-image"),
    "demo": ("scikit-image", "scikit-learn", "matplotlib"),
}


def examine() -> dict[str, Any]:
    """Return the facts, ready for JSON. Nothing is downloaded."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    return {
        "parzen": __version__,
        "instruction_set": _core.isa(),
        "instruction_sets_available": _core.available_isas(),
        "instruction_set_forced": os.environ.get("PARZEN_ISA") or None,
        "threads": _core.get_num_threads(),
        "processors_allowed": allowed,
        "cuda": _core.cuda_info(),
        "python": platform.python_version(),
        "platform": platform.platform(),
        "numpy": {"version": np.__version__, "blas": _blas(np)},
        "scipy": {"version": scipy.__version__, "blas": _blas(scipy)},
        "optional": {
            extra: {name: _version(name) for name in names} for extra, names in OPTIONAL.items()
        },
        "torch": _torch(),
        "weights": examine_weights(),
    }


def examine_weights() -> dict[str, Any]:
    """Return whether the published weights are on disk, where, and where to get them."""
    try:
        import torch

        from parzen.vision import weights
    except ImportError as error:
        return {"state": "unknown", "reason": f"{error.name} is not installed"}
    folder = Path(torch.hub.get_dir()) / "checkpoints"
    facts: dict[str, Any] = {
        "state": "missing",
        "folder": str(folder),
        "names": list(weights.FILE_NAMES),
        "addresses": list(weights.ADDRESSES),
        "expected_sha256": weights.SHA256,
    }
    for path in (folder / name for name in weights.FILE_NAMES):
        if path.is_file():
            digest = weights.sha256_of_file(path)
            state = "found" if digest == weights.SHA256 else "damaged"
            return facts | {"state": state, "path": str(path), "sha256": digest}
    return facts


def show(facts: dict[str, Any], console: Console) -> None:
    """Print the facts, a line each."""
    forced = facts["instruction_set_forced"]
    available = ", ".join(facts["instruction_sets_available"])
    how = f", forced by PARZEN_ISA={forced}" if forced else ""
    _line(console, "parzen", f"{facts['parzen']}, Python {facts['python']}, {facts['platform']}")
    _line(console, "instructions", f"{facts['instruction_set']}{how} (available: {available})")
    _line(console, "threads", f"{facts['threads']} of {facts['processors_allowed']} processors")
    _show_cuda(facts["cuda"], console)
    for name in ("numpy", "scipy"):
        blas = facts[name]["blas"] or "unknown"
        _line(console, name, f"{facts[name]['version']}, linear algebra by {blas}")
    if facts["torch"] is not None:
        torch = facts["torch"]
        gpu = "sees a GPU" if torch["cuda_available"] else "sees no GPU"
        _line(console, "torch", f"{torch['version']}, {torch['threads']} threads, {gpu}")
    for extra, packages in facts["optional"].items():
        found = ", ".join(f"{name} {v}" for name, v in packages.items() if v)
        missing = ", ".join(name for name, v in packages.items() if not v)
        advice = f"missing: {missing} (pip install 'parzen[{extra}]')" if missing else ""
        _line(console, f"[{extra}]", "; ".join(part for part in (found, advice) if part))
    _show_weights(facts["weights"], console)


def _show_cuda(cuda: dict[str, Any], console: Console) -> None:
    if cuda["missing"]:
        _line(console, "CUDA", f"not in this build: {cuda['missing']}")
        return
    versions = f"runtime {_release(cuda['runtime'])}, driver {_release(cuda['driver'])}"
    _line(console, "CUDA", f"{cuda['library']}, for {cuda['architectures']}, {versions}")
    if cuda["unusable"]:
        _line(console, "", f"no device can be used: {cuda['unusable']}", style="yellow")
    for number, device in enumerate(cuda["devices"]):
        major, minor = device["capability"]
        _line(
            console,
            "",
            f"cuda:{number}, {device['name']}, capability {major}.{minor}, "
            f"{device['multiprocessors']} multiprocessors, {_memory(number, device)}",
        )


def _memory(number: int, device: dict[str, Any]) -> str:
    """Return how much is free, for which the device has to be used, or why it cannot be."""
    if device["capability"] < (8, 0):
        return "not usable: the library needs capability 8.0"
    try:
        free = _core.cuda_free_bytes(number)
    except RuntimeError as error:
        return f"not usable: {error}"
    return f"{free / 2**30:.1f} of {device['total_bytes'] / 2**30:.1f} GiB free"


def _release(number: int) -> str:
    """Return 13.1 for 13010, as the CUDA runtime counts."""
    return f"{number // 1000}.{number % 1000 // 10}"


def _show_weights(weights: dict[str, Any], console: Console) -> None:
    if weights["state"] == "unknown":
        _line(console, "weights", f"not looked for: {weights['reason']}")
    elif weights["state"] == "missing":
        _line(console, "weights", f"missing; put {weights['names'][0]}", style="yellow")
        _line(console, "", f"into {weights['folder']}")
        for address in weights["addresses"]:
            _line(console, "", f"from {address}")
        _line(console, "", f"sha256 {weights['expected_sha256']}")
    else:
        good = weights["state"] == "found"
        verdict = "as published" if good else f"EXPECTED {weights['expected_sha256']}"
        _line(console, "weights", weights["path"], style=None if good else "red")
        _line(console, "", f"sha256 {weights['sha256']}, {verdict}")


def _line(console: Console, name: str, text: str, *, style: str | None = None) -> None:
    console.print(Text.assemble((f"{name:<14}", "bold"), (text, style or "")), soft_wrap=True)


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _blas(package: Any) -> str | None:
    try:
        blas = package.show_config(mode="dicts")["Build Dependencies"]["blas"]
        return f"{blas['name']} {blas['version']}"
    except (TypeError, KeyError):  # before NumPy 1.25 and SciPy 1.11 there was only a printout
        return None


def _torch() -> dict[str, Any] | None:
    try:
        import torch
    except ImportError:
        return None
    return {
        "version": torch.__version__,
        "threads": torch.get_num_threads(),
        "cuda_available": torch.cuda.is_available(),
    }
