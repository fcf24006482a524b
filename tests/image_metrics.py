"""Networks, features and updates for the tests of parzen.torchmetrics, which need torch."""

import warnings

import numpy as np
import torch

from parzen.torchmetrics import (
    FrechetInceptionDistance,
    KernelInceptionDistance,
    MemorizationInformedFrechetInceptionDistance,
)

TWO_SAMPLES = [
    FrechetInceptionDistance,
    KernelInceptionDistance,
    MemorizationInformedFrechetInceptionDistance,
]


class Given(torch.nn.Module):
    """A network that takes features for images."""

    def __init__(self, d):
        super().__init__()
        self.num_features = d

    def forward(self, x):
        return x


class Colors(torch.nn.Module):
    """A network of uint8 images: nine numbers an image."""

    def forward(self, images):
        wide = images.float() / 255
        return torch.cat([wide.mean((2, 3)), wide.std((2, 3)), wide.amax((2, 3))], dim=1)


def upstream(metric, *args, **kwargs):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that features are kept
        return metric(*args, **kwargs)


def features(rng, n, m, d, rank=None, offset=0.0):
    """Like Inception's: non-negative, correlated, their mean as large as their spread."""
    mix = rng.normal(size=(rank or d, d)) / np.sqrt(d)
    real = np.abs(rng.normal(size=(n, len(mix))) @ mix)
    fake = np.abs(1.2 * rng.normal(size=(m, len(mix))) @ mix)
    if rank:  # the absolute value would raise it
        real, fake = (rng.normal(size=(k, rank)) @ mix for k in (n, m))
    return torch.from_numpy(real + offset), torch.from_numpy(fake + offset)


def images(*shape, seed=0, low=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(low, 256, shape, dtype=torch.uint8, generator=generator)


def fill(metric, real, fake, size=37):
    for rows, side in ((real, True), (fake, False)):
        for batch in rows.split(size):
            metric.update(batch, real=side)
    return metric


def metric_of(cls, d=4, **options):
    if cls is KernelInceptionDistance:
        options = {"subsets": 3, "subset_size": 20, **options}
    return cls(Given(d), **options)


def value(metric):
    with torch.random.fork_rng():
        torch.manual_seed(0)
        found = metric.compute()
    return (found[0] if isinstance(found, tuple) else found).item()
