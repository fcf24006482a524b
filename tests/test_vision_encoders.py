"""Networks by name: loaded by the packages that own them, from weights of a few kilobytes."""

import functools
import http.server
import json
import shutil
import sys
import threading

import numpy as np
import pytest

torch = pytest.importorskip("torch")
Image = pytest.importorskip("PIL.Image")

from parzen.feature_sets import NETWORKS  # noqa: E402
from parzen.vision import (  # noqa: E402
    InceptionV3,
    PretrainedEncoder,
    encoder,
    extract,
    extract_features,
)
from parzen.vision.weights import sha256_of_tensors  # noqa: E402

MEAN, STD = np.array([0.485, 0.456, 0.406]), np.array([0.229, 0.224, 0.225])


def batch(*shape, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, shape, dtype=torch.uint8, generator=generator)


def pictures(images):
    return [Image.fromarray(array) for array in images.permute(0, 2, 3, 1).numpy()]


# Inception


def test_inception_by_name():
    network = encoder("random", features=["64"], resize="bilinear", seed=1)
    assert isinstance(network, InceptionV3)
    assert network.provenance == InceptionV3("random", resize="bilinear", seed=1).provenance
    with pytest.raises(FileNotFoundError, match="no file absent"):
        encoder("inception", weights="absent")


@pytest.mark.parametrize("name", ["resnet50", "timm:", "torchhub:repo", "clip", "Inception"])
def test_unknown_names_list_what_there_is(name):
    with pytest.raises(ValueError, match=f"encoder: there is no .* only {', '.join(NETWORKS)}"):
        encoder(name)


@pytest.mark.parametrize("name", ["random", "clip:x"])
def test_weights_that_have_no_place(name):
    with pytest.raises(ValueError, match=f"encoder: {name} takes no weights"):
        encoder(name, weights="w.pth")


# torch hub

HUBCONF = '''
import torch
from layers import Bars


def bars(pretrained=True, width=5):
    """Random features of thirds of an image."""
    network = Bars(width)
    if pretrained:
        network.load_state_dict(torch.hub.load_state_dict_from_url({url!r}, progress=False))
    return network


def secret(pretrained=True, token=None):
    return bars(pretrained)


def fixed():
    return bars(pretrained=False, width=2)


def not_a_network(pretrained=True):
    return [1, 2]


def pixels(pretrained=True):
    return torch.nn.Identity()


def failing(pretrained=True):
    raise KeyError("lost")
'''

LAYERS = """
import torch


class Bars(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.linear = torch.nn.Linear(9, width)

    def forward(self, x):
        assert not torch.is_grad_enabled()
        assert not self.training
        return self.linear(torch.nn.functional.adaptive_avg_pool2d(x, (3, 1)).flatten(1))
"""


@pytest.fixture
def server(tmp_path):
    """Serve a folder on this machine, as a host of weights would."""
    folder = tmp_path / "served"
    folder.mkdir()

    class Quiet(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *args):
            pass

    handler = functools.partial(Quiet, directory=str(folder))
    host = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=host.serve_forever)
    thread.start()
    yield folder, f"http://127.0.0.1:{host.server_port}"
    host.shutdown()
    thread.join()
    host.server_close()


@pytest.fixture
def hub(tmp_path, server, monkeypatch):
    """A folder with a hubconf.py, its weights on the server, and an empty cache."""
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    folder, address = server
    torch.save(bars_state(), folder / "bars.pth")
    repository = tmp_path / "repository"
    repository.mkdir()
    (repository / "hubconf.py").write_text(HUBCONF.format(url=f"{address}/bars.pth"))
    (repository / "layers.py").write_text(LAYERS)
    yield repository
    sys.modules.pop("layers", None)


