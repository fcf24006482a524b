"""Encoders by name, through the packages that own them; each is imported when it is asked for."""

from __future__ import annotations

import difflib
import hashlib
import importlib
import os
import re
from pathlib import Path
from typing import Any

import torch
from torch import nn

from parzen._extras import needed_by
from parzen.feature_sets import check_network
from parzen.protocols import Protocol, check_settled

from .inception import InceptionV3
from .pretrained import PretrainedEncoder, SquareInput, normalisation
from .weights import load_weights

__all__ = ["encoder"]

Weights = str | os.PathLike[str]

_IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
# Mean and standard deviation of ImageNet's pixels.

_PRIVATE = ("cache_dir", "proxies", "token")
# Options that decide where a network comes from and not what it is; not to be put on record.

_GITHUB = re.compile(r"[\w.-]+/[\w.-]+(:\S+)?")


def encoder(
    network: str | Protocol, *, weights: Weights | None = None, **options: Any
) -> InceptionV3 | PretrainedEncoder:
    """Return a network by name, with the resizing and normalisation that belong to it.

    Parameters
    ----------
    network : str or Protocol
        - a protocol, as ``parzen.protocol("clean-fid")``: its network, resize and normalisation;
        - ``"inception"``: :class:`InceptionV3` with the published weights; ``"random"``: the same
          with seeded random ones.
        - ``"timm:NAME"``: ``timm.create_model(NAME, pretrained=True, num_classes=0)``, behind
          timm's own transform for that model (resize by Pillow, crop, mean and deviation, as
          ``timm.data.resolve_model_data_config`` has them). NAME may be ``hf-hub:...`` or
          ``local-dir:FOLDER``. Needs ``parzen[timm]``.
        - ``"torchhub:REPO:NAME"``: ``torch.hub.load(REPO, NAME)``, whose code it downloads and
          runs. REPO is ``owner/repository``, with ``:tag`` for one that does not change, or a
          folder with a ``hubconf.py``. Images are resized, stretched if need be, to 224 x 224 by
          Pillow's bicubic filter, with ImageNet's mean and deviation: what DINOv2 [1]_ expects
          (``"torchhub:facebookresearch/dinov2:dinov2_vitl14"``). The features are what the
          network returns.
        - ``"clip:NAME"``: the image embeddings, not normalised, of a CLIP [2]_ model in
          transformers; NAME may be a folder. The square in the middle of an image is resized by
          Pillow's bicubic filter, as in CMMD's program [3]_, whose model is
          ``"clip:openai/clip-vit-large-patch14-336"``. Needs ``parzen[clip]``.
    weights : path, optional
        A file of weights instead of those that belong to the name: for ``inception`` the published
        one; for ``timm`` a checkpoint; for ``torchhub`` a state dict, the network being made with
        ``pretrained=False``.
    **options
        Passed on: to :class:`InceptionV3` (``resize``, ``normalisation``, ``features``, ...),
        ``timm.create_model``, the entry of torch hub (``pretrained=True`` unless given or it has
        no such option) or ``from_pretrained`` (``revision``, ...).

    Returns
    -------
    InceptionV3 or PretrainedEncoder
        A module, called on a uint8 batch (n, 3, h, w) of any size. An :class:`InceptionV3` returns
        a dictionary, the others (n, d) float32. ``.to("cuda")`` moves it.

    Raises
    ------
    ValueError
        There is no such network, the weights do not fit it, or an option is one that the protocol
        settles.
    ModuleNotFoundError
        The package that owns it is not installed; the message names the extra that brings it.
    OSError
        Weights cannot be read or downloaded (:class:`WeightsNotFound` for ``inception``).

    References
    ----------
    .. [1] Oquab et al., "DINOv2: learning robust visual features without supervision", TMLR 2024.
    .. [2] Radford et al., "Learning transferable visual models from natural language
       supervision", ICML 2021.
    .. [3] Jayasumana et al., "Rethinking FID: towards a better evaluation metric for image
       generation", CVPR 2024.

    Examples
    --------
    >>> import torch
    >>> from parzen.vision import encoder
    >>> network = encoder("random", features=["64"])
    >>> images = torch.zeros(2, 3, 32, 32, dtype=torch.uint8)
    >>> network(images)["64"].shape
    torch.Size([2, 64])
    """
    if isinstance(network, Protocol):
        settled = network.preparation()
        check_settled(
            "encoder", network, **{name: (options.get(name, v), v) for name, v in settled.items()}
        )
        options |= settled
        network = network.network
    family, rest = check_network("encoder", network)
    if weights is not None and family in ("random", "clip"):
        remark = "; NAME may be a folder" if family == "clip" else ""
        raise ValueError(f"encoder: {network} takes no weights{remark}")
    if family == "inception":
        return InceptionV3(weights, **options)
    if family == "random":
        return InceptionV3("random", **options)
    if weights is not None and not Path(weights).is_file():
        raise FileNotFoundError(f"encoder: there is no file {weights}")
    load = {"timm": _timm, "torchhub": _torchhub, "clip": _clip}[family]
    try:
        found = load(network, rest, weights, options)
    except (ImportError, MemoryError, torch.cuda.OutOfMemoryError, TypeError, ValueError):
        raise
    except OSError as error:  # the packages seldom say of which network
        raise OSError(f"encoder: {network} could not be loaded: {error}") from error
    except (
        Exception
    ) as error:  # what else a package raises: a damaged file, weights of other shapes
        raise ValueError(f"encoder: {network} could not be loaded: {error}") from error
    known = [f"{key}={options[key]!r}" for key in sorted(options) if key not in _PRIVATE]
    if known:
        found.facts["options"] = ", ".join(known)
    return found


