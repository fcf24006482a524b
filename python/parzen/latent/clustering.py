"""Clusters against labels, and labels against the geometry of codes."""

from __future__ import annotations

import math
import warnings
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.cluster import KMeans  # type: ignore[import-untyped]
from sklearn.metrics import (  # type: ignore[import-untyped]
    adjusted_rand_score,
    homogeneity_completeness_v_measure,
    normalized_mutual_info_score,
    silhouette_samples,
)
from sklearn.metrics.cluster import contingency_matrix  # type: ignore[import-untyped]

from parzen._estimate import Estimate, __version__, provenance
from parzen._options import as_integer, as_seed
from parzen.latent._arrays import Indices, as_codes, as_labels
from parzen.latent.bootstrap import REPLICATES, as_replicates, replicates, stderr


class Clustering(NamedTuple):
    """How far two labellings of the same rows agree; 1 is perfect.

    Attributes
    ----------
    nmi
        Mutual information over the mean of the two entropies.
    ari
        Adjusted Rand index: 0 on average by chance, negative below.
    v_measure
        The harmonic mean of homogeneity and completeness; equal to `nmi`.
    homogeneity
        Whether each cluster has rows of one label only.
    completeness
        Whether all rows of a label are in one cluster.
    purity
        The share of rows that have their cluster's most frequent label; 1 for clusters of one row.
    """

    nmi: Estimate
    ari: Estimate
    v_measure: Estimate
    homogeneity: Estimate
    completeness: Estimate
    purity: Estimate


def clustering(
    labels_true: object, labels_pred: object, *, bootstraps: int = REPLICATES, seed: int = 0
) -> Clustering:
    """Return how far predicted clusters agree with true labels.

    Parameters
    ----------
    labels_true, labels_pred
        (n,) integers or strings. Which of them stands for which cluster does not matter.
    bootstraps
        How many times rows are drawn again for the standard errors; 0: none.
    seed
        Of the bootstrap.

    Returns
    -------
    Clustering
        Six numbers. The labellings are held fixed: that another sample would be clustered
        otherwise is not in their standard errors. None where all draws give the same number.

    Raises
    ------
    ValueError, TypeError
        Where labels or options are not as described.

    References
    ----------
    NMI and ARI: Vinh et al., JMLR 11, 2010; Hubert and Arabie, Journal of Classification 2, 1985.
    V-measure: Rosenberg and Hirschberg, EMNLP 2007. Purity: Manning et al., "Introduction to
    information retrieval", 2008, equation 16.1.

    Examples
    --------
    >>> from parzen import latent
    >>> result = latent.clustering([0, 0, 1, 1, 2, 2], [5, 5, 3, 3, 3, 3])
    >>> round(result.purity, 3), float(result.completeness)
    (0.667, 1.0)
    """
    truth = as_labels("labels_true", labels_true, function="clustering")
    found = as_labels("labels_pred", labels_pred, function="clustering", rows=len(truth))
    bootstraps = as_replicates("clustering", bootstraps)
    seed = as_seed("clustering: seed", seed)
    record = {
        "metric": "clustering",
        "n": len(truth),
        "labels": int(truth.max()) + 1,
        "clusters": int(found.max()) + 1,
        "bootstraps": bootstraps,
        "seed": seed,
        "version": __version__,
    }
    return _agreement(truth, found, bootstraps, seed, record)


def kmeans(
    codes: object,
    labels: object,
    *,
    k: int | None = None,
    starts: int = 10,
    bootstraps: int = REPLICATES,
    seed: int = 0,
) -> Clustering:
    """Return how far the k-means clusters of codes agree with labels.

    Parameters
    ----------
    codes
        (n, c) numbers, taken as they are: scale the columns that should weigh the same.
    labels
        (n,) integers or strings.
    k
        Number of clusters; None: as many as there are labels.
    starts
        How many random starts (k-means++) the best is taken of.
    bootstraps
        As in `clustering`.
    seed
        Of the starts and the bootstrap.

    Returns
    -------
    Clustering
        As of `clustering`, with ``k`` and the ``inertia`` (summed squared distance to the centres)
        in the provenance.

    Raises
    ------
    ValueError, TypeError
        Where codes, labels or options are not as described; where fewer than k rows differ.

    References
    ----------
    Arthur and Vassilvitskii, "k-means++: the advantages of careful seeding", SODA 2007.

    Examples
    --------
    >>> import numpy as np
    >>> from parzen import latent
    >>> labels = np.arange(300) % 3
    >>> codes = 9.0 * np.eye(3)[labels] + np.random.default_rng(0).normal(size=(300, 3))
    >>> float(latent.kmeans(codes, labels).ari)
    1.0
    """
    z = as_codes(codes, function="kmeans")
    truth = as_labels("labels", labels, function="kmeans", rows=len(z))
    k = int(truth.max()) + 1 if k is None else as_integer("kmeans: k", k, 1)
    starts = as_integer("kmeans: starts", starts, 1)
    bootstraps = as_replicates("kmeans", bootstraps)
    seed = as_seed("kmeans: seed", seed)
    different = len(np.unique(z, axis=0))
    if different < k:
        raise ValueError(f"kmeans: k is {k}, codes has {different} different rows")
    model = KMeans(n_clusters=k, n_init=starts, random_state=seed).fit(z - z.mean(axis=0))
    record = provenance(
        "kmeans",
        z,
        k=k,
        starts=starts,
        bootstraps=bootstraps,
        seed=seed,
        lower_bound="the clusters are held fixed",
        inertia=float(model.inertia_),
    )
    return _agreement(truth, model.labels_.astype(np.int64), bootstraps, seed, record)


