"""Optional packages: one wording for what is missing, what needs it and how it is had."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def needed_by(what: str, extra: str, instead: str = "") -> Iterator[None]:
    """Turn a failed import into an error that names `what`, the package and its extra.

    Nested ones say what the outermost is for: it is nearest to what the user asked for.
    """
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "parzen").partition(".")[0]
        if package == "parzen":  # a fault of ours, and nothing to install
            raise
        way_out = f", or {instead}" if instead else ""
        raise ModuleNotFoundError(
            f"{what} needs {package}: pip install 'parzen[{extra}]'{way_out}", name=package
        ) from error
