"""Our functions in place of other packages', and the packages' own back again."""

# The packages draw from NumPy's global generator.
# ruff: noqa: NPY002

import importlib
import inspect
import subprocess
import sys
import textwrap

import numpy as np
import pytest

import parzen
from parzen.patch.imports import Watcher
from parzen.patch.replacing import reason_to_leave
from parzen.patch.targets import TARGETS

PEERS = {target.module.partition(".")[0] for target in TARGETS}

# As the real ones have them, but for the answers, which tell who gave them.
FAKES = {
    "pytorch_fid/__init__.py": "",
    "pytorch_fid/__main__.py": """
        import sys
        import pytorch_fid.fid_score
        print("argv", *sys.argv[1:])
        pytorch_fid.fid_score.main()
    """,
    "pytorch_fid/fid_score.py": """
        import numpy as np

        def calculate_frechet_distance(mu1, sigma1, mu2, sigma2, eps=1e-6):
            return ("theirs", eps)

        def main():
            print(calculate_frechet_distance([0.0], [[1.0]], [2.0], [[1.0]]))
    """,
    "prdc/__init__.py": "from .prdc import compute_prdc",
    "prdc/prdc.py": """
        def compute_prdc(real_features, fake_features, nearest_k):
            return "theirs"
    """,
    "vendi_score/__init__.py": "",
    "vendi_score/vendi.py": """
        def score_X(X, q=1, p=None, normalize=True):
            return "theirs"

        def score_dual(X, q=1):  # another version's
            return "theirs"
    """,
    "cleanfid/__init__.py": "",
    "cleanfid/fid.py": """
        import numpy as np

        def frechet_distance(mu1, sigma1, mu2, sigma2, eps=1e-6):
            return "theirs"

        def kernel_distance(feats1, feats2, num_subsets=100, max_subset_size=1000):
            n = feats1.shape[1]
            m = min(min(feats1.shape[0], feats2.shape[0]), max_subset_size)
            t = 0
            for _subset_idx in range(num_subsets):
                x = feats2[np.random.choice(feats2.shape[0], m, replace=False)]
                y = feats1[np.random.choice(feats1.shape[0], m, replace=False)]
                a = (x @ x.T / n + 1) ** 3 + (y @ y.T / n + 1) ** 3
                b = (x @ y.T / n + 1) ** 3
                t += (a.sum() - np.diag(a).sum()) / (m - 1) - b.sum() * 2 / m
            return float(t / num_subsets / m)
    """,
    "my_fid.py": """
        def calculate_frechet_distance(mu1, sigma1, mu2, sigma2, eps=1e-6):
            return "theirs"
    """,
    "program.py": """
        from pytorch_fid.fid_score import calculate_frechet_distance
        import sys
        print(calculate_frechet_distance([0.0], [[1.0]], [2.0], [[1.0]]), *sys.argv[1:], __name__)
        sys.exit(3)
    """,
}
GAUSSIANS = ([0.0, 0.0], np.eye(2), [1.0, 1.0], np.eye(2))


def ours(mod):
    return mod.calculate_frechet_distance(*GAUSSIANS) == 2.0


@pytest.fixture
def fakes(tmp_path, monkeypatch):
    """Fake packages on the path, none of them imported; everything as it was afterwards."""
    for name, text in FAKES.items():
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(textwrap.dedent(text))
    mine = {"my_fid", *PEERS - {"sklearn", "torchmetrics", "torch_fidelity"}}
    kept = {name: module for name, module in sys.modules.items() if name.split(".")[0] in mine}
    for name in kept:
        del sys.modules[name]
    monkeypatch.syspath_prepend(tmp_path)
    yield tmp_path
    parzen.unpatch()
    for name in [name for name in sys.modules if name.split(".")[0] in mine]:
        del sys.modules[name]
    sys.modules.update(kept)


def imported(name):
    return importlib.import_module(name)


