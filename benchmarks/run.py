"""Measure everything and write docs/performance.md and its figures: `python -m benchmarks.run`.

Arguments go to pytest (`-k kde`): then the tables are printed and no page is touched.
`--smoke` runs every benchmark at tiny sizes, to see that it works. `--from FILE` writes the page
from the records of an earlier run, which are kept in build/benchmarks.json.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks import figures, report
from benchmarks.machine import describe

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "performance.md"
KEPT = ROOT / "build" / "benchmarks.json"


def measure(arguments: list[str], path: Path) -> dict[str, Any]:
    """Run the benchmarks in one process and keep the records with the machine's description."""
    path.parent.mkdir(exist_ok=True)
    before = os.getloadavg()
    command = [sys.executable, "-m", "pytest", "-q", "-o", "python_files=bench_*.py"]
    command += ["-W", "default", "-p", "no:cacheprovider", f"--results={path}"]
    # A contest that fails leaves a line "not measured"; the others keep their figures.
    failed = subprocess.run([*command, *arguments, str(ROOT / "benchmarks")], cwd=ROOT).returncode
    machine = describe(before, os.getloadavg())
    kept = {"machine": machine, "failed": failed, "records": json.loads(path.read_text())}
    path.write_text(json.dumps(kept))
    return kept


def write(page: str, section: str, text: str) -> str:
    """Return the page with the part between a section's two marks replaced."""
    begin, end = f"<!-- {section}: begin -->", f"<!-- {section}: end -->"
    before, rest = page.split(begin)
    return f"{before}{begin}\n\n{text}\n\n{end}{rest.split(end)[1]}"


def draw(records: list[dict[str, Any]], folder: Path) -> None:
    """Draw the figures that the records have curves for."""
    figures.roofline(records, folder / "roofline.png")
    figures.scaling(records, folder / "scaling.png")


def main() -> None:
    """Measure, then replace the page's measured parts."""
    arguments = sys.argv[1:]
    if arguments[:1] == ["--from"]:
        kept, arguments = json.loads(Path(arguments[1]).read_text()), []
    else:
        if "--smoke" in arguments:
            os.environ["PARZEN_BENCH_SMOKE"] = "1"
            arguments.remove("--smoke")
        partial = arguments or "PARZEN_BENCH_SMOKE" in os.environ
        kept = measure(arguments, KEPT.with_stem("partial") if partial else KEPT)
        if partial:
            records = report.by_name(kept["records"])
            draw(kept["records"], KEPT.parent)
            print(report.summary(records), report.tables(records), kept["machine"], sep="\n\n")
            sys.exit(kept["failed"])
    records = report.by_name(kept["records"])
    page = write(PAGE.read_text(), "targets", f"{kept['machine']}\n\n{report.summary(records)}")
    PAGE.write_text(write(page, "measured", report.tables(records)))
    draw(kept["records"], PAGE.parent)
    print(report.summary(records))
    sys.exit(kept["failed"])


if __name__ == "__main__":
    main()
