"""Each metric of a comparison by its settings: the fields of a `Comparison`, and notes on them."""

from __future__ import annotations

import functools
import math
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np

from parzen._estimate import Estimate, part, provenance
from parzen.feature_sets import Array
from parzen.metrics.cmmd import cmmd
from parzen.metrics.fid_jackknife import enough_for, fid_jackknife
from parzen.metrics.frechet import SmallSampleWarning, fid
from parzen.metrics.inception_score import InceptionScore, inception_score
from parzen.metrics.kde import KernelDensity
from parzen.metrics.kid import kid
from parzen.metrics.log_density import log_density
from parzen.metrics.manifold import precision_recall
from parzen.metrics.vendi import vendi_score
from parzen.settings import BLOCKS, SPLITS, Settings

SUBSETS = 100
SUBSET_SIZE = 1000

Progress = Callable[[str, float], None]  # what is done now, and the fraction of it


def score_of(logits: Array, settings: Settings, progress: Progress | None) -> InceptionScore:
    """Return the Inception Score of the usual splits or, of fewer rows and no protocol, of one."""
    splits = 1 if settings.rules is None and len(logits) < SPLITS else SPLITS
    report = _stage(progress, "Inception Score")
    rules, seed = settings.rules, settings.seed
    return inception_score(logits, splits=splits, seed=seed, protocol=rules, progress=report)


def distances_of(
    real: Array, fake: Array, settings: Settings, progress: Progress | None
) -> tuple[dict[str, Any], list[str]]:
    """Return what the settings ask for of two sets of features."""
    rules, seed, names = settings.rules, settings.seed, settings.metrics
    found: dict[str, Any] = {}
    options: dict[str, Any]
    notes: list[str] = []
    if "fid" in names:
        values, notes = _fid(real, fake, settings, _stage(progress, "FID"))
        found |= values
    if "kid" in names:
        report = _stage(progress, "KID")
        found["kid"] = kid(real, fake, subsets=None, progress=report).mean
        missing = settings.subsets_missing(len(real), len(fake))
        if missing is not None:
            notes.append(missing)
        else:
            report = _stage(progress, "KID of subsets")
            options = _subsets(len(real), len(fake)) if rules is None else {"protocol": rules}
            if options:
                found["kid_subsets"] = kid(real, fake, seed=seed, progress=report, **options)
    if "prdc" in names:
        report = _stage(progress, "precision, recall")
        options = {"k": settings.k} if rules is None else {"protocol": rules}
        options |= {"halves": settings.halves, "seed": seed}
        found["precision_recall"] = precision_recall(real, fake, **options, progress=report)
    if "kde" in names:
        report = _stage(progress, "log-likelihood")
        found["log_likelihood"] = _log_likelihood(real, fake, settings, report)
    if "vendi" in names:
        report = _stage(progress, "Vendi score")
        found["vendi"] = vendi_score(fake, seed=seed, progress=report)
    if "cmmd" in names:
        found["cmmd"] = cmmd(real, fake, protocol=rules, progress=_stage(progress, "CMMD"))
    return found, notes


def _fid(
    real: Array, fake: Array, settings: Settings, progress: Callable[[float], None] | None
) -> tuple[dict[str, Estimate], list[str]]:
    """Return FID, by the jackknife also with its error and without its bias; warnings as notes."""
    n, m, d = len(real), len(fake), real.shape[1]
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        if settings.jackknife:
            options: dict[str, Any] = {"blocks": BLOCKS, "seed": settings.seed}
            both = fid_jackknife(real, fake, **options, protocol=settings.rules, progress=progress)
            found = {"fid": both.value, "fid_corrected": both.corrected}
        else:
            found = {"fid": fid(real, fake, protocol=settings.rules, progress=progress)}
    notes = [str(w.message) for w in caught if not issubclass(w.category, SmallSampleWarning)]
    if min(n, m) < 2 * d:  # as SmallSampleWarning has it, in words for a pair
        notes.append(
            f"FID is biased upwards: n = {n} and m = {m} are small beside d = {d}. Compare it only "
            f"at equal n and m; KID is unbiased."
        )
    if settings.jackknife and min(n, m) < enough_for(d):
        notes.append(
            f"FID, corrected, keeps a part of the bias: n = {n} and m = {m}, where {enough_for(d)} "
            f"are enough for d = {d}."
        )
    return found, notes


def _subsets(n: int, m: int) -> dict[str, Any]:
    """Return number and size of KID's subsets: the usual, else of half of the smaller sample."""
    least = min(n, m)
    size = SUBSET_SIZE if least >= SUBSET_SIZE else least // 2
    return {"subsets": SUBSETS, "subset_size": size} if size >= 2 else {}


def _log_likelihood(
    real: Array, fake: Array, settings: Settings, progress: Callable[[float], None] | None
) -> Estimate:
    """Return the mean log-density of the real samples under a kernel density of the fake ones.

    Its standard error over the real samples holds the density fixed: a lower bound. Over halves of
    both sets, each with a bandwidth of its own, it is that of the delete-d jackknife, as in
    `precision_recall`. It is somewhat too large, as the log of a sum over half of the samples
    varies by more than sqrt(2) times; the infinitesimal jackknife, which is first order in that
    log, is too small by half where few samples count (d = 128).
    """
    rule, halves = settings.bandwidth, settings.halves
    h = KernelDensity(rule).fit(fake).bandwidth_
    share = 4.0 / (4.0 + halves)  # a pair of halves is a quarter of the pairs
    values = log_density(fake, real, bandwidth=h, progress=part(progress, 0.0, share))
    n = len(values)
    facts: dict[str, Any] = {"bandwidth": h, "rule": rule if isinstance(rule, str) else "given"}
    if halves == 0:
        stderr = None if n < 2 else float(values.std(ddof=1)) / math.sqrt(n)
        facts["lower_bound"] = "the density is held fixed; pass halves=20"
    else:
        random = np.random.default_rng(settings.seed)
        means = []
        for i in range(halves):
            x, y = (
                z[np.sort(random.choice(len(z), len(z) // 2, replace=False))] for z in (real, fake)
            )
            own = KernelDensity(rule).fit(y).bandwidth_
            step = part(progress, *(share + (1.0 - share) * np.array([i, i + 1]) / halves))
            means.append(log_density(y, x, bandwidth=own, progress=step).mean())
        stderr = float(np.std(means, ddof=1))
        facts |= {"halves": halves, "seed": settings.seed, "degrees_of_freedom": halves - 1}
    return Estimate(
        math.fsum(values) / n, stderr, provenance("log_likelihood", real, fake, **facts)
    )


def _stage(progress: Progress | None, what: str) -> Callable[[float], None] | None:
    return None if progress is None else functools.partial(progress, what)
