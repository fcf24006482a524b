"""What the metrics share: features of images as they come, kept, gathered, and merged."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torchmetrics import Metric
from torchmetrics.utilities.data import dim_zero_cat
from torchmetrics.utilities.distributed import gather_all_tensors

from parzen._estimate import Estimate
from parzen.vision import InceptionV3

from .networks import Feature, InceptionFeatures, Weights, as_bytes, features_of, network_of
from .options import as_flag

# Narrow to wide: processes tell each other their rows' type by its place.
FLOATS = (torch.float16, torch.bfloat16, torch.float32, torch.float64)


class FeatureMetric(Metric):
    """A metric of the features of images."""

    is_differentiable: bool = False
    full_state_update: bool = False
    feature_network: str = "inception"
    bytes_for_any_network: bool = False

    inception: nn.Module

    def __init__(
        self,
        feature: Feature,
        layers: tuple[str | int, ...],
        normalize: bool,
        weights: Weights,
        antialias: bool,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.normalize = as_flag(f"{self._label}: normalize", normalize)
        antialias = as_flag(f"{self._label}: antialias", antialias)
        self.inception = network_of(self._label, feature, layers, weights, antialias)
        self.used_custom_model = not isinstance(self.inception, InceptionV3)
        self.orig_dtype: torch.dtype | None = None
        self._wide_states: tuple[str, ...] = ()  # float64 whatever set_dtype says
        self._estimated: Any = None
        self._in_forward = False

    @property
    def _label(self) -> str:
        """Whom errors name."""
        return type(self).__name__

    def _extract(self, imgs: Tensor) -> Tensor:
        """Return the features of a batch, (n, d)."""
        if self.normalize and (self.bytes_for_any_network or not self.used_custom_model):
            imgs = as_bytes(self._label, imgs)
        found = features_of(self._label, self.inception, imgs)
        self.orig_dtype = found.dtype
        return found

    def estimate(self) -> Any:
        """Return the result as parzen's functions do: with standard errors and a provenance.

        It is that of `compute`, which is called where it has not been: the same random draws, the
        same processes.

        Returns
        -------
        Estimate, or a NamedTuple of them
            Of `FrechetInceptionDistance` and `MemorizationInformedFrechetInceptionDistance` an
            `Estimate`, of `KernelInceptionDistance` a `parzen.KID`, of `InceptionScore` a
            `parzen.InceptionScore`.
        """
        self.compute()
        return self._estimated

    def plot(self, val: Tensor | Sequence[Tensor] | None = None, ax: Any = None) -> Any:
        """Plot a value, several as a line, or what `compute` returns; of a pair its mean.

        Parameters
        ----------
        val
            What `compute` or `forward` returned, or a list of such numbers.
        ax
            A matplotlib axis to draw on.

        Returns
        -------
        figure, axis
            The figure is None where an axis was given.
        """
        if val is None:
            val = self.compute()
            val = val[0] if isinstance(val, tuple) else val
        return self._plot(val, ax)

    def forward(self, *args: Any, **kwargs: Any) -> Any:
        """Add a batch, and return the metric of that batch alone.

        Where that raises, the metric is as it was before, and the batch is not in it.
        """
        before = {k: list(v) if isinstance(v, list) else v for k, v in vars(self).items()}
        self._in_forward = True
        try:
            return super().forward(*args, **kwargs)
        except BaseException:
            vars(self).update(before)
            raise
        finally:
            self._in_forward = False

    def reset(self) -> None:
        """Forget all samples."""
        # A compute group shares a list: it is replaced, for emptied it would be empty for all.
        for name, default in self._defaults.items():
            if isinstance(default, list):
                setattr(self, name, [])
        super().reset()

    def merge_state(self, incoming_state: dict[str, Any] | Metric) -> None:
        """Add the samples that another metric of this class, or its ``metric_state``, holds."""
        super().merge_state(incoming_state)
        self._computed = None
        if isinstance(incoming_state, FeatureMetric):
            self._update_count += incoming_state.update_count
            self.orig_dtype = self.orig_dtype or incoming_state.orig_dtype
        else:
            self._update_count += 1

    def set_dtype(self, dst_type: str | torch.dtype) -> Metric:
        """Return numbers in `dst_type`, and let Inception compute in it; moments stay float64."""
        super().set_dtype(dst_type)
        if isinstance(self.inception, InceptionFeatures):
            self.inception.compute_in(torch.empty(0).type(dst_type).dtype)
        return self

    def _apply(self, fn: Callable[..., Any], exclude_state: Sequence[str] = "") -> nn.Module:
        before = {name: getattr(self, name) for name in self._wide_states}
        super()._apply(fn, exclude_state)
        for name, value in before.items():
            setattr(self, name, value.to(self.device))
            self._defaults[name] = torch.zeros_like(value, device=self.device)
        return self

    def _rows(self, state: str) -> Tensor:
        """Return all rows of a state, on the CPU."""
        rows = getattr(self, state)
        if len(rows) == 0:
            kind = state.removesuffix("features").replace("_", " ")
            raise ValueError(f"{self._label}: there are no {kind}images; update adds them")
        return dim_zero_cat(rows).cpu()

    def _sync_dist(
        self, dist_sync_fn: Callable[..., Any] = gather_all_tensors, process_group: Any = None
    ) -> None:
        """Gather the rows of all processes, also of one that has none of a kind.

        Only tensors of one rank, width and type can be gathered, so that these are told first.
        """
        group = process_group or self.process_group
        for name in self._reductions:
            rows = getattr(self, name)
            if not isinstance(rows, list):
                continue
            own = dim_zero_cat(rows).to(self.device) if rows else None
            facts = [0, 0] if own is None else [own.shape[1], FLOATS.index(own.dtype)]
            told = torch.tensor(facts, device=self.device)
            shared = torch.stack(dist_sync_fn(told, group=group)).tolist()
            widths = {width for width, _ in shared if width > 0}
            if len(widths) > 1:
                raise ValueError(
                    f"{self._label}: processes have features of {sorted(widths)} columns; expected "
                    f"one network for all"
                )
            if widths:
                dtype = FLOATS[max(place for width, place in shared if width > 0)]
                own = torch.empty(0, *widths, device=self.device) if own is None else own
                setattr(self, name, [own.to(dtype)])
        super()._sync_dist(dist_sync_fn, process_group)

    def _numbers(self, *values: Estimate | None) -> tuple[Tensor, ...]:
        """Return numbers as tensors of the features' type; NaN for what is not known."""
        dtype = self.dtype if self.orig_dtype is None else self.orig_dtype
        numbers = [float("nan") if value is None else float(value) for value in values]
        return tuple(torch.tensor(number, dtype=dtype, device=self.device) for number in numbers)

    def _network_record(self) -> dict[str, str]:
        """Return what a provenance says of the network."""
        network = self.inception
        return {
            "protocol": "torchmetrics",
            "network": getattr(network, "description", type(network).__name__),
        }
