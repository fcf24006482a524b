"""The network against a plain one, batch norm and all, and the ways to its weights."""

import copy
import hashlib
import io
import pickle
import urllib.error
import urllib.request

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("PIL")
F = torch.nn.functional

from parzen.vision import weights as weight_files  # noqa: E402
from parzen.vision.inception import LAYERS, NORMALISATIONS, InceptionV3  # noqa: E402
from parzen.vision.weights import WeightsNotFound, random_weights  # noqa: E402


def images(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


@pytest.fixture(scope="module")
def state():
    """Random weights with batch norms and biases that are not the identity."""
    entries = InceptionV3("random", seed=3).state_dict()
    generator = torch.Generator().manual_seed(3)
    for name, tensor in entries.items():
        if name.endswith(("bn.weight", "running_var")):
            tensor.uniform_(0.8, 1.2, generator=generator)
        elif name.endswith(("bias", "running_mean")):
            tensor.normal_(0, 0.1, generator=generator)
    return entries


@pytest.fixture(scope="module")
def network(state):
    return InceptionV3(state, LAYERS)


@pytest.fixture(scope="module")
def stem(state):
    return InceptionV3(state, ["64"])


def plain(state, x, last="logits"):
    """All outputs the long way, in double precision: nothing folded, pools before convolutions."""

    def unit(x, name, stride=1, padding=0):
        p = {n: state[f"{name}.{n}"].double() for n in ("conv.weight", "bn.weight", "bn.bias")}
        mean, var = (state[f"{name}.bn.running_{n}"].double() for n in ("mean", "var"))
        x = F.conv2d(x, p["conv.weight"], stride=stride, padding=padding)
        return F.relu(F.batch_norm(x, mean, var, p["bn.weight"], p["bn.bias"], eps=1e-3))

    def chain(x, name, *branches):
        for branch, *options in branches:
            x = unit(x, f"{name}.{branch}", *options)
        return x

    def average(x):
        ones = torch.ones_like(x[:1, :1])
        total = F.avg_pool2d(x, 3, 1, 1, divisor_override=1)
        return total / F.avg_pool2d(ones, 3, 1, 1, divisor_override=1)

    def a(x, name):
        return [
            chain(x, name, ["branch1x1"]),
            chain(x, name, ["branch5x5_1"], ["branch5x5_2", 1, 2]),
            chain(x, name, ["branch3x3dbl_1"], ["branch3x3dbl_2", 1, 1], ["branch3x3dbl_3", 1, 1]),
            chain(average(x), name, ["branch_pool"]),
        ]

    def b(x, name):
        return [
            chain(x, name, ["branch3x3", 2]),
            chain(x, name, ["branch3x3dbl_1"], ["branch3x3dbl_2", 1, 1], ["branch3x3dbl_3", 2]),
            F.max_pool2d(x, 3, 2),
        ]

    def c(x, name):
        wide, tall = (1, (0, 3)), (1, (3, 0))
        turns = {2: tall, 3: wide, 4: tall, 5: wide}
        double = [[f"branch7x7dbl_{number}", *turn] for number, turn in turns.items()]
        return [
            chain(x, name, ["branch1x1"]),
            chain(x, name, ["branch7x7_1"], ["branch7x7_2", *wide], ["branch7x7_3", *tall]),
            chain(x, name, ["branch7x7dbl_1"], *double),
            chain(average(x), name, ["branch_pool"]),
        ]

    def d(x, name):
        seven = [["branch7x7x3_2", 1, (0, 3)], ["branch7x7x3_3", 1, (3, 0)], ["branch7x7x3_4", 2]]
        return [
            chain(x, name, ["branch3x3_1"], ["branch3x3_2", 2]),
            chain(x, name, ["branch7x7x3_1"], *seven),
            F.max_pool2d(x, 3, 2),
        ]

    def e(x, name):
        three = chain(x, name, ["branch3x3_1"])
        double = chain(x, name, ["branch3x3dbl_1"], ["branch3x3dbl_2", 1, 1])
        pooled = F.max_pool2d(x, 3, 1, 1) if name == "Mixed_7c" else average(x)
        return [
            chain(x, name, ["branch1x1"]),
            chain(three, name, ["branch3x3_2a", 1, (0, 1)]),
            chain(three, name, ["branch3x3_2b", 1, (1, 0)]),
            chain(double, name, ["branch3x3dbl_3a", 1, (0, 1)]),
            chain(double, name, ["branch3x3dbl_3b", 1, (1, 0)]),
            chain(pooled, name, ["branch_pool"]),
        ]

    out = {}
    x = unit(x.double(), "Conv2d_1a_3x3", 2)
    x = unit(unit(x, "Conv2d_2a_3x3"), "Conv2d_2b_3x3", 1, 1)
    x = F.max_pool2d(x, 3, 2)
    out["64"] = x.mean((2, 3))
    x = F.max_pool2d(unit(unit(x, "Conv2d_3b_1x1"), "Conv2d_4a_3x3"), 3, 2)
    out["192"] = x.mean((2, 3))
    if last == "192":
        return out
    blocks = {"5b": a, "5c": a, "5d": a, "6a": b, "6b": c, "6c": c, "6d": c, "6e": c}
    for name, block in blocks.items():
        x = torch.cat(block(x, f"Mixed_{name}"), 1)
    out["768"] = x.mean((2, 3))
    for name, block in {"7a": d, "7b": e, "7c": e}.items():
        x = torch.cat(block(x, f"Mixed_{name}"), 1)
    out["2048"] = x.mean((2, 3))
    out["logits_unbiased"] = out["2048"] @ state["fc.weight"].double().T
    out["logits"] = out["logits_unbiased"] + state["fc.bias"].double()
    return out


def assert_close(found, expected, bound):
    assert list(found) == list(expected)
    for layer, values in found.items():
        error = (values - expected[layer]).abs().max() / expected[layer].abs().max()
        assert error <= bound, layer


def test_equals_the_plain_network(network, state):
    batch = images(1, 3, 299, 299)
    found = network(batch)
    assert all(values.dtype == torch.float32 for values in found.values())
    widths = [values.shape for values in found.values()]
    assert widths == [(1, d) for d in (64, 192, 768, 2048, 1008, 1008)]
    expected = plain(state, (batch.double() - 128) / 128)
    assert_close(found, expected, 1e-5)


def test_float64_equals_the_plain_network_to_the_last_rounding(state):
    network = InceptionV3(state, ["64", "192"], dtype=torch.float64)
    batch = images(1, 3, 299, 299)
    expected = plain(state, (batch.double() - 128) / 128, last="192")
    assert_close(network(batch), expected, 2**-23)
    assert network.provenance["dtype"] == "float64"


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("size", [299, 64, 400])
def test_equals_torch_fidelity(network, state, size, tmp_path):
    theirs = pytest.importorskip("torch_fidelity.feature_extractor_inceptionv3")
    torch.save(state, tmp_path / "weights.pth")
    extractor = theirs.FeatureExtractorInceptionV3(
        "x", list(LAYERS), feature_extractor_weights_path=str(tmp_path / "weights.pth")
    )
    batch = images(4, 3, size, size)
    with torch.inference_mode():
        expected = dict(zip(LAYERS, extractor(batch), strict=True))
    assert_close(network(batch), expected, 1e-5)


@pytest.mark.parametrize(
    ("normalisation", "formula"),
    [
        ("(x - 128) / 128", lambda x: (x - 128) / 128),  # torch-fidelity, torchmetrics
        ("2 x / 255 - 1", lambda x: 2 * (x / 255) - 1),  # pytorch-fid, of images in 0..1
    ],
)
def test_normalisations_are_their_formulas(state, normalisation, formula):
    network = InceptionV3(state, ["64"], normalisation=normalisation)
    assert network.provenance["normalisation"] == normalisation
    batch = torch.arange(256, dtype=torch.uint8).repeat(1050)[: 3 * 299 * 299]
    batch = batch.reshape(1, 3, 299, 299)
    expected = formula(batch.double())
    assert (network.prepare(batch).double() - expected).abs().max() <= 2**-22
    assert_close(network(batch), {"64": plain(state, expected, last="192")["64"]}, 1e-5)


def test_the_default_normalisation_is_the_graph_s(state, stem):
    assert NORMALISATIONS == ("(x - 128) / 128", "2 x / 255 - 1")
    assert stem.normalisation == NORMALISATIONS[0]
    batch = images(1, 3, 32, 32)
    same = InceptionV3(state, ["64"], normalisation=NORMALISATIONS[0])
    assert torch.equal(stem(batch)["64"], same(batch)["64"])


def test_images_do_not_touch_each_other(stem):
    batch = images(18, 3, 40, 50)  # more than the network takes at a time
    apart = torch.cat([stem(part)["64"] for part in batch.split([1, 2, 15])])
    torch.testing.assert_close(stem(batch)["64"], apart, rtol=1e-5, atol=1e-6)


def test_resize_is_used(state):
    batch = images(1, 3, 40, 50)
    modes = ("tf1", "pil-bicubic", "bilinear", "bilinear-antialias")
    found = [InceptionV3(state, ["64"], resize=mode)(batch)["64"] for mode in modes]
    for i, one in enumerate(found):
        for other in found[:i]:
            assert not torch.equal(one, other)


def test_stops_at_the_last_layer_wanted(state):
    class Reached(Exception):
        pass

    def reached(*_):
        raise Reached

    network = InceptionV3(state, ["192", "64"])
    network.Mixed_5b.register_forward_pre_hook(reached)
    assert list(network(images(1, 3, 8, 8))) == ["192", "64"]
    with pytest.raises(Reached):
        network.encode(network.prepare(images(1, 3, 8, 8)), ["64", "768"])


def test_bfloat16_is_close_and_labelled(state, stem):
    network = InceptionV3(state, ["64"], dtype=torch.bfloat16)
    batch = images(2, 3, 32, 32)
    found = network(batch)["64"]
    assert found.dtype == torch.float32
    torch.testing.assert_close(found, stem(batch)["64"], rtol=0.05, atol=0.02)
    assert network.provenance["dtype"] == "bfloat16"
    assert "bfloat16" in network.description


def test_autocast_around_it_changes_nothing(stem):
    batch = images(1, 3, 16, 16)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = stem(batch)["64"]
    assert torch.equal(found, stem(batch)["64"])


def test_reduced_precision_around_it_changes_nothing_and_is_put_back(stem):
    batch = images(1, 3, 16, 16)
    expected = stem(batch)["64"]
    try:
        torch.set_float32_matmul_precision("medium")
        before = torch.get_float32_matmul_precision(), torch.backends.cuda.matmul.allow_tf32
        assert torch.equal(stem(batch)["64"], expected)
        after = torch.get_float32_matmul_precision(), torch.backends.cuda.matmul.allow_tf32
    finally:
        torch.set_float32_matmul_precision("highest")
    assert before == after


def test_new_weights_are_folded_anew(state):
    network = InceptionV3("random", ["64"])
    before = network(images(1, 3, 16, 16))["64"]
    assert network.provenance["weights"] == "random (seed 0)"
    network.load_state_dict(state)
    after = network(images(1, 3, 16, 16))["64"]
    assert not torch.equal(before, after)
    assert torch.equal(after, InceptionV3(state, ["64"])(images(1, 3, 16, 16))["64"])
    assert network.provenance["weights"].startswith("state dict, sha256 ")


def test_copies(stem):
    batch = images(1, 3, 16, 16)
    expected = stem(batch)["64"]
    assert torch.equal(copy.deepcopy(stem)(batch)["64"], expected)
    assert torch.equal(pickle.loads(pickle.dumps(stem))(batch)["64"], expected)


def test_names_are_those_of_the_published_file(network):
    names = network.state_dict()
    assert len(names) == 566
    for name in (
        "Conv2d_1a_3x3.conv.weight",
        "Conv2d_2b_3x3.bn.running_var",
        "Mixed_5b.branch3x3dbl_3.bn.num_batches_tracked",
        "Mixed_6e.branch7x7dbl_5.conv.weight",
        "Mixed_7a.branch7x7x3_4.bn.bias",
        "Mixed_7c.branch3x3dbl_3b.bn.weight",
        "fc.bias",
    ):
        assert name in names
    assert not any(parameter.requires_grad for parameter in network.parameters())
    assert not network.training


@pytest.mark.parametrize(
    ("batch", "error", "message"),
    [
        (torch.zeros(2, 3, 8, 8), TypeError, "expected a uint8 tensor.*got torch.float32"),
        (np.zeros((2, 3, 8, 8), np.uint8), TypeError, "images: expected a uint8 tensor"),
        (None, TypeError, "got NoneType"),
        (images(2, 1, 8, 8), ValueError, r"expected shape \(n, 3, h, w\), got \(2, 1, 8, 8\)"),
        (images(3, 8, 8), ValueError, r"got \(3, 8, 8\)"),
        (images(0, 3, 8, 8), ValueError, r"got \(0, 3, 8, 8\)"),
    ],
)
def test_bad_batches(stem, batch, error, message):
    with pytest.raises(error, match=message):
        stem(batch)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"features": ["2049"]}, "expected some of 64, 192, .* got '2049'"),
        ({"features": []}, "expected some of"),
        ({"resize": "cubic"}, "resize: expected one of tf1, .* got 'cubic'"),
        ({"normalisation": "x / 255"}, "normalisation: expected .* or .*, got 'x / 255'"),
        ({"dtype": torch.float16}, "dtype: expected one of .* got torch.float16"),
        ({"weights": {"fc.bias": torch.zeros(1008)}}, r"\(1 entries\) does not fit the 566"),
    ],
)
def test_bad_options(options, message):
    with pytest.raises(ValueError, match=message):
        InceptionV3(**{"weights": "random", **options})


