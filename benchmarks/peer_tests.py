"""The packages' own tests of what we replace, run with `parzen.patch` in force.

`python -m benchmarks.peer_tests` fetches the packages' sources at the installed versions into a
temporary folder (tests are not in their wheels), with random weights where they look for theirs,
and runs the tests patched. Where one fails, all run again as they are: a test that fails by itself,
since it wants the network or another version of something, is not counted against us. What passes
alone and fails patched fails the run, unless a reason stands in KNOWN. `--sources DIR` takes clones
from DIR/<package> instead of fetching.
"""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import os
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from dataclasses import dataclass
from pathlib import Path

from benchmarks.parity_inputs import write_weights
from benchmarks.run import ROOT, write

PAGE = ROOT / "docs" / "parity.md"
MINUTES = 10  # for a package's tests


@dataclass(frozen=True)
class Suite:
    """A package's tests of functions that we replace.

    Attributes
    ----------
    package
        Its name, as pip knows it.
    source
        Where its repository is; "": the tests are in the installed package.
    tags
        What a version's tag is called.
    root, files
        The folder that the tests run in, and the files.
    why_not
        Where there are no such tests: why.
    """

    package: str
    source: str = ""
    tags: tuple[str, ...] = ("v{version}", "{version}")
    root: str = "."
    files: tuple[str, ...] = ()
    why_not: str = ""


SUITES = (
    Suite(
        "torchmetrics",
        "https://github.com/Lightning-AI/torchmetrics",
        root="tests",
        files=tuple(f"unittests/image/test_{name}.py" for name in ("fid", "kid", "mifid")),
    ),
    Suite(
        "torch-fidelity",
        "https://github.com/toshas/torch-fidelity",
        files=(
            "tests/torch_pure/misc/test_fid_stats_fn.py",
            "tests/torch_pure/misc/test_prc_convention.py",
        ),
    ),
    Suite(
        "pytorch-fid",
        "https://github.com/mseitzer/pytorch-fid",
        files=("tests/test_fid_score.py",),
    ),
    Suite("scikit-learn", root="sklearn", files=("neighbors/tests/test_kde.py",)),
    Suite("clean-fid", why_not="its one test wants two GPUs and CIFAR-10"),
    Suite("prdc", why_not="it has none"),
    Suite("vendi-score", why_not="it has none"),
)


# Tests that pass alone and fail patched, with the reason, by the end of the test's name.
KNOWN = {
    "TestFIDStatsFunction::test_fid": "it asks for 5 decimals of a reference by SciPy's sqrtm, "
    "which of singular covariances (N = 2, C = 64) is 6.5e-6 off, as torch-fidelity's own is; "
    "ours is within 1e-13 of the exact distance"
}


@dataclass(frozen=True)
class Outcome:
    """What became of a test: "passed", "failed" or "skipped", patched and alone; the message.

    `alone` is "" where nothing failed, and nothing ran alone.
    """

    test: str
    patched: str
    alone: str
    message: str

    @property
    def known(self) -> str:
        """Return the reason for a failure, or ""."""
        return next((why for test, why in KNOWN.items() if self.test.endswith(test)), "")

    @property
    def broken(self) -> bool:
        """Whether it fails because of the patch."""
        return self.alone == "passed" and self.patched != "passed"


def checkout(suite: Suite, sources: Path | None, folder: Path) -> Path | str:
    """Return the folder of a package's sources at the installed version, or why there is none."""
    version = importlib.metadata.version(suite.package)
    if not suite.source:
        spec = importlib.util.find_spec(suite.root)
        assert spec is not None
        assert spec.origin is not None
        return Path(spec.origin).parent
    origin = str(sources / suite.package) if sources else suite.source
    target, why = folder / suite.package, ""
    for tag in suite.tags:
        command = ["git", "clone", "-q", "--depth", "1", "--branch", tag.format(version=version)]
        quiet = {**os.environ, "GIT_TERMINAL_PROMPT": "0"}
        done = subprocess.run(
            [*command, origin, str(target)], capture_output=True, text=True, check=False, env=quiet
        )
        if done.returncode == 0:
            return target / suite.root
        why = done.stderr.strip().splitlines()[-1] if done.stderr.strip() else "git failed"
    return f"the sources of {version} could not be fetched: {why}"


