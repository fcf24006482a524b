"""torch-fidelity's two inputs: the features of each that the metrics need."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from parzen._arrays import as_samples
from parzen.compat import _images
from parzen.compat._fidelity_options import unused
from parzen.compat._images import RGBFiles
from parzen.feature_sets import LAYERS as INCEPTION_LAYERS
from parzen.feature_sets import FeatureSet, read_features

Features = Mapping[str, NDArray[Any]]  # by metric

OF_FOLDERS = ("samples_find_deep", "samples_find_ext", "samples_resize_and_crop")
OF_NETWORKS = tuple(
    f"feature_extractor{ending}" for ending in ("", "_weights_path", "_internal_dtype")
)
METRICS = ("isc", "fid", "kid", "prc")
INCEPTION, VGG16 = "inception-v3-compat", "vgg16"
LAYERS = {INCEPTION: INCEPTION_LAYERS, VGG16: ("fc2", "fc2_relu")}
DEFAULT_LAYERS = {
    INCEPTION: {"isc": "logits_unbiased", "fid": "2048", "kid": "2048", "prc": "2048"},
    VGG16: dict.fromkeys(METRICS, "fc2_relu"),
}
REGISTERED = (
    *("cifar10-train", "cifar10-val", "cifar100-train", "cifar100-val"),
    *("stl10-train", "stl10-test", "stl10-unlabeled"),
)


def features_of_inputs(options: Mapping[str, Any]) -> tuple[Features, Features]:
    """Return the features of input1 and of input2, by metric; images go through a network once."""
    networks: dict[str, Any] = {}  # made when the first images need them

    def network(name: str) -> Any:
        if name not in networks:
            networks[name] = _network(name, options)
        return networks[name]

    wanted = {metric: _layer(metric, options) for metric in METRICS if options[metric]}
    # The Inception Score is of input1 alone.
    others = {metric: layer for metric, layer in wanted.items() if metric != "isc"}
    slots = {"input1": wanted, "input2": others}
    sources = {slot: _source(slot, options) for slot, needs in slots.items() if needs}
    _check_used(options, sources.values())
    first, second = (
        _features(slot, sources[slot], options, needs, network) if needs else {}
        for slot, needs in slots.items()
    )
    return first, second


def _check_used(options: Mapping[str, Any], sources: Iterable[Any]) -> None:
    """Refuse options of folders and of networks where there are none."""
    function = "calculate_metrics"
    if not any(isinstance(source, RGBFiles) for source in sources):
        unused(function, "is of no effect without a folder", options, OF_FOLDERS)
    if all(isinstance(source, FeatureSet) for source in sources):
        unused(function, "is of no effect on features", options, OF_NETWORKS)


def _layer(metric: str, options: Mapping[str, Any]) -> tuple[str, str]:
    """Return the network and the layer of a metric."""
    name = options["feature_extractor"] or (VGG16 if metric == "prc" else INCEPTION)
    if name not in DEFAULT_LAYERS:
        raise ValueError(
            f"calculate_metrics: feature_extractor={name!r} is not supported, only "
            f"{', '.join(DEFAULT_LAYERS)}; parzen.vision has other networks"
        )
    layer = options[f"feature_layer_{metric}"] or DEFAULT_LAYERS[name][metric]
    if layer not in LAYERS[name]:
        raise ValueError(
            f"calculate_metrics: feature_layer_{metric}={layer!r}, but {name} has "
            f"{', '.join(LAYERS[name])}"
        )
    return name, layer


def _features(
    slot: str,
    source: Any,
    options: Mapping[str, Any],
    wanted: Mapping[str, tuple[str, str]],
    network: Callable[[str], Any],
) -> Features:
    if isinstance(source, FeatureSet):
        return {
            metric: _stored(slot, source, metric, layer, options)
            for metric, (_, layer) in wanted.items()
        }
    from parzen.vision import extract

    how = {
        "batch_size": options["batch_size"],
        "workers": 0 if options["save_cpu_ram"] else None,
        "progress": options["verbose"],
    }
    made: dict[str, Features] = {}
    for name in dict.fromkeys(name for name, _ in wanted.values()):
        if name == VGG16:
            fc2 = extract(source, encoder=network(name), **how)
            made[name] = {"fc2": fc2, "fc2_relu": np.maximum(fc2, 0.0)}
        else:
            layers = [layer for which, layer in wanted.values() if which == name]
            made[name] = extract(source, encoder=network(name), layer=layers, **how)
    return {metric: made[name][layer] for metric, (name, layer) in wanted.items()}


def _source(slot: str, options: Mapping[str, Any]) -> Any:
    """Return features, or what `parzen.vision.extract` takes."""
    given = options[slot]
    shape, kind = getattr(given, "shape", ()), str(getattr(given, "dtype", ""))
    if len(shape) == 2 and "float" in kind:
        values = given.detach().cpu() if hasattr(given, "detach") else given
        samples = as_samples(slot, values, function="calculate_metrics", min_rows=2)
        return FeatureSet({"features": samples}, None, slot)
    if isinstance(given, str) and given in REGISTERED:
        raise ValueError(
            f"calculate_metrics: {slot}={given!r} is a data set that torch-fidelity downloads, "
            f"which is not supported; pass a folder or a dataset of its images"
        )
    if isinstance(given, str | os.PathLike):
        return _path(slot, Path(given), options)
    _images.needs(f"calculate_metrics: {slot}")
    return given


def _path(slot: str, path: Path, options: Mapping[str, Any]) -> Any:
    if path.is_dir():
        _images.needs(f"calculate_metrics: {slot}")
        files = _found(path, options["samples_find_deep"], options["samples_find_ext"])
        if not files:
            raise ValueError(
                f"calculate_metrics: {slot}: no samples in {path} with samples_find_deep="
                f"{options['samples_find_deep']}, samples_find_ext={options['samples_find_ext']!r}"
            )
        size = options["samples_resize_and_crop"]
        return RGBFiles(files, ResizeAndCrop(size) if size else None)
    if not path.exists():
        raise FileNotFoundError(f"calculate_metrics: {slot}: there is no file or folder {path}")
    if path.suffix in (".onnx", ".pth"):
        raise ValueError(
            f"calculate_metrics: {slot}={str(path)!r}: generators are not supported; pass a folder "
            f"or a dataset of their images"
        )
    return read_features(path) or path


def _found(path: Path, deep: bool, extensions: str) -> list[str]:
    wanted = {f".{name.strip()}" for name in extensions.split(",") if name.strip()}
    names = (
        Path(folder, name)
        for folder, _, names in os.walk(path)
        for name in names
        if deep or Path(folder) == path
    )
    return sorted(os.path.realpath(name) for name in names if name.suffix.lower() in wanted)


def _stored(
    slot: str,
    features: FeatureSet,
    metric: str,
    layer: str,
    options: Mapping[str, Any],
) -> NDArray[Any]:
    if layer in features.layers:
        return features.layers[layer]
    if metric == "isc" or options[f"feature_layer_{metric}"]:
        raise ValueError(
            f"calculate_metrics: {slot} holds the features {', '.join(features.layers)}, and "
            f"{metric} needs {layer}"
            + ("; isc_features_to_metric takes an array of logits" if metric == "isc" else "")
        )
    return features.features()[1]


def _network(name: str, options: Mapping[str, Any]) -> Any:
    import torch

    device = _device(options["cuda"])
    weights = options["feature_extractor_weights_path"]
    given = options["feature_extractor_internal_dtype"] or "float32"
    if given not in ("float32", "float64"):
        raise ValueError(
            f"calculate_metrics: feature_extractor_internal_dtype={given!r}, expected 'float32', "
            f"'float64' or None"
        )
    dtype = getattr(torch, given)
    if name == VGG16:
        return _vgg16(weights, dtype).to(device)
    return _images.inception(device, weights=weights, dtype=dtype)


def _vgg16(weights: Any, dtype: Any) -> Any:
    from parzen.compat._vgg16 import VGG16Features

    return VGG16Features(weights, dtype)


def _device(cuda: bool | None) -> Any:
    import torch

    if cuda and not torch.cuda.is_available():
        raise ValueError("calculate_metrics: cuda=True, but there is none; pass cuda=False")
    return _images.chosen_device("calculate_metrics", None if cuda is not False else "cpu")


class ResizeAndCrop:
    """The shorter side to `size`, by Pillow's bilinear filter, then the square in the middle."""

    def __init__(self, size: int) -> None:
        self.size = size

    def __call__(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        from PIL import Image

        h, w = image.shape[:2]
        short = min(h, w)
        new_h, new_w = (int(self.size * side / short) for side in (h, w))
        picture = Image.fromarray(image).resize((new_w, new_h), Image.Resampling.BILINEAR)
        top, left = round((new_h - self.size) / 2), round((new_w - self.size) / 2)
        return np.array(picture)[top : top + self.size, left : left + self.size]