# Random weights


def test_random_network_is_seeded_and_leaves_the_global_generator_alone():
    before = torch.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    first, other = (InceptionV3("random", ["64"], seed=seed) for seed in (0, 1))
    first(images(1, 3, 8, 8))
    assert torch.equal(torch.get_rng_state(), before[0])
    np.testing.assert_array_equal(np.random.get_state()[1], before[1])  # noqa: NPY002
    entries, others = first.state_dict(), other.state_dict()
    again = random_weights({name: tensor.shape for name, tensor in entries.items()}, 0)
    for name, tensor in entries.items():
        assert torch.equal(tensor, again[name])
        drawn = name.endswith(("conv.weight", "fc.weight"))
        assert torch.equal(tensor, others[name]) == (not drawn)
    assert first.provenance["weights"] == "random (seed 0)"
    assert other.provenance["weights"] == "random (seed 1)"
    assert "random (seed 1)" in other.description


def test_random_filters_lack_a_third_of_their_mean():
    filters = random_weights({"a.conv.weight": torch.Size([64, 32, 3, 3])}, 0)["a.conv.weight"]
    raw = np.random.default_rng(0).standard_normal((64, 32, 3, 3), dtype=np.float32)
    centred = raw - raw.mean((1, 2, 3), keepdims=True) / 3
    scale = filters.numpy() / centred
    np.testing.assert_allclose(scale, np.broadcast_to(scale[:, :1, :1, :1], scale.shape), rtol=1e-4)
    rectified = np.maximum(np.random.default_rng(1).standard_normal((5000, 32 * 9)), 0)
    power = np.square(rectified @ filters.numpy().reshape(64, -1).T).mean()
    assert power == pytest.approx(1, rel=0.1)


