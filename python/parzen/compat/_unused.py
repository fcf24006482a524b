"""Arguments that would change nothing: refused by name, unless they have the package's default."""

from __future__ import annotations

from parzen._options import shown


def refuse(function: str, why: str, **given: tuple[object, object]) -> None:
    """Raise of arguments (value, default) whose value is not the default."""
    for name, (value, default) in given.items():
        if value is not None if default is None else value != default:
            raise ValueError(f"{function}: {name}={shown(value)} {why}; leave it out")
