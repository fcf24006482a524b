"""Tables of the records of a run: asked beside measured, and one table a contest."""

from __future__ import annotations

import statistics
from collections.abc import Iterable
from typing import Any

from benchmarks.targets import TARGETS, Result, Target

Record = dict[str, Any]
Records = dict[Result, Record]


def by_name(records: Iterable[Record]) -> Records:
    """Return the records of tables under (contest, contestant)."""
    return {(r["key"], r["name"]): r for r in records if "figure" not in r}


def median(record: Record) -> float:
    return statistics.median(record["seconds"])


def seconds(value: float) -> str:
    """Return a duration in the unit that suits it."""
    if value >= 1.0:
        return f"{value:.3g} s"
    return f"{1e3 * value:.3g} ms" if value >= 1e-3 else f"{1e6 * value:.3g} µs"


def megabytes(value: float) -> str:
    return f"{value / 1e6:.3g} MB" if value >= 1e5 else "below 0.1 MB"


def rates(record: Record) -> str:
    """Return what was done a second, where it was counted."""
    parts = []
    if record.get("flops"):
        parts.append(f"{record['flops'] / median(record) / 1e9:.3g} GF/s")
    if record.get("pairs"):
        parts.append(f"{record['pairs'] / median(record) / 1e6:.3g} Mpair/s")
    if record.get("images"):
        parts.append(f"{record['images'] / median(record):.3g} images/s")
    return ", ".join(parts)


def ratios(target: Target, ours: Record, peer: Record) -> list[float]:
    """Return how many times the peer's cost ours is the better: one ratio a round."""
    if target.by == "memory":
        return [max(peer["bytes"], 1.0) / max(ours["bytes"], 1.0)]
    # Within a contest the i-th rounds ran one after the other, under the same load.
    if ours["key"] == peer["key"]:
        pairs = list(zip(ours["seconds"], peer["seconds"], strict=False))
    else:
        pairs = [(median(ours), median(peer))]
    work = ours["flops"] / peer["flops"] if target.by == "rate" else 1.0
    return [work * theirs / mine for mine, theirs in pairs]


def target_row(target: Target, records: Records) -> str:
    """Return one line of the summary."""
    ours = records.get(target.ours)
    peer = records.get(target.peer) if target.peer else None
    unit = "MB" if target.by == "memory" else "s"
    asked = f"{target.asked:g} ×" if target.peer else f"at most {target.asked:g} {unit}"
    beside = target.peer[1] if target.peer else ""
    if ours is None or (target.peer and peer is None):
        return f"| {target.work} | {beside} | {asked} | not measured | | | |"
    if peer is None:
        taken = ours["bytes"] / 1e6 if target.by == "memory" else median(ours)
        reached, measured = taken <= target.asked, _figure(target, ours)
    else:
        values = ratios(target, ours, peer)
        middle = statistics.median(values)
        reached, measured = middle >= target.asked, f"{middle:.3g} ×"
        if len(values) > 1:
            measured += f" ({min(values):.3g} to {max(values):.3g})"
    if not reached:
        measured = f"**{measured}**"
    return (
        f"| {target.work} | {beside} | {asked} | {measured} | {'yes' if reached else '**no**'} "
        f"| {_figure(target, ours)} | {_figure(target, peer) if peer else ''} |"
    )


def _figure(target: Target, record: Record) -> str:
    if target.by == "memory":
        return megabytes(record["bytes"])
    value = rates(record).split(", ")[0] if target.by == "rate" else seconds(median(record))
    error = record.get("error")
    return value if error is None else f"{value}, {error:.1e}"


def summary(records: Records) -> str:
    """Return the table of what was asked and what was measured."""
    return "\n".join(
        [
            "| work | beside | asked | measured | reached | parzen, error | the peer, error |",
            "|---|---|---|---|---|---|---|",
            *(target_row(target, records) for target in TARGETS),
        ]
    )


def tables(records: Records) -> str:
    """Return a table for each contest, contestants in the order in which they ran."""
    groups: dict[str, list[Record]] = {}
    for record in records.values():
        groups.setdefault(record["title"], []).append(record)
    parts = []
    for title, entries in groups.items():
        first = median(entries[0])
        memory = "bytes" in entries[0]
        parts += [
            f"### {title[0].upper()}{title[1:]}\n",
            "| | time | memory |"
            if memory
            else "| | median ± half the range | time, first = 1 | rate | error |",
            "|---|---|---|" if memory else "|---|---|---|---|---|",
            *((_memory_row(r) if memory else _time_row(r, first)) for r in entries),
            "",
        ]
    return "\n".join(parts)


def _memory_row(record: Record) -> str:
    return f"| {record['name']} | {seconds(median(record))} | {megabytes(record['bytes'])} |"


def _time_row(record: Record, first: float) -> str:
    values = record["seconds"]
    spread = f" ± {seconds((max(values) - min(values)) / 2.0)}" if len(values) > 1 else ""
    error = "" if record["error"] is None else f"{record['error']:.1e}"
    return (
        f"| {record['name']} | {seconds(median(record))}{spread} | {median(record) / first:.3g} "
        f"| {rates(record)} | {error} |"
    )
