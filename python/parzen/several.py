"""Several fake sets against one real set: every metric of each, and which pairs differ."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import numpy as np

from parzen.compare import Comparison, compare_sets
from parzen.encode import Encoder
from parzen.feature_sets import FeatureSet
from parzen.measure import Progress
from parzen.metrics.compare_models import LEAST_ROWS, compare_models
from parzen.metrics.fid_jackknife import few
from parzen.metrics.fid_models import too_few
from parzen.metrics.model_comparison import ModelComparison
from parzen.protocols import AnyProtocol
from parzen.reading import read_sets
from parzen.settings import SEED, Settings

if TYPE_CHECKING:
    from rich.table import Table

Tested: TypeAlias = Literal["kid", "fid"]


@dataclass(frozen=True)
class Comparisons:
    """What `compare_several` found.

    Attributes
    ----------
    results
        Name of a fake set to its `Comparison` with the real one.
    models
        The pairs of fake sets by KID, and by FID where the jackknife was asked for and no set is
        too small for it.
    notes
        What a reader has to know, of all sets or of one that is named.
    """

    results: dict[str, Comparison]
    models: tuple[ModelComparison, ...]
    notes: tuple[str, ...]

    def table(self) -> Table:
        """Return the numbers, set by set, as a table to print with rich; ≥: a lower bound."""
        from parzen.report import table_of_several

        return table_of_several(self.results)

    def to_dict(self) -> dict[str, Any]:
        """Return every value with its standard error, the pairs and the notes, for JSON."""
        return {
            "results": {name: result.to_dict() for name, result in self.results.items()},
            "models": [pairs.to_dict() for pairs in self.models],
            "notes": list(self.notes),
        }


def compare_several(
    real: object,
    fakes: Mapping[str, object],
    *,
    metrics: str | Iterable[str] | None = None,
    encoder: Encoder | str | Callable[[Any], Any] | None = None,
    seed: int = SEED,
    bandwidth: float | str | None = None,
    k: int | None = None,
    halves: int = 0,
    jackknife: bool = False,
    protocol: AnyProtocol | None = None,
    progress: Progress | None = None,
) -> Comparisons:
    """Compare several sets with one real set, and their pairs with each other.

    The distances share the noise of the real samples: whether two sets differ is asked of their
    paired difference, by `parzen.compare_models`, and not of two lines of the table.

    Parameters
    ----------
    real
        As of `parzen.compare.compare`. It is read once.
    fakes
        Name to a set, two or more.
    metrics, encoder, seed, bandwidth, k, halves, jackknife, protocol, progress
        As of `parzen.compare.compare`. Pairs are compared by KID where it is among the metrics, and
        by FID where it is and has the jackknife; not where a set has too few rows for it (2 d for
        FID), which a note says.

    Returns
    -------
    Comparisons
        ``results``, ``models``, ``notes``, ``table()``, ``to_dict()``.

    Raises
    ------
    ValueError, TypeError, OSError
        As `parzen.compare.compare`; where there are fewer than two sets.

    Examples
    --------
    >>> import numpy as np
    >>> from parzen.several import compare_several
    >>> real, x, y = np.random.default_rng(0).normal(size=(3, 200, 8))
    >>> found = compare_several(real, {"near": x, "far": y + 0.5}, metrics="kid")
    >>> found.results["near"].kid < found.results["far"].kid
    True
    >>> pair = found.models[0].differences[0]
    >>> pair.first, pair.second, bool(pair.p_value < 0.01)
    ('near', 'far', True)
    """
    if not isinstance(fakes, Mapping):
        raise TypeError(
            f"compare_several: fakes is a {type(fakes).__name__}, expected a mapping of name to set"
        )
    if len(fakes) < 2:
        raise ValueError(f"compare_several: fakes has {len(fakes)} sets, expected 2 or more")
    started = datetime.now(timezone.utc)
    settings = Settings.of(
        metrics=metrics,
        protocol=protocol,
        seed=seed,
        k=k,
        bandwidth=bandwidth,
        halves=halves,
        jackknife=jackknife,
    )
    x, sets = read_sets(real, list(fakes.values()), encoder, settings)
    named = {str(name): y for name, y in zip(fakes, sets, strict=True)}
    tested, untested = _tested(x, named, settings)
    results = {
        name: compare_sets(x, y, settings, started, _named(progress, name))
        for name, y in named.items()
    }
    models, warned = _models(x, named, tested, settings.seed, progress)
    return Comparisons(results, models, (*_notes(results), *untested, *warned))


def _tested(
    x: FeatureSet, sets: dict[str, FeatureSet], settings: Settings
) -> tuple[list[Tested], list[str]]:
    """Return the metrics by which pairs are compared, and notes on those by which they are not."""
    asked: dict[Tested, bool] = {"kid": "kid" in settings.metrics, "fid": settings.jackknife}
    if not any(asked.values()):
        return [], ["Pairs are compared by kid, and by fid with the jackknife; neither is asked."]
    given = {"real": x, **{f"fake {name!r}": y for name, y in sets.items()}}
    shapes = {name: np.shape(z.features()[1]) for name, z in given.items()}
    sizes = {name: next(iter(shape), 0) for name, shape in shapes.items()}
    d = next(iter(shapes["real"][1:]), 0)
    small = few(sizes, LEAST_ROWS, d)
    missing: dict[Tested, str] = {
        "kid": f"{small}, and {LEAST_ROWS} are needed" if small else "",
        "fid": too_few(sizes, d),
    }
    tested: list[Tested] = [metric for metric in missing if asked[metric] and not missing[metric]]
    notes = [
        f"Pairs are not compared by {metric}: {why}."
        for metric, why in missing.items()
        if asked[metric] and why
    ]
    return tested, notes


def _models(
    x: FeatureSet,
    sets: dict[str, FeatureSet],
    tested: list[Tested],
    seed: int,
    progress: Progress | None,
) -> tuple[tuple[ModelComparison, ...], list[str]]:
    """Return the pairs by each metric, and the warnings as notes."""
    if not tested:
        return (), []
    real = x.features()[1]
    models = {name: y.features()[1] for name, y in sets.items()}
    found = []
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        for metric in tested:
            report = None if progress is None else functools.partial(progress, f"pairs by {metric}")
            found.append(compare_models(models, real, metric=metric, seed=seed, progress=report))
    return tuple(found), list(dict.fromkeys(str(warning.message) for warning in caught))


def _notes(results: dict[str, Comparison]) -> list[str]:
    """Return each note once, with the name of the set where it is not of all."""
    owners: dict[str, list[str]] = {}
    for name, result in results.items():
        for note in result.notes:
            owners.setdefault(note, []).append(name)
    return [
        note if len(names) == len(results) else f"{', '.join(names)}: {note}"
        for note, names in owners.items()
    ]


def _named(progress: Progress | None, name: str) -> Progress | None:
    if progress is None:
        return None
    return lambda stage, fraction: progress(f"{name}: {stage}", fraction)
