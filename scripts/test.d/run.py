"""Builds and runs the tests of every label; see scripts/test."""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from results import Result, run_program

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "test/lib"))

from weftlab.machine import private_mounts  # noqa: E402

SOURCE = Path(__file__).resolve().parents[2]
LOGS = SOURCE / "build/test-logs"
RELEASE = SOURCE / "build/release"
PYTEST = ["/usr/bin/python3", "-m", "pytest"]
PROGRAMS = ["weftd", "weft", "weft-peer", "weftd-next"]
FUZZ_SECONDS = 10
GOLDEN = "*golden files show*"
PLAIN_LAYERS = {"cli"}  # built once, without sanitizers: half of all compile time, and only the user's own words as input


class Run:
    def __init__(self, options):
        self.options = options
        self.env = {**os.environ, "WEFT_BIN": str(RELEASE / "bin"), "PYTHONDONTWRITEBYTECODE": "1",
                    "ASAN_OPTIONS": "detect_leaks=1:abort_on_error=0", "UBSAN_OPTIONS": "print_stacktrace=1:halt_on_error=1"}

    def layers(self) -> list[str]:
        """Layers with unit tests; those of `kernel` need root and belong to the label bpf."""
        return sorted({path.parent.name for path in (SOURCE / "test").glob("*/*_test.cpp")} - {"kernel"})

    def properties(self, layer: str) -> list[str]:
        """Tags of the random tests of a layer, which Catch2 makes from the names of their files."""
        return [f"[#{path.stem}]" for path in sorted((SOURCE / "test" / layer).glob("*property*_test.cpp"))]

    def catch(self, preset: str, program: str, label: str, *arguments: str, **more) -> Result:
        report = LOGS / f"{label}-{program}.xml"
        path = SOURCE / f"build/{preset}/test/{program}"
        more.setdefault("env", self.env)
        return run_program(f"{label} {program}", [path, "-r", "junit", "-o", report, *arguments], LOGS, report, cwd=SOURCE, **more)

    def pytest(self, label: str, directory: str, timeout_s: float = 600, env=None) -> Result:
        report = LOGS / f"{label}-{directory.replace('/', '-')}.xml"
        words = [*PYTEST, directory, f"--junitxml={report}", "-q"]
        if self.options.k:
            words += ["-k", self.options.k]
        if self.options.full and directory == "test/net":
            words.append("--full")
        return run_program(f"{label} {directory}", words, LOGS, report, timeout_s, env=env or self.env, cwd=SOURCE)

    # Labels, in the order of architecture.md.

    def unit(self) -> Result:
        def one(layer: str) -> Result:
            without = "".join(f"~{tag}" for tag in self.properties(layer))
            return self.catch("release" if layer in PLAIN_LAYERS else "asan", f"test_{layer}", "unit", "-#", f"{without}~{GOLDEN}")

        result = Result()
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for part in pool.map(one, self.layers()):
                result.add(part)
        for directory in ("test/layers", "test/cli"):
            if any((SOURCE / directory).glob("test_*.py")):
                result.add(self.pytest("unit", directory))
        return result

    def golden(self) -> Result:
        env = {**self.env, "WEFT_GOLDEN_ACCEPT": "1"} if self.options.accept else self.env
        return self.catch("asan", "test_compile", "golden", GOLDEN, env=env)

    def bpf(self) -> Result:
        return self.catch("release", "test_kernel", "bpf")

    def net(self) -> Result:
        return self.pytest("net", "test/net", timeout_s=3600 if self.options.full else 900)

    def property(self) -> Result:
        result = Result()
        for layer in self.layers():
            if tags := self.properties(layer):
                result.add(self.catch("asan", f"test_{layer}", "property", "-#", ",".join(tags)))
        if result.passed + result.failed == 0:
            result.fail("property", "no test was executed")
        return result

    def fuzzers(self) -> list[str]:
        return sorted(path.name.removesuffix(".cpp") for path in (SOURCE / "test/fuzz").glob("*_fuzz.cpp"))

    def fuzz_one(self, stem: str) -> Result:
        result, program = Result(), SOURCE / f"build/fuzz/fuzz/{stem}"
        corpus = SOURCE / "test/fuzz/corpus" / stem.removesuffix("_fuzz")
        corpus = corpus if corpus.is_dir() else SOURCE / "test/fuzz/corpus" / stem
        if not corpus.is_dir():
            result.fail(f"fuzz {stem}", "has no corpus below test/fuzz/corpus")
            return result
        common = ["-timeout=10", "-rss_limit_mb=2048", f"-artifact_prefix={LOGS}/{stem}-"]
        with tempfile.TemporaryDirectory() as found:
            result.add(run_program(f"fuzz {stem} corpus", [program, "-runs=0", *common, corpus], LOGS, env=self.env))
            result.add(run_program(f"fuzz {stem}", [program, f"-max_total_time={60 if self.options.full else FUZZ_SECONDS}", *common,
                                                    found, corpus], LOGS, timeout_s=180, env=self.env))
        return result

    def fuzz(self) -> Result:
        result = Result()
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            for part in pool.map(self.fuzz_one, self.fuzzers()):
                result.add(part)
        if result.passed + result.failed == 0:
            result.fail("fuzz", "no fuzz target")
        return result

    def load(self) -> Result:
        env = {**self.env, "WEFT_ACCEPT": "1"} if self.options.accept else self.env
        return self.pytest("load", "test/load", env=env)

    def matrix(self) -> Result:
        return run_program("matrix", [SOURCE / "scripts/kernel-matrix"], LOGS, timeout_s=900, env=self.env)

    def package(self) -> Result:
        return self.pytest("package", "test/package")

    def build(self, label: str) -> list[list[str]]:
        """The builds that a label needs."""
        unit = [f"test_{layer}" for layer in self.layers() if layer not in PLAIN_LAYERS]
        release = ["--preset", "release", *PROGRAMS, "test_kernel", *(f"test_{layer}" for layer in sorted(PLAIN_LAYERS))]
        return {"unit": [["--preset", "asan", *unit], release], "property": [["--preset", "asan", *unit]],
                "golden": [["--preset", "asan", *unit]],
                "fuzz": [["--preset", "fuzz", *self.fuzzers()]]}.get(label, [release])


