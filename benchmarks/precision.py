"""Measure every operation's error, write docs/precision.md: `python -m benchmarks.precision`.

Everything is compared with the next wider type on the same, already rounded inputs: float32 with
float64, float64 with long double. A number beyond its bound is bold and counted on top.
"""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import parzen
from benchmarks import precision_data as data
from benchmarks.contest import SMOKE
from parzen import _core
from parzen._arrays import center_of

PAGE = Path(__file__).parent.parent / "docs" / "precision.md"
DIMENSIONS = (1, 2, 8, 9, 16, 64, 256, 512, 2048, 4096)
MOMENTS_UP_TO = 512  # n d^3 operations
ROUNDOFF = {"float32": 2.0**-24, "float64": 2.0**-53}
MMD = {"float32": 1e-6, "float64": 1e-13}  # of the mean kernel
LOG_DENSITY = {"float32": 1e-5, "float64": 1e-11}  # of max(1, |log p|)
FID = 1e-10  # of the traces
LEFT_OUT: dict[str, tuple[str, ...]] = {
    "sums": ("window",),  # all of its kernel values underflow in high dimension
    "mmd": ("window",),
    "log_density": (),
    "distances": ("narrow", "window"),  # which differ from the others in the bandwidth alone
}


@dataclass
class Table:
    """Rows of errors by dimension; `show` may differ from what is held against the bound."""

    cells: dict[str, dict[int, tuple[float, bool]]] = field(default_factory=dict)
    where: list[str] = field(default_factory=list)  # what passed its bound

    def add(self, row: str, d: int, what: str, error: float, bound: float, show: float) -> None:
        """Keep the largest error of a row and dimension."""
        beyond = not error <= bound  # NaN is beyond every bound
        if beyond:
            self.where.append(f"{row}, d = {d}, {what}: {error:.2e}, bound {bound:.1e}")
        old, was = self.cells.setdefault(row, {}).get(d, (0.0, False))
        self.cells[row][d] = (show if not show <= old else old, was or beyond)

    def text(self, dimensions: tuple[int, ...]) -> str:
        lines = ["| | " + " | ".join(f"{d}" for d in dimensions) + " |"]
        lines.append("|---" * (len(dimensions) + 1) + "|")
        # Rows of one data set stand together, in the order of the list of data sets.
        order = [*data.DATA, "equal rows"]
        for row in sorted(self.cells, key=lambda row: _place(row.split(":")[0], order)):
            values = self.cells[row]
            cells = [_cell(*values[d]) if d in values else "" for d in dimensions]
            lines.append(f"| {row} | " + " | ".join(cells) + " |")
        return "\n".join(lines)


def _place(name: str, order: list[str]) -> int:
    return order.index(name) if name in order else 0


def _cell(error: float, passed: bool) -> str:
    text = "0" if error == 0.0 else f"{error:.0e}".replace("e-0", "e-").replace("e+0", "e+")
    return f"**{text}**" if passed else text


def kernels(sample: data.Sample) -> dict[str, tuple[Any, Any]]:
    """Return native and public kernels by name."""
    d, h = sample.d, sample.h
    return {
        "polynomial": (_core.Polynomial(3, 1.0 / d, 1.0), parzen.Polynomial()),
        "Gaussian": (_core.Gaussian([h]), parzen.Gaussian(h)),
        "rational quadratic": (
            _core.RationalQuadratic(data.ALPHA, h),
            parzen.RationalQuadratic(data.ALPHA, h),
        ),
        "energy": (_core.Energy(), parzen.Energy()),
    }


def sums(table: Table, sample: data.Sample, name: str, dtype: str) -> None:
    """The mean over all pairs relative to the mean |k|, and each row's mean relative to its own."""
    x, y = sample.x, sample.y
    for kernel, (native, _) in kernels(sample).items():
        reference = sample.kernel(kernel)[2]
        rows = _core.kernel_sum(x, y, native, center=center_of(x, y))[0] / len(y)
        size = np.abs(reference)
        error = float(abs(rows.mean() - reference.mean()) / size.mean())
        table.add(f"{kernel}, {dtype}: mean", sample.d, name, error, MMD[dtype], error)
        own = np.abs(rows - reference.mean(axis=1)) / np.maximum(size.mean(axis=1), 1e-30)
        error = float(own.max())
        table.add(f"{kernel}, {dtype}: rows", sample.d, name, 0.0, math.inf, error)


def mmds(table: Table, sample: data.Sample, name: str, dtype: str) -> None:
    """The unbiased MMD^2, relative to the mean kernel."""
    for kernel, (_, public) in kernels(sample).items():
        exact, mean = sample.unbiased(kernel)
        methods = ["pairs"]
        if kernel == "polynomial" and sample.d <= MOMENTS_UP_TO:
            methods.append("moments")
        for method in methods:
            value = parzen.mmd(sample.x, sample.y, kernel=public, method=method).squared
            error = abs(value - exact) / mean
            by = "" if kernel != "polynomial" else f" by {method}"
            table.add(f"{kernel}{by}, {dtype}", sample.d, name, error, MMD[dtype], error)


def log_densities(table: Table, sample: data.Sample, name: str, dtype: str) -> None:
    """Log-densities in nats, beside scikit-learn's."""
    from sklearn.neighbors import KernelDensity

    exact = sample.log_density()
    scale = np.maximum(1.0, np.abs(exact))
    found = parzen.log_density(sample.x, sample.y, bandwidth=sample.h)
    error = np.abs(found - exact)
    relative, nats = float((error / scale).max()), float(error.max())
    table.add(f"{name}: parzen, {dtype}", sample.d, name, relative, LOG_DENSITY[dtype], nats)
    if dtype == "float32":
        peer = KernelDensity(bandwidth=sample.h).fit(sample.x).score_samples(sample.y)
        nats = float(np.abs(peer - exact).max())
        table.add(f"{name}: scikit-learn", sample.d, name, 0.0, math.inf, nats)


