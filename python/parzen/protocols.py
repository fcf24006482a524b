"""What other packages do to images and features before they print a number, as data.

The same FID from two packages differs in the resize, the normalisation, the divisor of the
covariance; the same KID in its subsets and how they are drawn. Each is a `Protocol` here. Facts
were read from the packages' sources; see docs/metrics.md.
"""

from __future__ import annotations

import dataclasses
import difflib
from dataclasses import dataclass
from typing import Any, Literal, TypeAlias

INCEPTION_SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"


@dataclass(frozen=True)
class FIDRules:
    """The covariance divides by n - ddof."""

    ddof: int = 1


@dataclass(frozen=True)
class KIDRules:
    """How many subsets of which size, and how they are drawn.

    Attributes
    ----------
    subsets, subset_size
        So many of that size.
    truncate
        Whether a smaller sample makes the subsets smaller; else it is an error.
    draws
        ``"numpy"``: ``RandomState(seed).choice(n, size, replace=False)``, which is the global
        generator after ``np.random.seed(seed)``; ``"torch"``: ``torch.randperm(n)[:size]`` after
        ``torch.manual_seed(seed)``.
    first
        Of which sample each subset is drawn first.
    """

    subsets: int = 100
    subset_size: int = 1000
    truncate: bool = False
    draws: Literal["numpy", "torch"] = "numpy"
    first: Literal["real", "fake"] = "real"


@dataclass(frozen=True)
class InceptionScoreRules:
    """How the sample is shuffled and split, and the divisor of the standard deviation.

    Attributes
    ----------
    splits
        So many parts.
    boundaries
        ``"even"``: part i is rows i n // splits to (i + 1) n // splits; ``"chunk"``: parts of
        ceil(n / splits) rows, the last may be smaller, and there may be fewer of them.
    split_size
        Parts of so many rows instead, the last may be smaller; None: `splits` parts.
    shuffle
        ``"numpy"``: ``RandomState(seed).permutation(n)``; ``"torch"``: ``torch.randperm(n)`` after
        ``torch.manual_seed(seed)``; None: rows as they come.
    ddof
        Of the standard deviation over parts.
    """

    splits: int = 10
    boundaries: Literal["even", "chunk"] = "even"
    split_size: int | None = None
    shuffle: Literal["numpy", "torch"] | None = "numpy"
    ddof: int = 0


@dataclass(frozen=True)
class PrecisionRecallRules:
    """The neighbour that a ball reaches to, whether its boundary is in it, and the features."""

    k: int = 3
    boundary: Literal["inside", "outside"] = "inside"
    features: str = "vgg16"


@dataclass(frozen=True)
class CMMDRules:
    """`scale` times the biased MMD^2 with a Gaussian kernel between rows of length 1."""

    bandwidth: float = 10.0
    scale: float = 1000.0


@dataclass(frozen=True)
class Protocol:
    """How one package makes its numbers.

    Attributes
    ----------
    name
        That of the package.
    images
        What it takes.
    network, weights_sha256, layer
        What makes features of images: a name as `parzen.vision.encoder` takes it, the sha256 of
        the file of weights (None: the owner's current one), the layer for distances.
    resize, normalisation
        What images go through on their way in.
    fid, kid, inception_score, precision_recall, cmmd
        The rules of each metric; None: the package does not have it.

    Examples
    --------
    >>> import dataclasses, parzen
    >>> rules = parzen.protocol("clean-fid")
    >>> rules.resize, rules.kid.truncate
    ('pil-bicubic', True)
    >>> fewer = dataclasses.replace(rules.kid, subsets=10)
    >>> parzen.protocol(dataclasses.replace(rules, name="mine", kid=fewer)).kid.subsets
    10
    """

    name: str
    images: str
    network: str = "inception"
    weights_sha256: str | None = INCEPTION_SHA256
    layer: str = "2048"
    resize: str = "tf1"
    normalisation: str = "(x - 128) / 128"
    fid: FIDRules | None = None
    kid: KIDRules | None = None
    inception_score: InceptionScoreRules | None = None
    precision_recall: PrecisionRecallRules | None = None
    cmmd: CMMDRules | None = None

    def preparation(self) -> dict[str, str]:
        """Return resize and normalisation as options of `InceptionV3`; others have their own."""
        if self.network not in ("inception", "random"):
            return {}
        return {"resize": self.resize, "normalisation": self.normalisation}

    def record(self) -> dict[str, Any]:
        """Return all fields as plain values, for JSON."""
        return dataclasses.asdict(self)


