"""Building blocks of the FID Inception network: parameters as published, arranged for inference.

Three things make them fast on a CPU, and none changes the answer beyond rounding: batch norm is
folded into the convolution before it; activations and weights are channels_last, which oneDNN
runs in half the time of the default layout; and where an average pool feeds a 1x1 convolution the
convolution goes first. Both are linear and the pool does not count its padding, so they commute
(bias included), and the pool then has 32 to 192 channels to average instead of 192 to 2048.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import nn

__all__ = ["ConvUnit", "InceptionA", "InceptionB", "InceptionC", "InceptionD", "InceptionE"]


class ConvUnit(nn.Module):
    """Convolution, batch norm and ReLU, computed as one convolution."""

    def __init__(
        self,
        channels: int,
        filters: int,
        kernel: int | tuple[int, int] = 1,
        *,
        stride: int = 1,
        padding: int | tuple[int, int] = 0,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, filters, kernel, stride, padding, bias=False)
        self.bn = nn.BatchNorm2d(filters, eps=1e-3)
        self._folded: tuple[torch.Tensor, torch.Tensor] | None = None

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (n, channels, h, w) to (n, filters, h', w'), rectified."""
        return self.linear(x).relu_()

    def linear(self, x: torch.Tensor) -> torch.Tensor:
        """Compute the same without the ReLU."""
        if self._folded is None or self._folded[0].dtype != x.dtype:
            self._folded = self._fold(x.dtype)
        weight, bias = self._folded
        conv = self.conv
        return F.conv2d(x, weight, bias, conv.stride, conv.padding)

    def _fold(self, dtype: torch.dtype) -> tuple[torch.Tensor, torch.Tensor]:
        # In double precision, so that folding rounds once only.
        bn = self.bn
        assert bn.running_mean is not None
        assert bn.running_var is not None
        scale = bn.weight.double() / torch.sqrt(bn.running_var.double() + bn.eps)
        weight = self.conv.weight.double() * scale[:, None, None, None]
        bias = bn.bias.double() - bn.running_mean.double() * scale
        return weight.to(dtype, memory_format=torch.channels_last), bias.to(dtype)

    # Whatever changes the parameters drops what was folded from them.

    def _apply(self, fn: Callable[[torch.Tensor], torch.Tensor], recurse: bool = True) -> Any:
        self._folded = None
        return super()._apply(fn, recurse)  # type: ignore[no-untyped-call]

    def _load_from_state_dict(self, *args: Any) -> None:
        self._folded = None
        super()._load_from_state_dict(*args)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_folded": None}


