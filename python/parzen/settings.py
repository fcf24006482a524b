"""What a comparison computes and how: names and options, checked before anything is read."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from parzen import protocols
from parzen._options import as_integer, as_positive, as_seed, check_choice
from parzen.feature_sets import check_names
from parzen.metrics.bandwidth import RULES
from parzen.protocols import AnyProtocol, Protocol, rules_of

USUAL = ("fid", "kid", "is", "prdc", "kde")
METRICS = (*USUAL, "vendi", "cmmd")
OTHER_NAMES = {
    **dict.fromkeys(("frechet", "frechet_inception_distance"), "fid"),
    **dict.fromkeys(("kernel_inception_distance",), "kid"),
    **dict.fromkeys(("isc", "inception_score"), "is"),
    **dict.fromkeys(("pr", "prc", "precision_recall", "precision", "recall", "coverage"), "prdc"),
    **dict.fromkeys(("log_likelihood", "kde_log_likelihood", "parzen"), "kde"),
    "vendi_score": "vendi",
}
RULE_OF = {
    "fid": "fid",
    "kid": "kid",
    "is": "inception_score",
    "prdc": "precision_recall",
    "cmmd": "cmmd",
}  # of a protocol
# The seed is of whatever is drawn: that nothing is drawn is no mistake of who gives one.
OPTION_OF = {
    "bandwidth": ("kde",),
    "k": ("prdc",),
    "halves": ("prdc", "kde"),
    "jackknife": ("fid",),
}
BANDWIDTH, K, SEED, SPLITS = "scott", 3, 2020, 10
BLOCKS = 10  # of the jackknife


@dataclass(frozen=True)
class Settings:
    """Checked options of a comparison.

    Attributes
    ----------
    metrics
        Names out of `METRICS`.
    named
        Whether they were asked for by name: one that cannot be computed is then an error.
    rules
        The protocol, where there is one.
    seed, k, bandwidth, halves, jackknife
        As in `parzen.compare.compare`.
    """

    metrics: tuple[str, ...]
    named: bool
    rules: Protocol | None
    seed: int
    k: int
    bandwidth: Any
    halves: int
    jackknife: bool

    @classmethod
    def of(
        cls,
        *,
        metrics: str | Iterable[str] | None,
        protocol: AnyProtocol | None,
        seed: int,
        k: int | None,
        bandwidth: object,
        halves: int,
        jackknife: bool,
    ) -> Settings:
        """Return the options checked; None stands for the default."""
        rules = None if protocol is None else protocols.protocol(protocol)
        chosen = chosen_metrics(metrics, rules)
        given = {
            "k": k is not None,
            "bandwidth": bandwidth is not None,
            "halves": halves != 0,
            "jackknife": jackknife is not False,
        }
        for option, is_given in given.items():
            if is_given:
                check_effect(option, chosen, f"compare: {option}")
        halves = as_integer("compare: halves", halves, 0)
        if halves == 1:
            raise ValueError("compare: halves is 1, expected 0 or at least 2; 20 are enough")
        if not isinstance(jackknife, bool):
            raise TypeError(f"compare: jackknife is {jackknife!r}, expected True or False")
        if isinstance(bandwidth, str):
            check_choice("compare: bandwidth", bandwidth, RULES, " or a number > 0")
        elif isinstance(bandwidth, int | float):
            as_positive("compare: bandwidth", bandwidth)
        k = K if k is None else as_integer("compare: k", k, 1)
        if rules is not None:
            for name in chosen:
                if name in RULE_OF:
                    settled = {"k": (k, K)} if name == "prdc" else {}
                    rules_of("compare", rules, RULE_OF[name], **settled)
            if "prdc" in chosen and rules.precision_recall is not None:
                k = rules.precision_recall.k
        return cls(
            chosen,
            metrics is not None,
            rules,
            as_seed("compare: seed", seed),
            k,
            BANDWIDTH if bandwidth is None else bandwidth,
            halves,
            jackknife,
        )

    @property
    def pairwise(self) -> bool:
        """Whether features are compared; the Inception Score is of the fake set's logits alone."""
        return self.metrics != ("is",)

    def check_sizes(self, n: int | None, m: int | None) -> None:
        """Refuse sets that are too small for an option; None: not known yet."""
        for name, rows in (("real", n), ("fake", m)):
            if rows is None:
                continue
            where = f"compare: {name} has {rows} samples"
            if "prdc" in self.metrics and self.k >= rows:
                raise ValueError(f"{where}, k is {self.k}; expected k<={rows - 1}")
            if self.halves and rows < 4:
                raise ValueError(f"{where}; expected 4 or more for halves")
            if "prdc" in self.metrics and self.halves and self.k >= rows // 2:
                raise ValueError(
                    f"{where}, a half has {rows // 2}, k is {self.k}; expected k<={rows // 2 - 1}, "
                    f"or no halves"
                )
            if self.jackknife and rows < 2 * BLOCKS:
                raise ValueError(
                    f"{where}, the jackknife has {BLOCKS} blocks; expected {2 * BLOCKS} samples or "
                    f"more, or no jackknife"
                )

    def subsets_missing(self, n: int, m: int) -> str | None:
        """Return why the protocol has no KID over subsets of so few samples, or None."""
        rules = None if self.rules is None else self.rules.kid
        if rules is None or rules.truncate or min(n, m) >= rules.subset_size:
            return None
        assert self.rules is not None
        return (
            f"KID over subsets is left out: {self.rules.name} takes {rules.subsets} of "
            f"{rules.subset_size}, and {_fewer(n, m)}. KID is of all samples."
        )

    def splits_missing(self, m: int) -> str | None:
        """Return why the protocol has no Inception Score of so few samples, or None."""
        rules = None if self.rules is None else self.rules.inception_score
        if rules is None or rules.split_size is not None or m >= rules.splits:
            return None
        assert self.rules is not None
        return f"{self.rules.name} takes {rules.splits} splits, and fake has {m} samples"


def chosen_metrics(
    given: str | Iterable[str] | None, rules: Protocol | None = None, what: str = "metrics"
) -> tuple[str, ...]:
    """Return the metrics asked for, or all that the protocol has, or the usual ones.

    A string is one name or several between commas; case, ``-`` and ``_`` do not matter.
    """
    if given is not None:
        names = given.split(",") if isinstance(given, str) else list(given)
        if not all(isinstance(name, str) for name in names):
            raise TypeError(f"{what}: expected names out of {', '.join(METRICS)}, got {names!r}")
        return check_names(what, [_usual_name(name) for name in names if name.strip()], METRICS)
    if rules is None:
        return USUAL
    found = tuple(name for name, rule in RULE_OF.items() if getattr(rules, rule) is not None)
    if not found:
        raise ValueError(f"compare: protocol {rules.name!r} has none of {', '.join(RULE_OF)}")
    return found


def check_effect(option: str, metrics: tuple[str, ...], what: str) -> None:
    """Refuse an option of metrics none of which is computed."""
    owners = OPTION_OF[option]
    if not set(owners) & set(metrics):
        raise ValueError(
            f"{what} has no effect on {', '.join(metrics)}, only on {' and '.join(owners)}; leave "
            f"it out"
        )


def _fewer(n: int, m: int) -> str:
    return f"real has {n} samples" if n < m else f"fake has {m} samples"


def _usual_name(name: str) -> str:
    plain = name.strip().lower()
    joined = plain.replace("-", "_").replace(" ", "_")
    return OTHER_NAMES.get(joined, plain)
