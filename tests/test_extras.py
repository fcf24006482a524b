"""A package that is missing: what needs it, and how it is had, in one wording everywhere."""

import subprocess
import sys
from pathlib import Path

import pytest

import parzen
from parzen._extras import needed_by

ARRAY = "import numpy as np; x = np.zeros((20, 2)); "
IMAGES = "import numpy as np; np.save('images.npy', np.zeros((2, 8, 8, 3), np.uint8)); "

# The missing package, what is called, what the message begins with, the extra, and what else to do.
CALLS = [
    ("torch", "import parzen.vision", "parzen.vision", "vision", ""),
    ("torch", "from parzen import vision", "parzen.vision", "vision", ""),
    ("torch", "import parzen; parzen.vision", "parzen.vision", "vision", ""),
    ("PIL", "import parzen.vision", "parzen.vision", "vision", ""),
    ("torch", "import parzen.torchmetrics", "parzen.torchmetrics", "torchmetrics", ""),
    ("torchmetrics", "import parzen.torchmetrics", "parzen.torchmetrics", "torchmetrics", ""),
    ("sklearn", "import parzen.latent", "parzen.latent", "latent", ""),
    (
        "skimage",
        "import numpy as np, parzen; x = np.random.default_rng(0).uniform(size=(2, 16, 16)); "
        "parzen.latent.rate_distortion(x, [(1, x)], data_range=1)",
        "rate_distortion: ssim",
        "latent",
        ", or pass ssim=False",
    ),
    ("matplotlib", "import parzen; parzen.latent.heat_map([[1.0]])", "heat_map", "demo", ""),
    (
        "sklearn",
        ARRAY + "import parzen; parzen.data_copying_test(x, x, x, cells=2)",
        "data_copying_test: cells=2",
        "latent",
        ", or pass the labels of the cells",
    ),
    (
        "torch",
        ARRAY + "import parzen; parzen.inception_score(x, protocol='torchmetrics')",
        "this protocol, which draws with torch's generator,",
        "vision",
        "",
    ),
    (
        "torch",
        IMAGES + "from parzen.compare import compare; compare('images.npy', 'images.npy')",
        "images.npy holds images, encoding which",
        "vision",
        ", or give features (n, d) in a .npy or .npz file",
    ),
    (
        "torch",
        "os.mkdir('a'); from parzen.compat.cleanfid import compute_fid; compute_fid('a', 'a')",
        "build_feature_extractor: reading images",
        "vision",
        "",
    ),
    (
        "PIL",
        "os.mkdir('a'); from parzen.compat.pytorch_fid import *; "
        "calculate_fid_given_paths(['a', 'a'], 50, None, 2048)",
        "calculate_fid_given_paths: reading images",
        "vision",
        "",
    ),
    (
        "timm",
        "import parzen; parzen.vision.encoder('timm:resnet50')",
        "timm:resnet50",
        "timm",
        "",
    ),
    ("transformers", "import parzen; parzen.vision.encoder('clip:x')", "clip:x", "clip", ""),
]


@pytest.mark.parametrize(("package", "code", "what", "extra", "instead"), CALLS)
def test_one_wording(package, code, what, extra, instead, tmp_path):
    if package != "torch" and ("vision" in code or "torchmetrics" in code):
        pytest.importorskip("torch")
    if "parzen.latent" in code:
        pytest.importorskip("sklearn")
    absent = f"import os, sys; sys.modules[{package!r}] = None; os.chdir({str(tmp_path)!r}); "
    done = subprocess.run(
        [sys.executable, "-c", absent + code], capture_output=True, text=True, check=False
    )
    last = done.stderr.strip().splitlines()[-1]
    message = f"{what} needs {package}: pip install 'parzen[{extra}]'{instead}"
    assert last == f"ModuleNotFoundError: {message}"


def test_scikit_image_is_for_ssim_alone(rng, monkeypatch):
    pytest.importorskip("sklearn")
    for name in [name for name in sys.modules if name.partition(".")[0] == "skimage"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "skimage", None)
    images = rng.uniform(size=(3, 16, 16))
    pairs = [(2.0, images + 0.1)]
    (point,) = parzen.latent.rate_distortion(images, pairs, data_range=1.0, ssim=False)
    assert point.ssim is None
    assert point.mse == pytest.approx(0.01)
    with pytest.raises(ModuleNotFoundError, match="rate_distortion: ssim needs skimage"):
        parzen.latent.rate_distortion(images, pairs, data_range=1.0)


def test_the_outermost_speaks():
    with (
        pytest.raises(
            ModuleNotFoundError, match=r"^outer needs torch: pip .*parzen\[a\]'$"
        ) as found,
        needed_by("outer", "a"),
        needed_by("inner", "b", "go without"),
    ):
        raise ModuleNotFoundError("No module named 'torch.nn'", name="torch.nn")
    assert found.value.name == "torch"


@pytest.mark.parametrize("name", ["parzen._absent", None])
def test_a_fault_of_our_own_stays_what_it_is(name):
    fault = ModuleNotFoundError("as it was", name=name)
    with pytest.raises(ModuleNotFoundError) as found, needed_by("x", "vision"):
        raise fault
    assert found.value is fault


def test_every_extra_is_one_of_the_distribution():
    project = (Path(__file__).parents[1] / "pyproject.toml").read_text()
    for *_, extra, _ in CALLS:
        assert f"\n{extra} = [" in project


def test_nowhere_else_is_advice_on_packages_given():
    sources = Path(parzen.__file__).parent.rglob("*.py")
    advising = {path.name for path in sources if "pip install 'parzen[{" in path.read_text()}
    assert advising == {"_extras.py", "doctor.py"}
