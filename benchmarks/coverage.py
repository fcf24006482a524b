"""Whether the error bars are right, by simulation: `python -m benchmarks.coverage`.

Each interval is taken 1000 times of fresh samples from clearly separated distributions; how often
it holds what it is for goes into docs/statistics.md. Of each test the p-values under the null are
compared with the uniform distribution, of pairs of models it is counted how often one is claimed
nearer, of FID's correction how much of the bias it leaves. `--replications N` for a quick look,
which writes nothing.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import scipy.stats

import parzen
from benchmarks.coverage_models import CLAIMS, CORRECTIONS, DIMENSIONS, claims, exact, left_of_bias
from benchmarks.run import write
from parzen import Estimate, latent

PAGE = Path(__file__).parent.parent / "docs" / "statistics.md"
LEVEL = 0.95
N, M, D = 200, 250, 5
SHIFT, SCALE = 0.5, 1.2


@dataclass(frozen=True)
class Interval:
    """An interval that is tried.

    Attributes
    ----------
    name, estimand
        For the table.
    draw
        Random generator to one estimate.
    truth
        What it estimates; None: its own expectation at this n, the mean of all replications.
    """

    name: str
    estimand: str
    draw: Callable[[np.random.Generator], Estimate]
    truth: float | None = None


@dataclass(frozen=True)
class Null:
    """A test that is tried where its hypothesis holds."""

    name: str
    draw: Callable[[np.random.Generator], float]
    times: int = 1  # as many replications: what is not exact is looked at more closely


def pair(rng: np.random.Generator, n: int = N, m: int = M, d: int = D) -> tuple[Any, Any]:
    """Return a real sample, standard normal, and a fake one, shifted and wider."""
    return rng.standard_normal((n, d)), SCALE * rng.standard_normal((m, d)) + SHIFT


def logits(rng: np.random.Generator, n: int = 500) -> Any:
    """Return logits of seven classes of ten."""
    return 2.0 * rng.standard_normal((n, 10)) + 2.0 * np.eye(10)[rng.integers(0, 7, n)]


def gaussian_mmd(h: float) -> float:
    """MMD^2 of the two normal distributions of `pair` with the kernel exp(-|x-y|^2 / 2 h^2)."""

    def mean(variance: float, shift: float) -> float:
        total = h * h + variance
        return (h * h / total) ** (D / 2) * np.exp(-D * shift**2 / (2.0 * total))

    return mean(2.0, 0.0) + mean(2.0 * SCALE**2, 0.0) - 2.0 * mean(1.0 + SCALE**2, SHIFT)


P = parzen.Normal(np.zeros(D), np.eye(D))
Q = parzen.Normal(np.full(D, SHIFT), SCALE**2 * np.eye(D))
FRECHET = D * (SHIFT**2 + (SCALE - 1.0) ** 2)


def overlap(field: str) -> Callable[[np.random.Generator], Estimate]:
    """Return one number of precision_recall, its error from halves."""
    return lambda rng: getattr(
        parzen.precision_recall(*pair(rng), halves=20, seed=int(rng.integers(2**31))), field
    )


def log_likelihood(rng: np.random.Generator) -> Estimate:
    """Return the mean log-density under one fixed kernel density estimate."""
    centres = np.random.default_rng(0).standard_normal((50, D))
    values = parzen.log_density(centres, rng.standard_normal((N, D)), bandwidth=0.8)
    return Estimate(values.mean(), values.std(ddof=1) / np.sqrt(N))


# Codes of two factors of 4 values, noisy, and one of noise; uniform, so that the gap is known.
VALUES, REACH, BINS = 4, 0.9, 20


def gap_of_codes(rng: np.random.Generator) -> Estimate:
    """Return the corrected mutual information gap of 1000 rows."""
    factors = rng.integers(VALUES, size=(1000, 2))
    codes = factors + rng.uniform(-REACH, REACH, size=factors.shape)
    codes[:2] = [[-REACH] * 2, [VALUES - 1 + REACH] * 2]  # the bins are the same in every sample
    codes = np.column_stack([codes, rng.uniform(size=len(codes))])
    return latent.mig(codes, factors, bins=BINS, corrected=True, seed=int(rng.integers(2**31))).gap


def true_gap() -> float:
    """Return the gap of the distribution: the second-best code tells nothing."""
    edges = np.linspace(-REACH, VALUES - 1 + REACH, BINS + 1)
    below = np.clip((edges + REACH - np.arange(VALUES)[:, None]) / (2.0 * REACH), 0.0, 1.0)
    p = np.diff(below, axis=1)  # of each bin, given the value
    entropy = scipy.stats.entropy
    return float((entropy(p.mean(axis=0)) - entropy(p, axis=1).mean()) / np.log(VALUES))


FIXED = pair(np.random.default_rng(0))


def sliced(rng: np.random.Generator) -> Estimate:
    """Return the sliced Wasserstein distance of two fixed samples, by fresh projections."""
    return parzen.sliced_wasserstein(*FIXED, seed=int(rng.integers(2**31)))


def stein(rng: np.random.Generator) -> Estimate:
    """Return the kernel Stein discrepancy of the fake sample from the real distribution."""
    _, y = pair(rng)
    return parzen.kernel_stein_discrepancy(y, P.score(y)).squared


def stein_null(rng: np.random.Generator) -> float:
    """Return the p-value of a sample of the distribution whose scores it has."""
    x = rng.standard_normal((100, D))
    return parzen.stein_test(x, P.score(x), bootstraps=199, seed=int(rng.integers(2**31))).p_value


def fresh_copies(rng: np.random.Generator) -> float:
    """Return the p-value of a generator that draws from the distribution itself."""
    train, test, fake = (rng.standard_normal((n, D)) for n in (150, 100, 120))
    return parzen.data_copying_test(train, test, fake).p_value


def gap(metric: Any) -> Callable[[np.random.Generator], Estimate]:
    """Return the difference of two models' distances to one real sample, first less second."""

    def draw(rng: np.random.Generator) -> Estimate:
        real, near = pair(rng)
        far = 1.3 * rng.standard_normal((M, D)) + 0.7
        models = {"near": near, "far": far}
        options = {"metric": metric, "seed": int(rng.integers(2**31))}
        if metric != "fid":
            options["permutations"] = 19
        (found,) = parzen.compare_models(models, real, **options).differences
        value = found.difference
        sign = 1.0 if found.first == "near" else -1.0
        return Estimate(sign * value, value.stderr, value.provenance)

    return draw


