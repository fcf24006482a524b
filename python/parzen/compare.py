"""The comparison of two sets of samples: every metric on the same features, in one object."""

from __future__ import annotations

import functools
import math
import platform
import time
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import Any

import numpy as np
import scipy

from parzen import _core, protocols
from parzen._estimate import Estimate, __version__, provenance
from parzen._options import as_integer, as_seed
from parzen.encode import Encoder
from parzen.feature_sets import (
    LOGITS,
    Array,
    check_names,
    check_same_origin,
)
from parzen.metrics.cmmd import cmmd
from parzen.metrics.frechet import SmallSampleWarning, fid
from parzen.metrics.inception_score import InceptionScore, inception_score
from parzen.metrics.kde import KernelDensity
from parzen.metrics.kid import KID, kid
from parzen.metrics.log_density import log_density
from parzen.metrics.manifold import PrecisionRecall, precision_recall
from parzen.metrics.vendi import vendi_score
from parzen.origins import origin_notes, origin_record, protocol_notes
from parzen.protocols import AnyProtocol, Protocol

USUAL = ("fid", "kid", "is", "prdc", "kde")
METRICS = (*USUAL, "vendi", "cmmd")
RULE_OF = {
    "fid": "fid",
    "kid": "kid",
    "is": "inception_score",
    "prdc": "precision_recall",
    "cmmd": "cmmd",
}  # of a protocol
SPLITS = 10
SUBSETS = 100
SUBSET_SIZE = 1000

Progress = Callable[[str, float], None]  # what is done now, and the fraction of it


@dataclass(frozen=True)
class Comparison:
    """What `compare` found; a metric that was not computed is None.

    Attributes
    ----------
    fid
        Frechet Inception Distance.
    kid
        KID of all samples, unbiased, with its standard error.
    kid_subsets
        Mean and standard deviation of KID over random subsets, as torch-fidelity has it.
    inception_score
        Of the fake samples.
    precision_recall
        Precision, recall, density, coverage.
    log_likelihood
        The mean log-density of the real samples under a Gaussian kernel density estimate on the
        fake ones, in nats.
    vendi
        Vendi score of the fake samples: their effective number.
    cmmd
        CMMD; published numbers are of CLIP's embeddings.
    notes
        What a reader of the numbers has to know, in sentences.
    protocol
        What is needed to compute the numbers again.
    """

    fid: Estimate | None = None
    kid: Estimate | None = None
    kid_subsets: KID | None = None
    inception_score: InceptionScore | None = None
    precision_recall: PrecisionRecall | None = None
    log_likelihood: Estimate | None = None
    vendi: Estimate | None = None
    cmmd: Estimate | None = None
    notes: tuple[str, ...] = ()
    protocol: dict[str, Any] = field(default_factory=dict)


