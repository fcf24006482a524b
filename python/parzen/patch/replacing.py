"""What is replaced, where, and how it is put back."""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from types import ModuleType
from typing import Any

from parzen.patch.imports import Watcher
from parzen.patch.targets import TARGETS, Target

Function = Callable[..., Any]


@dataclass(frozen=True)
class Replaced:
    """A function in place of another. `holder` is the module or the class that has it."""

    target: Target
    holder: Any
    original: Function
    replacement: Function


@dataclass
class State:
    """All that `patch` did. `unpatch` undoes it and starts anew."""

    quiet: bool = False
    targets: dict[str, list[Target]] = field(default_factory=dict)  # by module
    done: list[Replaced] = field(default_factory=list)
    watcher: Watcher | None = None

    def say(self, line: str) -> None:
        """Print a line to stderr, unless quiet."""
        if not self.quiet:
            print(f"parzen.patch: {line}", file=sys.stderr)

    def replace_in(self, name: str) -> None:
        """Replace a loaded module's functions."""
        module = sys.modules[name]
        found = [self._replace(target, module) for target in self.targets[name]]
        if names := [target for target in found if target is not None]:
            self.say(f"{name}: {', '.join(names)}")

    def _replace(self, target: Target, module: ModuleType) -> str | None:
        owner, _, attribute = target.name.rpartition(".")
        holder = vars(module).get(owner) if owner else module
        original = None if holder is None else vars(holder).get(attribute)
        if any(original is replaced.replacement for replaced in self.done):
            return None
        why = reason_to_leave(target, original)
        if why is not None:
            if not target.optional:
                self.say(f"{target.module}.{target.name} is left alone: {why}")
            return None
        assert original is not None
        replacement = functools.wraps(original)(target.make(original))
        self.done.append(Replaced(target, holder, original, replacement))
        setattr(holder, attribute, replacement)
        rebind(original, replacement)
        return target.name


def reason_to_leave(target: Target, original: object) -> str | None:
    """Return why a function is not the one that we know, or None."""
    if not inspect.isfunction(original):
        return "this version has no such function"
    parameters = tuple(inspect.signature(original).parameters)
    if parameters not in target.signatures:
        known = " or ".join(f"({', '.join(names)})" for names in target.signatures)
        return f"this version takes ({', '.join(parameters)}), known is {known}"
    return None


def rebind(old: Function, new: Function) -> None:
    """Replace a function under every name that a module has for it, as ``from x import y`` made."""
    for module in list(sys.modules.values()):
        if isinstance(module, ModuleType):
            names = vars(module)
            for name in [name for name, value in list(names.items()) if value is old]:
                names[name] = new


state = State()


def patch(*, quiet: bool = False, also: Sequence[str] = ()) -> tuple[str, ...]:
    """Put our functions in place of the slow ones of the packages for FID, KID and the like.

    The program stays as it is; ``python -m parzen.patch script.py`` does the same to a program from
    outside. Replaced are, where a package is imported, before or after:

    - pytorch-fid: ``fid_score.calculate_frechet_distance``
    - clean-fid: ``fid.frechet_distance``, ``fid.kernel_distance``
    - torch-fidelity: ``fid_statistics_to_metric``, ``kid_features_to_metric``,
      ``prc_features_to_metric``
    - torchmetrics: ``_compute_fid`` and ``KernelInceptionDistance.compute``
    - prdc: ``compute_prdc``; vendi-score: ``score_X``, ``score_dual``
    - scikit-learn: ``KernelDensity.score_samples``

    No package is imported that the program does not import. Every name that a loaded module has for
    such a function is replaced, also by ``from x import y``. What ours refuses goes to the
    package's own function, so that a program keeps its answers and errors: another metric or
    kernel, samples on a GPU, gradients, broken input. Random subsets are drawn from the same
    global generators. A function whose parameters are not those we know is left alone, and said
    so.

    Parameters
    ----------
    quiet
        Whether nothing is printed. Else a line goes to stderr for each module, when it is patched.
    also
        Names of further modules that have a copy of such functions, as many projects do of
        pytorch-fid's ``calculate_frechet_distance``: those of the same name and parameters are
        replaced there.

    Returns
    -------
    tuple
        What is replaced now, ``"module.function"``. More follows when more is imported.

    Raises
    ------
    TypeError
        Where `also` is not a sequence of names.

    References
    ----------
    docs/parity.md has every replaced function beside its original on many inputs.

    Examples
    --------
    >>> import parzen
    >>> names = parzen.patch(quiet=True)
    >>> parzen.unpatch()
    """
    if isinstance(also, str) or not all(isinstance(name, str) for name in also):
        raise TypeError(f"patch: also is {also!r}, expected a sequence of names of modules")
    state.quiet = quiet
    for target in (*TARGETS, *copies(also)):
        known = state.targets.setdefault(target.module, [])
        if target not in known:
            known.append(target)
    if state.watcher is None:
        state.watcher = Watcher(state.targets, state.replace_in)
        sys.meta_path.insert(0, state.watcher)
    for name in state.targets:
        if name in sys.modules:
            state.replace_in(name)
    return tuple(f"{done.target.module}.{done.target.name}" for done in state.done)


def copies(modules: Iterable[str]) -> list[Target]:
    """Return optional targets: all the plain functions, in further modules."""
    return [
        Target(name, target.name, target.signatures, target.make, optional=True)
        for name in modules
        for target in TARGETS
        if "." not in target.name
    ]


def unpatch() -> None:
    """Put every function back that `patch` replaced: the same objects, under the same names.

    A function that someone else has replaced since is left as it is. Without `patch` before it
    nothing happens.

    Examples
    --------
    >>> import parzen
    >>> parzen.unpatch()
    """
    global state
    for done in reversed(state.done):
        attribute = done.target.name.rpartition(".")[2]
        if vars(done.holder).get(attribute) is done.replacement:
            setattr(done.holder, attribute, done.original)
        rebind(done.replacement, done.original)
    if state.watcher in sys.meta_path:
        sys.meta_path.remove(state.watcher)
    state = State()
