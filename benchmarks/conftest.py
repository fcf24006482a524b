"""What all benchmarks share: the records of a run, and features like a network's."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.contest import Work, hold

RECORDS: list[dict[str, Any]] = []


def pytest_addoption(parser: Any) -> None:
    parser.addoption("--results", type=Path, help="where to write the records of the run (JSON)")


def pytest_sessionfinish(session: Any) -> None:
    if session.config.getoption("--results"):
        session.config.getoption("--results").write_text(json.dumps(RECORDS))


@pytest.fixture
def contest() -> Callable[..., None]:
    """Hold a contest and keep its records: contest(key, title, {name: Work}, rounds=5)."""

    def run(key: str, title: str, works: dict[str, Work], *, rounds: int = 5) -> None:
        RECORDS.extend(hold(key, title, works, rounds))

    return run


@pytest.fixture
def keep() -> Callable[..., None]:
    """Keep a record that was measured some other way."""

    def add(key: str, title: str, name: str, **values: Any) -> None:
        RECORDS.append({"key": key, "title": title, "name": name, **values})

    return add


def normal(n: int, d: int, seed: int, dtype: type = np.float32) -> Any:
    """Return standard normal samples drawn in their own type: no array twice as large."""
    return np.random.default_rng(seed).standard_normal((n, d), dtype=dtype)


def features(n: int, d: int, seed: int) -> Any:
    """Non-negative float32 features with a decaying spectrum, as a network's last layer has."""
    rng = np.random.default_rng(seed)
    scales = (1.0 / np.sqrt(1.0 + np.arange(d) / 32.0)).astype(np.float32)
    mixing = np.random.default_rng(0).standard_normal((64, d), dtype=np.float32) / 8.0
    x = rng.standard_normal((n, 64), dtype=np.float32) @ mixing
    for rows in np.array_split(np.arange(n), 1 + n // 4096):
        x[rows] += rng.standard_normal((len(rows), d), dtype=np.float32)
    x *= scales / 2.0
    x += np.float32(0.4)
    return np.maximum(x, 0.0, out=x)
