"""Write the table of protocols into docs/metrics.md: `python -m benchmarks.protocol_table`."""

from __future__ import annotations

from pathlib import Path

from benchmarks.run import write
from parzen.protocols import PROTOCOLS, InceptionScoreRules, KIDRules, Protocol

PAGE = Path(__file__).parent.parent / "docs" / "metrics.md"
SECTION = "protocols"


def markdown() -> str:
    """Return the table, one column a protocol."""
    columns = list(PROTOCOLS.values())
    rows = [
        ("images", [p.images for p in columns]),
        ("network, layer", [f"{p.network}, {p.layer}" for p in columns]),
        ("weights, sha256", [(p.weights_sha256 or "the owner's")[:11] for p in columns]),
        ("resize", [p.resize for p in columns]),
        ("normalisation", [p.normalisation for p in columns]),
        ("FID: covariance", ["" if p.fid is None else f"ddof {p.fid.ddof}" for p in columns]),
        ("KID: subsets", ["" if p.kid is None else _subsets(p.kid) for p in columns]),
        ("KID: draws", ["" if p.kid is None else _draws(p.kid) for p in columns]),
        ("Inception Score", [_score(p.inception_score) for p in columns]),
        ("precision, recall", [_overlap(p) for p in columns]),
        ("CMMD", [_cmmd(p) for p in columns]),
    ]
    lines = [["", *(f"`{p.name}`" for p in columns)], ["---"] * (len(columns) + 1)]
    lines += [[name, *cells] for name, cells in rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _subsets(rules: KIDRules) -> str:
    size = f"min(n, m, {rules.subset_size})" if rules.truncate else f"{rules.subset_size}"
    return f"{rules.subsets} of {size}"


def _draws(rules: KIDRules) -> str:
    source = "NumPy's `choice`" if rules.draws == "numpy" else "`torch.randperm`"
    return f"{source}, {rules.first} first"


def _score(rules: InceptionScoreRules | None) -> str:
    if rules is None:
        return ""
    parts = (
        f"{rules.splits} splits" if rules.split_size is None else f"splits of {rules.split_size}"
    )
    if rules.split_size is None and rules.boundaries == "chunk":
        parts = f"{rules.splits} chunks"
    shuffle = "not shuffled" if rules.shuffle is None else f"shuffled by {rules.shuffle}"
    return f"{parts}, {shuffle}, std ddof {rules.ddof}"


def _overlap(rules: Protocol) -> str:
    found = rules.precision_recall
    if found is None:
        return ""
    sign = "≤" if found.boundary == "inside" else "<"
    return f"k = {found.k}, {sign}, {found.features} features"


def _cmmd(rules: Protocol) -> str:
    found = rules.cmmd
    return "" if found is None else f"σ = {found.bandwidth:g}, × {found.scale:g}, biased, unit rows"


def main() -> None:
    """Replace the table in the page."""
    PAGE.write_text(write(PAGE.read_text(), SECTION, markdown()))


if __name__ == "__main__":
    main()
