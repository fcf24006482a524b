"""To be told when a module has been imported."""

from __future__ import annotations

import sys
from collections.abc import Callable, Container, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any


class Watcher(MetaPathFinder):
    """A finder that finds what the others find, and calls `told` once such a module has run."""

    def __init__(self, names: Container[str], told: Callable[[str], None]) -> None:
        self.names = names
        self.told = told

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the others' spec of a watched module, its loader wrapped; of another None."""
        if fullname not in self.names:
            return None
        for finder in sys.meta_path:
            if finder is not self and hasattr(finder, "find_spec"):
                spec = finder.find_spec(fullname, path, target)
                if spec is not None:
                    if spec.loader is not None:
                        spec.loader = Telling(spec.loader, self.told)
                    return spec
        return None


class Telling(Loader):
    """A loader that runs a module as the one it wraps does, and then tells."""

    def __init__(self, loader: Loader, told: Callable[[str], None]) -> None:
        self.loader = loader
        self.told = told

    def __getattr__(self, name: str) -> Any:
        return getattr(self.loader, name)  # get_code, get_source, get_filename ...

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Return what the wrapped loader makes."""
        return self.loader.create_module(spec)

    def exec_module(self, module: ModuleType) -> None:
        """Run the module, which sees its own loader only, and tell."""
        assert module.__spec__ is not None
        module.__spec__.loader = module.__loader__ = self.loader
        self.loader.exec_module(module)
        self.told(module.__name__)
