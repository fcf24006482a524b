"""Which of several models is nearer to the real samples, and whether a difference is one."""

from __future__ import annotations

import itertools
import math
import warnings
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np
from scipy.special import ndtr, stdtr

from parzen._arrays import as_samples, check_range, distance_magnitude, extent
from parzen._copies import COPIES, common_rows, same_rows, warn_of_copies
from parzen._estimate import Estimate, part
from parzen._options import as_integer, as_seed, check_choice
from parzen._samples import as_doubles, check_one_place
from parzen.metrics.fid_models import FIDModels, check_sizes
from parzen.metrics.kernels import Kernel, Polynomial, check_kernel
from parzen.metrics.mmd import MEDIAN_GAUSSIAN
from parzen.metrics.mmd_models import MMDModels
from parzen.metrics.model_comparison import ModelComparison, ModelDifference

if TYPE_CHECKING:
    from parzen._core import Progress
    from parzen._samples import AnySamples

BLOCKS = 10
LEAST_ROWS = 4  # of a standard error of MMD
LEAST_PERMUTATIONS = 1000


class ComparisonWarning(UserWarning):
    """What `compare_models` is asked for can show nothing."""


def compare_models(
    models: Mapping[str, object],
    real: object,
    *,
    metric: Literal["kid", "mmd", "fid"] = "kid",
    kernel: Kernel | None = None,
    permutations: int | None = None,
    blocks: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> ModelComparison:
    """Compare the distances of several models to the same real samples.

    The distances share the noise of the real samples: their differences are known better than they
    are, and tested as such: of each pair, whether both are equally far.

    Parameters
    ----------
    models
        Name to samples (m, d), two models or more; their m may differ. Rows are independent draws,
        of the models and of the real samples: no rows of the one in the other.
    real
        Real samples (n, d).
    metric
        ``"kid"``: MMD^2 with the cubic kernel, of all samples; ``"mmd"``: with `kernel`. n, m >= 4.
        A pair differs where the difference is large beside its standard error, and beside what it
        is with the rows of both models exchanged. ``"fid"``: FID less its bias, by a jackknife with
        the same blocks of the real samples for every model, and Student's t; n, m >= 2 `blocks` and
        2 d, better 5 d. Where m differ, every model is taken at as many random rows as the smallest
        has (``m`` in the provenance, ``given`` is how many there were), values as well as
        differences: what is left of the bias depends on m, and would pass for a difference.
    kernel
        Of ``"mmd"``; None: the Gaussian of median bandwidth over all rows.
    permutations
        Of each pair of models, for ``"kid"`` and ``"mmd"``; time is proportional to them. None:
        100 a pair, so that Holm's correction leaves steps of 0.01, and 1000 at least.
    blocks
        Of the jackknife, for ``"fid"``; None: 10.
    seed
        Of permutations, blocks and rows.
    progress
        Called with the fraction done.

    Returns
    -------
    ModelComparison
        ``values``, ``differences``, ``significant()``, ``table()``, ``plot()``.

    Raises
    ------
    ValueError, TypeError
        Where samples or options are not as described, or an option is of another metric; the
        message says which.

    Warns
    -----
    CopiedSampleWarning
        Where two samples have the same rows, in whatever order, or more than 1 in 100 of the
        smaller one are rows of the other, to the bit. Of samples on a device: in the same order.
    ComparisonWarning
        Where so few permutations are asked for that no pair can be significant at 0.05.
    SmallSampleWarning
        Where FID has less than 5 d samples, of more than 256 features 5 d (d/256)^(2/3): the part
        of its bias that is left makes intervals of ``values`` too narrow.

    References
    ----------
    The standard error: Bounliphone et al., "A test of relative similarity for model selection in
    generative models", ICLR 2016. Why exchanging rows alone is no test of equal distances: Chung
    and Romano, "Exact and asymptotically robust permutation tests", Annals of Statistics 41, 2013.
    Holm, "A simple sequentially rejective multiple test procedure", Scandinavian Journal of
    Statistics 6, 1979.

    Examples
    --------
    >>> import numpy as np, parzen
    >>> real, one, other, third = np.random.default_rng(0).normal(size=(4, 200, 8))
    >>> models = {"near": one, "far": other + 0.5, "as near": third}
    >>> result = parzen.compare_models(models, real, permutations=199)
    >>> list(result.values)[-1]
    'far'
    >>> sorted(pair.first for pair in result.significant())
    ['as near', 'near']
    """
    function = "compare_models"
    check_choice(f"{function}: metric", metric, ("kid", "mmd", "fid"))
    for option, given, owners in (
        ("kernel", kernel, ("mmd",)),
        ("permutations", permutations, ("kid", "mmd")),
        ("blocks", blocks, ("fid",)),
    ):
        if given is not None and metric not in owners:
            raise ValueError(
                f"{function}: {option} is of metric {' or '.join(map(repr, owners))}, not of "
                f"{metric!r}"
            )
    seed = as_seed(f"{function}: seed", seed)
    folds = BLOCKS if blocks is None else as_integer(f"{function}: blocks", blocks, 2)
    names, x, samples = _samples(
        function, models, real, 2 * folds if metric == "fid" else LEAST_ROWS
    )
    labels = ["real", *(f"models[{name!r}]" for name in names)]
    _warn_of_same_rows(function, labels, [x, *samples])
    share = 0.5 if metric != "fid" else 1.0
    start = part(progress, 0.0, share)
    way: MMDModels | FIDModels
    if metric == "fid":
        check_sizes(function, x, dict(zip(names, samples, strict=True)))
        way = FIDModels(x, samples, folds, seed, start)
    else:
        chosen = Polynomial() if metric == "kid" else kernel or MEDIAN_GAUSSIAN
        check_kernel(function, chosen)
        draws = _draws(function, permutations, len(names) * (len(names) - 1) // 2)
        way = MMDModels(x, samples, chosen, draws, seed, start)
    values = [way.value(i) for i in range(len(names))]
    order = sorted(range(len(names)), key=lambda i: values[i])
    pairs = list(itertools.combinations(order, 2))
    found = []
    for t, (i, j) in enumerate(pairs):
        step = share + (1.0 - share) * np.array([t, t + 1]) / len(pairs)
        gap, permutation = way.difference(i, j, part(progress, *step))
        # Of models of one distribution a permutation is exact at any n, of others the asymptotic
        # p-value is right for large n: the larger one is too small for neither.
        asymptotic = _asymptotic(gap)
        p = asymptotic if permutation is None else max(asymptotic, permutation)
        found.append((gap, asymptotic, permutation, p))
    adjusted = holm([p for *_, p in found])
    correction = {"correction": "Holm", "pairs": len(pairs)}
    if progress is not None:
        progress(1.0)
    return ModelComparison(
        metric,
        way.test,
        {names[i]: values[i] for i in order},
        tuple(
            ModelDifference(
                names[i],
                names[j],
                *tested,
                adjusted=Estimate(corrected, None, tested[-1].provenance | correction),
            )
            for (i, j), tested, corrected in zip(pairs, found, adjusted, strict=True)
        ),
    )


def _asymptotic(gap: Estimate) -> Estimate:
    """Return the p-value of no difference by the distribution that its interval takes."""
    assert gap.stderr is not None
    freedom = gap.provenance.get("degrees_of_freedom")
    z = abs(gap) / gap.stderr if gap.stderr > 0.0 else math.copysign(math.inf, abs(gap))
    tail = ndtr(-z) if freedom is None else stdtr(freedom, -z)
    return Estimate(1.0 if gap == 0.0 else 2.0 * float(tail), None, gap.provenance)


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


def _draws(function: str, permutations: int | None, pairs: int) -> int:
    """Return the number of permutations; warn where it leaves no pair a chance after Holm."""
    if permutations is None:
        return max(LEAST_PERMUTATIONS, 100 * pairs)
    draws = as_integer(f"{function}: permutations", permutations, 1)
    if pairs / (1 + draws) > 0.05:
        warnings.warn(
            f"{function}: no p-value of {draws} permutations is below {1 / (1 + draws):.2g}, which "
            f"Holm's correction for {pairs} pair{'s' * (pairs > 1)} takes above 0.05: none can be "
            f"significant; pass permutations>={20 * pairs}",
            ComparisonWarning,
            stacklevel=3,
        )
    return draws


def _warn_of_same_rows(function: str, labels: list[str], samples: list[AnySamples]) -> None:
    """Warn where samples are not independent because they share rows."""
    for (first, a), (second, b) in itertools.combinations(zip(labels, samples, strict=True), 2):
        common = len(a) if same_rows(a, b) else common_rows(a, b)
        if common > COPIES * min(len(a), len(b)):
            rows = "the rows" if common == len(a) == len(b) else f"{common} rows"
            warn_of_copies(
                f"{function}: {second} has {rows} of {first}; distances and errors are those of "
                f"independent samples, and mean nothing here"
            )
