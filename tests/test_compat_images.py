"""From images to numbers: the folders, datasets and generators of parzen.compat."""

import zipfile
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
Image = pytest.importorskip("PIL.Image")

import parzen  # noqa: E402
import parzen.vision  # noqa: E402
from parzen.compat import (  # noqa: E402
    _clean_features,
    _fidelity_inputs,
    _images,
    cleanfid,
    pytorch_fid,
    torch_fidelity,
)
from parzen.compat._fidelity_inputs import ResizeAndCrop  # noqa: E402
from parzen.compat._vgg16 import VGG16Features, layers  # noqa: E402
from parzen.vision import InceptionV3, resize_images  # noqa: E402

pytestmark = pytest.mark.filterwarnings("ignore::parzen.SmallSampleWarning")
RANDOM = np.random.default_rng(0)


@pytest.fixture(scope="module")
def state():
    return InceptionV3("random", seed=3).state_dict()


@pytest.fixture(autouse=True)
def random_network(state, monkeypatch):
    """The network that folders are compared by, without its published weights."""

    def inception(device, **options):
        return InceptionV3(**{**options, "weights": state}).to(device)

    monkeypatch.setattr(_images, "inception", inception)


def smooth(h, w, scale):
    """Pictures that differ in more than noise."""
    low = RANDOM.integers(0, 256, (4, 4, 3), dtype=np.uint8) * scale
    return np.array(Image.fromarray(low.astype(np.uint8)).resize((w, h)))


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two folders of images of one size: 7 and 6."""
    found = []
    for name, count, scale in (("a", 7, 1.0), ("b", 6, 0.7)):
        folder = tmp_path_factory.mktemp("images") / name
        folder.mkdir()
        for number in range(count):
            suffix = ("png", "bmp", "ppm")[number % 3]
            Image.fromarray(smooth(48, 36, scale)).save(folder / f"{number}.{suffix}")
        found.append(str(folder))
    return found


def decoded(folder, suffixes=("png", "bmp", "ppm")):
    paths = sorted(p for p in Path(folder).iterdir() if p.suffix[1:] in suffixes)
    return torch.from_numpy(np.stack([np.array(Image.open(p)) for p in paths])).permute(0, 3, 1, 2)


def features(state, images, **options):
    return InceptionV3(state, **options)(images)


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


FAST = {"cuda": False, "verbose": False, "feature_layer_isc": "64", "feature_layer_fid": "64"}
SUBSETS = {"kid_subsets": 3, "kid_subset_size": 4, "feature_layer_kid": "64"}


class TestTorchFidelity:
    def inputs(self, folders):
        return {f"input{i}": folder for i, folder in enumerate(folders, 1)}

    def test_all_metrics_of_folders(self, folders, state):
        extensions = ("png", "bmp")
        found = torch_fidelity.calculate_metrics(
            **self.inputs(folders),
            **dict.fromkeys(("isc", "fid", "kid", "prc"), True),
            **{**FAST, **SUBSETS},
            feature_extractor="inception-v3-compat",
            feature_layer_prc="64",
            samples_find_ext="png,bmp",
            isc_splits=2,
        )
        x, y = (features(state, decoded(f, extensions), features=["64"])["64"] for f in folders)
        kid = parzen.kid(x, y, subsets=3, subset_size=4)
        prc = parzen.precision_recall(y, x)
        isc = parzen.inception_score(x, splits=2)
        precision, recall = float(prc.precision), float(prc.recall)
        assert found == pytest.approx(
            {
                "inception_score_mean": isc.mean,
                "inception_score_std": isc.std,
                "frechet_inception_distance": parzen.fid(x, y),
                "kernel_inception_distance_mean": kid.mean,
                "kernel_inception_distance_std": kid.std,
                "precision": precision,
                "recall": recall,
                "f_score": 2.0 * precision * recall / max(1e-5, precision + recall),
            },
            rel=1e-3,
        )

    def test_features_need_no_network(self, rng, monkeypatch):
        monkeypatch.setattr(_images, "inception", None)
        x, y = rng.normal(size=(2, 50, 8)).astype(np.float32)
        found = torch_fidelity.calculate_metrics(
            input1=x, input2=torch.from_numpy(y), fid=True, prc=True, verbose=False
        )
        prc = parzen.precision_recall(y, x)
        assert found["frechet_inception_distance"] == float(parzen.fid(x, y))
        assert found["precision"] == float(prc.precision)
        assert found["recall"] == float(prc.recall)

    def test_layers_in_a_file(self, rng, tmp_path):
        x, logits = rng.normal(size=(30, 8)), rng.normal(size=(30, 10))
        np.savez(tmp_path / "x.npz", **{"2048": x, "logits_unbiased": logits})
        path = str(tmp_path / "x.npz")
        found = torch_fidelity.calculate_metrics(
            input1=path, input2=x + 1.0, isc=True, fid=True, verbose=False
        )
        assert found["frechet_inception_distance"] == pytest.approx(8.0)
        assert found["inception_score_mean"] == float(parzen.inception_score(logits).mean)
        with pytest.raises(ValueError, match="input1 holds the features 2048, logits_unbiased"):
            torch_fidelity.calculate_metrics(
                input1=path, input2=x, fid=True, feature_layer_fid="64", verbose=False
            )

    def test_datasets(self, folders, state):
        x, y = (decoded(folder) for folder in folders)
        sets = {"input1": torch.utils.data.TensorDataset(x), "input2": y}
        found = torch_fidelity.calculate_metrics(**sets, fid=True, save_cpu_ram=True, **FAST)
        both = (features(state, images, features=["64"])["64"] for images in (x, y))
        assert found["frechet_inception_distance"] == pytest.approx(parzen.fid(*both), rel=1e-4)

    def test_deep_folders_and_their_order(self, tmp_path):
        (tmp_path / "b").mkdir()
        for name in ("z.png", "b/a.JPG", "c.gif"):
            Image.fromarray(smooth(8, 8, 1.0)).save(tmp_path / name)
        from parzen.compat._fidelity_inputs import _found

        names = [p.removeprefix(f"{tmp_path}/") for p in _found(tmp_path, True, "png, jpg")]
        assert names == ["b/a.JPG", "z.png"]
        assert len(_found(tmp_path, False, "png,jpg")) == 1

    def test_says_so_where_wanted(self, rng, capsys):
        x = rng.normal(size=(20, 3))
        torch_fidelity.calculate_metrics(input1=x, input2=x, fid=True, prc=True)
        assert [line.split(":")[0] for line in capsys.readouterr().err.splitlines()] == [
            "Frechet Inception Distance",
            *("Precision", "Recall", "F-score"),
        ]

    def test_old_names(self, rng):
        x, y = rng.normal(size=(2, 20, 3))
        options = {"input1": x, "input2": y, "kid": True, "kid_subset_size": 9, "verbose": False}
        new = torch_fidelity.calculate_metrics(**options, kid_kernel_poly_degree=2)
        with pytest.warns(FutureWarning, match="kid_degree is called kid_kernel_poly_degree"):
            assert torch_fidelity.calculate_metrics(**options, kid_degree=2) == new

    @pytest.mark.parametrize(
        ("options", "error", "message"),
        [
            ({}, ValueError, "no metric"),
            ({"fid": True, "input2": None}, ValueError, "input2 is missing"),
            ({"isc": True, "input1": None}, ValueError, "input1 is missing"),
            ({"fid": True, "isc_split": 3}, TypeError, "did you mean 'isc_splits'"),
            ({"fid": True, "ppl": True}, ValueError, "ppl=True is not supported"),
            ({"fid": True, "input1_cache_name": "x"}, ValueError, "input1_cache_name='x' is not"),
            ({"fid": True, "input1": "cifar10-train"}, ValueError, "input1='cifar10-train' is a"),
            ({"fid": True, "input1": "nowhere"}, FileNotFoundError, "no file or folder nowhere"),
            ({"fid": True, "feature_extractor": "clip-rn50"}, ValueError, "'clip-rn50' is not"),
            ({"fid": True, "feature_layer_fid": "fc2"}, ValueError, "feature_layer_fid='fc2', but"),
            ({"isc": True}, ValueError, "isc_features_to_metric takes an array of logits"),
        ],
    )
    def test_what_is_not_supported(self, rng, options, error, message):
        given = {"input1": rng.normal(size=(20, 3)), "input2": rng.normal(size=(20, 3))}
        with pytest.raises(error, match=message):
            torch_fidelity.calculate_metrics(**{**given, "verbose": False, **options})

    def test_images_that_are_not_there(self, folders, tmp_path, monkeypatch):
        both = {"fid": True, "input2": folders[0], **FAST}
        with pytest.raises(ValueError, match=r"no samples in .* with samples_find_deep=False"):
            torch_fidelity.calculate_metrics(input1=str(tmp_path), **both)
        (tmp_path / "g.onnx").touch()
        with pytest.raises(ValueError, match="generators are not supported"):
            torch_fidelity.calculate_metrics(input1=str(tmp_path / "g.onnx"), **both)
        monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
        with pytest.raises(ValueError, match="pass cuda=False"):
            torch_fidelity.calculate_metrics(input1=folders[0], **{**both, "cuda": True})

    @pytest.mark.peers
    @pytest.mark.parametrize("shape", [(40, 30), (31, 77), (20, 20), (11, 300)])
    def test_resize_and_crop_is_torchvisions(self, shape):
        transforms = pytest.importorskip("torchvision.transforms")
        image = smooth(*shape, 1.0)
        theirs = transforms.CenterCrop(20)(transforms.Resize(20)(Image.fromarray(image)))
        np.testing.assert_array_equal(ResizeAndCrop(20)(image), np.array(theirs))

    @pytest.mark.peers
    @pytest.mark.filterwarnings("ignore")
    def test_is_the_package(self, folders, state, tmp_path):
        peer = pytest.importorskip("torch_fidelity")
        weights = str(tmp_path / "weights.pth")
        torch.save(state, weights)
        options = {
            **self.inputs(folders),
            **dict.fromkeys(("isc", "fid", "kid", "prc"), True),
            "kid_subsets": 3,
            "kid_subset_size": 4,
            "isc_splits": 2,
            "rng_seed": 5,
            "cuda": False,
            "verbose": False,
            "save_cpu_ram": True,
            "samples_find_ext": "png,bmp,ppm",
            "samples_resize_and_crop": 32,
            "feature_extractor": "inception-v3-compat",
            "feature_extractor_weights_path": weights,
            **{f"feature_layer_{name}": "64" for name in ("isc", "fid", "kid", "prc")},
        }
        theirs = peer.calculate_metrics(**options)
        found = torch_fidelity.calculate_metrics(**options)
        assert found == pytest.approx(theirs, rel=2e-3)


class TestVGG16:
    @pytest.fixture(scope="class")
    @classmethod
    def vgg_state(cls):
        """Random weights under torchvision's names, of a size that keeps signals alive."""
        with torch.device("meta"):
            convolutions, head = layers()
        shapes = {f"features.{k}": v for k, v in convolutions.state_dict().items()}
        shapes |= {f"classifier.{k}": v for k, v in head.state_dict().items()}
        generator = torch.Generator().manual_seed(0)
        state = {}
        for name, tensor in shapes.items():
            fan = tensor[0].numel() if tensor.ndim > 1 else 1e4
            width = (6.0 / fan) ** 0.5
            state[name] = torch.empty(tensor.shape).uniform_(-width, width, generator=generator)
        return state

    def test_weights_that_cannot_be_had(self, monkeypatch):
        def refuse(*_, **__):
            raise OSError("no route to host")

        monkeypatch.setattr(torch.hub, "load_state_dict_from_url", refuse)
        with pytest.raises(FileNotFoundError, match=r"no route to host.*vgg16-397923af\.pth in"):
            VGG16Features()
        with pytest.raises(ValueError, match="do not fit VGG16"):
            VGG16Features({"features.0.bias": torch.zeros(64)})

    def test_prc_by_default(self, folders, vgg_state, monkeypatch):
        monkeypatch.setattr(_fidelity_inputs, "_vgg16", lambda *_: VGG16Features(vgg_state))
        options = {"prc": True, "cuda": False, "verbose": False, "samples_find_ext": "png"}
        found = torch_fidelity.calculate_metrics(
            input1=folders[0], input2=folders[1], prc_neighborhood=1, **options
        )
        network = VGG16Features(vgg_state)
        x, y = (network(decoded(folder, ["png"])).relu() for folder in folders)
        ours = parzen.precision_recall(y, x, k=1)
        assert found["precision"] == float(ours.precision)
        assert found["recall"] == float(ours.recall)

    @pytest.mark.peers
    @pytest.mark.filterwarnings("ignore")
    def test_is_the_package(self, folders, vgg_state, monkeypatch):
        peer = pytest.importorskip("torch_fidelity.feature_extractor_vgg16")
        models = pytest.importorskip("torchvision.models")
        with torch.device("meta"):
            theirs = models.vgg16()
        theirs.classifier[6] = torch.nn.Identity()  # the classes, which are cut off
        theirs.load_state_dict(vgg_state, assign=True)
        monkeypatch.setattr(peer, "torchvision_load_pretrained_vgg16", lambda **_: theirs)
        extractor = peer.FeatureExtractorVGG16("vgg16", ["fc2", "fc2_relu"])
        images = decoded(folders[0])[:2]
        with torch.inference_mode():
            fc2, relu = extractor(images)
        found = VGG16Features(vgg_state)(images)
        torch.testing.assert_close(found, fc2, rtol=0.0, atol=1e-5 * float(fc2.abs().max()))
        assert (relu > 0).any()
        assert (fc2 < 0).any()
