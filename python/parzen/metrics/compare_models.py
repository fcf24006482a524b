"""Which of several models is nearer to the real samples, and whether a difference is one."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

import numpy as np

from parzen._arrays import as_samples, check_range, distance_magnitude, extent
from parzen._estimate import Estimate, part
from parzen._options import as_integer, as_seed, check_choice
from parzen._samples import as_doubles, check_one_place
from parzen.metrics.fid_models import FIDModels
from parzen.metrics.kernels import Kernel, Polynomial, check_kernel
from parzen.metrics.mmd import MEDIAN_GAUSSIAN
from parzen.metrics.mmd_models import MMDModels

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from rich.table import Table

    from parzen._core import Progress
    from parzen._samples import AnySamples


class ModelDifference(NamedTuple):
    """A pair of models.

    Attributes
    ----------
    first, second
        Their names.
    difference
        The value of the first less that of the second, with its standard error: paired, as both
        are compared with the same real samples.
    p_value
        For this pair alone. By permutations: of the hypothesis that both models have the same
        distribution, not that they are equally far from the real samples: two different models at
        the same distance are told apart as well. For the distance look at `difference` beside its
        standard error. By Student's t: of no difference in distance.
    adjusted
        The same by Holm's correction for all pairs of the comparison: where it is below 0.05 the
        pair differs in that sense, and the chance that any such claim is false is below 5 %.
    """

    first: str
    second: str
    difference: Estimate
    p_value: float
    adjusted: float


@dataclass(frozen=True)
class ModelComparison:
    """Several models beside each other.

    Attributes
    ----------
    metric
        ``"kid"``, ``"mmd"`` or ``"fid"``.
    test
        What the p-values are of: ``"permutations"`` or ``"Student's t"``.
    values
        Name to value, nearest to the real samples first.
    differences
        All pairs of models.
    """

    metric: str
    test: str
    values: dict[str, Estimate]
    differences: tuple[ModelDifference, ...]

    def significant(self, level: float = 0.05) -> tuple[ModelDifference, ...]:
        """Return the pairs that differ, by Holm's correction: no false one with 1 - level."""
        return tuple(pair for pair in self.differences if pair.adjusted <= level)

    def table(self, level: float = 0.05) -> Table:
        """Return the pairs as a table to print with rich."""
        from rich import box
        from rich.table import Table
        from rich.text import Text

        from parzen.report import figures

        layout = Table(box=box.SIMPLE_HEAD, pad_edge=False, title=f"{self.metric}, {self.test}")
        for name in ("model", "less model"):
            layout.add_column(name)
        for name in ("difference", "std. error", "p", "p, Holm", ""):
            layout.add_column(name, justify="right")
        for pair in self.differences:
            shown = figures(pair.difference, pair.difference.stderr)
            verdict = "differ" if pair.adjusted <= level else ""
            names = Text(pair.first), Text(pair.second)
            layout.add_row(*names, *shown, f"{pair.p_value:.2g}", f"{pair.adjusted:.2g}", verdict)
        return layout

    def plot(self, axes: Axes | None = None, level: float = 0.95) -> Axes:
        """Draw the values with their confidence intervals, one line a model (matplotlib)."""
        if axes is None:
            from matplotlib.figure import Figure

            axes = Figure(figsize=(6.0, 1.0 + 0.4 * len(self.values)), layout="tight").subplots()
        for row, (name, value) in enumerate(self.values.items()):
            low, high = (value, value) if value.stderr is None else value.interval(level)
            axes.plot([low, high], [row, row], color="C0", linewidth=2)
            axes.plot([value], [row], "o", color="C0", label=name)
        axes.set_yticks(range(len(self.values)), list(self.values))
        axes.invert_yaxis()
        axes.set_xlabel(f"{self.metric}, {level:.0%} intervals; smaller is nearer to the real")
        return axes

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            "metric": self.metric,
            "test": self.test,
            "values": {
                name: {"value": float(value), "stderr": value.stderr}
                for name, value in self.values.items()
            },
            "differences": [
                pair._asdict()
                | {"difference": float(pair.difference), "stderr": pair.difference.stderr}
                for pair in self.differences
            ],
        }


