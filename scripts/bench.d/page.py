"""The tables of docs/performance.md, each between its markers."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
PAGE = SOURCE / "docs/performance.md"


@dataclass
class Row:
    what: str
    value: float
    unit: str = ""
    most: float | None = None    # the target: not more than
    least: float | None = None   # or not less than
    beside: str = ""             # the same of others, in the same run

    def met(self) -> bool | None:
        if self.most is not None:
            return self.value <= self.most
        return self.value >= self.least if self.least is not None else None

    def target(self) -> str:
        if self.most is not None:
            return f"≤ {self.most:g}{self.unit}"
        return f"≥ {self.least:g}{self.unit}" if self.least is not None else ""

    def verdict(self) -> str:
        met = self.met()
        if met is None:
            return ""
        if met:
            return "met"
        limit = self.most if self.most is not None else self.least
        return f"missed by {abs(self.value - limit) / limit * 100:.0f} %"

    def shown(self) -> str:
        return f"{self.value:.3g}{self.unit}" if self.value < 1000 else f"{self.value:,.0f}{self.unit}"

    def cells(self) -> list[str]:
        return [self.what, self.shown(), self.target(), self.verdict(), self.beside]


def markdown(rows: list[Row]) -> str:
    head = ["what", "measured", "target", "", "beside it, in the same run"]
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(row.cells()) + " |" for row in rows]
    machine = (f"Kernel {platform.release()}, {os.cpu_count()} cores, {time.strftime('%Y-%m-%d')}. Ratios are taken at the better quartile of interleaved rounds; "
               "direct is the same client and server without agent and rules.")
    return machine + "\n\n" + "\n".join(lines) + "\n"


def write(name: str, rows: list[Row]) -> None:
    begin, end = (f"<!-- scripts/bench {name}: {what} -->" for what in ("begin", "end"))
    before, rest = PAGE.read_text().split(begin, 1)
    _, after = rest.split(end, 1)
    PAGE.write_text(f"{before}{begin}\n{markdown(rows)}{end}{after}")
    print(f"bench: {PAGE.relative_to(SOURCE)} is written", flush=True)


def report(name: str, rows: list[Row], keep: bool) -> None:
    """Prints the table; `keep`: writes it into the page, too."""
    width = max(len(row.what) for row in rows)
    for row in rows:
        print(f"{row.what:<{width}}  {row.shown():>12}  {row.target():>10}  {row.verdict():<16} {row.beside}")
    if keep:
        write(name, rows)
    missed = sum(row.met() is False for row in rows)
    print(f"bench: {len(rows) - missed} of {len(rows)} figures are as they should be" + (f", {missed} missed" if missed else ""), flush=True)
