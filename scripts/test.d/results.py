"""What a test program did, from its JUnit report and its exit code."""

from __future__ import annotations

import re
import subprocess
import time
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass, field
from pathlib import Path


@dataclass
class Result:
    passed: int = 0
    failed: int = 0
    failures: list[str] = field(default_factory=list)  # name and first lines of what is wrong

    def add(self, other: "Result") -> None:
        self.passed += other.passed
        self.failed += other.failed
        self.failures += other.failures

    def fail(self, name: str, why: str) -> None:
        self.failed += 1
        self.failures.append(f"{name}: {why.strip()}")


def read_junit(path: Path) -> Result | None:
    """None when there is no readable report: the program did not get that far."""
    try:
        root = ElementTree.parse(path).getroot()
    except (OSError, ElementTree.ParseError):
        return None
    result = Result()
    for case in root.iter("testcase"):
        trouble = [child for child in case if child.tag in ("failure", "error")]
        if trouble:
            text = (trouble[0].get("message") or "") + "\n" + (trouble[0].text or "")
            result.fail(f"{case.get('classname', '')}: {case.get('name', '')}", text)
        elif not any(child.tag == "skipped" for child in case):
            result.passed += 1
    return result


def tail(log: Path, lines: int = 15) -> str:
    text = log.read_text(errors="replace") if log.exists() else ""
    return "\n".join(re.sub(r"[^\x20-\x7e\t\u00a0-\uffff]", "?", line) for line in text.splitlines()[-lines:])


def run_program(name: str, argv: list, logs: Path, junit: Path | None = None, timeout_s: float = 600, env=None, cwd=None,
                none_is_failure: bool = True) -> Result:
    """Runs a test program. Without a report its exit code is the one result; a crash, a time-out and no test at all fail."""
    log = logs / f"{name.replace('/', '-').replace(' ', '-')}.log"
    if junit is not None:
        junit.unlink(missing_ok=True)
    started = time.monotonic()
    with log.open("wb") as out:
        process = subprocess.Popen([str(word) for word in argv], stdout=out, stderr=subprocess.STDOUT, stdin=subprocess.DEVNULL,
                                   env=env, cwd=cwd)
        try:
            code = process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            process.terminate()
            try:
                process.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            code = None
    if junit is None:
        result = Result(passed=int(code == 0))
    else:
        result = read_junit(junit) or Result()
        if code == 0 and result.passed + result.failed == 0 and none_is_failure:
            result.fail(name, f"no test was executed ({log})")
    if code is None:
        result.fail(name, f"did not end within {time.monotonic() - started:.0f} s ({log})\n{tail(log)}")
    elif code != 0 and result.failed == 0:
        how = f"killed by signal {-code}" if code < 0 else f"exit code {code}"
        result.fail(name, f"{how} ({log})\n{tail(log)}")
    return result
