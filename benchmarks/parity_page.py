"""The tables of docs/parity.md."""

from __future__ import annotations

import numpy as np

from benchmarks.parity_entry import UNEXPLAINED, Reason, Row


def line(row: Row) -> str:
    """Return a comparison as one line of a terminal."""
    start = f"{row.entry.peer}, {row.entry.name} | {row.way} | {row.inputs}"
    if row.failure:
        return f"{start} | FAILED: {row.failure}"
    return f"{start} | {_difference(row)} | {row.ratio:.3g} x"


def summary(rows: list[Row]) -> str:
    """Return a line for each peer: how many comparisons, how near, how much faster."""
    lines = [
        "| peer | comparisons | within 1e-6 | explained | not | times, median | from, to |",
        "|---|---|---|---|---|---|---|",
    ]
    for peer in dict.fromkeys(row.entry.peer for row in rows):
        mine = [row for row in rows if row.entry.peer == peer]
        run = [row for row in mine if not row.failure]
        near = [row for row in run if row.difference <= UNEXPLAINED]
        explained = [row for row in run if row.explained and row not in near]
        ratios = [row.ratio for row in run] or [0.0]
        lines.append(
            f"| {peer} | {len(mine)} | {len(near)} | {len(explained)} "
            f"| {len(mine) - len(near) - len(explained)} | {np.median(ratios):.3g} × "
            f"| {min(ratios):.3g} to {max(ratios):.3g} |"
        )
    return "\n".join(lines)


def reasons(rows: list[Row]) -> str:
    """Return the reasons in use, numbered, each with the largest difference that it explains."""
    lines = ["| | why | at most | seen |", "|---|---|---|---|"]
    for number, (why, users) in enumerate(_by_reason(rows).items(), 1):
        allowed = max(row.reason.at_most for row in users if row.reason)
        seen = max(row.difference for row in users)
        lines.append(f"| ({number}) | {why} | {allowed:.0e} | {seen:.1e} |")
    return "\n".join(lines)


def matrix(rows: list[Row]) -> str:
    """Return a table for each entry point: ours, by way and input."""
    numbers = {why: number for number, why in enumerate(_by_reason(rows), 1)}
    parts = []
    for entry in dict.fromkeys(row.entry.peer + ": " + row.entry.name for row in rows):
        mine = [row for row in rows if f"{row.entry.peer}: {row.entry.name}" == entry]
        parts += [
            f"### {entry}\n",
            "| input | by | ours | difference | errors: ours, theirs | why | time, theirs / ours |",
            "|---|---|---|---|---|---|---|",
        ]
        for row in mine:
            errors = "" if row.errors is None else f"{row.errors[0]:.1e}, {row.errors[1]:.1e}"
            why = f"({numbers[row.reason.why]})" if row.reason else ""
            if not row.explained:
                why = f"**{row.failure or 'not explained'}**"
            parts.append(
                f"| {row.inputs} | `{row.way}` | {_values(row)} | {row.difference:.1e} "
                f"| {errors} | {why} | {row.ratio:.3g} |"
            )
        parts.append("")
    return "\n".join(parts)


def _by_reason(rows: list[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        if isinstance(row.reason, Reason):
            found.setdefault(row.reason.why, []).append(row)
    return found


def _difference(row: Row) -> str:
    text = f"{row.difference:.1e}"
    if row.errors is not None:
        text += f" (errors: ours {row.errors[0]:.1e}, theirs {row.errors[1]:.1e})"
    if row.difference > UNEXPLAINED:
        text += f": {row.reason.why if row.reason else 'NO REASON'}"
    return text


def _values(row: Row) -> str:
    numbers = {name: np.asarray(value) for name, value in row.quantities.items()}
    return ", ".join(
        f"{name} {float(value):.6g}" if value.ndim == 0 else f"{name} {value.shape}"
        for name, value in numbers.items()
    )