def distances(table: Table, sample: data.Sample, name: str, dtype: str) -> None:
    """All distances, relative; of equal rows in units of the median distance."""
    import torch
    from sklearn.metrics import euclidean_distances

    x, y = sample.x, sample.y
    exact = np.sort(np.sqrt(sample.squared[2]), axis=0)
    nearest = _core.nearest(x, y, len(x), center=center_of(x, y))
    found = {f"parzen, {dtype}": np.sqrt(nearest.T.astype(exact.dtype))}
    if dtype == "float32":
        a, b = torch.from_numpy(x), torch.from_numpy(y)
        modes = ("use_mm_for_euclid_dist", "donot_use_mm_for_euclid_dist")
        by = [torch.cdist(a, b, compute_mode=mode).numpy() for mode in modes]
        found["torch.cdist, float32"] = by[0]
        found["torch.cdist without products, float32"] = by[1]
        found["scikit-learn, float32"] = euclidean_distances(x, y)
    for who, values in found.items():
        values = np.sort(values.astype(exact.dtype), axis=0)
        apart = exact > 0.0
        error = float((np.abs(values - exact)[apart] / exact[apart]).max())
        # Differences take over at |x-y|^2 < 2^-10 (|x|^2 + |y|^2) at the latest.
        bound = 2.0**10 * ROUNDOFF[dtype] if who.startswith("parzen") else math.inf
        table.add(f"{name}: {who}", sample.d, name, error, bound, error)
        if not apart.all():
            error = float(values[~apart].max() / np.median(exact))
            bound = 0.0 if who.startswith("parzen") else math.inf
            table.add(f"equal rows: {who}", sample.d, name, error, bound, error)


def exponentials() -> str:
    """exp(-t) as the Gaussian kernel has it, by ranges of t."""
    lines = ["| t | float32 | in u(1 + t) | float64 | in u(1 + t) |", "|---|---|---|---|---|"]
    for low, high in ((0.0, 0.5), (0.5, 2.0), (2.0, 10.0), (10.0, 40.0), (40.0, 80.0)):
        cells = []
        for dtype, roundoff in ROUNDOFF.items():
            # Points of 11 bits, whose squares are exact in either type: t = y^2 / 2.
            y = np.unique(np.sqrt(np.linspace(2 * low, 2 * high, 4000)).astype(np.float16))
            points = y.astype(data.TYPES[dtype])[:, None]
            origin = np.zeros((1, 1), dtype=data.TYPES[dtype])
            found = _core.kernel_sum(origin, points, _core.Gaussian([1.0]))[1]
            t = points[:, 0].astype(np.longdouble) ** 2 / 2
            error = np.abs(found / np.exp(-t) - 1)
            cells += [f"{error.max():.1e}", f"{(error / roundoff / (1 + t)).max():.1f}"]
        lines.append(f"| {low:g} to {high:g} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def fids(table: Table, dimensions: tuple[int, ...]) -> None:
    """FID of more rows than columns, of fewer, and of a sample with itself."""
    for d in dimensions:
        for dtype, kind in data.TYPES.items():
            if d > 512 and dtype == "float64":
                continue  # the sums are float64 for either
            for name, n in (("n = 3d", 3 * d + 3), ("n = d/2", d // 2)):
                if n < 2:
                    continue
                rng = np.random.default_rng(d)
                x = rng.standard_normal((n, d)).astype(kind)
                y = (1.05 * rng.standard_normal((n + 1, d)) + 0.1).astype(kind)
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    exact, traces = data.fid(x, y)
                    error = abs(parzen.fid(x, y) - exact) / traces
                    own = abs(parzen.fid(x, x)) / traces
                table.add(f"fid(x, y), {name}, {dtype}", d, name, error, FID, error)
                table.add(f"fid(x, x), {name}, {dtype}", d, name, own, FID, own)


def cases(dimensions: tuple[int, ...]) -> Iterator[tuple[data.Sample, str, str]]:
    for d in dimensions:
        for dtype in data.TYPES:
            for name in data.DATA:
                yield data.prepare(name, d, dtype), name, dtype


def main() -> None:
    """Measure, write the page, and say what passed a bound."""
    from benchmarks.precision_page import page

    began = time.perf_counter()
    dimensions = DIMENSIONS[:5] if SMOKE else DIMENSIONS
    measures = {"sums": sums, "mmd": mmds, "log_density": log_densities, "distances": distances}
    tables = {name: Table() for name in (*measures, "fid")}
    for sample, name, dtype in cases(dimensions):
        for key, measure in measures.items():
            if name not in LEFT_OUT[key]:
                measure(tables[key], sample, name, dtype)
    fid_dimensions = tuple(d for d in dimensions if d <= 2048)
    fids(tables["fid"], fid_dimensions)
    passed = [f"{key}: {line}" for key, table in tables.items() for line in table.where]
    texts = {key: table.text(dimensions) for key, table in tables.items()}
    texts["fid"] = tables["fid"].text(fid_dimensions)
    texts["exp"] = exponentials()
    if not SMOKE:
        PAGE.write_text(page(texts, len(passed)))
    seconds = time.perf_counter() - began
    print(
        f"precision: {len(passed)} figures beyond their bounds, {seconds:.0f} s", *passed, sep="\n"
    )


if __name__ == "__main__":
    main()
