"""Every instruction set here: the same answers, and no code of one in another's way."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from parzen import _core

HERE = Path(__file__).parent
OPERATIONS = [
    "test_kernel_sum.py",
    "test_kernel_quadratic.py",
    "test_log_density.py",
    "test_moments.py",
    "test_nearest.py",
]
OTHERS = [isa for isa in _core.available_isas() if isa != _core.isa()]
SAMPLE = """
import numpy as np
from parzen import _core
x, y = np.random.default_rng(0).standard_normal((2, 150, 20)).astype(np.float32)
print(_core.isa(), _core.kernel_sum(x, y, _core.Gaussian([2.0]))[0].sum(),
      *_core.kernel_quadratic(x, None, _core.Energy(), np.full((19, 1), 85, np.uint8), None)[0],
      _core.log_density(x, y, [1.0]).sum(),
      _core.log_density(x, y, [9.0], kernel="cosine").sum(), _core.nearest(x, y, 3).sum())
"""


def test_the_best_one_runs_unless_told_otherwise():
    best = _core.available_isas()[0]
    assert _core.isa() == (os.environ.get("PARZEN_ISA") or best)


@pytest.mark.skipif("PARZEN_ISA" in os.environ, reason="already a run for one instruction set")
@pytest.mark.parametrize("isa", OTHERS)
def test_operations_on_the_others(isa):
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        *(str(HERE / name) for name in OPERATIONS),
    ]
    run = subprocess.run(
        command,
        env={**os.environ, "PARZEN_ISA": isa},
        cwd=HERE.parent,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout[-3000:]
    assert " passed" in run.stdout


def test_an_unknown_one_is_refused():
    environment = {**os.environ, "PARZEN_ISA": "avx1024"}
    run = subprocess.run(
        [sys.executable, "-c", SAMPLE], env=environment, capture_output=True, text=True
    )
    assert run.returncode != 0
    assert "PARZEN_ISA is 'avx1024'; this machine and build have: " in run.stderr


QEMU = shutil.which("qemu-x86_64") or shutil.which("qemu-x86_64-static")


@pytest.mark.skipif(not QEMU, reason="qemu-x86_64 (Debian: qemu-user) is not installed")
@pytest.mark.unsanitized
def test_an_old_processor_runs_the_package():
    # A Nehalem has no AVX: one instruction of another set on the way would end the process.
    environment = {**os.environ, "PARZEN_ISA": "", "OPENBLAS_NUM_THREADS": "1"}
    run = subprocess.run(
        [QEMU, "-cpu", "Nehalem", sys.executable, "-W", "ignore", "-c", SAMPLE],
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    isa, *values = run.stdout.split()
    assert isa == "baseline"
    here = subprocess.run(
        [sys.executable, "-c", SAMPLE], capture_output=True, text=True, check=True
    )
    np.testing.assert_allclose(
        np.array(values, float), np.array(here.stdout.split()[1:], float), rtol=1e-6
    )


OBJECTS = sorted((HERE.parent / "build").glob("*/CMakeFiles/pairs_*/**/*.o"))


@pytest.mark.skipif(not OBJECTS or not shutil.which("nm"), reason="needs the build tree and nm")
def test_objects_share_no_code_between_instruction_sets():
    for path in OBJECTS:
        isa = next(part for part in path.parts if part.startswith("pairs_"))[6:].removesuffix(
            ".dir"
        )
        symbols = subprocess.run(
            ["nm", "-C", path], capture_output=True, text=True, check=True
        ).stdout
        weak = [line for line in symbols.splitlines() if any(f" {kind} " in line for kind in "WVu")]
        strangers = [
            line for line in weak if f"parzen::{isa}::" not in line and "DW.ref." not in line
        ]
        assert not strangers, f"{path.name} for {isa}: {strangers[:5]}"
