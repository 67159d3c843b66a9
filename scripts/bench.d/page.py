"""The table of docs/performance.md, between its markers."""

from __future__ import annotations

import os
import platform
import time
from dataclasses import dataclass
from pathlib import Path

BEGIN, END = "<!-- scripts/bench lb: begin -->", "<!-- scripts/bench lb: end -->"


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


def write(page: Path, rows: list[Row]) -> None:
    text = page.read_text()
    before, rest = text.split(BEGIN, 1)
    _, after = rest.split(END, 1)
    page.write_text(f"{before}{BEGIN}\n{markdown(rows)}{END}{after}")
