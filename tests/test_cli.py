import json
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from typer.testing import CliRunner

import parzen
from parzen import compare as comparison
from parzen.cli import app
from parzen.encode import Encoder
from parzen.feature_sets import FeatureSet, read_features

runner = CliRunner()


def parzen_cli(*arguments, code=0):
    result = runner.invoke(app, [str(a) for a in arguments])
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    return result


def failure(*arguments):
    return parzen_cli(*arguments, code=1).stderr


def misuse(*arguments):
    """Return the message of a usage error in one line, without the box that may be around it."""
    text = parzen_cli(*arguments, code=2).stderr
    return " ".join(text.translate(dict.fromkeys(map(ord, "│╭╮╰╯─"), " ")).split())


@pytest.fixture
def real(rng, tmp_path):
    np.save(tmp_path / "real.npy", rng.normal(size=(40, 6)).astype(np.float32))
    return tmp_path / "real.npy"


@pytest.fixture
def fake(rng, tmp_path):
    np.save(tmp_path / "fake.npy", rng.normal(loc=1.0, size=(30, 6)).astype(np.float32))
    return tmp_path / "fake.npy"


@pytest.fixture(scope="module")
def images(tmp_path_factory):
    pytest.importorskip("torch")
    image = pytest.importorskip("PIL.Image")
    folder = tmp_path_factory.mktemp("images")
    random = np.random.default_rng(0)
    for name in ("real", "fake"):
        (folder / name).mkdir()
        for i in range(4):
            pixels = random.integers(0, 256, (24 + i, 20, 3), dtype=np.uint8)
            image.fromarray(pixels).save(folder / name / f"{i}.png")
    return folder


class TestCompare:
    def test_table_and_json(self, real, fake, tmp_path):
        out = tmp_path / "out.json"
        shown = parzen_cli("compare", real, fake, "--json", out).stdout
        for word in ("FID", "KID", "Precision", "Coverage", "KDE log-likelihood", "std. error"):
            assert word in shown
        assert "Inception Score is left out" in " ".join(shown.split())
        read = json.loads(out.read_text())
        x, y = np.load(real), np.load(fake)
        assert read["metrics"]["kid"]["value"] == parzen.kid(x, y, subsets=None).mean
        assert read["protocol"]["real"] == str(real)
        assert (read["protocol"]["n"], read["protocol"]["m"]) == (40, 30)

    def test_json_on_standard_output_is_nothing_but_json(self, real, fake):
        result = parzen_cli("compare", real, fake, "--metrics", "kid,kde", "--json", "-")
        assert set(json.loads(result.stdout)["metrics"]) == {"kid", "kid_subsets", "log_likelihood"}
        assert "KID" in result.stderr

    def test_options_reach_the_metrics(self, real, fake):
        options = ["--seed", 5, "--k", 2, "--bandwidth", 0.5, "--metrics", "prdc, kde"]
        found = json.loads(parzen_cli("compare", real, fake, *options, "--json", "-").stdout)
        assert found["protocol"]["seed"] == 5
        assert found["metrics"]["precision"]["k"] == 2
        assert found["metrics"]["log_likelihood"]["bandwidth"] == 0.5
        assert found["metrics"]["log_likelihood"]["rule"] == "given"

    def test_threads(self, real, fake):
        before = parzen.get_num_threads()
        try:
            text = parzen_cli("compare", real, fake, "--threads", 1, "--json", "-").stdout
            assert json.loads(text)["protocol"]["threads"] == 1
        finally:
            parzen.set_num_threads(before)

    def test_typos_are_usage_errors_that_list_what_exists(self, real, fake):
        message = misuse("compare", real, fake, "--metrics", "fid,kdi")
        assert "no 'kdi', only fid, kid, is, prdc, kde, vendi, cmmd; did you mean 'kid'?" in message
        message = misuse("compare", real, fake, "--features", "randon")
        assert "no 'randon', only inception, random, timm:NAME, torchhub:REPO:NAME" in message
        assert "did you mean 'random'?" in message
        message = misuse("compare", real, fake, "--resize", "bilinaer")
        assert "did you mean 'bilinear'?" in message
        assert "neither scott nor silverman" in misuse("compare", real, fake, "--bandwidth", "scot")
        assert "number > 0" in misuse("compare", real, fake, "--bandwidth", "-1")
        assert "--metrics" in misuse("compare", real, fake, "--metric", "fid")
        assert "takes no weights" in misuse(
            "compare", real, fake, "--features", "random", "--weights", "w.pth"
        )
        assert "has its own" in misuse(
            "compare", real, fake, "--features", "timm:resnet50", "--resize", "tf1"
        )
        misuse("compare", real)
        misuse("compare", real, fake, "--k", "0")
        misuse("compar", real, fake)

    def test_bad_input_is_a_message_and_1(self, real, fake, tmp_path):
        assert "there is no file or folder nowhere" in failure("compare", "nowhere", fake)
        assert "Inception Score needs" in failure("compare", real, fake, "--metrics", "is")
        assert "k is 30, fake has 30 samples" in failure("compare", real, fake, "--k", 30)
        bad = np.load(real)
        bad[3, 1] = np.nan
        np.save(tmp_path / "bad.npy", bad)
        assert "NaN or infinity, the first in row 3" in failure(
            "compare", tmp_path / "bad.npy", fake
        )
        (tmp_path / "broken.npz").write_bytes(b"PK")
        assert "broken.npz could not be read" in failure("compare", real, tmp_path / "broken.npz")

    def test_an_output_that_cannot_be_is_refused_at_once(self, real, fake, tmp_path):
        before = real.read_bytes()
        assert "is one of the inputs" in failure("compare", real, fake, "--json", real)
        assert real.read_bytes() == before
        assert "is a folder" in failure("compare", real, fake, "--json", tmp_path)
        assert "no folder" in failure("compare", real, fake, "--json", tmp_path / "a" / "b.json")

    def test_nothing_is_written_after_an_error(self, real, tmp_path):
        failure("compare", real, "nowhere", "--json", tmp_path / "out.json")
        assert list(tmp_path.iterdir()) == [real]

    def test_an_interrupt_is_130(self, real, fake, monkeypatch):
        def stopped(*args, **options):
            raise KeyboardInterrupt

        monkeypatch.setattr(comparison, "kid", stopped)
        assert parzen_cli("compare", real, fake, code=130).stderr == "interrupted\n"


