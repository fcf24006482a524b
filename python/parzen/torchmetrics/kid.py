"""Kernel Inception Distance over random subsets or all samples, from rows or from moments."""

from __future__ import annotations

import dataclasses
import math
from typing import Any, Literal

import torch
from torch import Tensor

import parzen
from parzen._arrays import as_pair
from parzen._estimate import Estimate, provenance
from parzen._options import as_integer, as_positive, check_choice
from parzen.metrics.draws import subset_draws
from parzen.metrics.kernels import Polynomial
from parzen.metrics.kid import KID
from parzen.metrics.kid_subsets import Subsets
from parzen.metrics.mmd import described, ready
from parzen.metrics.moments import MAX_DEGREE, Moments
from parzen.protocols import rules_of

from .draws import global_permutation
from .networks import LAYERS_AND_LOGITS, Feature, Weights, declared_width
from .options import as_value
from .two_samples import TwoSampleMetric

MAX_MOMENTS = 2**27  # numbers a side, 1 GiB
SUBSET_SIZE = 1000


class KernelInceptionDistance(TwoSampleMetric):
    """KID as a metric of torchmetrics; see `parzen.kid` for the number.

    Subsets are drawn by the global ``torch.randperm`` as torchmetrics draws them: after the same
    ``torch.manual_seed`` the number is the same. In several processes each draws its own.

    Parameters
    ----------
    feature
        ``"logits_unbiased"``, 64, 192, 768 or 2048, a layer of Inception; or a `torch.nn.Module`
        from images to (n, d).
    subsets, subset_size
        So many random subsets of that size. ``subsets=None`` takes all pairs of all samples:
        nothing random about it, and the second number is its standard error.
    degree, gamma, coef
        Of the kernel (gamma <x, y> + coef)^degree; gamma None: 1/d.
    reset_real_features
        Whether `reset` forgets the real images too.
    normalize
        Whether images are floats in 0..1, and not uint8.
    method
        With ``subsets=None``: ``"auto"`` and ``"pairs"`` keep all features, as subsets do.
        ``"moments"`` keeps moments alone, a number of values that does not grow with the images
        (d = 64: 0.4 MB a side, d = 192: 10 MB, d = 768: 610 MB), and knows no standard error: the
        second number is NaN. Degree 1 to 3; a network of your own says its width as
        ``num_features``.
    feature_extractor_weights_path
        As `parzen.vision.InceptionV3` takes them: None for the published file, its path, a state
        dict, or ``"random"``.
    antialias
        Whether images are resized with antialiasing, or as TensorFlow 1 did.
    **kwargs
        Of `torchmetrics.Metric`.

    Raises
    ------
    ValueError, TypeError
        Where arguments are not as described, or one has no effect; from `compute`, where a kind has
        fewer images than `subset_size`.

    Examples
    --------
    >>> import torch
    >>> from parzen.torchmetrics import KernelInceptionDistance
    >>> kid = KernelInceptionDistance(torch.nn.Flatten(), subsets=None)
    >>> images = torch.rand(100, 1, 2, 2, generator=torch.Generator().manual_seed(0))
    >>> kid.update(images, real=True)
    >>> kid.update(images + 1, real=False)
    >>> mean, stderr = kid.compute()
    >>> bool(mean > 10 * stderr)
    True
    """

    plot_lower_bound: float = 0.0
    plot_upper_bound: float = 1.0

    real_features: list[Tensor]
    fake_features: list[Tensor]

    def __init__(
        self,
        feature: Feature = 2048,
        subsets: int | None = 100,
        subset_size: int = SUBSET_SIZE,
        degree: int = 3,
        gamma: float | None = None,
        coef: float = 1.0,
        reset_real_features: bool = True,
        normalize: bool = False,
        method: Literal["auto", "pairs", "moments"] = "auto",
        feature_extractor_weights_path: Weights = None,
        antialias: bool = True,
        **kwargs: Any,
    ) -> None:
        super().__init__(
            feature,
            LAYERS_AND_LOGITS,
            normalize,
            feature_extractor_weights_path,
            antialias,
            reset_real_features=reset_real_features,
            **kwargs,
        )
        where = self._label
        self.subsets = subsets
        if subsets is not None:
            self.subsets = as_value(as_integer, f"{where}: subsets", subsets, 1)
        self.subset_size = as_value(as_integer, f"{where}: subset_size", subset_size, 2)
        if subsets is None and self.subset_size != SUBSET_SIZE:
            raise ValueError(
                f"{where}: subset_size={subset_size} has no effect on subsets=None, which takes "
                f"all images; leave it out"
            )
        self.degree = as_value(as_integer, f"{where}: degree", degree, 1)
        self.gamma = gamma
        if gamma is not None:
            self.gamma = as_value(as_positive, f"{where}: gamma", gamma)
        self.coef = as_value(as_positive, f"{where}: coef", coef)
        check_choice(f"{where}: method", method, ("auto", "pairs", "moments"))
        if subsets is not None and method != "auto":
            raise ValueError(
                f"{where}: method {method!r} is for all samples; pass subsets=None with it"
            )
        self.method: Literal["auto", "pairs", "moments"] = method
        if method == "moments":
            self._keep_moments()
            return
        for side in ("real", "fake"):
            self.add_state(f"{side}_features", [], dist_reduce_fx="cat")

    def _keep_moments(self) -> None:
        d = declared_width(self._label, self.inception)
        if d is None:
            raise ValueError(
                f"{self._label}: method 'moments' needs the network's width; give it an "
                f"attribute num_features"
            )
        size = math.comb(d + self.degree, self.degree)
        if self.degree > MAX_DEGREE or size > MAX_MOMENTS:
            raise ValueError(
                f"{self._label}: degree {self.degree} has {size:.3g} moments at d = {d}; method "
                f"'moments' is for degree 1 to {MAX_DEGREE} and up to {MAX_MOMENTS:.3g}: pass "
                f"method='auto'"
            )
        for side in ("real", "fake"):
            sums = torch.zeros(size, dtype=torch.float64)
            powers = torch.zeros(self.degree + 1, dtype=torch.float64)
            self.add_state(f"{side}_sums", sums, dist_reduce_fx="sum")
            self.add_state(f"{side}_norm_powers", powers, dist_reduce_fx="sum")
            self._wide_states += (f"{side}_sums", f"{side}_norm_powers")

    def _add(self, features: Tensor, side: str) -> None:
        """Add features (n, d) to one side."""
        if self.method != "moments":
            getattr(self, f"{side}_features").append(features)
            return
        if len(features) == 0:
            return
        # In float64: moments are not about a center, and float32 products would leave 1e-7 of k.
        found = Moments(self.degree).update(features.double().cpu())
        assert found.sums is not None
        sums = getattr(self, f"{side}_sums")
        if len(found.sums) != len(sums):
            raise ValueError(
                f"{self._label}: the network returned {features.shape[1]} columns, which is not "
                f"its num_features"
            )
        powers = getattr(self, f"{side}_norm_powers")
        setattr(self, f"{side}_sums", sums + torch.from_numpy(found.sums).to(sums.device))
        added = torch.from_numpy(found.norm_powers).to(powers.device)
        setattr(self, f"{side}_norm_powers", powers + added)

    def compute(self) -> tuple[Tensor, Tensor]:
        """Return KID and its standard deviation over subsets (of all samples: standard error).

        Scalars of the features' type.

        Raises
        ------
        ValueError
            Where there are too few images.
        """
        if self.method == "moments":
            self._estimated = self._of_moments()
        elif self.subsets is None:
            self._estimated = self._of_all_samples()
        else:
            self._estimated = self._of_subsets(self.subsets)
        mean, std = self._numbers(*self._estimated)
        return mean, std

    def _of_subsets(self, subsets: int) -> KID:
        real, fake = (self._rows(f"{side}_features") for side in ("real", "fake"))
        size = self.subset_size
        for side, rows in (("real", real), ("fake", fake)):
            if len(rows) < size:
                raise ValueError(
                    f"{self._label}: there are {len(rows)} {side} images, subset_size is {size}; "
                    f"pass subset_size<={len(rows)} or subsets=None"
                )
        pair = as_pair(real, fake, function=self._label, names=("real", "fake"))
        kernel = Polynomial(self.degree, self.gamma, self.coef)
        x, y, resolved = ready(self._label, kernel, *pair)
        rules = dataclasses.replace(rules_of(self._label, "torchmetrics", "kid"), subsets=subsets)
        draws = subset_draws(len(x), len(y), rules, size, global_permutation)
        values, way = Subsets(x, y, resolved, draws, subsets, size).mmds()
        facts = {"subsets": subsets, "subset_size": size, "kernel": described(resolved)}
        record = provenance("kid", x, y, method=way, **facts, **self._network_record())
        return KID(Estimate(values.mean(), None, record), Estimate(values.std(), None, record))

    def _of_all_samples(self) -> KID:
        real, fake = (self._rows(f"{side}_features") for side in ("real", "fake"))
        kernel = {"degree": self.degree, "gamma": self.gamma, "coef0": self.coef}
        found = parzen.kid(real, fake, subsets=None, method=self.method, **kernel)  # type: ignore[arg-type]
        return KID(*(self._with_network(value) for value in found))

    def _of_moments(self) -> KID:
        sides = []
        for side in ("real", "fake"):
            moments = Moments(self.degree)
            moments.sums = getattr(self, f"{side}_sums").cpu().numpy()
            moments.norm_powers = getattr(self, f"{side}_norm_powers").cpu().numpy()
            if moments.n < 2:
                raise ValueError(
                    f"{self._label}: there are {moments.n} {side} images, expected at least 2"
                )
            sides.append(moments)
        kernel = Polynomial(self.degree, self.gamma, self.coef)
        value = sides[0].mmd(sides[1], kernel=kernel).squared
        value.provenance["metric"] = "kid"
        return KID(self._with_network(value), None)

    def _with_network(self, value: Any) -> Any:
        if value is None:
            return None
        return Estimate(value, value.stderr, value.provenance | self._network_record())
