"""What a comparison of models gives back: values, differences, and how they are shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

from parzen._estimate import Estimate

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from rich.table import Table


class ModelDifference(NamedTuple):
    """A pair of models, the nearer first.

    Attributes
    ----------
    first, second
        Their names.
    difference
        The value of the first less that of the second, with its standard error: paired, as both
        are compared with the same real samples.
    asymptotic
        P-value of equal distances by the difference over its standard error: normal for KID and
        MMD, Student's t for FID. Right for many samples, except where both models are as good as
        the real samples: the difference of MMD^2 is not normal then.
    permutation
        P-value of equal distributions, by exchanging the rows of both models: exact at any number
        of samples, but small as well where two different models are equally far. None for FID.
    p_value
        Of equal distances, for this pair alone: the larger of both, since each fails where the
        other holds.
    adjusted
        `p_value` by Holm's correction for all pairs of the comparison: where it is at most 0.05
        the first is claimed nearer, and the chance that any such claim is false is at most 5 %.
    """

    first: str
    second: str
    difference: Estimate
    asymptotic: Estimate
    permutation: Estimate | None
    p_value: Estimate
    adjusted: Estimate


@dataclass(frozen=True)
class ModelComparison:
    """Several models beside each other.

    Attributes
    ----------
    metric
        ``"kid"``, ``"mmd"`` or ``"fid"``.
    test
        What the p-values are of: ``"normal and permutation"`` or ``"Student's t"``.
    values
        Name to value, nearest to the real samples first.
    differences
        All pairs of models.
    """

    metric: str
    test: str
    values: dict[str, Estimate]
    differences: tuple[ModelDifference, ...]

    def significant(self, level: float = 0.05) -> tuple[ModelDifference, ...]:
        """Return the pairs whose distances differ, by Holm's correction.

        The chance that any of them is false is at most `level`.
        """
        return tuple(pair for pair in self.differences if pair.adjusted <= level)

    def table(self, level: float = 0.05) -> Table:
        """Return the values, then the pairs, as a table to print with rich."""
        from rich import box
        from rich.table import Table
        from rich.text import Text

        from parzen.report import figures

        layout = Table(
            box=box.SIMPLE_HEAD,
            pad_edge=False,
            padding=(0, 1, 0, 0),
            title=f"{self.metric}, {self.test}",
        )
        for name in ("model", "less model"):
            layout.add_column(name, overflow="fold")
        permuted = any(pair.permutation is not None for pair in self.differences)
        tests = ("p, normal", "p, perm.") if permuted else ("p, t",)
        for name in ("value", "std. error", *tests, "p, Holm", ""):
            layout.add_column(name, justify="right")
        for name, value in self.values.items():
            layout.add_row(Text(name), "", *figures(value, value.stderr))
        layout.add_section()
        for pair in self.differences:
            names = Text(pair.first), Text(pair.second)
            shown = figures(pair.difference, pair.difference.stderr)
            tried = (pair.asymptotic, pair.permutation, pair.adjusted)
            p_values = [f"{p:.2g}" for p in tried if p is not None]
            verdict = "nearer" if pair.adjusted <= level else ""
            layout.add_row(*names, *shown, *p_values, verdict)
        return layout

    def plot(self, axes: Axes | None = None, level: float = 0.95) -> Axes:
        """Draw the values with their confidence intervals, one line a model (matplotlib)."""
        if axes is None:
            try:
                from matplotlib.figure import Figure
            except ModuleNotFoundError as error:
                raise ModuleNotFoundError(
                    "plot needs matplotlib: pip install matplotlib", name=error.name
                ) from error

            axes = Figure(figsize=(6.0, 1.0 + 0.4 * len(self.values)), layout="tight").subplots()
        for row, (name, value) in enumerate(self.values.items()):
            axes.plot(value.interval(level), [row, row], color="C0", linewidth=2)
            axes.plot([value], [row], "o", color="C0", label=name)
        axes.set_yticks(range(len(self.values)), list(self.values))
        axes.invert_yaxis()
        axes.set_xlabel(f"{self.metric}, {level:.0%} intervals; smaller is nearer to the real")
        return axes

    def to_dict(self) -> dict[str, Any]:
        """Return plain values, for JSON."""
        return {
            "metric": self.metric,
            "test": self.test,
            "values": {
                name: {"value": float(value), "stderr": value.stderr}
                for name, value in self.values.items()
            },
            "differences": [
                {
                    name: float(field) if isinstance(field, Estimate) else field
                    for name, field in pair._asdict().items()
                }
                | {"stderr": pair.difference.stderr}
                for pair in self.differences
            ],
        }
