"""Entry points that take images: files in, numbers out, with the same random weights everywhere."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image

import parzen
from benchmarks.parity_entry import PATCHED, Entry, Reason, Values
from benchmarks.parity_features import SEED
from parzen.vision import InceptionV3, extract

LAYERS = ("64", "192", "768", "2048", "logits_unbiased")
SUBSETS, SUBSET_SIZE = 10, 60
FEW = 4  # images a set, where whole networks are compared

ROUNDING = "convolutions and batch norms of float32 in another order: both round, neither is right"
AMPLIFIED = (
    "the networks' features differ by rounding in float32, and the number is a small difference of "
    "large terms"
)
MANY = "photographs of [39][26] x*"  # 72 images a set: enough for subsets


def images_of(folder: Path) -> Any:
    """Return a folder's images, uint8 (n, 3, h, w)."""
    arrays = [np.asarray(Image.open(file)) for file in sorted(folder.iterdir())]
    return torch.from_numpy(np.stack(arrays)).permute(0, 3, 1, 2).contiguous()


def features_of(folder: Path, **options: Any) -> Any:
    network = InceptionV3("random", ["64"], **options)
    return extract(folder, encoder=network, layer="64", batch_size=16)


def distances(protocol: str, **options: Any) -> Any:
    """Return what makes FID and KID as a protocol does, of our network's features."""
    rules = parzen.protocol(protocol)
    if rules.kid is not None:
        fewer = dataclasses.replace(rules.kid, subsets=SUBSETS, subset_size=SUBSET_SIZE)
        rules = dataclasses.replace(rules, kid=fewer)

    def run(real: Path, fake: Path) -> Values:
        x, y = (features_of(folder, resize=rules.resize, **options) for folder in (real, fake))
        found = {"fid": parzen.fid(x, y, protocol=rules)}
        if protocol != "clean-fid" and rules.kid is not None:
            found["kid"] = parzen.kid(x, y, protocol=rules, seed=SEED).mean
        if rules.inception_score is not None:
            score = parzen.inception_score(x, protocol=rules, seed=SEED)
            found["inception score"] = score.mean
        return found

    return run


def image_entries(weights: Path) -> list[Entry]:
    import cleanfid.fid
    import pytorch_fid.fid_score
    import pytorch_fid.inception
    import torch_fidelity
    import torchmetrics.image as metrics

    extractor = torch_fidelity.FeatureExtractorInceptionV3(
        "random", list(LAYERS), feature_extractor_weights_path=str(weights)
    )
    network = InceptionV3("random", LAYERS)
    pytorch_network = pytorch_fid.inception.InceptionV3([0], False, False).eval()

    @torch.inference_mode()
    def their_features(real: Path, fake: Path) -> Values:
        images = torch.cat([images_of(folder)[:FEW] for folder in (real, fake)])
        return dict(zip(LAYERS, (f.numpy() for f in extractor(images)), strict=True))

    def our_features(real: Path, fake: Path) -> Values:
        images = torch.cat([images_of(folder)[:FEW] for folder in (real, fake)])
        return {layer: values.numpy() for layer, values in network(images).items()}

    def fidelity(real: Path, fake: Path) -> Values:
        found = torch_fidelity.calculate_metrics(
            input1=str(real),
            input2=str(fake),
            fid=True,
            kid=True,
            isc=True,
            **{f"feature_layer_{metric}": "64" for metric in ("fid", "kid", "isc")},
            kid_subsets=SUBSETS,
            kid_subset_size=SUBSET_SIZE,
            batch_size=16,
            cuda=False,
            cache=False,
            verbose=False,
        )
        return {
            "fid": found[torch_fidelity.KEY_METRIC_FID],
            "kid": found[torch_fidelity.KEY_METRIC_KID_MEAN],
            "inception score": found[torch_fidelity.KEY_METRIC_ISC_MEAN],
        }

    def pytorch(real: Path, fake: Path) -> Values:
        paths = [str(real), str(fake)]
        score = pytorch_fid.fid_score
        return {"fid": score.calculate_fid_given_paths(paths, 16, "cpu", 64, num_workers=0)}

    @torch.inference_mode()
    def first_block(images: Any) -> Any:
        """The network's first layer on what clean-fid has resized, 0 to 255."""
        return pytorch_network((images - 128.0) / 128.0)[0].mean((2, 3))

    def clean(real: Path, fake: Path) -> Values:
        found = cleanfid.fid.compute_fid(
            str(real),
            str(fake),
            custom_feat_extractor=first_block,
            num_workers=0,
            batch_size=16,
            device="cpu",
            verbose=False,
        )
        return {"fid": found}

    def of_torchmetrics(real: Path, fake: Path) -> Values:
        fid = metrics.FrechetInceptionDistance(64)
        kid = metrics.KernelInceptionDistance(64, subsets=SUBSETS, subset_size=SUBSET_SIZE)
        score = metrics.InceptionScore(64)
        for folder, is_real in ((real, True), (fake, False)):
            for batch in images_of(folder).split(16):
                fid.update(batch, real=is_real)
                kid.update(batch, real=is_real)
                if is_real:
                    score.update(batch)
        found = {"fid": fid.compute().item()}
        for name, metric in (("kid", kid), ("inception score", score)):
            torch.manual_seed(SEED)
            found[name] = metric.compute()[0].item()
        return found

    amplified = (Reason("*", 1e-2, AMPLIFIED),)
    return [
        Entry(
            "torch-fidelity",
            "FeatureExtractorInceptionV3",
            their_features,
            {'parzen.vision.InceptionV3("random")': our_features},
            reasons=(Reason("*", 1e-4, ROUNDING),),
        ),
        Entry(
            "torch-fidelity",
            "calculate_metrics",
            fidelity,
            {PATCHED: None, 'protocol="torch-fidelity"': distances("torch-fidelity")},
            inputs=MANY,
            reasons=amplified,
        ),
        Entry(
            "pytorch-fid",
            "fid_score.calculate_fid_given_paths",
            pytorch,
            {
                PATCHED: None,
                'protocol="pytorch-fid"': distances("pytorch-fid", normalisation="2 x / 255 - 1"),
            },
            inputs=MANY,
            reasons=amplified,
        ),
        Entry(
            "clean-fid",
            "fid.compute_fid",
            clean,
            {PATCHED: None, 'protocol="clean-fid"': distances("clean-fid")},
            inputs=MANY,
            reasons=amplified,
        ),
        Entry(
            "torchmetrics",
            "FrechetInceptionDistance, KernelInceptionDistance, InceptionScore",
            of_torchmetrics,
            {PATCHED: None, 'protocol="torchmetrics"': distances("torchmetrics")},
            inputs=MANY,
            reasons=amplified,
        ),
    ]
