"""Shares and other numbers of a bounded range: standard errors and intervals that respect it."""

from __future__ import annotations

import math


def share_stderr(share: float, stderr: float, trials: int) -> float:
    """Return the standard error of a share, which is never 0 at 0 or 1.

    Trials that all come out alike show no spread, which does not make the share certain. Half the
    width of Wilson's interval at one standard error is there 1 / (2 (trials + 1)).
    """
    if stderr > 0.0 or 0.0 < share < 1.0:
        return stderr
    return 0.5 / (trials + 1)


def wilson(share: float, stderr: float, quantile: float) -> tuple[float, float]:
    """Return Wilson's score interval of the share that has this standard error.

    How many independent trials it is worth follows from p(1-p)/n = stderr^2; at 0 and 1 from
    `share_stderr`. The interval lies within [0, 1] and has a width at 0 and 1 too: Wilson,
    "Probable inference, the law of succession, and statistical inference", JASA 22, 1927.
    """
    if stderr == 0.0:
        return share, share
    spread = share * (1.0 - share)
    trials = spread / stderr**2 if spread > 0.0 else max(0.5 / stderr - 1.0, 1.0)
    pull = quantile**2 / trials
    middle = (share + pull / 2.0) / (1.0 + pull)
    reach = math.sqrt(pull * (spread + pull / 4.0)) / (1.0 + pull)
    # At the ends they are equal, to rounding.
    return (
        0.0 if share == 0.0 else max(middle - reach, 0.0),
        1.0 if share == 1.0 else min(middle + reach, 1.0),
    )
