"""Every figure is the median of several rounds of one process, and stands beside its error."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest


@pytest.fixture
def contest(benchmark: Any) -> Callable[..., Any]:
    """Measure one contestant of a group; `error` maps its result to the error that is reported."""

    def run(
        group: str,
        name: str,
        function: Callable[[], Any],
        *,
        error: Callable[[Any], float],
        rounds: int = 5,
        flops: float | None = None,
        pairs: float | None = None,
    ) -> Any:
        benchmark.group = group
        result = benchmark.pedantic(function, rounds=rounds, warmup_rounds=int(rounds > 2))
        benchmark.extra_info.update(name=name, error=float(error(result)), flops=flops, pairs=pairs)
        return result

    return run


def features(n: int, d: int, seed: int, dtype: type = np.float32) -> Any:
    """Non-negative features with a decaying spectrum, as a network's last layer gives them."""
    rng = np.random.default_rng(seed)
    scales = 1.0 / np.sqrt(1.0 + np.arange(d) / 32.0)
    mixing = np.random.default_rng(0).standard_normal((d, 64)) / 8.0
    latent = rng.standard_normal((n, 64))
    noise = rng.standard_normal((n, d))
    return np.maximum(0.4 + scales * (latent @ mixing.T + noise) / 2.0, 0.0).astype(dtype)