class InceptionA(nn.Module):
    """Mixed_5b, 5c, 5d: 1x1, 5x5, double 3x3 and pool branches at 35 x 35."""

    def __init__(self, channels: int, pool_filters: int) -> None:
        super().__init__()
        self.branch1x1 = ConvUnit(channels, 64)
        self.branch5x5_1 = ConvUnit(channels, 48)
        self.branch5x5_2 = ConvUnit(48, 64, 5, padding=2)
        self.branch3x3dbl_1 = ConvUnit(channels, 64)
        self.branch3x3dbl_2 = ConvUnit(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = ConvUnit(96, 96, 3, padding=1)
        self.branch_pool = ConvUnit(channels, pool_filters)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (n, channels, 35, 35) to (n, 224 + pool_filters, 35, 35)."""
        one = self.branch1x1(x)
        five = self.branch5x5_2(self.branch5x5_1(x))
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([one, five, double, _after_average(self.branch_pool, x)], 1)


class InceptionB(nn.Module):
    """Mixed_6a: from 35 x 35 down to 17 x 17."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branch3x3 = ConvUnit(channels, 384, 3, stride=2)
        self.branch3x3dbl_1 = ConvUnit(channels, 64)
        self.branch3x3dbl_2 = ConvUnit(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = ConvUnit(96, 96, 3, stride=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (n, channels, 35, 35) to (n, 480 + channels, 17, 17)."""
        double = self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(x)))
        return torch.cat([self.branch3x3(x), double, F.max_pool2d(x, 3, 2)], 1)


class InceptionC(nn.Module):
    """Mixed_6b to 6e: 7x7 convolutions as pairs of 1x7 and 7x1, at 17 x 17."""

    def __init__(self, channels: int, inner: int) -> None:
        super().__init__()
        wide: dict[str, Any] = {"kernel": (1, 7), "padding": (0, 3)}
        tall: dict[str, Any] = {"kernel": (7, 1), "padding": (3, 0)}
        self.branch1x1 = ConvUnit(channels, 192)
        self.branch7x7_1 = ConvUnit(channels, inner)
        self.branch7x7_2 = ConvUnit(inner, inner, **wide)
        self.branch7x7_3 = ConvUnit(inner, 192, **tall)
        self.branch7x7dbl_1 = ConvUnit(channels, inner)
        self.branch7x7dbl_2 = ConvUnit(inner, inner, **tall)
        self.branch7x7dbl_3 = ConvUnit(inner, inner, **wide)
        self.branch7x7dbl_4 = ConvUnit(inner, inner, **tall)
        self.branch7x7dbl_5 = ConvUnit(inner, 192, **wide)
        self.branch_pool = ConvUnit(channels, 192)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (n, channels, 17, 17) to (n, 768, 17, 17)."""
        one = self.branch1x1(x)
        single = self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(x)))
        double = self.branch7x7dbl_3(self.branch7x7dbl_2(self.branch7x7dbl_1(x)))
        double = self.branch7x7dbl_5(self.branch7x7dbl_4(double))
        return torch.cat([one, single, double, _after_average(self.branch_pool, x)], 1)


class InceptionD(nn.Module):
    """Mixed_7a: from 17 x 17 down to 8 x 8."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.branch3x3_1 = ConvUnit(channels, 192)
        self.branch3x3_2 = ConvUnit(192, 320, 3, stride=2)
        self.branch7x7x3_1 = ConvUnit(channels, 192)
        self.branch7x7x3_2 = ConvUnit(192, 192, (1, 7), padding=(0, 3))
        self.branch7x7x3_3 = ConvUnit(192, 192, (7, 1), padding=(3, 0))
        self.branch7x7x3_4 = ConvUnit(192, 192, 3, stride=2)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (n, channels, 17, 17) to (n, 512 + channels, 8, 8)."""
        three = self.branch3x3_2(self.branch3x3_1(x))
        seven = self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(x)))
        return torch.cat([three, self.branch7x7x3_4(seven), F.max_pool2d(x, 3, 2)], 1)


class InceptionE(nn.Module):
    """Mixed_7b (average pool) and 7c (max pool, a slip of the published network), at 8 x 8."""

    def __init__(self, channels: int, pool: str) -> None:
        super().__init__()
        wide: dict[str, Any] = {"kernel": (1, 3), "padding": (0, 1)}
        tall: dict[str, Any] = {"kernel": (3, 1), "padding": (1, 0)}
        self.pool = pool
        self.branch1x1 = ConvUnit(channels, 320)
        self.branch3x3_1 = ConvUnit(channels, 384)
        self.branch3x3_2a = ConvUnit(384, 384, **wide)
        self.branch3x3_2b = ConvUnit(384, 384, **tall)
        self.branch3x3dbl_1 = ConvUnit(channels, 448)
        self.branch3x3dbl_2 = ConvUnit(448, 384, 3, padding=1)
        self.branch3x3dbl_3a = ConvUnit(384, 384, **wide)
        self.branch3x3dbl_3b = ConvUnit(384, 384, **tall)
        self.branch_pool = ConvUnit(channels, 192)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Map (n, channels, 8, 8) to (n, 2048, 8, 8)."""
        one = self.branch1x1(x)
        three = self.branch3x3_1(x)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(x))
        if self.pool == "max":
            pooled = self.branch_pool(F.max_pool2d(x, 3, 1, 1))
        else:
            pooled = _after_average(self.branch_pool, x)
        return torch.cat(
            [
                one,
                self.branch3x3_2a(three),
                self.branch3x3_2b(three),
                self.branch3x3dbl_3a(double),
                self.branch3x3dbl_3b(double),
                pooled,
            ],
            1,
        )


def _after_average(unit: ConvUnit, x: torch.Tensor) -> torch.Tensor:
    """Apply ``unit`` to the 3x3 average of x (padding not counted), the average taken last."""
    return F.avg_pool2d(unit.linear(x), 3, 1, 1, count_include_pad=False).relu_()
