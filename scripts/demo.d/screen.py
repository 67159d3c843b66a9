"""What the demo prints: chapters, tables with bars, and figures with their verdict."""

from __future__ import annotations

import os
import sys
import time

_COLOUR = sys.stdout.isatty() and "NO_COLOR" not in os.environ
_BEGIN = time.monotonic()
_BLOCK = "█" if (sys.stdout.encoding or "").lower().startswith("utf") else "#"


def paint(text: str, code: str) -> str:
    return f"\033[{code}m{text}\033[0m" if _COLOUR else text


class Screen:
    def __init__(self):
        self.good = 0
        self.bad: list[str] = []

    def chapter(self, title: str) -> None:
        print(f"\n{paint(title, '1;36')}  {paint(f'{time.monotonic() - _BEGIN:.0f} s', '2')}", flush=True)

    def say(self, text: str) -> None:
        print("  " + text, flush=True)

    def block(self, text: str, most: int = 14) -> None:
        lines = text.rstrip().splitlines()
        for line in lines[:most]:
            print("    " + paint(line, "2"), flush=True)
        if len(lines) > most:
            print(paint(f"    … {len(lines) - most} more lines", "2"), flush=True)

    def command(self, text: str) -> None:
        self.say(paint("$ " + text, "33"))

    def figure(self, what: str, value, good: bool, target: str = "") -> None:
        """A figure that must be as it is: anything else fails the demo."""
        mark = paint("ok", "32") if good else paint("WRONG", "1;31")
        print(f"  {mark:<2}  {what}: {paint(str(value), '1')}{'  (' + target + ')' if target else ''}", flush=True)
        if good:
            self.good += 1
        else:
            self.bad.append(f"{what}: {value} ({target})")

    def shares(self, counts: dict[str, int]) -> None:
        total = sum(counts.values())
        for name, count in sorted(counts.items()):
            bar = _BLOCK * round(40 * count / total)
            self.say(f"{name:<12} {count:>6}  {100 * count / total:5.1f} %  {paint(bar, '34')}")

    def table(self, rows: list[list[str]]) -> None:
        widths = [max(len(str(row[i])) for row in rows) for i in range(len(rows[0]))]
        for i, row in enumerate(rows):
            text = "  ".join(str(cell).ljust(width) for cell, width in zip(row, widths)).rstrip()
            self.say(paint(text, "2") if i == 0 else text)

    def end(self) -> int:
        seconds = time.monotonic() - _BEGIN
        if self.bad:
            print(paint(f"\ndemo: {len(self.bad)} of {self.good + len(self.bad)} figures are wrong after {seconds:.0f} s", "1;31"))
            for text in self.bad:
                print(f"  {text}")
            return 1
        print(paint(f"\ndemo: all {self.good} figures are as they should be ({seconds:.0f} s)", "1;32"), flush=True)
        return 0
