"""Extraction: order, batches, workers, mixed sizes, broken images, the progress bar."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest

torch = pytest.importorskip("torch")
Image = pytest.importorskip("PIL.Image")

import parzen  # noqa: E402
from parzen import vision  # noqa: E402
from parzen.vision import BrokenImage, InceptionV3, extract, extract_features  # noqa: E402

RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module")
def network():
    return InceptionV3("random", ["64"])


class Means:
    """Channel means: a quick encoder that counts what it sees."""

    def __init__(self, version="1"):
        self.provenance = {"encoder": "means", "version": version}
        self.shapes = []

    def __call__(self, batch):
        assert batch.dtype == torch.uint8
        self.shapes.append(tuple(batch.shape))
        return batch.float().mean((2, 3))


@pytest.fixture
def folder(tmp_path):
    """Five images of two sizes."""
    path = tmp_path / "images"
    path.mkdir()
    for number in range(5):
        size = (8, 6) if number % 2 else (5, 9)
        array = RANDOM.integers(0, 256, (*size, 3), dtype=np.uint8)
        Image.fromarray(array).save(path / f"{number}.png")
    return path


def decoded(folder):
    return [np.array(Image.open(path)) for path in sorted(folder.iterdir())]


@pytest.mark.parametrize("batch_size", [1, 2, 5, 64])
def test_rows_are_in_order_for_any_batch_size(folder, batch_size):
    found = extract(folder, encoder=Means(), batch_size=batch_size)
    assert found.dtype == np.float32
    expected = np.stack([image.mean((0, 1)) for image in decoded(folder)])
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_callables_see_one_size_at_a_time(folder):
    encoder = Means()
    extract(folder, encoder=encoder, batch_size=4)
    assert encoder.shapes == [(2, 3, 5, 9), (2, 3, 8, 6), (1, 3, 5, 9)]


def test_workers_change_nothing(folder):
    alone = extract(folder, encoder=Means(), batch_size=2, workers=0)
    helped = extract(folder, encoder=Means(), batch_size=2, workers=2)
    np.testing.assert_array_equal(alone, helped)


def test_inception_on_mixed_sizes(folder, network):
    found = extract(folder, encoder=network, layer="64", batch_size=3)
    batches = [torch.from_numpy(image).permute(2, 0, 1)[None] for image in decoded(folder)]
    expected = torch.cat([network(batch)["64"] for batch in batches])
    np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("kind", [tuple, list])
def test_several_layers(network, kind):
    images = RANDOM.integers(0, 256, (3, 16, 16, 3), dtype=np.uint8)
    found = extract(images, encoder=network, layer=kind(["192", "64"]), batch_size=2)
    assert {layer: values.shape for layer, values in found.items()} == {
        "192": (3, 192),
        "64": (3, 64),
    }
    np.testing.assert_allclose(
        found["64"], extract(images, encoder=network, layer="64"), rtol=1e-5, atol=1e-6
    )


def test_callables_may_return_arrays_of_any_float_type():
    images = RANDOM.integers(0, 256, (3, 4, 4, 3), dtype=np.uint8)
    for encoder in (
        lambda batch: batch.double().mean((2, 3)).numpy(),
        lambda batch: batch.float().mean((2, 3)).bfloat16(),
    ):
        found = extract(images, encoder=encoder)
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, images.mean((1, 2)), rtol=0.01)


def test_iterables_of_unknown_length():
    images = RANDOM.integers(0, 256, (5, 4, 4, 3), dtype=np.uint8)
    found = extract(iter(images), encoder=Means(), batch_size=2)
    np.testing.assert_allclose(found, images.mean((1, 2)), rtol=1e-5)


def test_features_are_returned_as_they_are(tmp_path):
    features = RANDOM.normal(size=(4, 7))
    np.save(tmp_path / "features.npy", features)
    for source in (features, tmp_path / "features.npy"):
        np.testing.assert_array_equal(extract(source), features)
    with pytest.raises(ValueError, match="holds features already, so layers 2048, logits"):
        extract(features, layer=("2048", "logits"))


def test_provenance(folder, network):
    features = extract_features(folder, encoder=network, layers="64")
    assert features.provenance["weights"] == "random (seed 0)"
    assert features.provenance["resize"] == "tf1"
    assert features.skipped == ()
    plain = extract_features(
        folder, encoder=lambda batch: batch.float().mean((2, 3)), layers="features"
    )
    assert list(plain.layers) == ["features"]
    assert "<lambda>" in plain.provenance["network"]


# Broken images


@pytest.fixture
def damaged(folder):
    (folder / "1.png").write_bytes((folder / "1.png").read_bytes()[:60])
    (folder / "3.png").write_bytes(b"")
    return folder


@pytest.mark.parametrize("workers", [0, 1])
def test_broken_image_stops_the_run(damaged, workers):
    with pytest.raises(BrokenImage, match=rf"{damaged / '1.png'}: .*skip_broken=True"):
        extract(damaged, encoder=Means(), workers=workers)


@pytest.mark.parametrize("batch_size", [1, 3])
def test_broken_images_are_skipped_and_counted(damaged, batch_size):
    with pytest.warns(UserWarning, match=r"left out 2 images .*such as .*1\.png"):
        features = extract_features(
            damaged, encoder=Means(), batch_size=batch_size, skip_broken=True
        )
    names = [text.split(":")[0] for text in features.skipped]
    assert names == [str(damaged / "1.png"), str(damaged / "3.png")]
    good = [np.asarray(Image.open(damaged / f"{n}.png")).mean((0, 1)) for n in (0, 2, 4)]
    np.testing.assert_allclose(features.layers["features"], np.stack(good), rtol=1e-5)


def test_nothing_but_broken_images(tmp_path):
    (tmp_path / "a.png").write_bytes(b"")
    with pytest.raises(ValueError, match=r"none of 1 images could be decoded, such as .*a\.png"):
        extract(tmp_path, encoder=Means(), skip_broken=True)
    with pytest.raises(ValueError, match="empty iterable"):
        extract(iter([]), encoder=Means())


# Options


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"batch_size": 0}, ValueError, "batch_size: expected at least 1, got 0"),
        ({"batch_size": 2.5}, TypeError, r"batch_size: expected an integer, got 2\.5"),
        ({"workers": -1}, ValueError, "workers: expected at least 0, got -1"),
        ({"layer": "pool3"}, ValueError, "expected some of 64, 192, .* got 'pool3'"),
        ({"encoder": 3}, TypeError, "encoder: expected an InceptionV3 or a callable, got int"),
        ({"encoder": lambda batch: batch}, ValueError, r"encoder: expected \(2, d\) .* got"),
        ({"encoder": lambda batch: None}, ValueError, "features of 2 images, got NoneType"),
        ({"encoder": lambda batch: batch[:1, :, 0, 0]}, ValueError, r"got \(1, 3\)"),
    ],
)
def test_bad_options(options, error, message):
    images = np.zeros((2, 4, 4, 3), np.uint8)
    with pytest.raises(error, match=message):
        extract(images, **{"encoder": Means(), **options})


def test_progress_counts_images(folder, capsys):
    extract(folder, encoder=Means(), progress=True)
    shown = capsys.readouterr()
    assert shown.out == ""
    assert "5/5" in shown.err
    assert "images/s" in shown.err


def test_names_of_the_module():
    assert list(vision.__all__) == sorted(vision.__all__, key=lambda n: (not n.isupper(), n))
    assert all(hasattr(vision, name) for name in vision.__all__)


def test_importing_parzen_imports_no_torch():
    code = "import sys, parzen; sys.exit('torch' in sys.modules or 'PIL' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_protocol_is_an_encoder(monkeypatch):
    images = np.random.default_rng(0).integers(0, 256, (2, 40, 50, 3), dtype=np.uint8)
    rules = dataclasses.replace(parzen.protocol("pytorch-fid"), network="random")
    found = extract(images, encoder=rules, layer="64")
    network = InceptionV3("random", resize="bilinear", normalisation="2 x / 255 - 1")
    np.testing.assert_array_equal(found, extract(images, encoder=network, layer="64"))
    assert not np.array_equal(found, extract(images, encoder="random", layer="64"))