def silhouette(
    codes: object, labels: object, *, sample_size: int | None = None, seed: int = 0
) -> Estimate:
    """Return the mean silhouette of labelled codes.

    That of a row is (b - a) / max(a, b), a its mean distance to rows of its label, b the least mean
    distance to those of another label; 0 where it is the only one of its label.

    Parameters
    ----------
    codes
        (n, c) numbers; distances are Euclidean.
    labels
        (n,) integers or strings, with at least two values and at least one row that is not alone.
    sample_size
        Take so many random rows; None: all, at a cost of n^2 distances, a part at a time.
    seed
        Of the sample.

    Returns
    -------
    Estimate
        -1 to 1. The standard error is that of a mean over rows with the labelled set held fixed:
        a lower bound.

    Raises
    ------
    ValueError, TypeError
        Where codes, labels or options are not as described.

    References
    ----------
    Rousseeuw, "Silhouettes", Journal of Computational and Applied Mathematics 20, 1987.

    Examples
    --------
    >>> import numpy as np
    >>> from parzen import latent
    >>> labels = np.arange(300) % 3
    >>> codes = 9.0 * np.eye(3)[labels] + np.random.default_rng(0).normal(size=(300, 3))
    >>> latent.silhouette(codes, labels) > 0.7
    True
    """
    z = as_codes(codes, function="silhouette", min_rows=3)
    found = as_labels("labels", labels, function="silhouette", rows=len(z))
    seed = as_seed("silhouette: seed", seed)
    if sample_size is not None:
        sample_size = as_integer("silhouette: sample_size", sample_size, 3)
        if sample_size > len(z):
            raise ValueError(f"silhouette: sample_size is {sample_size}, codes has {len(z)} rows")
        rows = np.random.default_rng(seed).choice(len(z), sample_size, replace=False)
        z, found = z[rows], found[rows]
    values = len(np.unique(found))
    if not 2 <= values < len(z):
        raise ValueError(
            f"silhouette: labels has {values} values in {len(z)} rows, expected at least 2 and "
            f"fewer than rows"
        )
    # Centred first: distances come from products, which lose digits far from the origin.
    of_rows = silhouette_samples(z - z.mean(axis=0), found)
    record = provenance(
        "silhouette",
        z,
        labels=values,
        sample_size=sample_size,
        seed=seed,
        range=[-1.0, 1.0],
        lower_bound="the other rows are held fixed",
    )
    return Estimate(of_rows.mean(), of_rows.std(ddof=1) / math.sqrt(len(z)), record)


def _agreement(
    truth: Indices, found: Indices, bootstraps: int, seed: int, record: dict[str, object]
) -> Clustering:
    values = _scores(truth, found)
    drawn = replicates(lambda rows: _scores(truth[rows], found[rows]), len(truth), bootstraps, seed)
    errors = [stderr(column) for column in drawn.T] if bootstraps else [None] * len(values)
    return Clustering(*(Estimate(v, e, record) for v, e in zip(values, errors, strict=True)))


def _scores(truth: Indices, found: Indices) -> NDArray[np.float64]:
    with warnings.catch_warnings():
        # It takes many clusters for a regression's targets; integers are labels here.
        warnings.filterwarnings("ignore", "The number of unique classes is greater than 50%")
        homogeneity, completeness, v_measure = homogeneity_completeness_v_measure(truth, found)
        nmi = normalized_mutual_info_score(truth, found)
        ari = adjusted_rand_score(truth, found)
        purity = contingency_matrix(truth, found, sparse=True).max(axis=0).sum() / len(truth)
    scores = [nmi, ari, v_measure, homogeneity, completeness, purity]
    return np.minimum(scores, 1.0)  # above it by rounding only