def run(suite: Suite, root: Path, home: Path, patched: bool) -> dict[str, tuple[str, str]]:
    """Return each test's outcome and message."""
    report = home / f"{suite.package}-{patched}.xml"
    command = [sys.executable]
    command += ["-m", "parzen.patch", "-m", "pytest"] if patched else ["-m", "pytest"]
    command += ["-q", "-p", "no:cacheprovider", "-o", "addopts=", f"--junitxml={report}"]
    if suite.source:
        command += [f"--rootdir={root}"]
    else:  # an installed package's tests are found by name
        command += ["--pyargs"]
    files = suite.files
    if not suite.source:
        files = tuple(f"{suite.root}.{f[:-3].replace('/', '.')}" for f in suite.files)
    environment = {**os.environ, "TORCH_HOME": str(home)}
    environment["PYTHONPATH"] = os.pathsep.join(
        [str(root), *filter(None, [os.environ.get("PYTHONPATH")])]
    )
    done = subprocess.run(
        [*command, *files],
        cwd=root if suite.source else home,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60 * MINUTES,
    )
    if not report.exists():
        raise RuntimeError((done.stderr or done.stdout).strip()[-2000:])
    return read(report)


def read(report: Path) -> dict[str, tuple[str, str]]:
    """Return the outcomes in pytest's XML."""
    found = {}
    for case in ET.parse(report).iter("testcase"):
        outcome, message = "passed", ""
        for kind, word in (("failure", "failed"), ("error", "failed"), ("skipped", "skipped")):
            item = case.find(kind)
            if item is not None:
                outcome, message = word, (item.get("message") or "").strip().split("\n")[0]
        found[f"{case.get('classname')}::{case.get('name')}"] = outcome, message
    return found


def outcomes(suite: Suite, root: Path, home: Path) -> list[Outcome]:
    """Run a package's tests patched, and alone where one of them fails."""
    patched = run(suite, root, home, True)
    failed = any(outcome == "failed" for outcome, _ in patched.values())
    alone = run(suite, root, home, False) if failed else {}
    return [
        Outcome(test, outcome, alone.get(test, ("", ""))[0], message)
        for test, (outcome, message) in patched.items()
    ]


def table(suite: Suite, found: list[Outcome] | str) -> str:
    """Return a package's line, and one for each of its tests that does not pass."""
    if isinstance(found, str):
        return f"| {suite.package} | not run: {found} | | | |"
    broken = sum(o.broken for o in found)
    passed = sum(o.patched == "passed" for o in found)
    version = importlib.metadata.version(suite.package)
    rest = [o for o in found if o.patched != "passed"]
    lines = [
        f"| {suite.package} {version} | {', '.join(suite.files)} | {passed} "
        f"| {broken} | {len(rest) - broken} |"
    ]
    for one in rest:
        name, why = one.test.rpartition(".")[2], one.known or one.message.replace("|", "\\|")[:160]
        alone = f"passes alone: {why}" if one.broken else why
        lines.append(f"| | `{name}`: {one.patched}; {alone} | | | |")
    return "\n".join(lines)


def main() -> None:
    """Run all and write the page's part; a run in which nothing could be fetched says so."""
    reader = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    reader.add_argument("--sources", type=Path, help="a folder with clones, instead of fetching")
    options = reader.parse_args()
    lines = ["| package | tests | pass | fail because of the patch | skipped, or fail alone too |"]
    lines.append("|---|---|---|---|---|")
    failed = False
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        write_weights(folder)
        for suite in SUITES:
            found: list[Outcome] | str = suite.why_not
            if not suite.why_not:
                root = checkout(suite, options.sources, folder)
                try:
                    found = root if isinstance(root, str) else outcomes(suite, root, folder)
                except (RuntimeError, subprocess.TimeoutExpired) as error:
                    found, failed = f"{error}", True
            lines.append(table(suite, found))
            print(lines[-1], flush=True)
            if not isinstance(found, str):
                failed |= any(o.broken and not o.known for o in found)
    PAGE.write_text(write(PAGE.read_text(), "peer tests", "\n".join(lines)))
    sys.exit(failed)


if __name__ == "__main__":
    main()
