"""The specification of `parzen.latent`: scores by their formulas, naively, in float64."""

import math
from collections import Counter

import numpy as np


def mixed(rng, n=600):
    """Codes that know something: one axis, one mixture, one that is noise, one that is dead."""
    factors = np.stack([rng.integers(3, size=n), rng.integers(5, size=n)], axis=1)
    noise = rng.normal(size=(n, 3))
    codes = [factors[:, 0] + 0.3 * noise[:, 0], factors.sum(axis=1) + noise[:, 1], noise[:, 2]]
    return np.stack([*codes, np.full(n, 0.1)], axis=1), factors


def bins_of(x, bins):
    """disentanglement_lib's: the last edge is left out, so that the maximum is in the last bin."""
    return np.digitize(x, np.histogram(x, bins)[1][:-1])


def entropy(values):
    n = len(values)
    return -math.fsum(c / n * math.log(c / n) for c in Counter(values).values())


def mutual_information(codes, factors, bins):
    """H(z) + H(v) - H(z, v) of each pair, nats."""
    found = np.empty((codes.shape[1], factors.shape[1]))
    for i, j in np.ndindex(*found.shape):
        z, v = bins_of(codes[:, i], bins).tolist(), factors[:, j].tolist()
        found[i, j] = entropy(z) + entropy(v) - entropy(list(zip(z, v, strict=True)))
    return found


def occupied(codes, factors, bins):
    """How many (bin, value) pairs, bins and values occur, for each pair of columns."""
    pairs = np.empty((codes.shape[1], factors.shape[1]))
    for i, j in np.ndindex(*pairs.shape):
        pairs[i, j] = len(set(zip(bins_of(codes[:, i], bins), factors[:, j], strict=True)))
    of_codes = np.array([len(set(bins_of(z, bins))) for z in codes.T])
    return pairs, of_codes[:, None], np.array([len(set(v)) for v in factors.T])


def mig(codes, factors, bins, corrected=False):
    mutual = mutual_information(codes, factors, bins)
    entropies = np.array([entropy(v.tolist()) for v in factors.T])
    if corrected:  # Miller's (K - 1) / 2n on each of the three entropies
        pairs, of_codes, of_factors = occupied(codes, factors, bins)
        n = len(codes)
        mutual += ((of_codes - 1) + (of_factors - 1) - (pairs - 1)) / (2 * n)
        entropies += (of_factors - 1) / (2 * n)
    gaps = []
    for column, h in zip(mutual.T, entropies, strict=True):
        second, first = sorted(column)[-2:]
        gaps.append((first - second) / h)
    return np.array(gaps)


def modularity(mutual):
    scores = []
    for row in mutual:
        best = row.max()
        others = (np.square(row).sum() - best**2) / (best**2 * (len(row) - 1)) if best > 0 else 1.0
        scores.append(1.0 - others)
    return np.mean(scores)


def sap_continuous(codes, factors):
    scores = np.array([[np.corrcoef(z, v)[0, 1] ** 2 for v in factors.T] for z in codes.T])
    return np.mean([sorted(column)[-1] - sorted(column)[-2] for column in scores.T])


def dci_disentanglement(importances):
    """Weighted mean over codes of one minus the entropy, to the base of the number of factors."""
    total, value = importances.sum(), 0.0
    for row in importances:
        if row.sum() > 0:
            p = row[row > 0] / row.sum()
            value += row.sum() / total * (1.0 + (p * np.log(p)).sum() / np.log(len(row)))
    return value


def roc_area(scores, positive):
    """The share of pairs (positive, negative) in the right order, ties by half."""
    pairs = [(a, b) for a in scores[positive] for b in scores[~positive]]
    return np.mean([1.0 if a > b else 0.5 if a == b else 0.0 for a, b in pairs])


def purity(truth, found):
    hits = [
        Counter(truth[found == cluster].tolist()).most_common(1)[0][1] for cluster in set(found)
    ]
    return sum(hits) / len(truth)


def silhouette(codes, labels):
    values = []
    for i, z in enumerate(codes):
        distances = np.sqrt(np.square(codes - z).sum(axis=1))
        own = np.flatnonzero((labels == labels[i]) & (np.arange(len(codes)) != i))
        if len(own) == 0:
            values.append(0.0)
            continue
        a = distances[own].mean()
        b = min(distances[labels == other].mean() for other in set(labels) - {labels[i]})
        values.append((b - a) / max(a, b))
    return np.mean(values)


def effective_rank(codes):
    sigma = np.linalg.svd(codes, compute_uv=False)
    p = sigma[sigma > 0] / sigma.sum()
    return np.exp(-(p * np.log(p)).sum())


def participation_ratio(codes):
    covariance = np.atleast_2d(np.cov(codes, rowvar=False))
    return np.trace(covariance) ** 2 / np.square(covariance).sum()


def ssim(a, b, data_range):
    """Wang et al. 2004, equation 13, with an 11 x 11 Gaussian window inside the image."""
    t = np.arange(-5, 6)
    w = np.exp(-(t**2) / (2 * 1.5**2))
    w = np.outer(w, w) / np.outer(w, w).sum()
    c1, c2 = (0.01 * data_range) ** 2, (0.03 * data_range) ** 2
    values = []
    for i in range(a.shape[0] - 10):
        for j in range(a.shape[1] - 10):
            x, y = a[i : i + 11, j : j + 11], b[i : i + 11, j : j + 11]
            mx, my = (w * x).sum(), (w * y).sum()
            vx, vy = (w * (x - mx) ** 2).sum(), (w * (y - my) ** 2).sum()
            vxy = (w * (x - mx) * (y - my)).sum()
            values.append(
                (2 * mx * my + c1) * (2 * vxy + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))
            )
    return np.mean(values)
