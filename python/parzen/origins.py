"""What made the features of a comparison: for its record, and what a reader has to know of it."""

from __future__ import annotations

from typing import Any

from parzen.feature_sets import FeatureSet
from parzen.protocols import Protocol


def protocol_notes(rules: Protocol, wanted: tuple[str, ...], *sets: FeatureSet) -> list[str]:
    """Refuse features that other rules made; say where the numbers are not the package's."""
    for features in sets:
        if features.origin is None:
            continue
        record = origin_record(features.origin)
        for key in ("resize", "normalisation", "weights_sha256"):
            made, expected = record[key], getattr(rules, key)
            if made is not None and expected is not None and made != expected:
                raise ValueError(
                    f"{features.source}: its {key} is {made!r}, protocol {rules.name!r} has "
                    f"{expected!r}"
                )
    notes = []
    overlap = rules.precision_recall
    if "prdc" in wanted and overlap is not None and overlap.features != "inception":
        notes.append(
            f"{rules.name} takes precision and recall of {overlap.features.upper()} features; "
            f"these are of the same features as the rest."
        )
    return notes


def origin_notes(*sets: FeatureSet) -> list[str]:
    """Return the warnings that belong beside the numbers."""
    notes = []
    if any(s.random for s in sets):
        notes.append(
            "RANDOM FEATURES: the network has random weights. These numbers compare only with "
            "each other, never with published ones."
        )
    if any(s.origin is None for s in sets):
        notes.append("Features were given ready-made: what made them is not on record.")
    notes += [
        f"{s.source}: skipped {len(s.skipped)} that could not be read, such as {s.skipped[0]}"
        for s in sets
        if s.skipped
    ]
    return notes


def origin_record(origin: Any) -> dict[str, str | None]:
    """Return what made the features, by field; None: not on record."""
    weights = origin.get("weights")
    digest = weights.rpartition("sha256 ")[2] if weights and "sha256 " in weights else None
    return {
        "network": origin.get("network") or origin.get("encoder"),
        "weights": weights,
        "weights_sha256": digest,
        "resize": origin.get("resize"),
        "normalisation": origin.get("normalisation"),
        "dtype": origin.get("dtype"),
    }