LABELS = ["unit", "golden", "property", "fuzz", "bpf", "load", "net", "matrix", "package"]
SLOW = {"matrix", "package"}


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="scripts/test", add_help=False)
    parser.add_argument("labels", nargs="*")
    parser.add_argument("--fast", action="store_true")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--accept", action="store_true")
    parser.add_argument("-k", default="")
    options = parser.parse_args()
    unknown = set(options.labels) - set(LABELS)
    if unknown:
        parser.exit(64, f"scripts/test: no label {', '.join(sorted(unknown))} ({' '.join(LABELS)})\n")
    options.labels = options.labels or [label for label in LABELS if not (options.fast and label in SLOW)]
    return options


def build(run: Run, label: str, done: set[tuple[str, ...]]) -> Result:
    result = Result()
    for words in run.build(label):
        if tuple(words) in done:
            continue
        done.add(tuple(words))
        started = time.monotonic()
        print(f"test: building {' '.join(words[1:])}", flush=True)
        if subprocess.run([SOURCE / "scripts/build", *words], cwd=SOURCE).returncode != 0:
            result.fail(f"build {words[1]}", "does not build")
        else:
            print(f"test: built in {time.monotonic() - started:.0f} s", flush=True)
    return result


def say(label: str, result: Result, seconds: float) -> None:
    print(f"{label:<9} {result.passed:>5} passed {result.failed:>4} failed {seconds:>6.0f} s", flush=True)
    for failure in result.failures[:20]:
        print("    " + "\n    ".join(failure.splitlines()[:25]), flush=True)
    if len(result.failures) > 20:
        print(f"    … and {len(result.failures) - 20} more", flush=True)


def own_bpffs() -> None:
    """A bpffs that only the tests see: there may be none here, and what tests pin ends with them."""
    private_mounts()
    subprocess.run(["mount", "-t", "bpf", "bpf", "/sys/fs/bpf"], check=True)


def main() -> int:
    options = parse()
    if os.geteuid() != 0 and set(options.labels) & {"bpf", "net", "load", "package"}:
        print("scripts/test: bpf, net, load and package need root", file=sys.stderr)
        return 77
    LOGS.mkdir(parents=True, exist_ok=True)
    if os.geteuid() == 0:
        own_bpffs()
    run, total, built, begin = Run(options), Result(), set(), time.monotonic()
    summary = []
    for label in options.labels:
        result = build(run, label, built)
        started = time.monotonic()
        if result.failed == 0:
            print(f"test: running {label}", flush=True)
            result.add(getattr(run, label)())
        say(label, result, time.monotonic() - started)
        summary.append((label, result, time.monotonic() - started))
        total.add(result)
    print(f"\n{'label':<9} {'passed':>6} {'failed':>6} {'seconds':>7}")
    for label, result, seconds in summary:
        print(f"{label:<9} {result.passed:>6} {result.failed:>6} {seconds:>7.0f}")
    print(f"{'all':<9} {total.passed:>6} {total.failed:>6} {time.monotonic() - begin:>7.0f}   logs in {LOGS.relative_to(SOURCE)}")
    print(f"{total.passed} passed, {total.failed} failed")
    return 0 if total.failed == 0 and total.passed > 0 else 1


if __name__ == "__main__":
    shutil.rmtree(LOGS, ignore_errors=True)
    sys.exit(main())
