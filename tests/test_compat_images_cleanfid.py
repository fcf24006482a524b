"""From images to numbers: the folders, archives and generators of parzen.compat.cleanfid."""

import zipfile

import numpy as np
import pytest

torch = pytest.importorskip("torch")
Image = pytest.importorskip("PIL.Image")

import compat_images  # noqa: E402
from compat_images import decoded, features, smooth  # noqa: E402
from parzen.compat import _clean_features, cleanfid  # noqa: E402
from parzen.vision import resize_images  # noqa: E402

folders, random_network, state = (
    compat_images.folders,
    compat_images.random_network,
    compat_images.state,
)  # fixtures
pytestmark = [
    pytest.mark.usefixtures("random_network"),
    pytest.mark.filterwarnings("ignore::parzen.SmallSampleWarning"),
]


def colour(images):
    """A network of three features of resized pixels in 0..255, as clean-fid's extractors."""
    assert images.dtype == torch.float32
    return images.flatten(2).mean(2)


MODES = {
    "clean": {"resize": "pil-bicubic", "normalisation": "(x - 128) / 128"},
    "legacy_pytorch": {"resize": "bilinear", "normalisation": "2 x / 255 - 1"},
    "legacy_tensorflow": {"resize": "tf1", "normalisation": "(x - 128) / 128"},
}
QUIET = {"num_workers": 0, "verbose": False, "device": "cpu"}


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A folder within a folder, and the same in a zip archive."""
    folder = tmp_path_factory.mktemp("small")
    (folder / "within").mkdir()
    names = ["b.png", "a.PNG", "within/c.bmp"]
    for name in names:
        Image.fromarray(smooth(20, 30, 1.0)).save(folder / name)
    np.save(folder / "d.npy", smooth(20, 30, 0.5))
    with zipfile.ZipFile(folder / "all.zip", "w") as archive:
        for name in [*names, "d.npy"]:
            archive.write(folder / name, name)
    return folder


def pictures(small):
    images = [np.array(Image.open(small / name)) for name in ("a.PNG", "b.png")]
    images += [np.load(small / "d.npy"), np.array(Image.open(small / "within/c.bmp"))]
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)


class TestCleanFID:
    @pytest.fixture(autouse=True)
    def statistics_folder(self, tmp_path, monkeypatch):
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    @pytest.mark.parametrize("mode", MODES)
    def test_folder_features(self, small, state, mode):
        found = cleanfid.get_folder_features(small, mode=mode, num=1, **QUIET)
        batch = pictures(small)[:1]
        expected = features(state, batch, **MODES[mode])["2048"].numpy()
        np.testing.assert_allclose(found, expected, atol=1e-5 * expected.max())

    def test_zip_archives_folders_and_arrays(self, small):
        expected = pictures(small).float().mean((2, 3))
        options = {"mode": "legacy_tensorflow", **QUIET}  # in which nothing is resized
        for source in (small, str(small / "all.zip")):
            found = cleanfid.get_folder_features(source, colour, **options)
            np.testing.assert_allclose(found, expected, rtol=1e-6)

    @pytest.mark.parametrize("mode", MODES)
    def test_an_extractor_of_ones_own(self, folders, mode):
        found = cleanfid.get_folder_features(folders[0], colour, mode=mode, **QUIET)
        images = decoded(folders[0])
        if mode != "legacy_tensorflow":  # whose network resizes
            images = resize_images(images, MODES[mode]["resize"])
        np.testing.assert_allclose(found, images.float().mean((2, 3)), rtol=1e-5)
        score = cleanfid.compute_fid(*folders, mode=mode, custom_feat_extractor=colour, **QUIET)
        other = cleanfid.get_folder_features(folders[1], colour, mode=mode, **QUIET)
        assert score == pytest.approx(cleanfid.fid_from_feats(found, other), rel=1e-9)

    def test_functions_of_images(self, folders):
        options = {
            "custom_image_tranform": lambda image: image[:20, :20],
            "custom_fn_resize": lambda image: image.astype(np.float32)[::2, ::2] + 1.0,
        }
        found = cleanfid.get_folder_features(folders[0], colour, **options, **QUIET)
        expected = decoded(folders[0])[:, :, :20:2, :20:2].float().mean((2, 3)) + 1.0
        np.testing.assert_allclose(found, expected, rtol=1e-5)

    def test_some_of_the_images(self, folders):
        import random

        every = cleanfid.get_folder_features(folders[0], colour, **QUIET)
        order = list(range(len(every)))
        random.seed(5)
        random.shuffle(order)
        before = random.getstate()
        found = cleanfid.get_folder_features(
            folders[0], colour, num=3, shuffle=True, seed=5, **QUIET
        )
        assert random.getstate() == before
        np.testing.assert_allclose(found, every[order[:3]], rtol=1e-6)
        first = cleanfid.get_folder_features(folders[0], colour, num=3, **QUIET)
        np.testing.assert_allclose(first, every[:3], rtol=1e-6)

    @pytest.fixture
    def quick_network(self, monkeypatch):
        for module in (_clean_features, cleanfid):
            monkeypatch.setattr(module, "build_feature_extractor", lambda *_: colour)

    @pytest.mark.usefixtures("quick_network")
    def test_statistics_of_ones_own(self, folders):
        assert not cleanfid.test_stats_exists("Mine", "clean")
        cleanfid.make_custom_stats("Mine", folders[1], **QUIET)
        assert cleanfid.test_stats_exists("Mine", "clean")
        with pytest.raises(FileExistsError, match="remove_custom_stats"):
            cleanfid.make_custom_stats("Mine", folders[1], **QUIET)
        custom = {"dataset_name": "mine", "dataset_split": "custom", **QUIET}
        direct = cleanfid.compute_fid(*folders, **QUIET)
        assert cleanfid.compute_fid(folders[0], **custom) == pytest.approx(direct, rel=1e-5)
        np.random.seed(0)
        found = cleanfid.compute_kid(folders[0], **custom)
        x, y = (cleanfid.get_folder_features(folder, **QUIET) for folder in folders)
        np.random.seed(0)
        assert found == pytest.approx(cleanfid.kernel_distance(y, x), rel=1e-5)
        cleanfid.remove_custom_stats("Mine")
        with pytest.raises(FileNotFoundError, match="make_custom_stats makes it"):
            cleanfid.compute_fid(folders[0], **custom)
        with pytest.raises(FileNotFoundError, match="parzen downloads no statistics"):
            cleanfid.compute_kid(folders[0], **QUIET)

    @pytest.mark.usefixtures("quick_network")
    def test_kid_of_folders_takes_the_first_first(self, folders):
        x, y = (cleanfid.get_folder_features(folder, **QUIET) for folder in folders)
        np.random.seed(0)
        expected = cleanfid.kernel_distance(x, y)
        np.random.seed(0)
        assert cleanfid.compute_kid(*folders, **QUIET) == pytest.approx(expected, rel=1e-5)

    @pytest.mark.parametrize("mode", MODES)
    def test_a_generator(self, folders, mode):
        def generator(z):
            return z[:, :3, None, None] * 300.0 * torch.ones(1, 1, 16, 16)

        options = {"mode": mode, "z_dim": 3, "num_gen": 5, "batch_size": 4}
        torch.manual_seed(1)
        found, z = cleanfid.get_model_features(
            generator, colour, **options, device="cpu", verbose=False, return_z=True
        )
        torch.manual_seed(1)
        expected = torch.cat([torch.randn(4, 3), torch.randn(4, 3)])
        assert torch.equal(z, expected)
        expected = 300.0 * expected[:5]
        if mode != "legacy_tensorflow":
            expected = expected.clamp(0.0, 255.0)
        np.testing.assert_allclose(found, expected, rtol=1e-5)
        torch.manual_seed(1)
        score = cleanfid.compute_fid(
            gen=generator, fdir2=folders[0], custom_feat_extractor=colour, **options, **QUIET
        )
        reference = cleanfid.get_folder_features(folders[0], colour, mode=mode, **QUIET)
        assert score == pytest.approx(cleanfid.fid_from_feats(found, reference), rel=1e-9)

    def test_a_generators_images_are_left_alone(self):
        class Network:
            def prepare(self, images):
                return images.sub_(128)  # in place, as InceptionV3 does

            def encode(self, prepared, layers):
                return {layer: prepared.mean((2, 3)) for layer in layers}

        made = torch.full((2, 3, 299, 299), 7.0)
        found = _clean_features.FeatureExtractor(Network(), "clean")(made)
        assert (made == 7.0).all()
        assert (found == -121.0).all()

    @pytest.mark.parametrize(
        ("options", "message"),
        [
            ({"model_name": "clip_vit_b_32"}, "'clip_vit_b_32' is not supported"),
            ({"mode": "dirty"}, "mode is 'dirty'"),
            ({"gen": print}, "fdir1 and gen are both given"),
            ({"fdir1": None}, "expected fdir1"),
        ],
    )
    def test_what_is_not_supported(self, folders, options, message):
        with pytest.raises(ValueError, match=message):
            cleanfid.compute_fid(**{"fdir1": folders[0], **options, **QUIET})

    @pytest.mark.peers
    @pytest.mark.filterwarnings("ignore")
    @pytest.mark.parametrize("mode", MODES)
    def test_is_the_package(self, folders, small, mode):
        peer = pytest.importorskip("cleanfid.fid")
        for folder in (folders[0], str(small)):
            theirs = peer.get_folder_features(folder, colour, batch_size=3, mode=mode, **QUIET)
            ours = cleanfid.get_folder_features(folder, colour, batch_size=3, mode=mode, **QUIET)
            np.testing.assert_allclose(ours, theirs, rtol=1e-5)

        def generator(z):
            return 128.0 + 200.0 * z[:, :3, None, None] * torch.ones(1, 1, 16, 16)

        found = []
        for package in (peer, cleanfid):
            torch.manual_seed(2)
            found.append(
                package.get_model_features(
                    generator, colour, mode, 3, 5, 4, device=torch.device("cpu"), verbose=False
                )
            )
        np.testing.assert_allclose(found[1], found[0], rtol=1e-5)