INTERVALS = [
    Interval(
        "`kid(subsets=None)`",
        "MMD² of the distributions",
        lambda rng: parzen.kid(*pair(rng), subsets=None).mean,
    ),
    Interval(
        "`mmd`, Gaussian, σ = 2",
        "MMD² of the distributions (closed form)",
        lambda rng: parzen.mmd(*pair(rng), kernel=parzen.Gaussian(2.0)).squared,
        gaussian_mmd(2.0),
    ),
    Interval(
        "`mmd`, Energy",
        "energy distance of the distributions",
        lambda rng: parzen.mmd(*pair(rng), kernel=parzen.Energy()).squared,
    ),
    Interval(
        "`fid_jackknife(...).value`",
        "expectation of FID at this n and m",
        lambda rng: parzen.fid_jackknife(*pair(rng)).value,
    ),
    Interval(
        "`fid_jackknife(...).corrected`",
        "FID of the distributions (closed form)",
        lambda rng: parzen.fid_jackknife(*pair(rng)).corrected,
        FRECHET,
    ),
    Interval(
        "`inception_score`, mean",
        "expectation at this n and 10 splits",
        lambda rng: parzen.inception_score(logits(rng)).mean,
    ),
    Interval(
        "`inception_score`, sharpness",
        "expectation at this n",
        lambda rng: parzen.inception_score(logits(rng)).sharpness,
    ),
    Interval(
        "`inception_score`, diversity",
        "expectation at this n",
        lambda rng: parzen.inception_score(logits(rng)).diversity,
    ),
    *(
        Interval(
            f"`precision_recall(halves=20)`, {field}", "expectation at this n and m", overlap(field)
        )
        for field in ("precision", "recall", "density", "coverage")
    ),
    Interval("mean log-likelihood", "expectation under this density", log_likelihood),
    Interval(
        "`vendi_score`",
        "expectation at this n",
        lambda rng: parzen.vendi_score(pair(rng)[1], seed=int(rng.integers(2**31))),
    ),
    Interval(
        "`cmmd`",
        "expectation at these n and m",
        lambda rng: parzen.cmmd(*pair(rng)),
    ),
    Interval(
        "`authenticity`",
        "share of all fake samples, the real ones held fixed",
        lambda rng: parzen.authenticity(FIXED[0], pair(rng)[1]),
    ),
    Interval(
        "`sliced_wasserstein`, over projections",
        "sliced distance of these samples",
        sliced,
    ),
    Interval(
        "`kl_divergence(samples=)`",
        "KL of the distributions (closed form)",
        lambda rng: parzen.kl_divergence(P, Q, samples=pair(rng)[0]),
        float(parzen.kl_divergence(P, Q)),
    ),
    *(
        Interval(
            f"`kl_divergence_from_samples`, {method}",
            "expectation at these n and m",
            lambda rng, method=method: parzen.kl_divergence_from_samples(*pair(rng), method=method),
        )
        for method in ("neighbors", "kde")
    ),
    Interval(
        "`fisher_divergence(samples=)`",
        "Fisher divergence of the distributions (closed form)",
        lambda rng: parzen.fisher_divergence(P.score, Q.score, samples=pair(rng)[0]),
        float(parzen.fisher_divergence(P, Q)),
    ),
    Interval("`kernel_stein_discrepancy`", "KSD² of the distributions", stein),
    Interval(
        "`perplexity(dims=)`",
        "perplexity of the distributions (closed form)",
        lambda rng: parzen.perplexity(Q.log_density(pair(rng)[0]), dims=D),
        float(np.exp((parzen.kl_divergence(P, Q) + D / 2 * np.log(2 * np.pi * np.e)) / D)),
    ),
    Interval("`compare_models`, KID", "difference of the expectations", gap("kid")),
    Interval("`compare_models`, FID", "difference of the distributions' FIDs", gap("fid")),
    Interval(
        "`latent.mig(corrected=True)`",
        "gap of the distribution (closed form)",
        gap_of_codes,
        true_gap(),
    ),
]