def bars_state(width=5, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return {
        "linear.weight": torch.randn(width, 9, generator=generator),
        "linear.bias": torch.randn(width, generator=generator),
    }


def expected_bars(images, state):
    """Resized by Pillow, normalised as ImageNet, in float64."""
    resized = [picture.resize((224, 224), Image.Resampling.BICUBIC) for picture in pictures(images)]
    pixels = (np.stack([np.asarray(p, np.float64) for p in resized]) / 255 - MEAN) / STD
    thirds = torch.from_numpy(pixels).permute(0, 3, 1, 2)
    thirds = torch.nn.functional.adaptive_avg_pool2d(thirds, (3, 1)).flatten(1)
    return thirds @ state["linear.weight"].double().T + state["linear.bias"].double()


@pytest.mark.parametrize("shape", [(4, 3, 224, 224), (3, 3, 40, 70), (2, 3, 300, 250)])
def test_torch_hub_loads_downloads_and_encodes(hub, shape):
    network = encoder(f"torchhub:{hub}:bars")
    assert isinstance(network, PretrainedEncoder)
    images = batch(*shape)
    found = network(images)
    assert (found.shape, found.dtype) == ((len(images), 5), torch.float32)
    torch.testing.assert_close(
        found.double(), expected_bars(images, bars_state()), rtol=1e-5, atol=1e-5
    )
    assert not any(parameter.requires_grad for parameter in network.parameters())


def test_torch_hub_says_what_it_is(hub):
    facts = encoder(f"torchhub:{hub}:bars", width=5).provenance
    assert facts["network"] == f"torchhub:{hub}:bars"
    assert facts["weights"] == f"state dict, sha256 {sha256_of_tensors(bars_state())}"
    assert facts["resize"] == "pil-bicubic to 224 x 224, 8 bits"
    assert facts["normalisation"] == "(x / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]"
    assert (facts["dtype"], facts["torch"]) == ("float32", torch.__version__)
    assert facts["options"] == "width=5"
    assert all(isinstance(text, str) for text in facts.values())


def test_other_weights_have_another_provenance(hub):
    network = encoder(f"torchhub:{hub}:bars")
    before = network.provenance["weights"]
    assert network.provenance["weights"] == before
    network.network.load_state_dict(bars_state(seed=1))
    other = network.provenance["weights"]
    assert other == f"state dict, sha256 {sha256_of_tensors(bars_state(seed=1))}"
    network.network.linear.bias.zero_()
    assert network.provenance["weights"] not in (before, other)
    with torch.inference_mode():
        again = encoder(f"torchhub:{hub}:bars")
    assert again.provenance["weights"] == before
    assert "token" not in str(encoder(f"torchhub:{hub}:secret", token="x").provenance)


def test_the_code_of_a_folder_is_part_of_its_provenance(hub, tmp_path):
    before = encoder(f"torchhub:{hub}:bars").provenance
    shutil.copytree(hub, tmp_path / "copy")
    copy = encoder(f"torchhub:{tmp_path / 'copy'}:bars").provenance
    assert copy["code"] == before["code"]
    (hub / "layers.py").write_text(LAYERS + "\n")
    assert encoder(f"torchhub:{hub}:bars").provenance["code"] != before["code"]


def test_an_entry_without_pretrained(hub):
    assert encoder(f"torchhub:{hub}:fixed")(batch(1, 3, 8, 8)).shape == (1, 2)


def test_given_weights_replace_the_published_ones(hub, server, tmp_path):
    (server[0] / "bars.pth").unlink()  # nothing is downloaded
    state = bars_state(seed=1)
    torch.save(state, tmp_path / "mine.pth")
    network = encoder(f"torchhub:{hub}:bars", weights=tmp_path / "mine.pth")
    images = batch(2, 3, 9, 9)
    torch.testing.assert_close(
        network(images).double(), expected_bars(images, state), rtol=1e-5, atol=1e-5
    )
    torch.save(bars_state(width=4), tmp_path / "other.pth")
    with pytest.raises(ValueError, match=r"other\.pth does not fit torchhub:"):
        encoder(f"torchhub:{hub}:bars", weights=tmp_path / "other.pth")
    torch.save({"linear.bias": state["linear.bias"]}, tmp_path / "part.pth")
    with pytest.raises(ValueError, match="Missing key"):
        encoder(f"torchhub:{hub}:bars", weights=tmp_path / "part.pth")
    with pytest.raises(FileNotFoundError, match=r"encoder: there is no file .*absent\.pth"):
        encoder(f"torchhub:{hub}:bars", weights=tmp_path / "absent.pth")
    (tmp_path / "empty.pth").write_bytes(b"")
    with pytest.raises(ValueError, match="could not be loaded"):
        encoder(f"torchhub:{hub}:bars", weights=tmp_path / "empty.pth")


def test_what_torch_hub_cannot_give(hub, tmp_path, server):
    with pytest.raises(ValueError, match=r"repository/hubconf\.py has no 'bar'"):
        encoder(f"torchhub:{hub}:bar")
    with pytest.raises(ValueError, match=r"neither a folder nor owner/repository\[:tag\]"):
        encoder(f"torchhub:{tmp_path / 'absent'}:bars")
    with pytest.raises(TypeError, match="gave a list, expected a torch module"):
        encoder(f"torchhub:{hub}:not_a_network")
    with pytest.raises(ValueError, match="could not be loaded: 'lost'"):
        encoder(f"torchhub:{hub}:failing")
    with pytest.raises(TypeError, match="depth"):
        encoder(f"torchhub:{hub}:bars", depth=3)
    with pytest.raises(ValueError, match=r"expected \(2, d\) .* returned \(2, 3, 224, 224\)"):
        encoder(f"torchhub:{hub}:pixels")(batch(2, 3, 8, 8))
    (server[0] / "bars.pth").unlink()
    with pytest.raises(OSError, match=r"encoder: torchhub:.*:bars could not be loaded: .*404"):
        encoder(f"torchhub:{hub}:bars")


def test_code_that_was_never_agreed_to_does_not_run(hub, monkeypatch):
    def unattended(prompt):
        raise EOFError

    monkeypatch.setattr("builtins.input", unattended)
    monkeypatch.setattr("torch.hub._validate_not_a_forked_repo", lambda *args: None)
    with pytest.raises(ValueError, match=r"runs the code of some/one:v1, .*trust_repo=True\) once"):
        encoder("torchhub:some/one:v1:net")
    monkeypatch.setattr("builtins.input", lambda prompt: "n")
    with pytest.raises(ValueError, match="could not be loaded: Untrusted repository"):
        encoder("torchhub:some/one:v1:net")


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        (torch.zeros(2, 3, 8, 8), TypeError, r"expected a uint8 tensor.*got torch\.float32"),
        (batch(2, 1, 8, 8), ValueError, r"expected shape \(n, 3, h, w\), got \(2, 1, 8, 8\)"),
    ],
)
def test_bad_batches(hub, images, error, message):
    with pytest.raises(error, match=message):
        encoder(f"torchhub:{hub}:bars")(images)