@pytest.mark.parametrize("first", ["import", "patch"])
def test_before_and_after_the_import(fakes, first):
    if first == "import":
        module = imported("pytorch_fid.fid_score")
        original = module.calculate_frechet_distance
        names = parzen.patch(quiet=True)
        assert "pytorch_fid.fid_score.calculate_frechet_distance" in names
    else:
        parzen.patch(quiet=True)
        module = imported("pytorch_fid.fid_score")
        original = module.calculate_frechet_distance.__wrapped__
    assert ours(module)
    assert module.calculate_frechet_distance is not original
    assert module.calculate_frechet_distance.__name__ == "calculate_frechet_distance"
    assert inspect.signature(module.calculate_frechet_distance) == inspect.signature(original)
    parzen.unpatch()
    assert module.calculate_frechet_distance is original
    assert module.calculate_frechet_distance(*GAUSSIANS) == ("theirs", 1e-6)


@pytest.mark.parametrize("first", ["import", "patch"])
def test_names_that_other_modules_imported(fakes, first):
    """``from prdc.prdc import compute_prdc``, as prdc's own __init__ does."""
    if first == "import":
        imported("prdc")
    parzen.patch(quiet=True)
    package, module = imported("prdc"), imported("prdc.prdc")
    assert package.compute_prdc is module.compute_prdc
    original = module.compute_prdc.__wrapped__
    assert original not in (package.compute_prdc, module.compute_prdc)
    parzen.unpatch()
    assert package.compute_prdc is original
    assert module.compute_prdc is original


def test_a_second_time_nothing_happens(fakes, capsys):
    module = imported("pytorch_fid.fid_score")
    original = module.calculate_frechet_distance
    names = parzen.patch()
    replacement = module.calculate_frechet_distance
    said = capsys.readouterr().err
    assert said.count("pytorch_fid.fid_score: calculate_frechet_distance") == 1
    assert parzen.patch() == names
    assert capsys.readouterr().err == ""
    assert module.calculate_frechet_distance is replacement
    assert sum(isinstance(finder, Watcher) for finder in sys.meta_path) == 1
    parzen.unpatch()
    parzen.unpatch()
    assert module.calculate_frechet_distance is original
    assert not any(isinstance(finder, Watcher) for finder in sys.meta_path)
    parzen.patch(quiet=True)
    assert ours(module)


def test_what_is_said(fakes, capsys):
    parzen.patch()
    capsys.readouterr()
    imported("vendi_score.vendi")
    assert capsys.readouterr() == (
        "",
        "parzen.patch: vendi_score.vendi.score_dual is left alone: this version takes (X, q), "
        "known is (X, q, normalize)\nparzen.patch: vendi_score.vendi: score_X\n",
    )
    parzen.patch(quiet=True)
    imported("pytorch_fid.fid_score")
    assert capsys.readouterr().err == ""


def test_another_signature_is_left_alone(fakes):
    parzen.patch(quiet=True)
    module = imported("vendi_score.vendi")
    assert module.score_dual(np.eye(3)) == "theirs"
    assert module.score_X(np.eye(3)) == pytest.approx(3.0)


def test_a_version_without_the_function(fakes, capsys):
    (fakes / "prdc" / "prdc.py").write_text("compute_prdc = None")
    imported("prdc")
    parzen.patch()
    assert "prdc.prdc.compute_prdc is left alone: this version has no such function" in (
        capsys.readouterr().err
    )
    assert imported("prdc").compute_prdc is None