def equal_samples(kernel: Any) -> Callable[[np.random.Generator], float]:
    """Return the p-value of two samples of one distribution."""
    return lambda rng: (
        parzen.mmd_test(
            rng.standard_normal((60, D)),
            rng.standard_normal((80, D)),
            kernel=kernel,
            permutations=199,
            seed=int(rng.integers(2**31)),
        ).p_value
    )


NULLS = [
    Null("`mmd_test`, median Gaussian", equal_samples(parzen.Gaussian())),
    Null("`mmd_test`, cubic", equal_samples(parzen.Polynomial())),
    Null("`stein_test`, wild bootstrap", stein_null),
    Null("`data_copying_test`", fresh_copies),
    Null("`compare_models`, KID, permutations", exact("kid", 60)),
    Null("`compare_models`, FID, Student's t, n = 400", exact("fid", 400), times=6),
]


def coverage(case: Interval, replications: int, seed: int) -> list[str]:
    """Return the line of the table: share held, its standard error, stderr over true spread."""
    rng = np.random.default_rng(seed)
    found = [case.draw(rng) for _ in range(replications)]
    values = np.array([float(value) for value in found])
    truth = values.mean() if case.truth is None else case.truth
    ends = np.array([value.interval(LEVEL) for value in found])
    share = np.mean((ends[:, 0] <= truth) & (truth <= ends[:, 1]))
    error = np.sqrt(share * (1.0 - share) / replications)
    squares = np.mean([value.stderr**2 for value in found if value.stderr is not None])
    ratio = np.sqrt(squares) / values.std(ddof=1)
    return [case.name, case.estimand, f"{share:.1%} ± {error:.1%}", f"{ratio:.2f}"]


def uniformity(case: Null, replications: int, seed: int) -> list[str]:
    """Return the line of the table: share of p <= 0.05, and of 0.01, and how uniform p is."""
    rng = np.random.default_rng(seed)
    replications *= case.times
    # A p-value of 199 permutations is one of 200 numbers: spread over the step below it.
    p = np.array([case.draw(rng) for _ in range(replications)])
    if "permutations" in case.name or "mmd_test" in case.name or "bootstrap" in case.name:
        p = p - rng.random(replications) / 200.0
    return [
        case.name,
        str(replications),
        f"{np.mean(p <= 0.05):.1%}",
        f"{np.mean(p <= 0.01):.1%}",
        f"{scipy.stats.kstest(p, 'uniform').pvalue:.2g}",
    ]


def table(head: list[str], lines: list[list[str]]) -> str:
    """Return a table in Markdown."""
    rows = [head, ["---"] * len(head), *lines]
    return "\n".join("| " + " | ".join(row) + " |" for row in rows)


def main() -> None:
    """Simulate, print, and write the page where all replications were made."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--replications", type=int, default=1000)
    parser.add_argument("-k", default="", help="only the cases whose name contains this")
    chosen = parser.parse_args()
    count = chosen.replications
    warnings.simplefilter("ignore", parzen.SmallSampleWarning)
    warnings.simplefilter("ignore", parzen.LowerBoundWarning)  # rows say what is held fixed

    def lines(cases: list[Any], measure: Callable[..., list[str]]) -> list[list[str]]:
        found = []
        for seed, case in enumerate(cases):
            if chosen.k in case.name:
                found.append(measure(case, count, seed))
                print(*found[-1], sep="  ", flush=True)
        return found

    intervals = lines(INTERVALS, coverage)
    nulls = lines(NULLS, uniformity)
    claimed = lines(CLAIMS, claims)
    corrections = lines(CORRECTIONS, left_of_bias)
    if count < 1000 or chosen.k:
        return
    head = ["interval", "for", f"held, of {count}", "stderr / spread"]
    page = write(PAGE.read_text(), "intervals", table(head, intervals))
    head = ["test", "replications", "p ≤ 0.05", "p ≤ 0.01", "Kolmogorov-Smirnov p"]
    page = write(page, "tests", table(head, nulls))
    head = ["test", "two models", "one claimed nearer, p ≤ 0.05", "`permutation` alone ≤ 0.05"]
    page = write(page, "claims", table(head, claimed))
    head = ["n / d"]
    for d in DIMENSIONS:
        head += [f"left of the bias, d = {d}", "left / stderr"]
    PAGE.write_text(write(page, "corrections", table(head, corrections)))


if __name__ == "__main__":
    main()
