"""From images to numbers: the inputs of parzen.compat.torch_fidelity.calculate_metrics."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
Image = pytest.importorskip("PIL.Image")

import compat_images  # noqa: E402
import parzen  # noqa: E402
from compat_images import decoded, features, smooth  # noqa: E402
from parzen.compat import _fidelity_inputs, _images, torch_fidelity  # noqa: E402
from parzen.compat._fidelity_inputs import ResizeAndCrop  # noqa: E402
from parzen.compat._vgg16 import VGG16Features, layers  # noqa: E402

folders, random_network, state = (
    compat_images.folders,
    compat_images.random_network,
    compat_images.state,
)  # fixtures
pytestmark = [
    pytest.mark.usefixtures("random_network"),
    pytest.mark.filterwarnings("ignore::parzen.SmallSampleWarning"),
]


FAST = {"cuda": False, "verbose": False, "feature_layer_fid": "64"}
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
            feature_layer_isc="64",
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
        torch_fidelity.calculate_metrics(input1=x, input2=x + 1.0, fid=True, prc=True)
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
            (
                {"isc": True, "input2": None},
                ValueError,
                "isc_features_to_metric takes an array of logits",
            ),
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
