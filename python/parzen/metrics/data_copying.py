"""The data-copying test: whether fake samples hug the training set more than test samples do."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr

from parzen import _core
from parzen._arrays import center_of
from parzen._estimate import Estimate, part, provenance
from parzen._extras import needed_by
from parzen._options import as_integer, as_seed
from parzen.metrics.labels import Rows, in_order, named, rows_by_label
from parzen.metrics.train_test_fake import as_train_test_fake

if TYPE_CHECKING:
    from parzen._core import Progress, Samples

Vector = NDArray[np.float64]
CellRows = dict[Any, tuple[Rows, Rows, Rows]]

LEAST = 20


class DataCopyingTest(NamedTuple):
    """A test for copies of training samples.

    Attributes
    ----------
    z
        Of all samples together; standard normal where fake and test samples are drawn alike.
        Far below 0: copies; far above: fake samples lie away from the training set. A statistic,
        which estimates nothing, and so has no standard error.
    p_value
        P(Z <= z): small where samples are copied. Of the normal approximation, without a standard
        error: nothing random was drawn.
    c_t
        The mean of z over the cells, weighted by their shares of the test sample: a statistic
        too. ``c_t.provenance["null_deviation"]`` is its standard deviation where fake and test
        samples are drawn alike.
    cells
        The z of each cell, by its label; empty without cells.
    """

    z: Estimate
    p_value: Estimate
    c_t: Estimate
    cells: dict[Any, Estimate]


def data_copying_test(
    train: object,
    test: object,
    fake: object,
    *,
    cells: int | Sequence[object] | None = None,
    least: int | None = None,
    seed: int = 0,
    progress: Progress | None = None,
) -> DataCopyingTest:
    """Test whether fake samples are nearer to training samples than test samples are.

    z = (U - nm/2) / sqrt(nm (n+m+1) / 12), U the number of pairs of a fake and a test sample where
    the fake one is farther from its nearest training sample (ties count half, and are taken off
    the variance): Mann and Whitney's.

    Parameters
    ----------
    train, test, fake
        Features (l, d), (n, d) and (m, d): what the generator was trained on, what it was not, and
        what it made.
    cells
        A generator may copy in one region and miss another. An integer: so many k-means cells of
        the training sample, by scikit-learn; three sequences of labels, of the rows of `train`,
        `test` and `fake`: those cells. None: one cell, all of space.
    least
        Cells with fewer fake samples are left out of `c_t`. None: 20.
    seed
        Of k-means.
    progress
        Called with the fraction done.

    Returns
    -------
    DataCopyingTest
        ``z``, ``p_value``, ``c_t``, ``cells``.

    Raises
    ------
    ValueError, TypeError
        Where features or options are not as described, `least` is given without cells, a cell has
        no training or no test sample (the message names it), or none has `least` fake ones.
    ModuleNotFoundError
        Where `cells` is an integer and scikit-learn is not installed.

    Warns
    -----
    CopiedSampleWarning
        Where two of the three are one array.

    References
    ----------
    Meehan, Chaudhuri and Dasgupta, "A non-parametric test to detect data-copying in generative
    models", AISTATS 2020. Their code adds 1/2 to U; ties: Lehmann, "Nonparametrics",
    1975, section 1.4.

    Examples
    --------
    >>> import numpy as np, parzen
    >>> train, test, fake = np.random.default_rng(0).normal(size=(3, 300, 4))
    >>> abs(parzen.data_copying_test(train, test, fake).z) < 3
    True
    >>> parzen.data_copying_test(train, test, train + 0.1 * fake).z < -10
    True
    """
    function = "data_copying_test"
    least_fake = LEAST if least is None else as_integer(f"{function}: least", least, 1)
    if cells is None and least is not None:
        raise ValueError(f"{function}: least={least!r} has no effect without cells; leave it out")
    seed = as_seed(f"{function}: seed", seed)
    a, b, c = (
        s.astype(np.float64, copy=False)  # in one type, so that equal distances tie
        for s in as_train_test_fake(function, train, test, fake)
    )
    samples = a, b, c
    rows = _cells(function, cells, samples, seed)
    facts = {"train": len(a), "least": least_fake, "cells": len(rows), "seed": seed}
    record = provenance(function, b, c, **facts)
    standard = {**record, "null_deviation": 1.0}
    z = Estimate(_z(a, b, c, part(progress, 0.0, 0.5)), None, standard)
    by_cell: dict[Any, Estimate] = {}
    weights, values = [], []
    for i, (label, (in_train, in_test, in_fake)) in enumerate(rows.items()):
        step = part(progress, 0.5 + 0.5 * i / len(rows), 0.5 + 0.5 * (i + 1) / len(rows))
        if len(in_fake) > 0:
            value = _z(a[in_train], b[in_test], c[in_fake], step)
            by_cell[label] = Estimate(value, None, {**standard, "test": len(in_test)})
        if len(in_fake) >= least_fake:
            weights.append(len(in_test))
            values.append(float(by_cell[label]))
    if progress is not None:
        progress(1.0)
    p_value = Estimate(float(ndtr(float(z))), None, {**record, "range": [0.0, 1.0]})
    if not rows:
        return DataCopyingTest(z, p_value, z, {})
    if not weights:
        raise ValueError(
            f"{function}: none of the {len(rows)} cells has {least_fake} fake samples; pass fewer "
            f"cells or a smaller least"
        )
    shares = np.array(weights) / sum(weights)
    deviation = math.sqrt(shares @ shares)
    c_t = Estimate(float(shares @ values), None, {**record, "null_deviation": deviation})
    return DataCopyingTest(z, p_value, c_t, by_cell)


def _z(train: Samples, test: Samples, fake: Samples, progress: Progress | None) -> float:
    """Return Mann and Whitney's U of the distances of fake and test samples, standardised."""
    n, m = len(test), len(fake)
    both = np.concatenate([test, fake])
    # Squared distances have the order of distances. One call, so that equal pairs tie exactly.
    distances = _core.nearest(train, both, 1, center=center_of(train), progress=progress)[:, 0]
    _, of_row, counts = np.unique(distances, return_inverse=True, return_counts=True)
    mean_ranks = np.cumsum(counts) - (counts - 1) / 2.0
    u = math.fsum(mean_ranks[of_row[n:]]) - m * (m + 1) / 2.0
    total = n + m
    ties = float(np.sum(counts.astype(np.float64) ** 3 - counts))
    variance = n * m / 12.0 * (total + 1.0 - ties / (total * (total - 1.0)))
    return 0.0 if variance <= 0.0 else (u - n * m / 2.0) / math.sqrt(variance)


