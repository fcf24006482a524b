"""All scores of a latent space in one table."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from parzen._estimate import Estimate
from parzen.latent._arrays import as_codes_and_factors, as_labels
from parzen.latent.beta_vae import beta_vae
from parzen.latent.bootstrap import REPLICATES
from parzen.latent.capacity import ActiveUnits, active_units, effective_rank, participation_ratio
from parzen.latent.clustering import Clustering, kmeans, silhouette
from parzen.latent.dci import DCI, dci
from parzen.latent.explicitness import explicitness
from parzen.latent.factor_vae import factor_vae
from parzen.latent.heat_map import factor_names, heat_map
from parzen.latent.holdout import TEST_SIZE
from parzen.latent.mig import MIG, mig
from parzen.latent.modularity import modularity
from parzen.latent.mutual_information import BINS, mutual_information
from parzen.latent.rate_distortion import RatePoint
from parzen.latent.sap import sap

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.table import Table

SILHOUETTE_ROWS = 5000  # its cost is their square


@dataclass(frozen=True)
class Report:
    """What `report` found: every score as its own function gives it.

    Attributes
    ----------
    mig, mig_corrected
        `MIG`, plain and less the bias of finite samples.
    sap, modularity, explicitness, factor_vae, beta_vae
        Numbers.
    dci
        `DCI`.
    active_units, effective_rank, participation_ratio
        How many dimensions are in use.
    silhouette, kmeans
        Of the labels; None where none were given.
    curve
        The points of `rate_distortion` that were given.
    mutual_information
        (c, k) nats.
    names
        Of the factors.
    """

    mig: MIG
    mig_corrected: MIG
    sap: Estimate
    dci: DCI
    modularity: Estimate
    explicitness: Estimate
    factor_vae: Estimate
    beta_vae: Estimate
    active_units: ActiveUnits
    effective_rank: Estimate
    participation_ratio: Estimate
    silhouette: Estimate | None
    kmeans: Clustering | None
    curve: tuple[RatePoint, ...]
    mutual_information: NDArray[np.float64]
    names: tuple[str, ...]

    def lines(self) -> Iterator[tuple[str, Estimate, str]]:
        """Yield name, number and a note on its range."""
        c, k = self.mutual_information.shape
        between, interval = "", self.mig_corrected.gap.provenance.get("interval")
        if interval is not None:
            between = "; {low:.3f} to {high:.3f} at {level:.0%}".format(**interval)
        usual = self.dci.informativeness.provenance["most_frequent"]
        yield "MIG", self.mig.gap, "0 to 1"
        yield "  bias-corrected", self.mig_corrected.gap, f"0 to 1{between}"
        yield "SAP", self.sap, "0 to 1 less chance"
        yield "DCI disentanglement", self.dci.disentanglement, "0 to 1"
        yield "DCI completeness", self.dci.completeness, "0 to 1"
        yield "DCI informativeness", self.dci.informativeness, f"chance {usual:.3g} to 1"
        yield "Modularity", self.modularity, "0 to 1"
        yield "Explicitness", self.explicitness, "chance 0.5 to 1"
        yield "FactorVAE score", self.factor_vae, f"chance {1 / k:.3g} to 1"
        yield "BetaVAE score", self.beta_vae, f"chance {1 / k:.3g} to 1"
        yield "Active units", self.active_units.active, f"of {c}"
        yield "Effective rank", self.effective_rank, f"of {c}"
        yield "Participation ratio", self.participation_ratio, f"of {c}"
        if self.silhouette is not None:
            yield "Silhouette", self.silhouette, "-1 to 1"
        if self.kmeans is not None:
            names = ("NMI", "ARI", "V-measure", "homogeneity", "completeness", "purity")
            for name, value in zip(names, self.kmeans, strict=True):
                yield f"k-means {name}", value, f"k = {value.provenance['k']}"
        for point in self.curve:
            at = f"at {point.rate:.4g} bits"
            yield f"MSE {at}", point.mse, "lower is better"
            yield f"PSNR {at}", point.psnr, "dB"
            if point.ssim is not None:
                yield f"SSIM {at}", point.ssim, "up to 1"

    def table(self) -> Table:
        """Return the scores as a rich table, to print on a `rich.console.Console`."""
        from rich import box
        from rich.table import Table
        from rich.text import Text

        from parzen.report import figures

        layout = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
        layout.add_column("metric", no_wrap=True)
        for name in ("value", "std. error"):
            layout.add_column(name, justify="right", no_wrap=True)
        layout.add_column("notes", style="dim")
        for name, value, note in self.lines():
            if value is self.active_units.active:
                layout.add_row(Text(name), f"{value:.0f}", "-", note)
            else:
                layout.add_row(Text(name), *figures(value, value.stderr), note)
        return layout

    def to_dict(self) -> dict[str, Any]:
        """Return all as plain data for JSON; an infinite number is None."""
        return {
            "scores": {
                name.strip(): {"value": _finite(value), "stderr": value.stderr, **value.provenance}
                for name, value, _ in self.lines()
            },
            "mig_per_factor": dict(zip(self.names, self.mig.per_factor.tolist(), strict=True)),
            "unit_variances": self.active_units.variances.tolist(),
            "importances": self.dci.importances.tolist(),
            "mutual_information": self.mutual_information.tolist(),
            "factors": list(self.names),
        }

    def heat_map(self, path: str | os.PathLike[str] | None = None) -> Figure:
        """Draw the mutual information of codes and factors; see `parzen.latent.heat_map`."""
        return heat_map(self.mutual_information, path, names=self.names)


def report(
    codes: object,
    factors: object,
    *,
    names: Sequence[str] | None = None,
    labels: object = None,
    curve: Sequence[RatePoint] = (),
    bins: int = BINS,
    estimator: Any = "boosting",
    test_size: float = TEST_SIZE,
    train_batches: int = 10_000,
    test_batches: int = 5_000,
    bootstraps: int = REPLICATES,
    seed: int = 0,
    n_jobs: int | None = -1,
) -> Report:
    """Return every score of codes about factors in one object that prints as one table.

    Parameters
    ----------
    codes
        (n, c) numbers, c >= 2; posterior means as a rule.
    factors
        (n, k) integers, k >= 2, each factor with two values or more.
    names
        Of the k factors.
    labels
        (n,) integers or strings; silhouette (of at most 5000 random rows) and k-means are of these.
    curve
        What `rate_distortion` returned, to stand in the same table.
    bins, estimator, test_size, bootstraps, seed, n_jobs
        As in the functions of the scores; all processors by default. "boosting" takes most of the
        time.
    train_batches, test_batches
        Of the FactorVAE and BetaVAE scores.

    Returns
    -------
    Report
        The scores; ``.table()``, ``.to_dict()``, ``.heat_map(path)``.

    Raises
    ------
    ValueError, TypeError
        Where codes, factors, labels or options are not as described.

    References
    ----------
    Locatello et al., "Challenging common assumptions in the unsupervised learning of disentangled
    representations", ICML 2019.

    Examples
    --------
    >>> import numpy as np
    >>> from parzen import latent
    >>> factors = np.random.default_rng(0).integers(4, size=(400, 2))
    >>> found = latent.report(
    ...     factors, factors, estimator="forest", train_batches=200, test_batches=200, bootstraps=20
    ... )
    >>> float(found.factor_vae), found.table().row_count
    (1.0, 13)
    """
    z, given = as_codes_and_factors(
        codes, factors, function="report", least_codes=2, least_factors=2
    )
    named = tuple(factor_names("report", names, len(given.sizes)))
    if labels is not None:  # before anything slow
        labels = as_labels("labels", labels, function="report", rows=len(z))
    v = given.values
    split: dict[str, Any] = {"test_size": test_size, "seed": seed, "n_jobs": n_jobs}
    again: dict[str, Any] = {"bootstraps": bootstraps, "seed": seed}
    drawn: dict[str, Any] = {
        "train_batches": train_batches,
        "test_batches": test_batches,
        "test_size": test_size,
        "seed": seed,
    }
    return Report(
        mig=mig(z, v, bins=bins, **again),
        mig_corrected=mig(z, v, bins=bins, corrected=True, **again),
        sap=sap(z, v, bootstraps=bootstraps, **split),
        dci=dci(z, v, estimator=estimator, **split),
        modularity=modularity(z, v, bins=bins, **again),
        explicitness=explicitness(z, v, **split),
        factor_vae=factor_vae(z, v, **drawn),
        beta_vae=beta_vae(z, v, **drawn),
        active_units=active_units(z),
        effective_rank=effective_rank(z),
        participation_ratio=participation_ratio(z),
        silhouette=None
        if labels is None
        else silhouette(z, labels, sample_size=min(len(z), SILHOUETTE_ROWS), seed=seed),
        kmeans=None if labels is None else kmeans(z, labels, **again),
        curve=tuple(curve),
        mutual_information=mutual_information(z, v, bins=bins),
        names=named,
    )


def _finite(value: Estimate) -> float | None:
    return float(value) if np.isfinite(value) else None
