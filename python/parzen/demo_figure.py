"""The figure of the demonstration: every metric against the strength of the distortion."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from PIL import Image

from parzen._files import written_whole
from parzen.compare import Comparison
from parzen.demo_images import DISTORTIONS
from parzen.report import made_by

# Okabe and Ito's colours, which the colour-blind can tell apart.
COLORS = ("#0072b2", "#d55e00", "#009e73")
MARKERS = ("o", "s", "^")
INK, GREY = "#333333", "#777777"

Curves = Mapping[str, list[tuple[float, Comparison]]]

PANELS: tuple[tuple[str, str, Callable[[Any], Any]], ...] = (
    ("FID", "lower is better", lambda r: r.fid),
    ("KID", "lower is better", lambda r: r.kid),
    ("−log p, KDE", "nats, lower is better", lambda r: r.log_likelihood),
    ("Inception Score", "of the fake set", lambda r: r.inception_score.mean),
    ("Precision", "higher is better", lambda r: r.precision_recall.precision),
    ("Recall", "higher is better", lambda r: r.precision_recall.recall),
    ("Density", "1 for equal sets", lambda r: r.precision_recall.density),
    ("Coverage", "higher is better", lambda r: r.precision_recall.coverage),
)


def draw(path: Path, curves: Curves, sets: Mapping[str, list[Path]]) -> None:
    """Draw one panel a metric and one line a distortion, under samples of the images.

    Parameters
    ----------
    path
        The PNG file to write.
    curves
        Distortion to (strength, comparison), as in `parzen.demo.Demo`.
    sets
        Folders of the images, as `parzen.demo_images.write_sets` returns them.
    """
    # Fixed places: matplotlib's automatic layout would take longer than the metrics.
    figure = Figure(figsize=(12.0, 8.6), dpi=130, facecolor="white")
    FigureCanvasAgg(figure)
    _draw_samples(figure, sets)
    grid: Any = figure.add_gridspec(
        2, 4, left=0.05, right=0.985, bottom=0.1, top=0.7, wspace=0.24, hspace=0.32
    )
    for place, (title, hint, pick) in zip(grid, PANELS, strict=True):
        _draw_panel(figure.add_subplot(place), title, hint, pick, curves)

    p = next(iter(curves.values()))[0][1].protocol
    figure.text(
        0.05,
        0.955,
        "Real photographs against distorted ones",
        fontsize=16,
        color=INK,
        weight="bold",
    )
    figure.text(0.5, 0.045, "strength of the distortion", color=INK, fontsize=10, ha="center")
    figure.text(
        0.5,
        0.015,
        f"{p['n']} real and {p['m']} fake patches; {made_by(p)}. Bars: ± one standard error.",
        fontsize=9,
        color=GREY,
        ha="center",
    )
    with written_whole(path) as file:
        figure.savefig(file, format="png")


def _draw_samples(figure: Figure, sets: Mapping[str, list[Path]]) -> None:
    name = _telling(sets["fresh"][0])
    for number, (kind, color) in enumerate(zip(DISTORTIONS, COLORS, strict=True)):
        left = 0.05 + 0.3225 * number
        folders = [*sets["fresh"], *sets[kind.name]]
        grid: Any = figure.add_gridspec(
            1, len(folders), left=left, right=left + 0.29, bottom=0.785, top=0.9, wspace=0.06
        )
        labels = ["0", *(kind.label(strength) for strength in kind.strengths)]
        for step, (place, folder, label) in enumerate(zip(grid, folders, labels, strict=True)):
            ax: Any = figure.add_subplot(place)
            with Image.open(folder / name) as picture:
                ax.imshow(np.asarray(picture))
            ax.set(xticks=[], yticks=[])
            ax.set_xlabel(f"{step}:  {label}" if step else "0", fontsize=9, color=INK)
            for spine in ax.spines.values():
                spine.set_visible(False)
            if step == 0:
                ax.set_title(kind.name, loc="left", fontsize=12, color=color, weight="bold")


def _draw_panel(ax: Any, title: str, hint: str, pick: Callable[[Any], Any], curves: Curves) -> None:
    sign = -1.0 if title.startswith("−") else 1.0
    for (name, curve), color, marker in zip(curves.items(), COLORS, MARKERS, strict=True):
        estimates = [pick(result) for _, result in curve]
        ax.errorbar(
            range(len(curve)),
            [sign * value for value in estimates],
            yerr=[value.stderr or 0.0 for value in estimates],
            color=color,
            marker=marker,
            markersize=5,
            linewidth=1.8,
            elinewidth=1.2,
            capsize=3,
            label=name,
        )
    ax.set_title(title, loc="left", fontsize=11, color=INK, weight="bold")
    ax.set_title(hint, loc="right", fontsize=8.5, color=GREY)
    ax.set_xticks(range(max(len(curve) for curve in curves.values())))
    if title in ("Precision", "Recall", "Coverage"):
        ax.set_ylim(-0.04, 1.04)
    ax.tick_params(colors="#555555", labelsize=9)
    ax.grid(axis="y", color="#e6e6e6", linewidth=0.8)
    ax.set_axisbelow(True)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        ax.spines[side].set_color("#bbbbbb")


def _telling(folder: Path) -> str:
    """Return the name of a patch on which distortions show: of the cat, with the most detail."""

    def detail(path: Path) -> tuple[bool, float]:
        with Image.open(path) as picture:
            down, across = np.gradient(np.asarray(picture.convert("L"), dtype=np.float64))
        # The mean of the root, so that one hard edge does not outweigh a whole pattern.
        return "chelsea" in path.name, float(np.sqrt(np.hypot(down, across)).mean())

    return max(sorted(folder.iterdir()), key=detail).name
