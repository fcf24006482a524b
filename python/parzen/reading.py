"""The sets of a comparison: all that can be refused is, before a network is loaded."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from parzen.encode import Encoder, Opened, check_path, open_features
from parzen.feature_sets import LOGITS, FeatureSet
from parzen.protocols import Protocol
from parzen.settings import Settings


def read_sets(
    real: object,
    fakes: Sequence[object],
    encoder: Encoder | str | Callable[[Any], Any] | None,
    settings: Settings,
) -> tuple[FeatureSet, list[FeatureSet]]:
    """Return the features of the real set, empty where none are needed, and of the fake ones."""
    for source in (real, *fakes) if settings.pairwise else fakes:
        check_path(source)
    fakes = [open_features(fake) or fake for fake in fakes]
    # Of the fake set alone is the Inception Score: with nothing else asked, real is not read.
    if settings.pairwise:
        real = open_features(real) or real
    sets = (real, *fakes) if settings.pairwise else fakes
    if all(isinstance(each, Opened) for each in sets):
        if encoder is not None:
            raise ValueError(
                "compare: encoder has no effect on features, only on images; leave it out"
            )
        encoder = Encoder()  # whatever a protocol says of one
    else:
        encoder = _encoder(encoder, settings.rules)
    main = encoder.main if settings.pairwise else ()
    wants_logits = "is" in settings.metrics
    logits = (LOGITS[:1] if settings.named else encoder.logits) if wants_logits else ()
    opened = [encoder.open(fake, main + logits) for fake in fakes]
    against = encoder.open(real, main) if settings.pairwise else None
    for each in opened:
        if wants_logits and settings.named and each.stored and each.stored.logits() is None:
            raise ValueError(
                f"is: {each.name} has no logits, which the Inception Score needs; give images, or "
                f"a .npz file with an array logits_unbiased (n, classes) beside the features"
            )
        if against is not None:
            settings.check_sizes(_rows(against), _rows(each))
            _check_columns(against, each, encoder)
    # First the sets that may lack logits.
    y = [encoder.read(each, main + logits) for each in opened]
    if against is None:
        return FeatureSet({}, None, str(real)), y
    return encoder.read(against, main), y


def _encoder(given: Encoder | str | Callable[[Any], Any] | None, rules: Protocol | None) -> Encoder:
    """Return the encoder that was given, or the protocol's, or both in one."""
    if isinstance(given, Encoder):
        return given
    if given is None:
        return Encoder() if rules is None else Encoder.of(rules)
    return Encoder(given) if rules is None else Encoder.of(rules, network=given)


def _rows(opened: Opened) -> int | None:
    return opened.count if opened.stored is None else next(iter(_shape(opened.stored)), None)


def _columns(opened: Opened, encoder: Encoder) -> int | None:
    if opened.stored is not None:
        return next(iter(_shape(opened.stored)[1:]), None)
    return int(encoder.main[0]) if encoder.main[0].isdecimal() else None  # Inception's layers


def _shape(stored: FeatureSet) -> tuple[int, ...]:
    return np.shape(stored.features()[1])


def _check_columns(real: Opened, fake: Opened, encoder: Encoder) -> None:
    """Refuse features of different d, where it is known without a network."""
    one, other = (_columns(opened, encoder) for opened in (real, fake))
    if one is not None and other is not None and one != other:
        raise ValueError(
            f"real, {real.name}, has features with d = {one}, fake, {fake.name}, with {other}; "
            f"expected the same d"
        )
