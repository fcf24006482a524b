"""A comparison as people read it, a table, and as programs do, JSON."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from parzen._estimate import Estimate
from parzen._files import written_whole
from parzen.compare import Comparison
from parzen.feature_sets import RESIZES

if TYPE_CHECKING:
    from parzen.several import Comparisons


class Line(NamedTuple):
    """One line of the table."""

    key: str  # in JSON
    name: str
    value: Estimate
    note: str = ""
    std: float | None = None  # over subsets or splits

    def figures(self) -> tuple[str, str]:
        """Return value and standard error as text; a lower bound of the latter after ≥."""
        if self.value.stderr is None and self.std is not None:
            return figures(self.value, self.std)[0], "-"
        value, error = figures(self.value, self.value.stderr)
        bound = self.value.stderr is not None and "lower_bound" in self.value.provenance
        return value, f"≥{error}" if bound else error


def figures(value: float, stderr: float | None = None) -> tuple[str, str]:
    """Return a number and its standard error to two digits of the latter, or to five in all.

    Examples
    --------
    >>> figures(0.0123456, 0.00117), figures(-1234.56, 31.0), figures(52.70449)
    (('0.0123', '0.0012'), ('-1235', '31'), ('52.704', '-'))
    """
    if stderr is not None and stderr > 0.0:
        decimals = 1 - _exponent(stderr, 2)
        if decimals <= 7:
            decimals = max(decimals, 0)
            return f"{value:.{decimals}f}", f"{stderr:.{decimals}f}"
        digits = max(_exponent(value, 2) + decimals, 0)
        return f"{value:.{digits}e}", f"{stderr:.1e}"
    error = "-" if stderr is None else "0"
    if value == 0.0 or 1e-4 <= abs(value) < 1e7:
        decimals = min(max(4 - _exponent(value, 5), 1), 7)
        return f"{value:.{decimals}f}", error
    return f"{value:.4e}", error


def lines(result: Comparison) -> list[Line]:
    """Return the lines of the table."""
    found = []
    if result.fid is not None:
        found.append(Line("fid", "FID", result.fid, "lower is better"))
    if result.fid_corrected is not None:
        found.append(Line("fid_corrected", "  corrected", result.fid_corrected, "without its bias"))
    if result.kid is not None:
        found.append(Line("kid", "KID", result.kid, "lower is better"))
    if result.kid_subsets is not None:
        mean, std = result.kid_subsets
        facts = mean.provenance
        note = f"{facts['subsets']} of {facts['subset_size']}, std {figures(mean, std)[1]}"
        found.append(Line("kid_subsets", "  subsets", mean, note, std))
    if result.inception_score is not None:
        score = result.inception_score
        splits = score.mean.provenance["splits"]
        spread = f"{splits} splits, std {figures(score.mean, score.std)[1]}"
        note = spread if splits > 1 else "1 split"
        found += [
            Line("inception_score", "Inception Score", score.mean, note, score.std),
            Line("sharpness", "  sharpness", score.sharpness, "1: a certain class each"),
            Line("diversity", "  diversity", score.diversity, "effective classes"),
        ]
    if result.precision_recall is not None:
        overlap = result.precision_recall
        found += [
            Line("precision", "Precision", overlap.precision, "fake among the real"),
            Line("recall", "Recall", overlap.recall, "real among the fake"),
            Line("density", "Density", overlap.density, "1 for equal sets"),
            Line("coverage", "Coverage", overlap.coverage, "real with fake nearby"),
        ]
    if result.log_likelihood is not None:
        facts = result.log_likelihood.provenance
        note = f"nats; h {facts['bandwidth']:.4g}, {facts['rule']}"
        found.append(Line("log_likelihood", "KDE log-likelihood", result.log_likelihood, note))
    if result.vendi is not None:
        found.append(Line("vendi", "Vendi score", result.vendi, "effective samples"))
    if result.cmmd is not None:
        found.append(Line("cmmd", "CMMD", result.cmmd, "lower is better"))
    return found


def table(result: Comparison) -> Table:
    """Return the table of a comparison."""
    layout = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    layout.add_column("metric", no_wrap=True)
    for name in ("value", "std. error", "n", "m"):
        layout.add_column(name, justify="right", no_wrap=True)
    layout.add_column("notes", style="dim", min_width=12)
    for line in lines(result):
        layout.add_row(Text(line.name), *line.figures(), *_counts(line), line.note)
    return layout


def table_of_several(results: Mapping[str, Comparison]) -> Table:
    """Return the numbers of several comparisons, metric by metric."""
    layout = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0))
    layout.add_column("metric", no_wrap=True)
    layout.add_column("set", overflow="fold")
    for title in ("value", "std. error", "n", "m"):
        layout.add_column(title, justify="right", no_wrap=True)
    rows: dict[str, list[tuple[str, Line]]] = {}
    for name, result in results.items():
        for line in lines(result):
            rows.setdefault(line.name, []).append((name, line))
    for label, found in rows.items():
        for i, (name, line) in enumerate(found):
            layout.add_row(Text("" if i else label), Text(name), *line.figures(), *_counts(line))
    return layout


def made_by(protocol: dict[str, Any]) -> str:
    """Return in words what made the features."""
    if protocol["network"] is None:
        return "ready-made"
    made = str(protocol["network"])
    weights = protocol["weights"]
    if protocol["weights_sha256"] is not None:
        weights = f"sha256 {protocol['weights_sha256'][:8]}"  # as in the published file's name
    if weights is not None:
        made += f", weights {weights}"
    resize = protocol["resize"]
    if resize is not None:
        made += f", {resize} resize" if resize in RESIZES else f", resize: {resize}"
    return made


def protocol_lines(result: Comparison) -> list[str]:
    """Return in words how the numbers came about."""
    p = result.protocol
    layers = " and ".join(name for name in (p["layer"], p["logits_layer"]) if name)
    versions = p["versions"]
    with_torch = f", torch {versions['torch']}" if versions["torch"] else ""
    rules = [] if p["protocol"] is None else [f"protocol  {p['protocol']}"]
    return [
        *rules,
        f"real (n)  {p['real']}",
        f"fake (m)  {p['fake']}",
        f"features  {made_by(p)}; layer {layers}",
        f"computed  parzen {versions['parzen']}{with_torch}, {p['device']}, "
        f"{p['instruction_set']}, {p['threads']} threads, seed {p['seed']}, {p['seconds']:.1f} s",
    ]


def show(result: Comparison | Comparisons, console: Console) -> None:
    """Print protocol, table, the pairs of several sets, and notes."""
    *others, last = [result] if isinstance(result, Comparison) else result.results.values()
    for text in protocol_lines(last):  # which has the time of all
        if text.startswith("fake"):
            for other in others:
                console.print(Text(f"fake (m)  {other.protocol['fake']}", style="dim"))
        console.print(Text(text, style="dim"), soft_wrap=True)
    console.print(result.table())
    for pairs in () if isinstance(result, Comparison) else result.models:
        console.print(pairs.table())
    print_notes(result.notes, console)


def print_notes(notes: Iterable[str], console: Console) -> None:
    """Print what a reader has to know of the numbers."""
    for note in notes:
        console.print(Text(f"! {note}", style="yellow"))


def to_dict(result: Comparison) -> dict[str, Any]:
    """Return every value with its standard error, the notes and the protocol."""
    metrics = {line.key: _entry(line.value, line.std) for line in lines(result)}
    return {"metrics": metrics, "notes": list(result.notes), "protocol": result.protocol}


def write_json(path: Path | None, content: dict[str, Any]) -> None:
    """Write JSON to a file, whole or not at all, or to standard output."""
    text = json.dumps(content, indent=2, allow_nan=False) + "\n"
    if path is None:
        sys.stdout.write(text)
        return
    with written_whole(path) as file:
        file.write(text.encode())


def _counts(line: Line) -> tuple[str, str]:
    facts = line.value.provenance
    return (str(facts["n"]), str(facts["m"])) if "m" in facts else ("-", str(facts["n"]))


def _entry(value: Estimate, std: float | None) -> dict[str, Any]:
    facts = {k: v for k, v in value.provenance.items() if k not in ("metric", "version")}
    spread = {} if std is None else {"std": float(std)}
    return {"value": float(value), "stderr": value.stderr, **spread, **facts}


def _exponent(number: float, digits: int) -> int:
    """Return the power of ten of a number rounded to so many digits; 0 has 0."""
    return int(f"{number:.{digits - 1}e}".partition("e")[2])
