"""Files that are written: whole or not at all, and never on top of what was read."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import BinaryIO


def check_output(option: str, path: Path, inputs: Iterable[Path] = ()) -> None:
    """Refuse, before any work is done, a path that cannot be written or that holds an input."""
    if path.is_dir():
        raise IsADirectoryError(f"{option}: {path} is a folder, expected the name of a file")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"{option}: there is no folder {path.parent}")
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise PermissionError(f"{option}: {path} cannot be written")
    if path.exists():
        target = path.resolve()
        for source in (given.resolve() for given in inputs):
            if source == target or source in target.parents:
                raise FileExistsError(f"{option}: {path} is one of the inputs; choose another name")


@contextlib.contextmanager
def written_whole(path: Path) -> Iterator[BinaryIO]:
    """Open a file that takes its name only once all of it is written."""
    path = path.resolve()
    if path.exists() and not path.is_file():  # a device or a pipe cannot be replaced
        with path.open("wb") as file:
            yield file
        return
    partial = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with partial.open("xb") as file:
            yield file
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