def _timm(
    name: str, model: str, weights: Weights | None, options: dict[str, Any]
) -> PretrainedEncoder:
    timm = _package("timm", "timm", name)
    if not model.startswith(("hf-hub:", "hf_hub:", "local-dir:")) and not timm.is_model(model):
        near = difflib.get_close_matches(model, timm.list_models(pretrained=True), n=3, cutoff=0.4)
        hint = f"; did you mean {', '.join(near)}?" if near else ""
        raise ValueError(f"encoder: timm has no model {model!r} (timm.list_models()){hint}")
    arguments = {"pretrained": weights is None, "num_classes": 0, **options}
    network = timm.create_model(model, **arguments)
    if weights is not None:
        # Heads that were left out may be in the file; nothing may be missing from it.
        path = os.fspath(weights)
        keys = timm.models.load_checkpoint(network, path, strict=False, weights_only=True)
        if keys is not None:
            _complete(f"{name}: {path}", keys.missing_keys)
    config = timm.data.resolve_model_data_config(network)
    transform = timm.data.create_transform(**config, is_training=False)
    height, width = config["input_size"][1:]
    facts = {
        "network": name,
        "package": f"timm {timm.__version__}",
        "resize": f"timm, pil-{config['interpolation']} to {height} x {width}, 8 bits, "
        f"{config['crop_mode']} crop of {config['crop_pct']:g}",
        "normalisation": normalisation(config["mean"], config["std"]),
    }
    return PretrainedEncoder(network, transform, facts)


def _torchhub(
    name: str, model: str, weights: Weights | None, options: dict[str, Any]
) -> PretrainedEncoder:
    repository, _, entry = model.rpartition(":")
    folder = Path(repository).expanduser()
    facts = {"network": name, "package": "torch.hub"}
    source = "github"
    if folder.is_dir():
        repository, source = str(folder), "local"
        # The code of a folder may change under its name.
        facts["code"] = f"sha256 {_sha256_of_code(folder)}"
    elif not _GITHUB.fullmatch(repository):
        raise ValueError(f"encoder: {repository!r} is neither a folder nor owner/repository[:tag]")
    hub: Any = torch.hub
    arguments = {"source": source, "verbose": False, **options}
    try:
        try:
            network = hub.load(repository, entry, **{"pretrained": weights is None, **arguments})
        except TypeError as error:
            if "pretrained" in options or "'pretrained'" not in str(error):
                raise
            network = hub.load(repository, entry, **arguments)
    except RuntimeError as error:
        if "Cannot find callable" not in str(error):
            raise
        listed = f", only {', '.join(hub.list(repository))}" if source == "github" else ""
        raise ValueError(f"encoder: {repository}/hubconf.py has no {entry!r}{listed}") from None
    except EOFError:
        raise ValueError(
            f"encoder: {name} runs the code of {repository}, which was never agreed to here. Where "
            f"you trust it, call torch.hub.load({repository!r}, {entry!r}, trust_repo=True) once"
        ) from None
    if not isinstance(network, nn.Module):
        raise TypeError(f"encoder: {name} gave a {type(network).__name__}, expected a torch module")
    if weights is not None:
        state = load_weights(Path(weights))
        try:
            network.load_state_dict(state)
        except RuntimeError as error:
            raise ValueError(f"encoder: {weights} does not fit {name}: {error}") from None
    transform = SquareInput(224, *_IMAGENET, crop=False)
    return PretrainedEncoder(network, transform, {**facts, **transform.facts})


def _clip(
    name: str, model: str, weights: Weights | None, options: dict[str, Any]
) -> PretrainedEncoder:
    transformers = _package("transformers", "clip", name)
    log = transformers.utils.logging
    verbosity = log.get_verbosity()
    log.set_verbosity_error()  # or it lists every weight of the half that reads text
    try:
        network, loading = transformers.CLIPVisionModelWithProjection.from_pretrained(
            model, output_loading_info=True, **options
        )
    finally:
        log.set_verbosity(verbosity)
    _complete(name, loading["missing_keys"])
    # In transformers 5 the one without this ending needs torchvision; before, there is only that.
    processor = getattr(transformers, "CLIPImageProcessorPil", transformers.CLIPImageProcessor)
    process = processor.from_pretrained(model, **options)
    mean, std = tuple(process.image_mean), tuple(process.image_std)
    transform = SquareInput(process.crop_size["height"], mean, std, crop=True)
    facts = {
        "network": name,
        "package": f"transformers {transformers.__version__}",
        **transform.facts,
    }
    return PretrainedEncoder(network, transform, facts, output="image_embeds")


def _package(package: str, extra: str, name: str) -> Any:
    with needed_by(name, extra):
        return importlib.import_module(package)


def _complete(what: str, missing: Any) -> None:
    """Refuse weights that leave a part of the network as it was drawn at random."""
    if missing:
        raise ValueError(
            f"encoder: {what} has no weights for {len(missing)} parts of the network, such as "
            f"{min(missing)}"
        )


def _sha256_of_code(folder: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py"), key=lambda path: path.relative_to(folder).as_posix()):
        digest.update(f"{path.relative_to(folder).as_posix()}\n".encode())
        digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()
