"""The comparison of two sets of samples: every metric on the same features, in one object."""

from __future__ import annotations

import platform
import warnings
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import numpy as np
import scipy

from parzen import _core
from parzen._arrays import as_pair
from parzen._copies import COPIES, CopiedSampleWarning, common_rows
from parzen._estimate import Estimate, __version__
from parzen.encode import Encoder
from parzen.feature_sets import FeatureSet, check_same_origin, fingerprint
from parzen.measure import Progress, distances_of, score_of
from parzen.metrics.inception_score import InceptionScore
from parzen.metrics.kid import KID
from parzen.metrics.manifold import PrecisionRecall
from parzen.origins import origin_notes, origin_record, protocol_notes
from parzen.protocols import AnyProtocol
from parzen.reading import read_sets
from parzen.settings import SEED, Settings

if TYPE_CHECKING:
    from rich.table import Table


@dataclass(frozen=True)
class Comparison:
    """What `compare` found; a metric that was not computed is None.

    Attributes
    ----------
    fid
        Frechet Inception Distance.
    fid_corrected
        FID less its bias, where the jackknife was asked for.
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
    fid_corrected: Estimate | None = None
    kid: Estimate | None = None
    kid_subsets: KID | None = None
    inception_score: InceptionScore | None = None
    precision_recall: PrecisionRecall | None = None
    log_likelihood: Estimate | None = None
    vendi: Estimate | None = None
    cmmd: Estimate | None = None
    notes: tuple[str, ...] = ()
    protocol: dict[str, Any] = field(default_factory=dict)

    def table(self) -> Table:
        """Return the numbers as a table to print with rich; an error after ≥ is a lower bound."""
        from parzen.report import table

        return table(self)

    def to_dict(self) -> dict[str, Any]:
        """Return every value with its standard error, the notes and the protocol, for JSON."""
        from parzen.report import to_dict

        return to_dict(self)


def compare(
    real: object,
    fake: object,
    *,
    metrics: str | Iterable[str] | None = None,
    encoder: Encoder | str | Callable[[Any], Any] | None = None,
    seed: int = SEED,
    bandwidth: float | str | None = None,
    k: int | None = None,
    halves: int = 0,
    jackknife: bool = False,
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
        One or some of ``fid``, ``kid``, ``is``, ``prdc``, ``kde``, ``vendi``, ``cmmd``, or their
        longer names, as ``"inception_score"``. None: the first five, or those that the protocol
        has; the Inception Score only where there are images or logits.
    encoder
        How images become features: an `Encoder`, or the `network` of one, which is a name or a
        callable; None: as the protocol has it, else Inception with the published weights. An error
        where all sets are features.
    seed
        Of all that is drawn: KID's subsets, the shuffle of the Inception Score, halves, blocks.
    bandwidth
        Of the kernel density estimate: a number > 0, ``"scott"`` or ``"silverman"``. None:
        ``"scott"``.
    k
        The neighbour that a ball of precision and recall reaches to. None: 3.
    halves
        From how many random halves of both sets the standard errors of precision, recall, density,
        coverage and the log-likelihood are taken; 20 are enough, at a quarter of the cost each. 0:
        lower bounds, which hold balls and density fixed.
    jackknife
        Whether FID gets a standard error, and a second value without its bias; see
        `parzen.fid_jackknife`. It costs 20 Frechet distances more.
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
        Where an option has no effect on any of the metrics, or an encoder none on the sets.

    Examples
    --------
    >>> import numpy as np
    >>> from parzen.compare import compare
    >>> x, y = np.random.default_rng(0).normal(size=(2, 300, 8))
    >>> result = compare(x, y + 1, metrics=["kid", "kde"])
    >>> result.kid > 10 * result.kid.stderr
    True
    >>> list(compare(x, y, metrics="fid", jackknife=True).to_dict()["metrics"])
    ['fid', 'fid_corrected']
    """
    started = datetime.now(timezone.utc)
    settings = Settings.of(
        metrics=metrics,
        protocol=protocol,
        seed=seed,
        k=k,
        bandwidth=bandwidth,
        halves=halves,
        jackknife=jackknife,
    )
    x, (y,) = read_sets(real, [fake], encoder, settings)
    return compare_sets(x, y, settings, started, progress)


def compare_sets(
    x: FeatureSet, y: FeatureSet, settings: Settings, started: datetime, progress: Progress | None
) -> Comparison:
    """Compare two sets of features; x is empty where the Inception Score alone is asked for."""
    rules, wanted = settings.rules, settings.metrics
    sets = (x, y) if settings.pairwise else (y,)
    notes = origin_notes(*sets)
    if rules is not None:
        notes += protocol_notes(rules, wanted, *sets)
    found: dict[str, Any] = {}
    sizes: dict[str, Any] = {"n": None, "m": None, "d": None, "layer": None, "logits_layer": None}
    fingerprints: dict[str, str | None] = {"real": None, "fake": None, "logits": None}
    if settings.pairwise:
        check_same_origin(x, y)
        (layer, a), (other, b) = x.features(), y.features()
        if x.origin and y.origin and layer != other:
            raise ValueError(f"real has the features of layer {layer}, fake of {other}")
        fingerprints |= {"real": fingerprint(a), "fake": fingerprint(b)}
        a, b = as_pair(a, b, function="compare", names=("real", "fake"), independent=False)
        settings.check_sizes(len(a), len(b))
        sizes |= {"n": len(a), "m": len(b), "d": a.shape[1], "layer": layer}
        if fingerprints["real"] == fingerprints["fake"]:
            notes.append("real and fake are the same samples.")
        elif (common := common_rows(a, b)) == len(a) == len(b):
            notes.append("real and fake are the same samples, in another order.")
        elif common > COPIES * len(b):
            notes.append(f"{common / len(b):.0%} of the fake samples are copies of real ones.")
    if "is" in wanted:
        logits = y.logits()
        missing = "it needs logits, these are features"
        if logits is not None:
            missing = settings.splits_missing(len(logits[1])) or ""
        if missing and settings.named:
            raise ValueError(f"is: {missing}")
        if missing:
            notes.append(f"The Inception Score is left out: {missing}.")
        elif logits is not None:
            sizes |= {"m": len(logits[1]), "logits_layer": logits[0]}
            fingerprints["logits"] = fingerprint(logits[1])
            found["inception_score"] = score_of(logits[1], settings, progress)
    if settings.pairwise:
        with warnings.catch_warnings():  # a note says it, once
            warnings.simplefilter("ignore", CopiedSampleWarning)
            values, more = distances_of(a, b, settings, progress)
        found |= values
        notes += more
    bounds = [found.get("log_likelihood"), *(found.get("precision_recall") or ())]
    if any(value is not None and "lower_bound" in value.provenance for value in bounds):
        notes.append(
            "Standard errors after ≥ are lower bounds: balls or density are held fixed. The option "
            "halves (20 are enough) lets them vary."
        )

    origin = y.origin or x.origin or {}
    record = {
        "protocol": None if rules is None else rules.name,
        "rules": None if rules is None else rules.record(),
        "real": x.source,
        "fake": y.source,
        **sizes,
        "fingerprints": fingerprints,
        **origin_record(origin),
        "skipped": {"real": list(x.skipped), "fake": list(y.skipped)},
        "metrics": list(wanted),
        "seed": settings.seed,
        "k": settings.k,
        "bandwidth": settings.bandwidth,
        "halves": settings.halves,
        "jackknife": settings.jackknife,
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
        "seconds": round((datetime.now(timezone.utc) - started).total_seconds(), 3),
    }
    return Comparison(**found, notes=tuple(notes), protocol=record)
