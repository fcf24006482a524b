"""A bar with images per second and time left."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

__all__ = ["show_progress"]


@contextlib.contextmanager
def show_progress(total: int | None, *, shown: bool) -> Iterator[Callable[[int], None]]:
    """Give a function to call with the number of images done; draws on standard error.

    Parameters
    ----------
    total : int or None
        Number of images, where it is known.
    shown : bool
        Whether anything is drawn at all.
    """
    if not shown:
        yield lambda count: None
        return
    from rich import progress
    from rich.console import Console

    class Speed(progress.ProgressColumn):
        def render(self, task: progress.Task) -> str:
            speed = task.finished_speed or task.speed
            return f"{speed:.1f} images/s" if speed else "- images/s"

    columns = (
        progress.TextColumn("{task.description}"),
        progress.BarColumn(),
        progress.MofNCompleteColumn(),
        Speed(),
        progress.TimeRemainingColumn(),
    )
    with progress.Progress(*columns, console=Console(stderr=True)) as bar:
        task = bar.add_task("features", total=total)
        yield lambda count: bar.advance(task, count)