def frechet(x, y):
    """Fréchet distance of few samples: the trace of the root by singular values."""
    x, y = (a.double().numpy() for a in (x, y))
    a, b = x - x.mean(0), y - y.mean(0)
    cross = np.linalg.svd(a @ b.T, compute_uv=False).sum()
    spread = (np.square(a).sum() + np.square(b).sum() - 2 * cross) / (len(x) - 1)
    return np.square(x.mean(0) - y.mean(0)).sum() + spread


def test_random_features_move_with_noise_and_blur():
    samples = pytest.importorskip("sklearn.datasets").load_sample_images().images
    generator = np.random.default_rng(0)
    corners = [(generator.integers(0, 363), generator.integers(0, 576)) for _ in range(4)]
    patches = [samples[i % 2][y : y + 64, x : x + 64] for i, (y, x) in enumerate(corners)]
    patches = torch.from_numpy(np.stack(patches)).permute(0, 3, 1, 2)
    grain = torch.from_numpy(generator.normal(size=patches.shape))
    noisy = [(patches + s * grain).round().clamp(0, 255).byte() for s in (15, 50)]
    blurred = [F.avg_pool2d(patches.float(), k, 1, k // 2).round().byte() for k in (3, 9)]
    network = InceptionV3("random", ["192", "768"])
    real = network(patches)
    for distorted in (noisy, blurred):
        fakes = [network(batch) for batch in distorted]
        for layer in network.features:
            distances = [frechet(real[layer], fake[layer]) for fake in fakes]
            assert 0 < distances[0] < distances[1]
        # The scale neither dies nor explodes on the way.
        assert 0.03 < real[layer].square().mean().sqrt() < 3


# Finding the published file


@pytest.fixture
def checkpoints(tmp_path, monkeypatch):
    """An empty torch hub and a network that fails."""

    def unreachable(address, timeout):
        raise urllib.error.URLError("no network here")

    monkeypatch.setattr(torch.hub, "get_dir", lambda: str(tmp_path))
    monkeypatch.setattr(urllib.request, "urlopen", unreachable)
    return tmp_path / "checkpoints"


@pytest.fixture
def published(state, monkeypatch):
    """Content that takes the place of the published file."""
    file = io.BytesIO()
    torch.save(state, file)
    content = file.getvalue()
    monkeypatch.setattr(weight_files, "SHA256", hashlib.sha256(content).hexdigest())
    return content


def test_no_weights_and_no_network(checkpoints):
    with pytest.raises(WeightsNotFound) as caught:
        InceptionV3()
    message = str(caught.value)
    assert isinstance(caught.value, FileNotFoundError)
    for part in (*weight_files.ADDRESSES, weight_files.SHA256, "no network here"):
        assert part in message
    assert str(checkpoints / "pt_inception-2015-12-05-6726825d.pth") in message
    assert list(checkpoints.iterdir()) == []


def test_missing_path(checkpoints):
    with pytest.raises(WeightsNotFound, match=r"weights: no file absent\.pth"):
        InceptionV3("absent.pth")


@pytest.mark.parametrize("name", weight_files.FILE_NAMES)
def test_file_in_hub_under_either_name(checkpoints, published, state, name):
    checkpoints.mkdir()
    (checkpoints / name).write_bytes(published)
    network = InceptionV3()
    assert torch.equal(network.fc.weight, state["fc.weight"])
    assert network.provenance["weights"] == f"sha256 {weight_files.SHA256}"


def test_given_path(tmp_path, published, state):
    (tmp_path / "mine.pth").write_bytes(published)
    assert torch.equal(InceptionV3(tmp_path / "mine.pth").fc.weight, state["fc.weight"])


@pytest.mark.parametrize("given", [True, False], ids=["given", "hub"])
def test_wrong_sha256_is_refused(checkpoints, given):
    checkpoints.mkdir()
    path = checkpoints / weight_files.FILE_NAMES[1]
    path.write_bytes(b"something else")
    found = hashlib.sha256(b"something else").hexdigest()
    with pytest.raises(ValueError, match=f"{found}, expected {weight_files.SHA256}"):
        InceptionV3(path if given else None)


def test_download_tries_both_addresses(checkpoints, monkeypatch):
    content = b"the weights"
    monkeypatch.setattr(weight_files, "SHA256", hashlib.sha256(content).hexdigest())
    asked = []

    def answer(address, timeout):
        asked.append(address)
        return io.BytesIO(content if len(asked) == 2 else b"an error page")

    monkeypatch.setattr(urllib.request, "urlopen", answer)
    path = weight_files.find_weights()
    assert asked == list(weight_files.ADDRESSES)
    assert path.read_bytes() == content
    assert [file.name for file in checkpoints.iterdir()] == [path.name]
    assert weight_files.find_weights() == path
    assert len(asked) == 2


def test_download_of_something_else_is_thrown_away(checkpoints, monkeypatch):
    monkeypatch.setattr(urllib.request, "urlopen", lambda *_, **__: io.BytesIO(b"an error page"))
    with pytest.raises(WeightsNotFound, match=hashlib.sha256(b"an error page").hexdigest()):
        InceptionV3()
    assert list(checkpoints.iterdir()) == []


def test_code_in_a_weight_file_does_not_run(tmp_path, monkeypatch):
    class Evil:
        def __reduce__(self):
            return (exec, ("raise SystemExit",))

    torch.save({"fc.bias": Evil()}, tmp_path / "evil.pth")
    digest = weight_files.sha256_of_file(tmp_path / "evil.pth")
    monkeypatch.setattr(weight_files, "SHA256", digest)
    with pytest.raises(pickle.UnpicklingError):
        InceptionV3(tmp_path / "evil.pth")
