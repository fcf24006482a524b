"""The picture of what each code tells about each factor."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from parzen._arrays import as_float64
from parzen._extras import needed_by
from parzen._files import written_whole

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.figure import Figure

LARGEST_WITH_NUMBERS = 400  # cells


def heat_map(
    mutual: object,
    path: str | os.PathLike[str] | None = None,
    *,
    names: Sequence[str] | None = None,
    title: str = "Mutual information of codes and factors",
    unit: str = "nats",
) -> Figure:
    """Draw a matrix of what codes tell about factors, codes across, factors down.

    Parameters
    ----------
    mutual
        (c, k) of `mutual_information`, or any such matrix: importances, squared correlations.
    path
        A PNG, PDF or SVG file to write, whole or not at all; None: none.
    names
        Of the k factors.
    title, unit
        Above the picture and beside the scale.

    Returns
    -------
    matplotlib.figure.Figure

    Raises
    ------
    ValueError, TypeError
        Where matrix or names are not as described.
    ModuleNotFoundError
        Where matplotlib is not installed.

    References
    ----------
    Locatello et al., "Challenging common assumptions in the unsupervised learning of disentangled
    representations", ICML 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from parzen import latent
    >>> factors = np.random.default_rng(0).integers(4, size=(500, 2))
    >>> figure = latent.heat_map(latent.mutual_information(factors, factors))
    >>> figure.axes[0].get_title(loc="left")
    'Mutual information of codes and factors'
    """
    values = as_float64("mutual", mutual, function="heat_map", shape=None, meaning="(c, k)")
    if values.ndim != 2 or values.size == 0:
        raise ValueError(f"heat_map: mutual has shape {values.shape}, expected (codes, factors)")
    labels = factor_names("heat_map", names, values.shape[1])
    with needed_by("heat_map", "demo"):
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    c, k = values.shape
    figure = Figure(
        figsize=(2.6 + min(0.55 * c, 24.0), 1.6 + min(0.45 * k, 16.0)), layout="constrained"
    )
    FigureCanvasAgg(figure)
    ax: Any = figure.add_subplot()
    top = float(values.max())
    image = ax.imshow(values.T, cmap="viridis", vmin=min(0.0, float(values.min())), aspect="auto")
    figure.colorbar(image, ax=ax, label=unit)
    ax.set_title(title, loc="left", fontsize=11)
    ax.set(xlabel="code", yticks=range(k), yticklabels=labels)
    ax.set_xticks(np.arange(0, c, max(1, c // 20)))
    if values.size <= LARGEST_WITH_NUMBERS:
        for (i, j), value in np.ndenumerate(values):
            color = "black" if value > 0.6 * top else "white"
            ax.text(i, j, f"{value:.2f}", ha="center", va="center", fontsize=8, color=color)
    if path is not None:
        _save(figure, path)
    return figure


def factor_names(function: str, names: Sequence[str] | None, k: int) -> list[str]:
    """Return k names, those given or "factor 0" and so on."""
    if names is None:
        return [f"factor {j}" for j in range(k)]
    given = [str(name) for name in names]
    if isinstance(names, str) or len(given) != k:
        raise ValueError(f"{function}: names is {names!r}, expected {k} names, one a factor")
    return given


def _save(figure: Figure, path: str | os.PathLike[str]) -> None:
    from pathlib import Path

    file_path: Path = Path(path)
    kind = file_path.suffix.lstrip(".").lower()
    if kind not in ("png", "pdf", "svg"):
        raise ValueError(f"heat_map: path is {str(path)!r}, expected a .png, .pdf or .svg file")
    with written_whole(file_path) as file:
        figure.savefig(file, format=kind)
