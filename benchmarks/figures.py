"""docs/roofline.png and docs/scaling.png from the records of a run."""

from __future__ import annotations

import statistics
from pathlib import Path
from typing import Any

import matplotlib as mpl

mpl.use("agg")
import matplotlib.pyplot as plt

Record = dict[str, Any]
# Ours in strong colours with solid lines, the others dashed; each line carries its own name.
STYLES: dict[str, dict[str, Any]] = {
    "polynomial sum": {"color": "#1b6ca8"},
    "Gaussian sum": {"color": "#c1440e"},
    "KDE": {"color": "#3a7d44"},
    "NumPy, polynomial": {"color": "#1b6ca8", "linestyle": "--", "alpha": 0.7},
    "NumPy, Gaussian": {"color": "#c1440e", "linestyle": "--", "alpha": 0.7},
    "scikit-learn, KDE": {"color": "#3a7d44", "linestyle": "--", "alpha": 0.7},
    "kid, moments": {"color": "#c1440e", "label": "parzen, moments"},
    "kid, all pairs": {"color": "#1b6ca8", "label": "parzen, all pairs"},
    "torch-fidelity, 100 subsets": {"color": "#3a7d44", "linestyle": "--"},
    "NumPy, full KID in place": {"color": "#7a4988", "linestyle": "--", "label": "NumPy, stored"},
}
LIMITS = {
    "multiply-adds alone, float32": {"label": "multiply-adds alone"},
    "NumPy's matrix product, float32": {"label": "NumPy's matrix product", "linestyle": ":"},
}
STYLES |= {name: {"color": "#333333", **style} for name, style in LIMITS.items()}


def _median(record: Record) -> float:
    return statistics.median(record["seconds"])


def _line(axes: Any, name: str, points: list[tuple[float, float]], nudge: float = 0.0) -> None:
    """Draw a line with its name at its right end."""
    style = dict(STYLES[name])
    label = style.pop("label", name)
    xs, ys = zip(*sorted(points), strict=True)
    axes.plot(xs, ys, marker="o", markersize=2.5, linewidth=1.5, **style)
    axes.annotate(
        label,
        (xs[-1], ys[-1]),
        xytext=(5, nudge),
        textcoords="offset points",
        color=style["color"],
        fontsize=8,
        va="center",
    )


def _spread(ends: dict[str, float], gap: float) -> dict[str, float]:
    """Return the points by which labels at heights `ends` move down not to overlap."""
    moved, above = {}, float("inf")
    for name in sorted(ends, key=lambda name: -ends[name]):
        above = min(ends[name], above - gap)
        moved[name] = above - ends[name]
    return moved


def _lines(axes: Any, curves: dict[str, list[tuple[float, float]]]) -> None:
    """Draw all curves, then name them without overlap (log scale: heights in points)."""
    for points in curves.values():
        axes.plot(*zip(*points, strict=True), alpha=0.0)
    axes.get_ylim()  # settles the limits, which transData reads
    to_points = 72.0 / axes.figure.dpi
    right = max(x for points in curves.values() for x, _ in points)
    ends = {
        name: axes.transData.transform(max(points))[1] * to_points
        for name, points in curves.items()
        if max(points)[0] == right
    }
    shifts = _spread(ends, 9.5)
    for name, points in curves.items():
        _line(axes, name, points, shifts.get(name, 0.0))


def _frame(axes: Any, x: str, y: str) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,g}")
    axes.set_xlabel(x)
    axes.set_title(y, fontsize=10, loc="left")
    axes.grid(which="major", color="#dddddd", linewidth=0.6)
    axes.spines[["top", "right"]].set_visible(False)


def _curves(records: list[Record], x: str, value: Any) -> dict[str, list[tuple[float, float]]]:
    curves: dict[str, list[tuple[float, float]]] = {}
    for record in records:
        curves.setdefault(record["name"], []).append((record[x], value(record)))
    return {name: sorted(points) for name, points in curves.items()}


def roofline(records: list[Record], path: Path) -> None:
    """GF/s and pairs a second over d, below the two limits of the same run."""
    drawn = [r for r in records if r.get("figure") == "roofline"]
    if not drawn:
        return
    figure, panels = _panels(4.6)
    titles = ("float32, GF/s (2d operations a pair)", "float32, million pairs a second")
    for axes, title in zip(panels, titles, strict=True):
        _frame(axes, "d", title)
        axes.set_xlim(0.8, 4096 * 30)
        axes.set_xticks([1, 10, 100, 1000, 4096], ["1", "10", "100", "1000", "4096"])
        axes.minorticks_off()
    rates = _curves(drawn, "d", lambda r: 2 * r["d"] * r["pairs"] / _median(r) / 1e9)
    for name in LIMITS:
        found = [r["flops"] / _median(r) / 1e9 for r in records if r["name"] == name]
        if found:
            rates[name] = [(x, statistics.median(found)) for x in (1, max(r["d"] for r in drawn))]
    _lines(panels[0], rates)
    _lines(panels[1], _curves(drawn, "d", lambda r: r["pairs"] / _median(r) / 1e6))
    _save(figure, path)


def scaling(records: list[Record], path: Path) -> None:
    """Seconds and megabytes over n for the full KID and for torch-fidelity's subsets."""
    drawn = [r for r in records if r.get("figure") == "scaling"]
    if not drawn:
        return
    figure, panels = _panels(4.2)
    d, most = drawn[0]["d"], max(r["n"] for r in drawn)
    titles = (f"KID, d = {d}, float32: seconds", "megabytes beyond inputs and outputs")
    for axes, title in zip(panels, titles, strict=True):
        _frame(axes, "n = m", title)
        axes.set_xlim(800, most * 30)
    _lines(panels[0], _curves(drawn, "n", _median))
    _lines(panels[1], _curves(drawn, "n", lambda r: max(r["bytes"] / 1e6, 0.1)))
    _save(figure, path)


def _panels(height: float) -> tuple[Any, Any]:
    figure, panels = plt.subplots(1, 2, figsize=(11, height))
    figure.subplots_adjust(left=0.05, right=0.99, top=0.93, bottom=0.11, wspace=0.12)
    return figure, panels


def _save(figure: Any, path: Path) -> None:
    figure.savefig(path, dpi=110)
    plt.close(figure)
