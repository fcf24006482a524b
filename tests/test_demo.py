import itertools
import json

import numpy as np
import pytest

skimage = pytest.importorskip("skimage")
pytest.importorskip("sklearn")
pytest.importorskip("matplotlib")
pillow = pytest.importorskip("PIL.Image")

from rich.console import Console  # noqa: E402

from parzen import Estimate, demo  # noqa: E402
from parzen.compare import Comparison  # noqa: E402
from parzen.demo_images import (  # noqa: E402
    DISTORTIONS,
    PATCH,
    patches,
    photographs,
    write_sets,
)
from parzen.feature_sets import FeatureSet  # noqa: E402

COUNT = 12


class Pixels:
    """Stands in for the network: colour means, contrast and fine grain of an image."""

    def __init__(self, network, weights=None, **options):
        self.network = network

    def read(self, folder, layers):
        rows = [features_of(path) for path in sorted(folder.iterdir())]
        values = np.array(rows, dtype=np.float32)
        origin = {"network": "pixels", "weights": "random (seed 0)", "resize": "none"}
        return FeatureSet({"2048": values, "logits_unbiased": values}, origin, str(folder))


def features_of(path):
    pixels = read(path) / 255.0
    grain = np.abs(np.diff(pixels, axis=0)).mean() + np.abs(np.diff(pixels, axis=1)).mean()
    return [*pixels.mean(axis=(0, 1)), 10 * grain, (pixels.max(axis=2) == 0).mean()]


def read(path):
    with pillow.open(path) as picture:
        return np.asarray(picture, dtype=np.float64)


@pytest.fixture(scope="module")
def sets(tmp_path_factory):
    return write_sets(tmp_path_factory.mktemp("images"), COUNT, 0)


@pytest.fixture
def stand_in(monkeypatch):
    monkeypatch.setattr(demo, "Encoder", Pixels)


def test_patches_do_not_overlap():
    numbered = np.arange(70 * 130 * 3).reshape(70, 130, 3)
    cut = patches({"a": numbered}, 32)
    assert len(cut) == 2 * 4
    assert all(patch.shape == (32, 32, 3) for _, patch in cut)
    assert len(np.unique([patch for _, patch in cut])) == 8 * 32 * 32 * 3


def test_photographs_are_colour_images():
    found = photographs()
    assert len(found) == 7
    for image in found.values():
        assert image.dtype == np.uint8
        assert image.shape[2] == 3
        assert min(image.shape[:2]) >= PATCH


def test_real_and_fresh_share_no_patch(sets):
    real, fresh = ([read(path) for path in sets[name][0].iterdir()] for name in ("real", "fresh"))
    assert len(real) == len(fresh) == COUNT
    assert not any(np.array_equal(a, b) for a, b in itertools.product(real, fresh))


def test_distortions_grow_with_their_strength(sets):
    names = sorted(path.name for path in sets["fresh"][0].iterdir())
    for kind in DISTORTIONS:
        folders = [*sets["fresh"], *sets[kind.name]]
        images = np.array([[read(folder / name) for name in names] for folder in folders])
        change = np.abs(images[1:] - images[0]).mean(axis=(1, 2, 3, 4))
        assert 0 < change[0] < change[1] < change[2]


def test_the_seed_decides_every_file(sets, tmp_path):
    again = write_sets(tmp_path / "again", COUNT, 0)
    for name in ("real", "noise"):
        for a, b in zip(sets[name], again[name], strict=True):
            for one, two in zip(sorted(a.iterdir()), sorted(b.iterdir()), strict=True):
                assert (one.name, one.read_bytes()) == (two.name, two.read_bytes())
    other = write_sets(tmp_path / "other", COUNT, 1)
    assert {p.name for p in other["real"][0].iterdir()} != {
        p.name for p in sets["real"][0].iterdir()
    }


def test_an_earlier_run_makes_room_and_other_files_do_not(tmp_path):
    write_sets(tmp_path, 10, 0)
    assert len(list((tmp_path / "real").iterdir())) == 10
    write_sets(tmp_path, 8, 0)
    assert len(list((tmp_path / "real").iterdir())) == 8
    mine = tmp_path / "blur-1" / "holiday.png"
    mine.write_bytes(b"")
    with pytest.raises(FileExistsError, match=r"holiday.png is not the demo's"):
        write_sets(tmp_path, 8, 0)
    assert len(list((tmp_path / "real").iterdir())) == 8


@pytest.mark.parametrize("count", [7, 10_000])
def test_number_of_images(count, tmp_path):
    with pytest.raises(ValueError, match=f"images is {count}, expected 8 to "):
        write_sets(tmp_path, count, 0)
    assert list(tmp_path.iterdir()) == []


def test_the_whole_run(stand_in, tmp_path):
    seen = []
    result = demo.run(tmp_path, images=COUNT, progress=lambda what, fraction: seen.append(fraction))
    assert list(result.curves) == ["blur", "noise", "squares"]
    for kind in DISTORTIONS:
        strengths = [strength for strength, _ in result.curves[kind.name]]
        assert strengths == [0.0, *kind.strengths]
    assert seen == pytest.approx(np.arange(1, 12) / 11)
    with pillow.open(result.figure) as figure:
        assert figure.size[0] > 1000
    numbers = json.loads(result.numbers.read_text())
    blur = numbers["blur"]
    assert [step["strength"] for step in blur] == [0.0, *DISTORTIONS[0].strengths]
    assert blur[1]["metrics"]["fid"]["value"] == result.curves["blur"][1][1].fid
    assert {path.name for path in tmp_path.iterdir()} == {"images", "demo.png", "demo.json"}

    console = Console(record=True, width=80)
    demo.show(result, console)
    text = console.export_text()
    assert "RANDOM FEATURES" in text
    assert "…" not in text
    assert "squares 0.5" in text


def test_a_distance_that_does_not_rise_is_a_failure():
    def curve(*values):
        return [(0.0, Comparison(fid=Estimate(v), kid=Estimate(v / 100))) for v in values]

    assert demo.failures({"blur": curve(1, 2, 3), "noise": curve(1, 5, 6)}) == ()
    found = demo.failures({"blur": curve(1, 2, 3), "noise": curve(1, 5, 5)})
    assert found == (
        "FID does not rise with noise: 1.0000, 5.0000, 5.0000",
        "KID does not rise with noise: 0.010000, 0.050000, 0.050000",
    )
