"""The command itself: help, what it imports, what runs without torch, Ctrl-C, doctor."""

import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

import parzen
from parzen.cli import app
from test_cli import parzen_cli, runner


class TestDoctor:
    def test_it_tells_what_runs(self):
        shown = parzen_cli("doctor").stdout
        for word in ("instructions", "threads", "numpy", "CUDA", "weights"):
            assert word in shown

    def test_json(self, tmp_path):
        parzen_cli("doctor", "--json", tmp_path / "facts.json")
        facts = json.loads((tmp_path / "facts.json").read_text())
        assert facts["instruction_set"] in facts["instruction_sets_available"]
        assert facts["threads"] == parzen.get_num_threads()
        assert facts["weights"]["state"] in ("found", "missing", "damaged", "unknown")
        assert json.loads(parzen_cli("doctor", "--json", "-").stdout) == facts

    def test_weights_are_checked(self, tmp_path, monkeypatch):
        pytest.importorskip("torch")
        monkeypatch.setenv("TORCH_HOME", str(tmp_path))
        assert "missing; put pt_inception" in parzen_cli("doctor").stdout
        folder = tmp_path / "hub" / "checkpoints"
        folder.mkdir(parents=True)
        (folder / "pt_inception-2015-12-05-6726825d.pth").write_bytes(b"half a file")
        assert "EXPECTED 6726825d" in parzen_cli("doctor").stdout


def test_without_arguments_there_is_help():
    assert "compare" in runner.invoke(app, []).output
    assert parzen_cli("--version").stdout == f"parzen {parzen.__version__}\n"
    for command in ("compare", "features", "demo", "doctor"):
        parzen_cli(command, "--help")


def python(code, **options):
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, **options
    )


def test_starting_is_light():
    code = (
        "import sys, parzen\n"
        "heavy = ('torch', 'rich', 'typer', 'matplotlib', 'PIL')\n"
        "print([name for name in heavy if name in sys.modules])\n"
        "from parzen.cli import app\n"
        "app(['compare', '--help'], standalone_mode=False)\n"
        "print([name for name in ('torch', 'matplotlib', 'PIL', 'scipy') if name in sys.modules])\n"
    )
    out = python(code).stdout.splitlines()
    assert out[0] == "[]"
    assert "torch" not in out[-1]
    assert "matplotlib" not in out[-1]


WITHOUT_TORCH = "import sys; sys.modules['torch'] = None\nfrom parzen.cli import app\n"


def test_doctor_and_features_work_without_torch(rng, tmp_path):
    real, fake = tmp_path / "real.npy", tmp_path / "fake.npy"
    for path in (real, fake):
        np.save(path, rng.normal(size=(40, 6)))
    done = python(WITHOUT_TORCH + "app(['doctor'])")
    assert done.returncode == 0, done.stderr
    assert "not looked for: torch is not installed" in done.stdout
    done = python(WITHOUT_TORCH + f"app(['compare', {str(real)!r}, {str(fake)!r}])")
    assert done.returncode == 0, done.stderr


def test_images_without_torch_say_what_to_install(tmp_path):
    np.save(tmp_path / "images.npy", np.zeros((2, 8, 8, 3), np.uint8))
    path = str(tmp_path / "images.npy")
    done = python(WITHOUT_TORCH + f"app(['compare', {path!r}, {path!r}])")
    assert done.returncode == 1
    assert "encoding which needs torch: pip install 'parzen[vision]'" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="there is no SIGINT to send")
def test_ctrl_c_stops_a_long_computation(tmp_path):
    np.save(tmp_path / "x.npy", np.random.default_rng(0).normal(size=(60_000, 64)))
    code = (
        "import signal\n"  # started in a shell's background, the tests inherit it as ignored
        "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "import parzen.measure\n"
        "run = parzen.measure.kid\n"
        "def kid(*args, **options):\n"
        "    print('started', flush=True)\n"
        "    return run(*args, **options)\n"
        "parzen.measure.kid = kid\n"
        "from parzen.cli import app\n"
        f"app(['compare', {str(tmp_path / 'x.npy')!r}, {str(tmp_path / 'x.npy')!r},"
        f" '--metrics', 'kid', '--json', {str(tmp_path / 'out.json')!r}])\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "started\n"
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        _, message = process.communicate(timeout=60)
    assert process.returncode == 130
    assert message == "interrupted\n"
    assert not (tmp_path / "out.json").exists()


def test_the_module_is_the_command():
    done = subprocess.run(
        [sys.executable, "-m", "parzen", "--version"], capture_output=True, text=True, check=True
    )
    assert done.stdout == f"parzen {parzen.__version__}\n"
