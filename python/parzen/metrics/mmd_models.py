"""The differences of several models' squared MMD to one real sample."""

from __future__ import annotations

import itertools
import math
from typing import TYPE_CHECKING, Any

import numpy as np

from parzen import _core
from parzen._arrays import center_of
from parzen._estimate import Estimate, part, provenance
from parzen._samples import stacked
from parzen.metrics.kernels import Kernel
from parzen.metrics.mmd import (
    PairSums,
    centred_across,
    centred_within,
    described,
    ready,
)
from parzen.metrics.mmd_test import Assignments
from parzen.metrics.quadratic import add_selected, chunk_size, quadratics

if TYPE_CHECKING:
    from parzen._core import Progress
    from parzen._samples import AnySamples


class MMDModels:
    """MMD^2 of each model to the real sample, and tests of their differences.

    Delta = MMD^2(A, R) - MMD^2(B, R) = U_A - U_B - 2 (C_A - C_B), with the means U of k within a
    model and C across to the real sample; that within the real sample cancels.
    """

    test = "normal and permutation"

    def __init__(
        self,
        real: AnySamples,
        models: list[AnySamples],
        kernel: Kernel,
        permutations: int,
        seed: int,
        progress: Progress | None,
    ) -> None:
        # One kernel for all: a bandwidth that is a median is that of all rows together.
        real, rows, self.kernel = ready("compare_models", kernel, real, stacked(*models))
        starts = np.cumsum([0, *(len(model) for model in models)])
        self.models = [rows[a:b] for a, b in itertools.pairwise(starts)]
        self.real = real
        self.permutations, self.seed = permutations, seed
        self.center = center_of(real, rows)
        native = self.kernel._native()
        xx, _, diagonal_x, squares_x = _core.kernel_sum(real, None, native, center=self.center)
        assert diagonal_x is not None
        self.sums: list[PairSums] = []
        for i, model in enumerate(self.models):
            step = part(progress, i / len(models), (i + 1) / len(models))
            yy, _, diagonal_y, squares_y = _core.kernel_sum(model, None, native, center=self.center)
            xy, yx, _, squares = _core.kernel_sum(
                real, model, native, center=self.center, progress=step
            )
            assert diagonal_y is not None
            assert yx is not None
            self.sums.append(
                PairSums(xx, yy, xy, yx, (diagonal_x, diagonal_y), (squares_x, squares_y, squares))
            )

    def value(self, i: int) -> Estimate:
        """Return MMD^2 of a model."""
        sums = self.sums[i]
        record = self._record(self.models[i])
        return Estimate(sums.unbiased(), sums.stderr(), record)

    def difference(self, i: int, j: int, progress: Progress | None) -> tuple[Estimate, Estimate]:
        """Return MMD^2 of model i less that of j, and the p-value of equal distributions.

        Under that hypothesis the rows of both models change places; all permutations share one pass
        over their pairs.
        """
        a, b = self.models[i], self.models[j]
        # Rows of R reach C_A and C_B by their mean kernel to each model.
        to_real = [self.sums[s].yx for s in (i, j)]
        draws = Assignments(a, b, self.seed)
        vectors, size = self.permutations + 1, chunk_size(len(a) + len(b), a.shape[1])
        found = []
        for start in range(0, vectors, size):
            count = min(size, vectors - start)
            u, v = draws.bits(count, given_first=start == 0)
            step = part(progress, start / vectors, (start + count) / vectors)
            pairs = quadratics(a, b, self.kernel, u, v, center=self.center, progress=step)
            small, large, _ = draws.means(u, v, pairs)
            near = add_selected(u, to_real[0]) + add_selected(v, to_real[1])
            far = math.fsum(to_real[0]) + math.fsum(to_real[1]) - near
            fewer, more = sorted((len(a), len(b)))
            across = (near / fewer - far / more) / len(self.real)
            found.append(small - large - 2.0 * across)
        given, *null = np.abs(np.concatenate(found))
        # Complements and repeated rows that change places tie, but for rounding.
        ties = given - 1e-12 * max(abs(self.sums[i].unbiased()), abs(self.sums[j].unbiased()))
        p = (1 + np.count_nonzero(np.array(null) >= ties)) / (1 + self.permutations)
        record = self._record(a, b)
        gap = Estimate(_less(self.sums[i], self.sums[j]), self._stderr(i, j), record)
        drawn = {"permutations": self.permutations, "seed": self.seed}
        return gap, Estimate(p, math.sqrt(p * (1.0 - p) / self.permutations), record | drawn)

    def _stderr(self, i: int, j: int) -> float:
        """Return the standard error of a difference whose two parts share the real sample.

        To first order Var = 4 Var(h_A)/n_A + 4 Var(h_B)/n_B + 4 Var(c_A - c_B)/m, with h_A(a) the
        mean of k(a, .) within A less that to R, and c_A(r) the mean of k(r, .) to A (Bounliphone et
        al., "A test of relative similarity for model selection in generative models", ICLR 2016,
        theorem 2). What the estimates contain twice is taken off, as in `PairSums.stderr`.
        """
        m = len(self.real)
        sides = [self.sums[s] for s in (i, j)]
        first, second = 0.0, 0.0
        for s in sides:
            n = len(s.yy)
            first += 4.0 * float((s.yy / (n - 1) - s.yx / m).var(ddof=1)) / n
            second += 2.0 * centred_within(s.yy, s.squares[1]) / (n * (n - 1))
            second += 4.0 * centred_across(s.xy, s.yx, s.squares[2]) / (n * m)
        shared = sides[0].xy / len(sides[0].yy) - sides[1].xy / len(sides[1].yy)
        first += 4.0 * float(shared.var(ddof=1)) / m
        return math.sqrt(first - min(max(second, 0.0), first / 2.0))

    def _record(self, *models: AnySamples) -> dict[str, Any]:
        record = provenance("mmd", self.real, models[0], kernel=described(self.kernel))
        if len(models) > 1:
            record["m"] = tuple(len(model) for model in models)
        return record


def _less(first: PairSums, second: PairSums) -> float:
    """Return MMD^2 of the first less that of the second, the part that they share left out."""

    def own(sums: PairSums) -> float:
        n, m = len(sums.xx), len(sums.yy)
        return math.fsum(sums.yy) / (m * (m - 1)) - 2.0 * math.fsum(sums.xy) / (n * m)

    return own(first) - own(second)
