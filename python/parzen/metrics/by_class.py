"""Distances of two labelled samples class by class: what a mean over all classes hides."""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from parzen._arrays import as_pair, center_of, check_range, distance_magnitude, extent
from parzen._estimate import Estimate, part, provenance
from parzen._options import as_integer, as_seed
from parzen.metrics.fid_jackknife import replicates
from parzen.metrics.frechet import SmallSampleWarning, distance
from parzen.metrics.jackknife import two_sample_blocks, two_sample_jackknife
from parzen.metrics.kid import kid
from parzen.metrics.labels import Rows, named, rows_by_label

if TYPE_CHECKING:
    from parzen._core import Progress
    from parzen._samples import AnySamples


class ByClass(NamedTuple):
    """A distance class by class.

    Attributes
    ----------
    mean
        Over the classes, each counted once.
    classes
        That of each class, by its label.
    """

    mean: Estimate
    classes: dict[Any, Estimate]


def fid_by_class(
    real: object,
    real_labels: object,
    fake: object,
    fake_labels: object,
    *,
    ddof: int = 1,
    blocks: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> ByClass:
    """Return the FID of each class, and their mean: the intra-FID.

    Parameters
    ----------
    real, fake
        Features (n, d) and (m, d), at least 2 of each class.
    real_labels, fake_labels
        The class of each row: n and m numbers, names or other hashable objects.
    ddof
        The covariances divide by their count less ddof: 1 or 0.
    blocks
        Of the standard errors, by the jackknife, as in `fid_jackknife`: of each class, which then
        has at least 2 `blocks` samples on either side. They cost 2 `blocks` Frechet distances a
        class. None: no standard errors.
    seed
        Of the blocks; the values themselves do not depend on it.
    progress
        Called with the fraction done.

    Returns
    -------
    ByClass
        ``mean`` and ``classes``, squared distances. With `blocks` each with its standard error,
        which has 2 (blocks - 1) degrees of freedom; that of the mean is put together from those of
        the classes. Neither tells of the bias: see `fid_jackknife`.

    Raises
    ------
    ValueError, TypeError
        Where features or labels are not as described, or a class is missing on one side; the
        message names it.

    Warns
    -----
    SmallSampleWarning
        Where a class has fewer than 2 d samples, once for all of them: their FIDs are biased
        upwards (see `fid`), and so is the mean.

    References
    ----------
    Miyato and Koyama, "cGANs with projection discriminator", ICLR 2018. The jackknife: Efron and
    Tibshirani, "An Introduction to the Bootstrap", 1993, chapter 11.

    Examples
    --------
    >>> import numpy as np, parzen
    >>> real, fake = np.random.default_rng(0).normal(size=(2, 400, 4))
    >>> labels = np.repeat(["cat", "dog"], 200)
    >>> fake[labels == "dog"] += 1.0
    >>> result = parzen.fid_by_class(real, labels, fake, labels)
    >>> result.classes["cat"] < 0.5 < result.mean < 3.5 < result.classes["dog"]
    True
    """
    function = "fid_by_class"
    ddof = as_integer(f"{function}: ddof", ddof, 0, 1)
    x, y, rows = _paired(function, real, real_labels, fake, fake_labels)
    d = x.shape[1]
    check_range(function, distance_magnitude(d, *extent(x, y)), x, y)
    small = [label for label, pair in rows.items() if min(map(len, pair)) < 2 * d]
    if small:
        warnings.warn(
            f"{function}: {len(small)} of {len(rows)} classes have fewer than {2 * d} samples of "
            f"{d} features ({named(small)}); their FIDs are biased upwards. Compare them at equal "
            f"counts only, or use kid_by_class, which is unbiased",
            SmallSampleWarning,
            stacklevel=2,
        )
    random = np.random.default_rng(as_seed(f"{function}: seed", seed))
    facts: dict[str, Any] = {"ddof": ddof, "blocks": blocks, "seed": seed}
    parts = {}
    if blocks is not None:
        blocks = as_integer(f"{function}: blocks", blocks, 2)
        facts["degrees_of_freedom"] = 2 * (blocks - 1)
        for label, (in_x, in_y) in rows.items():
            sizes, of_class = (len(in_x), len(in_y)), f"{function}: class {label!r}"
            parts[label] = two_sample_blocks(of_class, sizes, blocks, random)
    classes = {}
    for i, (label, (in_x, in_y)) in enumerate(rows.items()):
        step = part(progress, i / len(rows), (i + 1) / len(rows))
        a, b = x[in_x], y[in_y]
        center = center_of(a, b).astype(np.float64)
        first = 1.0 if blocks is None else 1.0 / (2.0 + 2.0 * blocks)
        value, method = distance(a, b, center, ddof, part(step, 0.0, first))
        stderr = None
        if label in parts:
            _, *without = replicates(a, b, list(parts[label]), ddof, part(step, first, 1.0))
            stderr = math.sqrt(two_sample_jackknife(value, without, parts[label]).variance)
        classes[label] = Estimate(value, stderr, provenance("fid", a, b, method=method, **facts))
    record = provenance(function, x, y, classes=len(classes), **facts)
    return ByClass(_mean(classes, record), classes)


def kid_by_class(
    real: object,
    real_labels: object,
    fake: object,
    fake_labels: object,
    *,
    degree: int = 3,
    gamma: float | None = None,
    coef0: float = 1.0,
    progress: Progress | None = None,
) -> ByClass:
    """Return the KID of each class, and their mean: over all pairs of all samples, unbiased.

    Parameters
    ----------
    real, fake
        Features (n, d) and (m, d), at least 2 of each class.
    real_labels, fake_labels
        The class of each row: n and m numbers, names or other hashable objects.
    degree, gamma, coef0
        Of the kernel, as in `kid`.
    progress
        Called with the fraction done.

    Returns
    -------
    ByClass
        ``mean`` and ``classes``. Standard errors as `kid` with ``subsets=None`` has them; that of
        the mean is put together from those of the classes, None where a class has none.

    Raises
    ------
    ValueError, TypeError
        Where features, labels or options are not as described, or a class is missing on one side;
        the message names it.

    References
    ----------
    Binkowski et al., "Demystifying MMD GANs", ICLR 2018, section 4; class by class as the
    intra-FID of Miyato and Koyama, "cGANs with projection discriminator", ICLR 2018.

    Examples
    --------
    >>> import numpy as np, parzen
    >>> real, fake = np.random.default_rng(0).normal(size=(2, 100, 4))
    >>> result = parzen.kid_by_class(real, [0, 1] * 50, fake + 1.0, [0, 1] * 50)
    >>> sorted(result.classes), result.mean > 4 * result.mean.stderr
    ([0, 1], True)
    """
    x, y, rows = _paired("kid_by_class", real, real_labels, fake, fake_labels)
    kernel: dict[str, Any] = {"degree": degree, "gamma": gamma, "coef0": coef0}
    classes = {}
    for i, (label, (in_x, in_y)) in enumerate(rows.items()):
        step = part(progress, i / len(rows), (i + 1) / len(rows))
        classes[label] = kid(x[in_x], y[in_y], subsets=None, progress=step, **kernel).mean
    record = provenance("kid_by_class", x, y, classes=len(classes), **kernel)
    return ByClass(_mean(classes, record), classes)


def _mean(classes: dict[Any, Estimate], record: dict[str, Any]) -> Estimate:
    """Return the mean over the classes, whose samples are independent: variances add up."""
    errors = [value.stderr for value in classes.values()]
    known = [error for error in errors if error is not None]
    stderr = math.hypot(*known) / len(classes) if len(known) == len(errors) else None
    return Estimate(math.fsum(classes.values()) / len(classes), stderr, record)


def _paired(
    function: str, real: object, real_labels: object, fake: object, fake_labels: object
) -> tuple[AnySamples, AnySamples, dict[Any, tuple[Rows, Rows]]]:
    """Return both samples and the rows of each class in either."""
    x, y = as_pair(real, fake, function=function, names=("real", "fake"), on_device=True)
    in_x = rows_by_label(f"{function}: real_labels", real_labels, len(x))
    in_y = rows_by_label(f"{function}: fake_labels", fake_labels, len(y))
    for name, has, other, lacks in (("real", in_x, "fake", in_y), ("fake", in_y, "real", in_x)):
        missing = [label for label in has if label not in lacks]
        if missing:
            raise ValueError(
                f"{function}: {len(missing)} of the classes in {name}_labels are missing in "
                f"{other}_labels: {named(missing)}; expected the same classes on both sides"
            )
    for name, rows in (("real", in_x), ("fake", in_y)):
        single = [label for label, found in rows.items() if len(found) < 2]
        if single:
            raise ValueError(
                f"{function}: {name} has a single sample of {len(single)} of the classes: "
                f"{named(single)}; expected at least 2 of each"
            )
    return x, y, {label: (found, in_y[label]) for label, found in in_x.items()}