class TestImages:
    def test_features_then_compare_equals_compare(self, images, tmp_path):
        for name in ("real", "fake"):
            output = tmp_path / f"{name}.npz"
            shown = parzen_cli("features", images / name, "-o", output, "--features", "random")
            assert "RANDOM FEATURES, 2048 (4, 2048), logits_unbiased (4, 1008)" in shown.stdout
        stored = parzen_cli("compare", tmp_path / "real.npz", tmp_path / "fake.npz", "--json", "-")
        folders = [images / "real", images / "fake", "--features", "random", "--json", "-"]
        direct = parzen_cli("compare", *folders)
        a, b = json.loads(stored.stdout), json.loads(direct.stdout)
        assert a["metrics"] == b["metrics"]
        assert a["notes"] == b["notes"]
        for key in ("network", "weights", "resize", "dtype", "layer", "logits_layer"):
            assert a["protocol"][key] == b["protocol"][key]
        assert a["notes"][0].startswith("RANDOM FEATURES")
        assert "RANDOM FEATURES" in direct.stderr
        assert a["metrics"]["inception_score"]["n"] == 4

    def test_one_layer_in_a_npy(self, images, tmp_path):
        output = tmp_path / "f.npy"
        parzen_cli("features", images / "real", "-o", output, "--features", "random", "--layer", 64)
        assert read_features(output).features()[1].shape == (4, 64)

    def test_a_broken_image_stops_the_run_unless_skipped(self, images, tmp_path):
        folder = tmp_path / "broken"
        folder.mkdir()
        (folder / "a.png").write_bytes((images / "real" / "0.png").read_bytes())
        (folder / "x.png").write_bytes(b"not an image")
        options = ["-o", tmp_path / "f.npy", "--features", "random", "--layer", 64]
        message = failure("features", folder, *options)
        assert str(folder / "x.png") in message
        assert "(--skip-broken leaves such images out)" in message
        assert not (tmp_path / "f.npy").exists()
        shown = parzen_cli("features", folder, *options, "--skip-broken").stdout
        assert f"64 (1, 64); skipped 1, such as {folder / 'x.png'}" in shown

    def test_features_are_cached(self, images, tmp_path, monkeypatch):
        cached = Encoder("random", cache=tmp_path / "kept")
        first = cached.read(images / "real", ("64", "192"))
        assert [path.suffix for path in (tmp_path / "kept").iterdir()] == [".npz", ".npz"]
        monkeypatch.setattr("parzen.vision.InceptionV3.encode", None)
        again = cached.read(images / "real", ("64",))
        np.testing.assert_array_equal(again.layers["64"], first.layers["64"])

    def test_features_and_compare_share_the_cache(self, images, tmp_path, monkeypatch):
        options = ["--features", "random", "--cache", tmp_path / "kept"]
        for name in ("real", "fake"):
            parzen_cli("features", images / name, "-o", tmp_path / f"{name}.npz", *options)
        monkeypatch.setattr("parzen.vision.InceptionV3.encode", None)
        found = parzen_cli("compare", images / "real", images / "fake", *options, "--json", "-")
        stored = parzen_cli("compare", tmp_path / "real.npz", tmp_path / "fake.npz", "--json", "-")
        assert json.loads(found.stdout)["metrics"] == json.loads(stored.stdout)["metrics"]

    def test_other_networks(self, images, tmp_path):
        (tmp_path / "hubconf.py").write_text(
            "import torch\n"
            "def means(pretrained=True):\n"
            "    return torch.nn.Sequential(torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten())\n"
        )
        network = ["--features", f"torchhub:{tmp_path}:means"]
        folders = [images / "real", images / "fake"]
        shown = parzen_cli("compare", *folders, *network).stdout
        assert f"features  torchhub:{tmp_path}:means, weights sha256 " in shown
        assert ", resize: pil-bicubic to 224 x 224, 8 bits; layer features" in shown
        assert "Inception Score is left out" in shown
        message = failure("compare", *folders, *network, "--metrics", "is")
        assert "gives features of images and no logits_unbiased, which the Inception" in message
        shown = parzen_cli("features", images / "real", "-o", tmp_path / "f.npz", *network).stdout
        assert "features (4, 3)" in shown
        both = ["-o", tmp_path / "f.npz", *network, "--layer", "2048"]
        assert "no '2048', only features" in misuse("features", images / "real", *both)

    def test_missing_weights_say_where_to_put_them(self, images, tmp_path):
        message = failure("compare", images / "real", images / "fake", "--weights", tmp_path / "w")
        assert "no file" in message
        assert "sha256 6726825d" in message
        assert "--features random needs no file" in message

    def test_outputs_of_features(self, images, tmp_path):
        real = images / "real"
        assert "neither .npz nor .npy" in misuse("features", real, "-o", tmp_path / "f.txt")
        both = ["-o", tmp_path / "f.npy", "--layer", "64,2048"]
        assert "holds one layer" in misuse("features", real, *both)
        assert "did you mean 'logits'" in misuse(
            "features", real, "-o", "f.npz", "--layer", "logit"
        )
        np.save(tmp_path / "features.npy", np.zeros((3, 2)))
        message = failure("features", tmp_path / "features.npy", "-o", tmp_path / "f.npy")
        assert "holds features already" in message
        np.save(tmp_path / "in.npy", np.zeros((2, 8, 8, 3), np.uint8))
        message = failure("features", tmp_path / "in.npy", "-o", tmp_path / "in.npy")
        assert "is one of the inputs" in message


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


def test_doctor_and_features_work_without_torch(real, fake):
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
        "import parzen.compare\n"
        "run = parzen.compare.kid\n"
        "def kid(*args, **options):\n"
        "    print('started', flush=True)\n"
        "    return run(*args, **options)\n"
        "parzen.compare.kid = kid\n"
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


def test_a_feature_set_is_not_read_again():
    given = FeatureSet({"x": np.eye(3)})
    assert Encoder().read(given, ("2048",)) is given
