"""Count, mean and scatter of a stream in one tensor, so that a single reduction merges two.

A state is a float64 matrix (d + 1, d + 1):

    [ n   mean'   ]
    [ 0   scatter ],  scatter = sum (x - mean)(x - mean)'.

Sums of x x' would lose |mean|^2 / variance of float64's digits when the mean is taken off at the
end. Here every product is of values about the mean, and two states merge exactly in n and without
cancellation in the rest (Chan, Golub and LeVeque, "Algorithms for computing the sample variance",
American Statistician 37, 1983, equation 1.5):

    mean = m1 + delta n2/n,  scatter = S1 + S2 + delta delta' n1 n2/n,  delta = m2 - m1.
"""

from __future__ import annotations

import torch
from torch import Tensor


def no_rows(d: int) -> Tensor:
    """Return the state of no rows of width d."""
    return torch.zeros(d + 1, d + 1, dtype=torch.float64)


def with_rows(state: Tensor, rows: Tensor) -> Tensor:
    """Return the state of its rows and more, (n2, d), in one matrix product.

    delta delta' n1 n2/n is one more row under the centred ones.
    """
    if len(rows) == 0:
        return state
    wide = rows.double()
    average = wide.mean(0)
    wide = wide - average
    rest = wide.mean(0)  # what rounding has left of the mean
    wide -= rest
    n1, n2 = state[0, 0], len(rows)
    delta = average + rest - state[0, 1:]
    between = torch.sqrt(n1 * n2 / (n1 + n2)) * delta
    wide = torch.cat([wide, between[None]])
    both = torch.zeros_like(state)
    both[0, 0] = n1 + n2
    both[0, 1:] = state[0, 1:] + delta * (n2 / (n1 + n2))
    both[1:, 1:] = torch.addmm(state[1:, 1:], wide.T, wide)
    return both


def merged(states: Tensor) -> Tensor:
    """Return the state of all rows together from those of parts, (parts, d + 1, d + 1)."""
    total = states[0]
    for other in states[1:]:
        n1, n2 = total[0, 0], other[0, 0]
        n = torch.clamp(n1 + n2, min=1.0)
        delta = other[0, 1:] - total[0, 1:]
        both = torch.zeros_like(total)
        both[0, 0] = n1 + n2
        both[0, 1:] = total[0, 1:] + delta * (n2 / n)
        both[1:, 1:] = total[1:, 1:] + other[1:, 1:]
        both[1:, 1:] += torch.outer(delta * (n1 * n2 / n), delta)
        total = both
    return total


def count(state: Tensor) -> int:
    """Return n."""
    return int(state[0, 0])


def mean(state: Tensor) -> Tensor:
    """Return the mean (d,)."""
    return state[0, 1:]


def covariance(state: Tensor) -> Tensor:
    """Return the covariance (d, d), ddof 1, exactly symmetric; n >= 2."""
    scatter = state[1:, 1:]
    return (scatter + scatter.T) / (2.0 * (state[0, 0] - 1.0))


def raw_sums(state: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return n, sum x and sum x x', as torchmetrics keeps them."""
    total = state[0, 0] * mean(state)
    return state[0, 0].long(), total, state[1:, 1:] + torch.outer(total, mean(state))


def from_raw_sums(n: Tensor, total: Tensor, products: Tensor) -> Tensor:
    """Return the state of n, sum x and sum x x'; what they have lost stays lost."""
    state = no_rows(len(total)).to(total.device)
    average = total.double() / max(int(n), 1)
    state[0, 0] = n
    state[0, 1:] = average
    state[1:, 1:] = products.double() - torch.outer(average, total.double())
    return state
