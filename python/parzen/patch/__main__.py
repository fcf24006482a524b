"""Run a program with `parzen.patch` in force: ``python -m parzen.patch script.py arguments``."""

from __future__ import annotations

import argparse
import runpy
import sys
from pathlib import Path

from parzen.patch import patch
from parzen.patch.targets import TARGETS


def parser() -> argparse.ArgumentParser:
    """Return what reads our own options; all from the program's name on is the program's."""
    reader = argparse.ArgumentParser(
        prog="python -m parzen.patch",
        usage="%(prog)s [-h] [--quiet] [--also MODULE] (script.py | -m module) [arguments ...]",
        description="Run a program with parzen's functions in place of slow ones of pytorch-fid, "
        "clean-fid, torch-fidelity, torchmetrics, prdc, vendi-score and scikit-learn.",
    )
    reader.add_argument("--quiet", action="store_true", help="do not say what is replaced")
    reader.add_argument(
        "--also",
        action="append",
        default=[],
        metavar="MODULE",
        help="a further module that has a copy of such functions; may be given again",
    )
    reader.add_argument("-m", dest="module", action="store_true", help="the program is a module")
    reader.add_argument("program", help="a script, or with -m a module")
    reader.add_argument("arguments", nargs=argparse.REMAINDER, help="the program's own")
    return reader


def main() -> None:
    """Patch, then run the program as Python itself would."""
    options = parser().parse_args()
    inside = {target.module for target in TARGETS} | set(options.also)
    if options.module and options.program in inside:
        parser().error(
            f"{options.program} has functions to replace, and as the program itself it would run "
            f"before they can be; run its package (-m {options.program.partition('.')[0]}) or a "
            f"script that imports it"
        )
    patch(quiet=options.quiet, also=options.also)
    sys.argv = [options.program, *options.arguments]
    if options.module:
        sys.path[0] = str(Path.cwd())
        runpy.run_module(options.program, run_name="__main__", alter_sys=True)
    else:
        if not Path(options.program).exists():
            parser().error(f"there is no file {options.program}; a module goes after -m")
        sys.path[0] = str(Path(options.program).resolve().parent)
        runpy.run_path(options.program, run_name="__main__")


if __name__ == "__main__":
    main()