def _cells(
    function: str, cells: Any, samples: tuple[Samples, Samples, Samples], seed: int
) -> CellRows:
    """Return the rows of each cell: of train, test and fake; none without cells."""
    if cells is None:
        return {}
    names = ("train", "test", "fake")
    if isinstance(cells, Sequence) and not isinstance(cells, str) and len(cells) == 3:
        labels = list(cells)
    else:
        labels = _k_means(function, as_integer(f"{function}: cells", cells, 1), samples, seed)
    by_label = [
        rows_by_label(f"{function}: the cells of {name}", of_rows, len(s))
        for name, of_rows, s in zip(names, labels, samples, strict=True)
    ]
    none = np.empty(0, dtype=np.intp)
    every = in_order(dict.fromkeys(label for found in by_label for label in found))
    for name, found in zip(names[:2], by_label[:2], strict=True):
        missing = [label for label in every if label not in found]
        if missing:
            raise ValueError(
                f"{function}: {name} has no samples in {len(missing)} of {len(every)} cells: "
                f"{named(missing)}; pass fewer cells, or other ones"
            )
    a, b, c = by_label
    return {label: (a[label], b[label], c.get(label, none)) for label in every}


def _k_means(
    function: str, count: int, samples: tuple[Samples, Samples, Samples], seed: int
) -> list[object]:
    with needed_by(f"{function}: cells={count}", "latent", "pass the labels of the cells"):
        from sklearn.cluster import KMeans  # type: ignore[import-untyped]
    if count > len(samples[0]):
        raise ValueError(
            f"{function}: cells is {count}, train has {len(samples[0])} samples; pass "
            f"cells<={len(samples[0])}"
        )
    fitted = KMeans(count, n_init=10, random_state=seed).fit(samples[0])
    return [fitted.labels_, *(fitted.predict(s) for s in samples[1:])]