def compare(
    real: object,
    fake: object,
    *,
    metrics: Iterable[str] | None = None,
    encoder: Encoder | str | Callable[[Any], Any] | None = None,
    seed: int = 2020,
    bandwidth: float | str = "scott",
    k: int = 3,
    protocol: AnyProtocol | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Compare two sets of images or of features.

    Parameters
    ----------
    real, fake
        A folder, a zip file or an array file (.npy, .npz) of images; an array file of features
        (n, d), as ``parzen features`` writes it; an array of features (n, d); a `FeatureSet`, of
        features and logits; or what else `parzen.vision.extract` takes.
    metrics
        Some of ``fid``, ``kid``, ``is``, ``prdc``, ``kde``, ``vendi``, ``cmmd``. None: the first
        five, or those that the protocol has; the Inception Score only where there are images or
        logits.
    encoder
        How images become features: an `Encoder`, or the `network` of one, which is a name or a
        callable; None: as the protocol has it, else Inception with the published weights. Not used
        where features are given.
    seed
        Of the random subsets of KID and of the shuffle of the Inception Score.
    bandwidth
        Of the kernel density estimate: a number > 0, ``"scott"`` or ``"silverman"``.
    k
        The neighbour that a ball of precision and recall reaches to.
    protocol
        A package whose numbers are to be had: its resize, normalisation and rules of each metric;
        see `parzen.protocol`.
    progress
        Called with what is done now and the fraction of it.

    Returns
    -------
    Comparison
        The estimates, notes on them, and the protocol.

    Raises
    ------
    ValueError, TypeError, OSError
        Where a set cannot be read or the two cannot be compared; the message says which and why.

    Examples
    --------
    >>> import numpy as np
    >>> from parzen.compare import compare
    >>> x, y = np.random.default_rng(0).normal(size=(2, 300, 8))
    >>> result = compare(x, y + 1, metrics=["kid", "kde"])
    >>> result.kid > 10 * result.kid.stderr
    True
    """
    started, clock = datetime.now(timezone.utc), time.perf_counter()
    rules = None if protocol is None else protocols.protocol(protocol)
    wanted = _wanted(metrics, rules)
    seed, k = as_seed("compare: seed", seed), as_integer("compare: k", k, 1)
    pairwise = [name for name in wanted if name != "is"]
    if encoder is None:
        encoder = Encoder() if rules is None else Encoder.of(rules)
    elif not isinstance(encoder, Encoder):
        encoder = Encoder(encoder) if rules is None else Encoder.of(rules, network=encoder)

    main = encoder.main if pairwise else ()
    logits_layer = (LOGITS[:1] if metrics is not None else encoder.logits) if "is" in wanted else ()
    # First the set that may lack logits. Of it alone is the Inception Score: with nothing else
    # asked, real is not read.
    y = encoder.read(fake, main + logits_layer)
    x = encoder.read(real, main) if pairwise else None

    notes = origin_notes(x, y)
    if rules is not None:
        notes += protocol_notes(rules, wanted, x, y)
    found: dict[str, Any] = {}
    sizes: dict[str, Any] = {"n": None, "m": None, "d": None, "layer": None, "logits_layer": None}
    if "is" in wanted:
        logits = y.logits()
        if logits is not None:
            sizes |= {"m": len(logits[1]), "logits_layer": logits[0]}
            report = _stage(progress, "Inception Score")
            found["inception_score"] = _inception_score(logits[1], seed, rules, report)
        elif metrics is None:
            notes.append("The Inception Score is left out: it needs logits, these are features.")
        else:
            raise ValueError(
                f"is: {y.source} has no logits, which the Inception Score needs; give images, or "
                f"a .npz file with an array logits_unbiased (n, classes) beside the features"
            )
    if x is not None:
        check_same_origin(x, y)
        (layer, a), (other, b) = x.features(), y.features()
        if x.origin and y.origin and layer != other:
            raise ValueError(f"real has the features of layer {layer}, fake of {other}")
        sizes |= {"n": len(a), "m": len(b), "d": a.shape[1], "layer": layer}
        if "fid" in wanted:
            found["fid"], warned = _fid(a, b, rules, _stage(progress, "FID"))
            notes += warned
        if "kid" in wanted:
            found["kid"], found["kid_subsets"] = _kid(a, b, seed, rules, progress)
        if "prdc" in wanted:
            report = _stage(progress, "precision, recall")
            found["precision_recall"] = precision_recall(a, b, k=k, protocol=rules, progress=report)
        if "kde" in wanted:
            report = _stage(progress, "log-likelihood")
            found["log_likelihood"] = _log_likelihood(a, b, bandwidth, report)
        if "vendi" in wanted:
            found["vendi"] = vendi_score(b, seed=seed, progress=_stage(progress, "Vendi score"))
        if "cmmd" in wanted:
            found["cmmd"] = cmmd(a, b, protocol=rules, progress=_stage(progress, "CMMD"))

    origin = y.origin or (x.origin if x else None) or {}
    record = {
        "protocol": None if rules is None else rules.name,
        "rules": None if rules is None else rules.record(),
        "real": x.source if x else str(real),
        "fake": y.source,
        **sizes,
        **origin_record(origin),
        "skipped": {"real": list(x.skipped) if x else [], "fake": list(y.skipped)},
        "metrics": list(wanted),
        "seed": seed,
        "k": k,
        "bandwidth": bandwidth,
        "device": "cpu",
        "instruction_set": _core.isa(),
        "threads": _core.get_num_threads(),
        "versions": {
            "parzen": __version__,
            "numpy": np.__version__,
            "scipy": scipy.__version__,
            "torch": origin.get("torch"),
            "python": platform.python_version(),
        },
        "started": started.isoformat(timespec="seconds"),
        "seconds": round(time.perf_counter() - clock, 3),
    }
    return Comparison(**found, notes=tuple(notes), protocol=record)


def _inception_score(
    logits: Array, seed: int, rules: Protocol | None, progress: Callable[[float], None] | None
) -> InceptionScore:
    """Return the score of the usual splits or, with too few rows and no protocol, of one."""
    splits = 1 if rules is None and len(logits) < SPLITS else SPLITS
    return inception_score(logits, splits=splits, seed=seed, protocol=rules, progress=progress)


def _fid(
    real: Array,
    fake: Array,
    rules: Protocol | None,
    progress: Callable[[float], None] | None,
) -> tuple[Estimate, list[str]]:
    """Return FID, and its warnings as notes."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        value = fid(real, fake, protocol=rules, progress=progress)
    n, m, d = len(real), len(fake), real.shape[1]
    notes = [str(w.message) for w in caught if not issubclass(w.category, SmallSampleWarning)]
    if len(notes) < len(caught):
        notes.append(
            f"FID is biased upwards: n = {n} and m = {m} are small beside d = {d}. Compare it only "
            f"at equal n and m; KID is unbiased."
        )
    return value, notes


def _kid(
    real: Array, fake: Array, seed: int, rules: Protocol | None, progress: Progress | None
) -> tuple[Estimate, KID | None]:
    """Return KID of all samples, and over the protocol's subsets or those of the usual size.

    With too few samples and no protocol the subsets are of half of them.
    """
    report = _stage(progress, "KID")
    full = kid(real, fake, subsets=None, progress=report).mean
    if rules is not None:
        report = _stage(progress, "KID of subsets")
        return full, kid(real, fake, seed=seed, protocol=rules, progress=report)
    least = min(len(real), len(fake))
    size = SUBSET_SIZE if least >= SUBSET_SIZE else least // 2
    if size < 2:
        return full, None
    report = _stage(progress, "KID of subsets")
    subsets = kid(real, fake, subsets=SUBSETS, subset_size=size, seed=seed, progress=report)
    return full, subsets


def _log_likelihood(
    real: Array,
    fake: Array,
    bandwidth: float | str,
    progress: Callable[[float], None] | None,
) -> Estimate:
    h = KernelDensity(bandwidth).fit(fake).bandwidth_
    values = log_density(fake, real, bandwidth=h, progress=progress)
    n = len(values)
    stderr = None if n < 2 else float(values.std(ddof=1)) / math.sqrt(n)
    rule = bandwidth if isinstance(bandwidth, str) else "given"
    record = provenance("log_likelihood", real, fake, bandwidth=h, rule=rule)
    return Estimate(math.fsum(values) / n, stderr, record)


def _wanted(metrics: Iterable[str] | None, rules: Protocol | None) -> tuple[str, ...]:
    """Return the metrics asked for, or all that the protocol has."""
    if metrics is not None:
        return check_names("metrics", metrics, METRICS)
    if rules is None:
        return USUAL
    found = tuple(name for name, rule in RULE_OF.items() if getattr(rules, rule) is not None)
    if not found:
        raise ValueError(f"compare: protocol {rules.name!r} has none of {', '.join(RULE_OF)}")
    return found


def _stage(progress: Progress | None, what: str) -> Callable[[float], None] | None:
    return None if progress is None else functools.partial(progress, what)
