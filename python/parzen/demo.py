"""The demonstration: real images against ever more distorted ones, every metric, one figure.

It is the sanity check of figure 3 in Heusel et al., "GANs trained by a two time-scale update rule
converge to a local Nash equilibrium", NeurIPS 2017: a distance that deserves the name rises with
the distortion.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from parzen.compare import Comparison, compare
from parzen.demo_figure import draw
from parzen.demo_images import DISTORTIONS, write_sets
from parzen.doctor import examine_weights
from parzen.encode import Encoder
from parzen.feature_sets import LOGITS, MAIN
from parzen.report import figures, made_by, to_dict, write_json

MUST_RISE = ("fid", "kid")
HALVES = 20  # of the standard errors of precision and recall


@dataclass(frozen=True)
class Demo:
    """What the demonstration found.

    Attributes
    ----------
    curves
        Name of a distortion to (strength, comparison) in order of strength; the first is that of
        fresh, undistorted patches, strength 0.
    failures
        Where FID or KID does not rise, in words.
    figure, numbers
        The files written.
    seconds
        The time it took.
    """

    curves: dict[str, list[tuple[float, Comparison]]]
    failures: tuple[str, ...]
    figure: Path
    numbers: Path
    seconds: float


def run(
    out: Path,
    *,
    images: int = 96,
    weights: Path | None = None,
    seed: int = 2020,
    threads: int | None = None,
    progress: Callable[[str, float], None] | None = None,
) -> Demo:
    """Write the images, compare every set with the real one, draw the figure.

    Parameters
    ----------
    out
        A folder; it is made. Images go to ``out/images``, the figure and all numbers beside it.
    images
        In each set.
    weights
        The published weights; None: where they are on disk, else the seeded random network.
    seed
        Which patches are taken, the noise, and the seeds of the metrics.
    threads
        Of torch; None: as torch has it.
    progress
        Called with what is done and the fraction of it.

    Returns
    -------
    Demo
        The comparisons, and where a distance failed to rise.

    Raises
    ------
    ValueError, OSError
        Where the photographs have too few patches or files cannot be written.
    """
    clock = time.perf_counter()
    sets = write_sets(out / "images", images, seed)
    trained = weights is not None or examine_weights()["state"] == "found"
    encoder = Encoder("inception" if trained else "random", weights, threads=threads)
    total = sum(len(folders) for folders in sets.values())
    done = 0

    def features(folder: Path) -> Any:
        nonlocal done
        found = encoder.read(folder, (MAIN, LOGITS[0]))
        done += 1
        if progress is not None:
            progress(f"{total} sets of {images} images", done / total)
        return found

    real = features(sets["real"][0])
    options: dict[str, Any] = {"seed": seed, "halves": HALVES}
    fresh = compare(real, features(sets["fresh"][0]), **options)
    curves = {
        kind.name: [
            (0.0, fresh),
            *(
                (strength, compare(real, features(folder), **options))
                for strength, folder in zip(kind.strengths, sets[kind.name], strict=True)
            ),
        ]
        for kind in DISTORTIONS
    }
    figure, numbers = out / "demo.png", out / "demo.json"
    draw(figure, curves, sets)
    write_json(
        numbers,
        {
            name: [{"strength": strength, **to_dict(result)} for strength, result in curve]
            for name, curve in curves.items()
        },
    )
    return Demo(curves, failures(curves), figure, numbers, time.perf_counter() - clock)


def failures(curves: dict[str, list[tuple[float, Comparison]]]) -> tuple[str, ...]:
    """Return in words where FID or KID does not rise strictly with the strength."""
    found = []
    for name, curve in curves.items():
        for metric in MUST_RISE:
            values = [getattr(result, metric) for _, result in curve]
            if any(b <= a for a, b in itertools.pairwise(values)):
                shown = ", ".join(figures(value)[0] for value in values)
                found.append(f"{metric.upper()} does not rise with {name}: {shown}")
    return tuple(found)


def show(demo: Demo, console: Console) -> None:
    """Print the table, the verdict and where the files are."""
    first = next(iter(demo.curves.values()))[0][1]
    p = first.protocol
    console.print(
        Text(
            f"{p['n']} real patches of photographs, against {p['m']} others, distorted ever more",
            style="bold",
        )
    )
    console.print(Text(made_by(p), style="dim"))
    layout = Table(box=box.SIMPLE_HEAD, show_edge=False, padding=0)
    layout.add_column("set", no_wrap=True)
    for title in ("FID", "KID±se", "IS±std", "prec", "rec", "dens", "cov", "KDE±se"):
        layout.add_column(title, justify="right", no_wrap=True)
    layout.add_row("fresh", *_cells(first))
    for kind in DISTORTIONS:
        layout.add_section()
        for strength, result in demo.curves[kind.name][1:]:
            layout.add_row(f"{kind.name} {kind.label(strength)}", *_cells(result))
    console.print(layout)
    console.print(
        Text(
            "se: standard error; std: over splits; prec, rec, dens, cov: precision, recall, "
            "density, coverage;\nKDE: mean log-likelihood in nats of real under fake",
            style="dim",
        )
    )
    for note in first.notes:
        console.print(Text(f"! {note}", style="yellow"))
    for failure in demo.failures:
        console.print(Text(f"! {failure}", style="bold red"))
    if not demo.failures:
        names = ", ".join(demo.curves)
        console.print(Text(f"FID and KID rise at every step: {names}.", style="green"))
    console.print(
        Text(f"figure {demo.figure}, numbers {demo.numbers}, {demo.seconds:.0f} s"), soft_wrap=True
    )


def _cells(result: Comparison) -> list[str]:
    score, overlap = result.inception_score, result.precision_recall
    assert result.fid is not None
    assert result.kid is not None
    assert score is not None
    assert overlap is not None
    assert result.log_likelihood is not None
    return [
        f"{result.fid:.1f}",
        f"{result.kid:.4f}±{result.kid.stderr or 0.0:.4f}",
        f"{score.mean:.2f}±{score.std:.2f}",
        *(f"{value:.2f}" for value in overlap),
        "±".join(figures(result.log_likelihood, result.log_likelihood.stderr)),
    ]
