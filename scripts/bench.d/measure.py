"""How things are measured: medians of interleaved rounds, CPU time of the whole machine, and kernel time of map writes."""

from __future__ import annotations

import statistics
import time
from pathlib import Path


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def busy_seconds() -> float:
    """Busy CPU time of the machine since boot: the softirq part of a connection belongs to no process."""
    fields = [int(field) for field in Path("/proc/stat").read_text().splitlines()[0].split()[1:]]
    user, nice, system, _, _, irq, softirq, *_ = fields
    return (user + nice + system + irq + softirq) / 100


def interleaved(cases: dict, rounds: int) -> dict[str, list[float]]:
    """Runs each case once a round, in alternating order, and returns all values by case."""
    values: dict[str, list[float]] = {name: [] for name in cases}
    for number in range(rounds):
        order = list(cases) if number % 2 == 0 else list(cases)[::-1]
        for name in order:
            values[name].append(cases[name]())
    return values


def ratios(values: dict[str, list[float]], base: str) -> dict[str, float]:
    """Median over the rounds of value / base of the same round: what disturbs a round disturbs both."""
    return {name: statistics.median(v / b for v, b in zip(found, values[base])) for name, found in values.items()}


def timed_ms(action) -> float:
    begin = time.perf_counter()
    action()
    return 1000 * (time.perf_counter() - begin)
