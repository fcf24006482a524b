"""Every entry point beside every peer's, on many inputs: `python -m benchmarks.parity`.

Prints the matrix and writes docs/parity.md. A relative difference above 1e-6 that no reason beside
its entry explains, or where a reason is there and ours is not the nearer one, fails the run.
`--only GLOB` takes some entries ("torchmetrics *") and touches no page.
"""

from __future__ import annotations

import argparse
import fnmatch
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import parity_page
from benchmarks.machine import describe
from benchmarks.parity_densities import density_entries
from benchmarks.parity_entry import Entry, Row, compare
from benchmarks.parity_features import frechet_entries, kid_entries
from benchmarks.parity_images import image_entries
from benchmarks.parity_inputs import (
    SIDES,
    low_pairs,
    photograph_pairs,
    random_pairs,
    write_folders,
    write_weights,
)
from benchmarks.parity_scores import other_entries
from benchmarks.run import ROOT, write

PAGE = ROOT / "docs" / "parity.md"


def comparisons(folder: Path) -> Iterator[tuple[Entry, str, Any]]:
    """Yield each entry with the name of a pair of samples, and the pair."""
    of_features = [*frechet_entries(), *kid_entries(), *other_entries()]
    for name, pair in (*random_pairs(), *photograph_pairs()):
        yield from ((entry, name, pair) for entry in of_features)
    densities = density_entries()
    for name, pair in low_pairs():
        yield from ((entry, name, pair) for entry in densities)
    weights = write_weights(folder)
    os.environ["TORCH_HOME"] = str(folder)  # where the packages look for the weights
    of_images = image_entries(weights)
    for side, count in SIDES.items():
        pair = write_folders(folder, side, count)
        yield from ((entry, f"photographs of {side} x {side}", pair) for entry in of_images)


def measure(only: str) -> list[Row]:
    """Make all comparisons; what cannot run is a row too, which fails."""
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for entry, name, pair in comparisons(Path(folder)):
            label = f"{entry.peer} {entry.name}"
            if not fnmatch.fnmatchcase(label, only) or not fnmatch.fnmatchcase(name, entry.inputs):
                continue
            try:
                found = compare(entry, name, pair)
            except Exception as error:
                text = f"{type(error).__name__}: {error}"
                found = [Row(entry, "", name, {}, 0.0, 0.0, failure=text)]
            rows += found
            print(*map(parity_page.line, found), sep="\n", flush=True)
    return rows


def main() -> None:
    """Compare, write the page, and fail where something is not explained."""
    reader = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    reader.add_argument("--only", default="*", help="a glob on 'peer entry point'")
    only = reader.parse_args().only
    before, began = os.getloadavg(), time.perf_counter()
    rows = measure(only)
    if only == "*":
        took = f"{(time.perf_counter() - began) / 60:.0f} minutes"
        machine = f"{describe(before, os.getloadavg())} {took}."
        page = write(PAGE.read_text(), "summary", f"{machine}\n\n{parity_page.summary(rows)}")
        page = write(page, "reasons", parity_page.reasons(rows))
        PAGE.write_text(write(page, "matrix", parity_page.matrix(rows)))
    print(parity_page.summary(rows))
    failed = [row for row in rows if not row.explained]
    for row in failed:
        print(f"not explained: {parity_page.line(row)}", file=sys.stderr)
    sys.exit(bool(failed))


if __name__ == "__main__":
    main()
