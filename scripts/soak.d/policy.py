"""Runs the property test of policies in parts until enough verdicts are compared; see scripts/soak."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
PROGRAM = SOURCE / "build/release/test/test_compile"
TEST = "random policies decide as a naive evaluator does*"
PART = 2_000_000  # verdicts of one process: a fault is found with a short run to repeat
RATE = 500        # verdicts a second that even a busy machine makes; bounds the time of a part


def count(text: str) -> int:
    value = int(float(text))
    if value < 1:
        raise argparse.ArgumentTypeError("expected a number above 0, such as 1e8")
    return value


def run_part(seed: int, verdicts: int) -> tuple[int, int, int, str]:
    """Seed, verdicts, worlds, and what went wrong."""
    env = {**os.environ, "WEFT_SEED": str(seed), "WEFT_POLICY_VERDICTS": str(verdicts)}
    try:
        done = subprocess.run([PROGRAM, TEST], env=env, capture_output=True, text=True, timeout=verdicts / RATE + 60)
    except subprocess.TimeoutExpired:
        return seed, 0, 0, "did not end in time"
    found = re.search(r"(\d+) verdicts in (\d+) worlds", done.stdout)
    if done.returncode != 0 or not found:
        return seed, 0, 0, (done.stdout + done.stderr)[-4000:] or f"exit code {done.returncode}"
    return seed, int(found[1]), int(found[2]), ""


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/soak policy")
    parser.add_argument("--verdicts", type=count, default=count("1e8"), metavar="N")
    parser.add_argument("--seed", type=int, default=int.from_bytes(os.urandom(4), "little"), metavar="N")
    parser.add_argument("--jobs", type=count, default=os.cpu_count() or 1, metavar="N")
    wanted = parser.parse_args()
    parts = [min(PART, wanted.verdicts - first) for first in range(0, wanted.verdicts, PART)]
    begin, verdicts, worlds, faults = time.monotonic(), 0, 0, []
    with ThreadPoolExecutor(wanted.jobs) as pool:
        for seed, made, seen, fault in pool.map(run_part, range(wanted.seed, wanted.seed + len(parts)), parts):
            verdicts, worlds = verdicts + made, worlds + seen
            if fault:
                faults.append(seed)
                print(f"WEFT_SEED={seed}: {fault}", flush=True)
                pool.shutdown(cancel_futures=True)
                break
            if sys.stderr.isatty():
                print(f"\r{verdicts:,} verdicts", end="", file=sys.stderr, flush=True)
    seconds = time.monotonic() - begin
    print(f"{verdicts:,} verdicts in {worlds:,} worlds, {len(faults)} runs with differences, {seconds:.0f} s, "
          f"seeds {wanted.seed} to {wanted.seed + len(parts) - 1}")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