def compare_models(
    models: Mapping[str, object],
    real: object,
    *,
    metric: Literal["kid", "mmd", "fid"] = "kid",
    kernel: Kernel | None = None,
    permutations: int = 1000,
    blocks: int = 10,
    seed: int = 0,
    progress: Progress | None = None,
) -> ModelComparison:
    """Compare the distances of several models to the same real samples.

    The distances share the noise of the real samples: their differences are known better than they
    are, and tested as such.

    Parameters
    ----------
    models
        Name to samples (m, d), two models or more; their m may differ.
    real
        Real samples (n, d).
    metric
        ``"kid"``: MMD^2 with the cubic kernel, of all samples; ``"mmd"``: with `kernel`. The test
        is a permutation of the two models' rows: exact for the hypothesis that they have the same
        distribution. ``"fid"``: FID less its bias, by a jackknife with the same blocks of the real
        samples for every model, and Student's t: approximate.
    kernel
        Of ``"mmd"``; None: the Gaussian of median bandwidth over all rows.
    permutations
        Of each pair of models.
    blocks
        Of the jackknife.
    seed
        Of permutations and blocks.
    progress
        Called with the fraction done.

    Returns
    -------
    ModelComparison
        ``values``, ``differences``, ``significant()``, ``table()``, ``plot()``.

    Raises
    ------
    ValueError, TypeError
        Where samples or options are not as described; the message says which model.

    References
    ----------
    Bounliphone et al., "A test of relative similarity for model selection in generative models",
    ICLR 2016. Holm, "A simple sequentially rejective multiple test procedure", Scandinavian
    Journal of Statistics 6, 1979.

    Examples
    --------
    >>> import numpy as np, parzen
    >>> real, one, other = np.random.default_rng(0).normal(size=(3, 200, 8))
    >>> models = {"near": one, "far": other + 0.5, "as near": one[::-1] * 1.0}
    >>> result = parzen.compare_models(models, real, permutations=199)
    >>> list(result.values)[-1]
    'far'
    >>> sorted({pair.first, pair.second} & {"far"} != set() for pair in result.significant())
    [True, True]
    """
    function = "compare_models"
    check_choice(f"{function}: metric", metric, ("kid", "mmd", "fid"))
    if kernel is not None and metric != "mmd":
        raise ValueError(f"{function}: kernel is of metric 'mmd', not of {metric!r}")
    permutations = as_integer(f"{function}: permutations", permutations, 1)
    blocks = as_integer(f"{function}: blocks", blocks, 2)
    seed = as_seed(f"{function}: seed", seed)
    names, x, samples = _samples(function, models, real, 2 * blocks if metric == "fid" else 2)
    share = 0.5 if metric != "fid" else 1.0
    start = part(progress, 0.0, share)
    way: MMDModels | FIDModels
    if metric == "fid":
        way = FIDModels(x, samples, blocks, seed, start)
    else:
        chosen = Polynomial() if metric == "kid" else kernel or MEDIAN_GAUSSIAN
        check_kernel(function, chosen)
        way = MMDModels(x, samples, chosen, permutations, seed, start)
    values = [way.value(i) for i in range(len(names))]
    order = sorted(range(len(names)), key=lambda i: values[i])
    pairs = list(itertools.combinations(order, 2))
    found = []
    for t, (i, j) in enumerate(pairs):
        step = share + (1.0 - share) * np.array([t, t + 1]) / len(pairs)
        found.append(way.difference(i, j, part(progress, *step)))
    adjusted = holm([p for _, p in found])
    if progress is not None:
        progress(1.0)
    return ModelComparison(
        metric,
        way.test,
        {names[i]: values[i] for i in order},
        tuple(
            ModelDifference(names[i], names[j], gap, p, corrected)
            for (i, j), (gap, p), corrected in zip(pairs, found, adjusted, strict=True)
        ),
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values adjusted for their number: the k-th smallest times (count - k), running."""
    order = np.argsort(p_values, kind="stable")
    scaled = np.asarray(p_values)[order] * np.arange(len(p_values), 0, -1)
    adjusted = np.empty(len(p_values))
    adjusted[order] = np.minimum(np.maximum.accumulate(scaled), 1.0)
    return [float(p) for p in adjusted]


def _samples(
    function: str, models: Mapping[str, object], real: object, least: int
) -> tuple[list[str], AnySamples, list[AnySamples]]:
    """Return names, the real samples and the models', all of one type and one d."""
    if not isinstance(models, Mapping):
        raise TypeError(
            f"{function}: models is a {type(models).__name__}, expected a mapping of name to "
            f"samples (m, d)"
        )
    if len(models) < 2:
        raise ValueError(f"{function}: models has {len(models)}, expected 2 or more")
    x = as_samples("real", real, function=function, min_rows=least, on_device=True)
    found = [
        as_samples(f"models[{name!r}]", samples, function=function, min_rows=least, on_device=True)
        for name, samples in models.items()
    ]
    for name, samples in zip(models, found, strict=True):
        if samples.shape[1] != x.shape[1]:
            raise ValueError(
                f"{function}: models[{name!r}] has {samples.shape[1]} columns, real has "
                f"{x.shape[1]}; expected the same d"
            )
    given = {f"models[{name!r}]": samples for name, samples in zip(models, found, strict=True)}
    check_one_place(function, {"real": x, **given})
    if len({samples.dtype for samples in (x, *found)}) > 1:
        x, *found = (as_doubles(samples) for samples in (x, *found))
    check_range(function, distance_magnitude(x.shape[1], *extent(x, *found)), x, *found)
    return [str(name) for name in models], x, found
