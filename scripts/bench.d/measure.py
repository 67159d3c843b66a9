"""How things are measured: medians of interleaved rounds, CPU time of the whole machine, and kernel time of map writes."""

from __future__ import annotations

import time
from pathlib import Path


def percentile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def cpu_seconds(cgroup: Path) -> float:
    """CPU time of all processes of a node, with what the kernel did for their packets while they ran."""
    fields = dict(line.split() for line in (cgroup / "cpu.stat").read_text().splitlines())
    return int(fields["usage_usec"]) / 1e6


def interleaved(cases: dict, rounds: int) -> dict[str, list[float]]:
    """Runs each case once a round, in alternating order, and returns all values by case."""
    values: dict[str, list[float]] = {name: [] for name in cases}
    for number in range(rounds):
        order = list(cases) if number % 2 == 0 else list(cases)[::-1]
        for name in order:
            values[name].append(cases[name]())
    return values


def ratios(values: dict[str, list[float]], base: str, more_is_better: bool = False) -> dict[str, float]:
    """Value / base at the better quartile of the rounds: what disturbs a machine only ever makes things worse."""
    def quiet(found: list[float]) -> float:
        return percentile(found, 0.75 if more_is_better else 0.25)

    return {name: quiet(found) / quiet(values[base]) for name, found in values.items()}


def timed_ms(action) -> float:
    begin = time.perf_counter()
    action()
    return 1000 * (time.perf_counter() - begin)
