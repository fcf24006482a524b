"""The words of docs/precision.md around the measured tables."""

from __future__ import annotations

from benchmarks.machine import processor
from benchmarks.precision_data import DATA, ROWS


def page(tables: dict[str, str], passed: int) -> str:
    """Return the page: one table an operation, with the bound and why it holds."""
    import numpy as np

    from parzen import _core

    verdict = (
        "No figure passes its bound."
        if passed == 0
        else f"**{passed} figures pass their bounds**; they are bold."
    )
    sets = "\n".join(f"- *{name}*: {what}" for name, what in DATA.items())
    bits = np.finfo(np.longdouble).nmant + 1
    return f"""# Precision

Written by `python -m benchmarks.precision`, the last step of `make bench`, on {processor()}, instruction set
{_core.isa()}. {verdict}

Each figure is the largest error over all results of one operation, against the next wider type on the same, already rounded inputs:
float64 for float32 (n = {ROWS["float32"][0]}, m = {ROWS["float32"][1]}), long double of {bits} bits for float64
(n = {ROWS["float64"][0]}, m = {ROWS["float64"][1]}), distances by differences. Columns are d; u is 2⁻²⁴ or 2⁻⁵³. The samples:

{sets}

## Sums of kernels

`_core.kernel_sum`, worst of all data sets: the mean over all pairs relative to the mean of |k|, with the bound 1e-6 in float32 and 1e-13 in
float64; and the worst row relative to its own mean, which for exponentials grows as u(|x|² + |y|²)/2h². What leaves a tile is float64.

{tables["sums"]}

## MMD² and KID

`mmd(x, y).squared` (the polynomial rows are `kid(x, y, subsets=None)` too) relative to the mean kernel, worst of all data sets, near zero as
elsewhere. Bound: 1e-6 and 1e-13: the three means cancel, so each needs all its digits; row sums are added exactly.

{tables["mmd"]}

## Log-densities

`log_density` in nats; the bound is relative, 1e-5·max(1, |log p|) in float32 and 1e-11 in float64, since the exponent |x−q|²/2h² is rounded to u of
itself. scikit-learn's tree bounds sums of exponentials that underflow: narrow windows in high dimension are lost, in float64 as well.

{tables["log_density"]}

## Distances

All distances of x to y by `_core.nearest`, relative error. Bound: 2¹⁰u, since products are used where |x−y|² ≥ 2⁻¹⁰(|x|²+|y|²) about the common
centre, differences below; equal rows are at distance 0 exactly (the last rows, in units of the median distance).

{tables["distances"]}

## Exponential

exp(−t), t = |x−y|²/2h², through the Gaussian kernel, where t is exact but for its factor. The error grows as u·(1 + t): t is rounded to u of
itself, the polynomial for 2ˣ adds a constant few u.

{tables["exp"]}

## Fréchet distance

`fid` relative to the sum of the traces, against singular values of the factors. Bound: 1e-10. Moments are float64 whatever the input;
with fewer rows than columns the rows themselves are the factors. At condition 1e12: [performance.md](performance.md).

{tables["fid"]}
"""