def test_nothing_is_imported(fakes):
    code = (
        "import sys, parzen; parzen.patch(); "
        f"print({PEERS | {'torch'}} & {{name.split('.')[0] for name in sys.modules}})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "set()\n"
    assert done.stderr == ""


def test_what_ours_refuses_is_theirs(fakes):
    parzen.patch(quiet=True)
    module = imported("pytorch_fid.fid_score")
    indefinite = np.diag([1.0, -1.0])
    refused = ([0.0, 0.0], indefinite, [0.0, 0.0], np.eye(2))
    assert module.calculate_frechet_distance(*refused, eps=0.5) == ("theirs", 0.5)
    assert imported("prdc").compute_prdc(np.ones((3, 2)), np.ones((3, 2)), nearest_k=7) == "theirs"
    assert imported("vendi_score.vendi").score_X(np.full((3, 2), np.nan)) == "theirs"


def test_draws_are_the_global_generators(fakes, rng):
    """The same number and the same generator afterwards, patched or not."""
    module = imported("cleanfid.fid")
    x, y = rng.normal(size=(40, 5)), rng.normal(size=(50, 5))
    found = {}
    for patched in (False, True):
        if patched:
            parzen.patch(quiet=True)
        np.random.seed(5)
        found[patched] = module.kernel_distance(x, y, 7, max_subset_size=30), np.random.random()
    assert found[True][0] == pytest.approx(found[False][0], rel=1e-10)
    assert found[True][1] == found[False][1]


def test_nothing_is_drawn_of_what_ours_refuses(fakes):
    parzen.patch(quiet=True)
    module = imported("cleanfid.fid")
    x = np.full((10, 3), np.nan)
    np.random.seed(5)
    assert np.isnan(module.kernel_distance(x, x, num_subsets=2))
    after = np.random.random()
    np.random.seed(5)
    for _ in range(4):
        np.random.permutation(10)
    assert np.random.random() == after


def test_copies_of_the_functions(fakes):
    parzen.patch(quiet=True)
    module = imported("my_fid")
    assert module.calculate_frechet_distance(*GAUSSIANS) == "theirs"
    assert "my_fid.calculate_frechet_distance" in parzen.patch(quiet=True, also=["my_fid"])
    assert ours(module)
    parzen.unpatch()
    assert module.calculate_frechet_distance(*GAUSSIANS) == "theirs"
    for also in ("my_fid", [1]):
        with pytest.raises(TypeError, match=r"^patch: also is .*, expected a sequence of names"):
            parzen.patch(also=also)


def test_what_someone_else_replaced_since_stays(fakes):
    module = imported("pytorch_fid.fid_score")
    parzen.patch(quiet=True)
    module.calculate_frechet_distance = later = lambda *args: "later"
    parzen.unpatch()
    assert module.calculate_frechet_distance is later


def test_a_reloaded_module_is_patched_again(fakes):
    parzen.patch(quiet=True)
    module = imported("pytorch_fid.fid_score")
    importlib.reload(module)
    assert ours(module)
    parzen.unpatch()
    assert module.calculate_frechet_distance(*GAUSSIANS) == ("theirs", 1e-6)


def test_an_imported_module_has_its_own_loader(fakes):
    parzen.patch(quiet=True)
    module = imported("pytorch_fid.fid_score")
    assert module.__spec__.loader is module.__loader__
    assert type(module.__loader__).__name__ == "SourceFileLoader"
    assert "def main" in inspect.getsource(module)


def test_a_module_that_fails_is_not_touched(fakes):
    (fakes / "prdc" / "prdc.py").write_text("raise RuntimeError('no')")
    parzen.patch(quiet=True)
    with pytest.raises(RuntimeError, match="no"):
        imported("prdc")
    assert "prdc.prdc" not in sys.modules
    assert not any(name.startswith("prdc") for name in parzen.patch(quiet=True))


def run(folder, *arguments):
    return subprocess.run(
        [sys.executable, "-m", "parzen.patch", *arguments],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_script(fakes):
    done = run("/", str(fakes / "program.py"), "--quiet", "x")
    assert done.stdout == "4.0 --quiet x __main__\n"
    assert done.stderr == "parzen.patch: pytorch_fid.fid_score: calculate_frechet_distance\n"
    assert done.returncode == 3


def test_a_module(fakes):
    done = run(fakes, "--quiet", "-m", "pytorch_fid", "-m", "a")
    assert done.stdout == "argv -m a\n4.0\n"
    assert done.stderr == ""
    assert done.returncode == 0


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "the following arguments are required: program"),
        (["missing.py"], "there is no file missing.py; a module goes after -m"),
        (["-m", "pytorch_fid.fid_score"], "run its package (-m pytorch_fid)"),
    ],
)
def test_a_command_line_that_cannot_run(fakes, arguments, message):
    done = run(fakes, *arguments)
    assert done.returncode == 2
    assert message in done.stderr


@pytest.mark.peers
@pytest.mark.parametrize("target", TARGETS, ids=lambda target: f"{target.module}.{target.name}")
def test_the_installed_peers_have_the_functions(target):
    module = pytest.importorskip(target.module)
    parts = target.name.split(".")
    original = getattr(module, parts[0])
    for part in parts[1:]:
        original = vars(original)[part]
    assert reason_to_leave(target, original) is None
    parzen.patch(quiet=True)
    try:
        holder = module if len(parts) == 1 else getattr(module, parts[0])
        assert vars(holder)[parts[-1]] is not original
    finally:
        parzen.unpatch()
    assert vars(holder)[parts[-1]] is original