PROTOCOLS = {
    rules.name: rules
    for rules in (
        Protocol(
            "torch-fidelity",
            "uint8",
            fid=FIDRules(),
            kid=KIDRules(),
            inception_score=InceptionScoreRules(),
            precision_recall=PrecisionRecallRules(),
        ),
        Protocol(
            "pytorch-fid",
            "float 0..1",
            resize="bilinear",
            normalisation="2 x / 255 - 1",
            fid=FIDRules(),
        ),
        Protocol(
            "clean-fid",
            "uint8",
            resize="pil-bicubic",
            fid=FIDRules(),
            kid=KIDRules(truncate=True, first="fake"),
        ),
        Protocol(
            "torchmetrics",
            "uint8, or float 0..1 made uint8",
            resize="bilinear-antialias",
            fid=FIDRules(),
            kid=KIDRules(draws="torch"),
            inception_score=InceptionScoreRules(boundaries="chunk", shuffle="torch", ddof=1),
        ),
        Protocol(
            "stylegan3",
            "uint8",
            fid=FIDRules(ddof=0),
            kid=KIDRules(truncate=True, first="fake"),
            inception_score=InceptionScoreRules(shuffle=None),
            precision_recall=PrecisionRecallRules(),
        ),
        Protocol(
            "guided-diffusion",
            "uint8",
            fid=FIDRules(),
            inception_score=InceptionScoreRules(split_size=5000, shuffle=None),
            precision_recall=PrecisionRecallRules(features="inception"),
        ),
        Protocol(
            "cmmd",
            "float 0..1",
            network="clip:openai/clip-vit-large-patch14-336",
            weights_sha256=None,
            layer="features",
            resize="middle square, pil-bicubic to 336 x 336, 8 bits",
            normalisation="(x / 255 - [0.48145466, 0.4578275, 0.40821073]) / "
            "[0.26862954, 0.26130258, 0.27577711]",
            cmmd=CMMDRules(),
        ),
    )
}

AnyProtocol: TypeAlias = str | Protocol


def protocol(name: AnyProtocol) -> Protocol:
    """Return a package's protocol.

    Parameters
    ----------
    name
        ``"torch-fidelity"``, ``"pytorch-fid"``, ``"clean-fid"``, ``"torchmetrics"``,
        ``"stylegan3"``, ``"guided-diffusion"`` or ``"cmmd"``. A `Protocol`, as one changed by
        ``dataclasses.replace``, comes back as it is.

    Returns
    -------
    Protocol
        Frozen. `fid`, `kid`, `inception_score`, `precision_recall`, `cmmd` and `compare` take it,
        or its name, as ``protocol=``.

    Raises
    ------
    ValueError, TypeError
        Where there is none of that name.

    Examples
    --------
    >>> import parzen
    >>> parzen.protocol("stylegan3").fid
    FIDRules(ddof=0)
    """
    if isinstance(name, Protocol):
        return name
    if not isinstance(name, str):
        raise TypeError(f"protocol: expected a name or a Protocol, got {name!r}")
    if name not in PROTOCOLS:
        near = difflib.get_close_matches(name, PROTOCOLS, n=1, cutoff=0.5)
        hint = f"; did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"protocol: there is no {name!r}, only {', '.join(PROTOCOLS)}{hint}")
    return PROTOCOLS[name]


def rules_of(
    function: str, given: AnyProtocol, metric: str, **options: tuple[object, object]
) -> Any:
    """Return a metric's rules, or an error where the protocol has none or an option is given too.

    `options`: what the rules settle, each as it was given and its default.
    """
    chosen = protocol(given)
    rules = getattr(chosen, metric)
    if rules is None:
        having = [p.name for p in PROTOCOLS.values() if getattr(p, metric) is not None]
        raise ValueError(
            f"{function}: protocol {chosen.name!r} has no {metric}; those of {', '.join(having)} do"
        )
    check_settled(function, chosen, **options)
    return rules


def check_settled(function: str, chosen: Protocol, **options: tuple[object, object]) -> None:
    """Refuse an option (value, accepted) that the protocol settles in another way."""
    for option, (value, accepted) in options.items():
        if value is not accepted and value != accepted:
            raise ValueError(
                f"{function}: {option}={value!r} beside protocol {chosen.name!r}, which settles "
                f"it; leave one out, or change the protocol by dataclasses.replace"
            )


def recorded(given: AnyProtocol | None) -> dict[str, str]:
    """Return what a provenance says of a protocol: its name, where there is one."""
    return {} if given is None else {"protocol": protocol(given).name}
