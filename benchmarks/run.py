"""Run every benchmark in one process and write docs/performance.md: `python -m benchmarks.run`."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- measured: begin -->", "<!-- measured: end -->"
PEERS = (
    "numpy",
    "scipy",
    "torch",
    "torch-fidelity",
    "torchmetrics",
    "pytorch-fid",
    "prdc",
    "scikit-learn",
)


def measure() -> dict[str, Any]:
    """Run pytest-benchmark over benchmarks/ and return its report."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "report.json"
        command = [sys.executable, "-m", "pytest", "-q", "-o", "python_files=bench_*.py"]
        command += ["-W", "default", "--benchmark-disable-gc", f"--benchmark-json={path}"]
        subprocess.run([*command, *sys.argv[1:], str(ROOT / "benchmarks")], check=True, cwd=ROOT)
        report: dict[str, Any] = json.loads(path.read_text())
        return report


def machine(load: tuple[float, float, float]) -> str:
    """Describe what the figures were measured on."""
    from parzen import _core

    name = platform.processor() or platform.machine()
    if Path("/proc/cpuinfo").exists():
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        name = next(
            (line.split(": ", 1)[1] for line in lines if line.startswith("model name")), name
        )
    packages = ", ".join(f"{peer} {version(peer)}" for peer in PEERS)
    return (
        f"{name}, {_core.get_num_threads()} threads, instruction set {_core.isa()}, "
        f"Python {platform.python_version()}; {packages}. "
        f"Load average before and after: {load[0]:.1f}, {os.getloadavg()[0]:.1f}."
    )


def row(entry: dict[str, Any], first: float) -> str:
    """Return one line of a table; `first` is the median of the group's first contestant."""
    info, stats = entry["extra_info"], entry["stats"]
    median = stats["median"]
    rates = [
        f"{info['flops'] / median / 1e9:.0f} GF/s" if info.get("flops") else "",
        f"{info['pairs'] / median / 1e9:.3g} Gpair/s" if info.get("pairs") else "",
        f"{info['images'] / median:.1f} images/s" if info.get("images") else "",
    ]
    spread = (stats["max"] - stats["min"]) / 2.0
    return (
        f"| {info['name']} | {seconds(median)} ± {seconds(spread)} | {median / first:.3g} "
        f"| {', '.join(rate for rate in rates if rate)} | {info['error']:.1e} |"
    )


def seconds(value: float) -> str:
    """Return a duration in the unit that suits it."""
    return f"{value:.3g} s" if value >= 1.0 else f"{1e3 * value:.3g} ms"


def tables(report: dict[str, Any]) -> str:
    """Return a table for each group, contestants in the order in which they ran."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for entry in report["benchmarks"]:
        groups.setdefault(entry["group"], []).append(entry)
    parts = []
    for group, entries in groups.items():
        first = entries[0]["stats"]["median"]
        parts += [
            f"### {group[0].upper()}{group[1:]}\n",
            "| | median ± half the range | time, first = 1 | rate | error |",
            "|---|---|---|---|---|",
            *(row(entry, first) for entry in entries),
            "",
        ]
    return "\n".join(parts)


def main() -> None:
    """Measure, then replace the page's measured part."""
    load = os.getloadavg()
    report = measure()
    text = PAGE.read_text()
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    measured = f"{BEGIN}\n\n{machine(load)}\n\n{tables(report)}\n{END}"
    PAGE.write_text(before + measured + after)
    print(measured)


if __name__ == "__main__":
    main()
