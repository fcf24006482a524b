"""From images to numbers: how parzen.compat decodes, and its pytorch-fid."""

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
Image = pytest.importorskip("PIL.Image")

import compat_images  # noqa: E402
import parzen  # noqa: E402
import parzen.vision  # noqa: E402
from compat_images import decoded, features, smooth  # noqa: E402
from parzen.compat import _images, pytorch_fid  # noqa: E402

folders, random_network, state = (
    compat_images.folders,
    compat_images.random_network,
    compat_images.state,
)  # fixtures
pytestmark = [
    pytest.mark.usefixtures("random_network"),
    pytest.mark.filterwarnings("ignore::parzen.SmallSampleWarning"),
]


def means(images):
    """A network of three features: of pixels in 0..1, as pytorch-fid's models."""
    assert images.dtype == torch.float32
    assert images.max() <= 1.0
    return [images]


class TestDecoding:
    def test_no_orientation_is_applied(self, tmp_path):
        image = Image.fromarray(smooth(4, 6, 1.0))
        exif = Image.Exif()
        exif[0x0112] = 6  # turned by a quarter
        image.save(tmp_path / "turned.png", exif=exif)
        found = _images.RGBFiles([str(tmp_path / "turned.png")])[0]
        np.testing.assert_array_equal(found, np.array(image))

    def test_modes_are_converted_as_pillow_does(self, tmp_path):
        picture = Image.fromarray(smooth(4, 6, 1.0))
        for number, mode in enumerate(("L", "P", "RGBA", "1")):
            path = str(tmp_path / f"{number}.png")
            picture.convert(mode).save(path)
            expected = np.array(Image.open(path).convert("RGB"))
            np.testing.assert_array_equal(_images.RGBFiles([path])[0], expected)

    def test_16_bits_are_not_cut_off(self, tmp_path):
        path = str(tmp_path / "deep.png")
        Image.fromarray(np.full((3, 3), 257 * 100, dtype=np.uint16)).save(path)
        assert (_images.RGBFiles([path])[0] == 100).all()

    def test_a_damaged_file_is_named(self, tmp_path):
        (tmp_path / "bad.png").write_bytes(b"no image")
        with pytest.raises(parzen.vision.BrokenImage, match=r"bad\.png"):
            pytorch_fid.get_activations([tmp_path / "bad.png"], means, dims=3, num_workers=0)


class TestPytorchFID:
    @pytest.mark.parametrize("dims", [64, 192])
    def test_fid_of_folders(self, folders, state, dims):
        found = pytorch_fid.calculate_fid_given_paths(folders, 4, "cpu", dims, num_workers=0)
        options = {"resize": "bilinear", "normalisation": "2 x / 255 - 1"}
        layer = str(dims)
        x, y = (features(state, decoded(f), features=[layer], **options)[layer] for f in folders)
        assert found == pytest.approx(parzen.fid(x, y), rel=1e-4)

    def test_statistics_saved_are_statistics_used(self, folders, tmp_path):
        arguments = (4, "cpu", 64, 0)
        files = [str(tmp_path / "a"), str(tmp_path / "b.npz")]
        for folder, file in zip(folders, files, strict=True):
            pytorch_fid.save_fid_stats([folder, file], *arguments)
        files[0] += ".npz"  # as numpy.savez names it
        with np.load(files[0]) as archive:
            assert set(archive.files) == {"mu", "sigma"}
            assert archive["sigma"].shape == (64, 64)
        direct = pytorch_fid.calculate_fid_given_paths(folders, *arguments)
        for paths in (files, [folders[0], files[1]]):
            found = pytorch_fid.calculate_fid_given_paths(paths, *arguments)
            assert found == pytest.approx(direct, rel=1e-9)

    def test_a_model_of_ones_own(self, folders):
        paths = sorted(Path(folders[0]).glob("*.png"))
        found = pytorch_fid.get_activations(paths, means, batch_size=2, dims=3, num_workers=0)
        expected = decoded(folders[0], ["png"]).double().mean((2, 3)) / 255
        assert found.dtype == np.float64
        np.testing.assert_allclose(found, expected, rtol=1e-5)
        mu, sigma = pytorch_fid.calculate_activation_statistics(paths, means, 2, 3, num_workers=0)
        np.testing.assert_allclose(mu, found.mean(axis=0), rtol=1e-12)
        np.testing.assert_allclose(sigma, np.cov(found, rowvar=False), rtol=1e-9)
        with pytest.raises(ValueError, match="gives 3 features, dims is 2048"):
            pytorch_fid.get_activations(paths, means)

    def test_folders_without_images(self, tmp_path):
        Image.fromarray(smooth(8, 8, 1.0)).save(tmp_path / "upper.PNG")
        with pytest.raises(ValueError, match="no images directly in"):
            pytorch_fid.calculate_fid_given_paths([tmp_path, tmp_path], 4, "cpu", 64)

    @pytest.mark.peers
    @pytest.mark.filterwarnings("ignore")
    @pytest.mark.parametrize("dims", [64, 768])
    def test_is_the_package(self, folders, state, monkeypatch, dims):
        peer = pytest.importorskip("pytorch_fid.fid_score")
        network = pytest.importorskip("pytorch_fid.inception")
        monkeypatch.setattr(network, "load_state_dict_from_url", lambda *_, **__: state)
        block = network.InceptionV3.BLOCK_INDEX_BY_DIM[dims]
        model = network.InceptionV3([block])
        for folder in folders[1:]:
            theirs = peer.compute_statistics_of_path(folder, model, 4, dims, "cpu", 0)
            ours = pytorch_fid.compute_statistics_of_path(
                folder,
                _images.inception(
                    torch.device("cpu"), resize="bilinear", normalisation="2 x / 255 - 1"
                ),
                *(4, dims, "cpu", 0),
            )
            same = pytorch_fid.compute_statistics_of_path(folder, model, 4, dims, "cpu", 0)
            for a, b, c in zip(ours, theirs, same, strict=True):
                size = np.abs(b).max()
                np.testing.assert_allclose(a, b, atol=1e-4 * size)
                np.testing.assert_allclose(c, b, atol=1e-5 * size)