def test_extraction_of_mixed_sizes_in_one_pass_and_by_name(hub):
    images = [batch(3, *size, seed=n).numpy() for n, size in enumerate([(9, 7), (5, 5), (9, 7)])]
    name = f"torchhub:{hub}:bars"
    found = extract_features(images, encoder=name, batch_size=3)
    assert list(found.layers) == ["features"]
    assert found.provenance["network"] == name
    network = encoder(name)
    apart = torch.cat([network(torch.from_numpy(image)[None]) for image in images])
    np.testing.assert_allclose(found.layers["features"], apart, rtol=1e-5, atol=1e-6)


def test_the_cache_follows_the_weights(hub, tmp_path):
    images = batch(2, 3, 8, 8)
    torch.save(bars_state(seed=1), tmp_path / "mine.pth")
    name, cache = f"torchhub:{hub}:bars", tmp_path / "kept"
    first = extract(images, encoder=name, cache=cache)
    other = encoder(name, weights=tmp_path / "mine.pth")
    assert not extract_features(images, encoder=other, cache=cache).cached
    again = extract_features(images, encoder=encoder(name), cache=cache)
    assert again.cached
    np.testing.assert_array_equal(again.layers["features"], first)


# timm


@pytest.fixture
def timm():
    return pytest.importorskip("timm")


def timm_state(timm, name, seed, **options):
    """Random weights with a head, as a published file has them."""
    torch.manual_seed(seed)
    return timm.create_model(name, pretrained=False, **options).state_dict()


