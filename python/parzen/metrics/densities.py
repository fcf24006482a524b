"""The densities and scores that users bring: functions, or objects of several packages.

A function gets the samples in the type that they came in, a torch tensor as a tensor on its own
device; what it gives back is read from any device and float type.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from parzen._arrays import as_float64, as_logs, as_samples
from parzen.metrics.kde import KernelDensity
from parzen.metrics.normal import Normal

if TYPE_CHECKING:
    from parzen._core import Samples

Vector = NDArray[np.float64]
Matrix = NDArray[np.float64]

METHODS = ("log_density", "score_samples", "logpdf", "log_prob")


class Drawn(NamedTuple):
    """Samples that densities are taken at.

    Attributes
    ----------
    array
        (n, d), checked: for this package, SciPy and scikit-learn.
    given
        The same for functions: the torch tensor that came, or `array`.
    """

    array: Samples
    given: Any


def as_drawn(name: str, samples: Any, *, function: str, min_rows: int = 1) -> Drawn:
    """Return samples checked, and as functions get them."""
    if not _is_tensor(samples):
        array = as_samples(name, samples, function=function, min_rows=min_rows)
        return Drawn(array, array)
    tensor = samples.detach()
    array = as_samples(name, _on_host(tensor), function=function, min_rows=min_rows)
    return Drawn(array, tensor if tensor.is_floating_point() else tensor.double())


def is_density(given: object) -> bool:
    """Whether this is a function or an object with a density, and no array."""
    return callable(given) or any(hasattr(given, method) for method in METHODS)


def log_densities(name: str, given: Any, drawn: Drawn, *, function: str) -> Vector:
    """Return the log-density of `given` at samples: (n,) in nats, -inf where it is 0."""
    what, n = f"the log-density of {name}", len(drawn.array)
    if isinstance(given, Normal):
        return given.log_density(drawn.array)
    if isinstance(given, KernelDensity):
        return given.score_samples(drawn.array)
    method = next((m for m in METHODS if hasattr(given, m)), None)
    if isinstance(given, type) or (method is None and not callable(given)):
        raise TypeError(
            f"{function}: {name} is {_kind(given)}; with samples it has to be a log-density: a "
            f"function of (n, d) that returns (n,), a Normal, or an object with {_either(METHODS)}"
        )
    if method is None:
        log_density, x = given, drawn.given
    else:
        log_density, x = getattr(given, method), _argument_of(given, method, drawn)
    found = as_logs(
        what,
        called(log_density, x, what=f"{function}: {what}"),
        function=function,
        meaning="nats, one for each sample",
    ).astype(np.float64)
    if method is not None and found.size == n:  # a density of numbers gives (n, 1)
        found = found.reshape(n)
    if found.shape != (n,):
        advice = "" if method is None else ": one that is joint over the columns"
        raise ValueError(
            f"{function}: {what} gave shape {found.shape} for samples {drawn.array.shape}, "
            f"expected ({n},){advice}"
        )
    return found


def scores_at(what: str, given: Any, drawn: Drawn, *, function: str) -> Matrix:
    """Return the gradient of a log-density at samples: (n, d)."""
    if isinstance(given, Normal):
        return given.score(drawn.array)
    if isinstance(given, KernelDensity):
        return given.gradient(drawn.array)
    score, x = given, drawn.given
    if hasattr(given, "log_prob") and _is_tensor(own := _argument_of(given, "log_prob", drawn)):
        score, x = _gradient_of(given), own
    if isinstance(given, type) or not callable(score):
        raise TypeError(
            f"{function}: {what} is {_kind(given)}; expected the gradient of a log-density: a "
            f"function of (n, d) that returns (n, d), a Normal, a Gaussian KernelDensity, or a "
            f"torch distribution"
        )
    scores = called(score, x, what=f"{function}: {what}")
    return as_scores(what, scores, function=function, shape=drawn.array.shape)


def as_scores(name: str, array: object, *, function: str, shape: tuple[int, ...] | None) -> Matrix:
    """Return finite scores (n, d) in float64."""
    meaning = "one gradient of the log-density for each sample"
    scores = as_float64(name, array, function=function, shape=shape, meaning=meaning)
    if scores.ndim != 2 or scores.size == 0:
        raise ValueError(f"{function}: {name} has shape {scores.shape}, expected (n, d)")
    return scores


def called(given: Callable[[Any], object], x: Any, *, what: str) -> object:
    """Return what a user's function gives, on the host; an error says which function had what."""
    try:
        return _on_host(given(x))
    except Exception as error:
        kind = f"{type(x).__module__.partition('.')[0]} {type(x).__name__}"
        name = getattr(given, "__qualname__", type(given).__name__)
        advice = ""
        if isinstance(x, np.ndarray) and ("Tensor" in str(error) or "ndarray" in str(error)):
            advice = "; pass the samples as a torch tensor, and functions get one"
        raise RuntimeError(
            f"{what} ({name}) raised {type(error).__name__} when given a {kind} of shape "
            f"{tuple(x.shape)} and type {x.dtype}: {error}{advice}"
        ) from error


def _argument_of(given: Any, method: str, drawn: Drawn) -> Any:
    """Return the samples in the form that a method of this name takes."""
    if method == "log_density":
        return drawn.given
    if method == "log_prob":
        like = _own_tensor(given)
        return drawn.given if like is None else _as_tensor(drawn.given, like)
    if hasattr(given, "covariance_factor"):  # SciPy's gaussian_kde has a column a sample
        return drawn.array.T
    return drawn.array


def _own_tensor(given: Any) -> Any:
    """Return a tensor of a torch distribution or module: its samples need its type and device."""
    if "torch" not in sys.modules or isinstance(given, type) or not hasattr(given, "__dict__"):
        return None
    parameters = getattr(given, "parameters", None)
    for value in (*(parameters() if callable(parameters) else ()), *vars(given).values()):
        if _is_tensor(value) and value.is_floating_point():
            return value
        if hasattr(value, "log_prob") and (found := _own_tensor(value)) is not None:
            return found
    return None


def _as_tensor(x: Any, like: Any) -> Any:
    return x.to(like) if _is_tensor(x) else like.new_tensor(x)


def _gradient_of(given: Any) -> Callable[[Any], object]:
    """Return the score function of a torch distribution, by automatic differentiation."""

    def score(x: Any) -> object:
        import torch

        with torch.enable_grad():
            x = x.detach().clone().requires_grad_()
            logs = given.log_prob(x)
            if logs.numel() != len(x):
                raise ValueError(
                    f"log_prob gave shape {tuple(logs.shape)}, expected ({len(x)},): one that is "
                    f"joint over the columns"
                )
            return torch.autograd.grad(logs.sum(), x)[0]

    score.__qualname__ = f"{type(given).__name__}.log_prob"
    return score


def _is_tensor(value: object) -> bool:
    return hasattr(value, "detach") and hasattr(value, "layout")


def _on_host(value: Any) -> object:
    return value.detach().cpu() if _is_tensor(value) else value


def _kind(given: object) -> str:
    if isinstance(given, type):
        return f"the class {given.__name__}, no instance of it"
    return f"a {type(given).__name__}"


def _either(names: tuple[str, ...]) -> str:
    return " or ".join((", ".join(names[:-1]), names[-1]))