def expected_timm(timm, name, state, images):
    """By timm alone: its model, its transform of Pillow images."""
    model = timm.create_model(name, pretrained=False, num_classes=0).eval()
    model.load_state_dict({key: state[key] for key in model.state_dict()})
    config = timm.data.resolve_model_data_config(model)
    transform = timm.data.create_transform(**config, is_training=False)
    with torch.inference_mode():
        return model(torch.stack([transform(picture) for picture in pictures(images)]))


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", ["test_vit", "test_resnet", "test_efficientnet"])
def test_timm_downloads_and_encodes(timm, name, server, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    folder, address = server
    state = timm_state(timm, name, 3)
    torch.save(state, folder / f"{name}.pth")
    source = {"url": f"{address}/{name}.pth", "hf_hub_id": None}
    network = encoder(f"timm:{name}", pretrained_cfg_overlay=source)
    images = batch(3, 3, 180, 250)
    expected = expected_timm(timm, name, state, images)
    torch.testing.assert_close(network(images), expected, rtol=1e-5, atol=1e-5)
    facts = network.provenance
    assert facts["package"] == f"timm {timm.__version__}"
    assert facts["resize"].startswith("timm, pil-bi")
    assert "160 x 160" in facts["resize"]
    kept = {key: state[key] for key in network.network.state_dict()}
    assert facts["weights"] == f"state dict, sha256 {sha256_of_tensors(kept)}"


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("ending", ["pth", "safetensors"])
def test_timm_with_given_weights(timm, ending, tmp_path):
    from safetensors.torch import save_file

    def save(state, name):
        path = tmp_path / f"{name}.{ending}"
        save_file(state, path) if ending == "safetensors" else torch.save(state, path)
        return path

    state = timm_state(timm, "test_vit", 4)
    network = encoder("timm:test_vit", weights=save(state, "whole"))
    images = batch(2, 3, 32, 48)
    expected = expected_timm(timm, "test_vit", state, images)
    torch.testing.assert_close(network(images), expected, rtol=1e-5, atol=1e-5)
    partial = {key: value for key, value in state.items() if not key.startswith("blocks.0")}
    with pytest.raises(ValueError, match=r"no weights for \d+ parts of .* such as blocks\.0"):
        encoder("timm:test_vit", weights=save(partial, "partial"))
    (tmp_path / f"damaged.{ending}").write_bytes(b"not weights")
    with pytest.raises(ValueError, match=r"^encoder: timm:test_vit"):
        encoder("timm:test_vit", weights=tmp_path / f"damaged.{ending}")


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_timm_from_a_local_folder(timm, tmp_path):
    model = timm.create_model("test_vit", pretrained=False)
    timm.models.save_for_hf(model, tmp_path / "model")
    network = encoder(f"timm:local-dir:{tmp_path / 'model'}")
    images = batch(2, 3, 160, 160)
    expected = expected_timm(timm, "test_vit", model.state_dict(), images)
    torch.testing.assert_close(network(images), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_timm_models_that_do_not_exist(timm):
    with pytest.raises(ValueError, match=r"timm has no model 'resnet5'.*did you mean .*resnet50"):
        encoder("timm:resnet5")


# CLIP


@pytest.fixture
def clip(tmp_path):
    """A CLIP of two small layers in a folder, vision and text, as they are published."""
    transformers = pytest.importorskip("transformers")
    torch.manual_seed(5)
    small = {
        "hidden_size": 32,
        "intermediate_size": 64,
        "num_attention_heads": 2,
        "num_hidden_layers": 2,
        "projection_dim": 24,
    }
    model = transformers.CLIPModel(
        transformers.CLIPConfig(
            text_config={**small, "vocab_size": 50},
            vision_config={**small, "image_size": 48, "patch_size": 16},
            projection_dim=24,
        )
    )
    model.save_pretrained(tmp_path / "clip")
    process = transformers.CLIPImageProcessor(
        size={"shortest_edge": 48}, crop_size={"height": 48, "width": 48}
    )
    process.save_pretrained(tmp_path / "clip")
    return tmp_path / "clip"


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("shape", [(3, 3, 48, 48), (2, 3, 70, 41), (2, 3, 33, 90)])
def test_clip_is_that_of_cmmd(clip, shape, capfd):
    """As its program has it: the middle square, Pillow's bicubic filter, the processor's mean."""
    transformers = pytest.importorskip("transformers")
    images = batch(*shape)
    squares = []
    for picture in pictures(images):
        width, height = picture.size
        side = min(width, height)
        left, top = (width - side) // 2, (height - side) // 2
        square = picture.crop((left, top, left + side, top + side))
        square = square.resize((48, 48), resample=Image.Resampling.BICUBIC)
        squares.append(np.asarray(square).astype(np.float32) / 255.0)
    inputs = transformers.CLIPImageProcessor.from_pretrained(clip)(
        images=squares,
        do_normalize=True,
        do_center_crop=False,
        do_resize=False,
        do_rescale=False,
        return_tensors="pt",
    )
    model = transformers.CLIPVisionModelWithProjection.from_pretrained(clip).eval()
    with torch.inference_mode():
        expected = model(**inputs).image_embeds
    capfd.readouterr()
    network = encoder(f"clip:{clip}")
    torch.testing.assert_close(network(images), expected, rtol=1e-5, atol=1e-6)
    assert "LOAD REPORT" not in capfd.readouterr().err  # of the half of CLIP that reads text
    facts = network.provenance
    assert facts["package"] == f"transformers {transformers.__version__}"
    assert facts["resize"] == "middle square, pil-bicubic to 48 x 48, 8 bits"
    assert facts["normalisation"].startswith("(x / 255 - [0.48145466, 0.4578275, ")
    assert facts["weights"] == f"state dict, sha256 {sha256_of_tensors(model.state_dict())}"


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
def test_what_is_no_clip_is_refused(clip, tmp_path):
    """Transformers would draw at random the weights that are missing, and only log it."""
    transformers = pytest.importorskip("transformers")
    config = {"hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 2}
    other = transformers.ViTModel(transformers.ViTConfig(**config, num_hidden_layers=1))
    other.save_pretrained(tmp_path / "other")
    with pytest.raises(ValueError, match=r"no weights for \d+ parts of the network"):
        encoder(f"clip:{tmp_path / 'other'}")
    with pytest.raises(OSError, match=r"encoder: clip:.*absent could not be loaded"):
        encoder(f"clip:{tmp_path / 'absent'}", local_files_only=True)
    facts = json.loads((clip / "config.json").read_text())
    facts["vision_config"]["intermediate_size"] = 48
    (clip / "config.json").write_text(json.dumps(facts))
    with pytest.raises(ValueError, match=r"encoder: clip:.* could not be loaded: "):
        encoder(f"clip:{clip}")
