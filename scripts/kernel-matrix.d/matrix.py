"""Boots the kernels two at a time and prints one table; exits 1 when anything fails on any of them."""

import argparse
import concurrent.futures
import os
import pathlib
import shutil
import subprocess
import sys
import time

import checks
import guest
import kernels

ROOT = pathlib.Path(__file__).resolve().parents[2]
GUEST = ROOT / "test/kernel-matrix"


def read_options():
    parser = argparse.ArgumentParser(prog="scripts/kernel-matrix")
    parser.add_argument("--preset", default="release", help="whose build/PRESET/bin is booted")
    parser.add_argument("--bin", type=pathlib.Path, help="folder of weftd, weft and weft-peer instead of the preset's")
    parser.add_argument("--kernel", action="append", choices=list(kernels.SUITES), help="default: all three")
    parser.add_argument("--refresh", action="store_true", help="ask the mirror for newer kernels now")
    return parser.parse_args()


def find_programs(options):
    folder = options.bin or ROOT / "build" / options.preset / "bin"
    if not options.bin:
        subprocess.run([ROOT / "scripts/build", "--preset", options.preset, "weftd", "weft", "weft-peer"], check=True)
    return [folder / name for name in ("weftd", "weft", "weft-peer")]


def run_kernel(name, options, initramfs, folder):
    kernel, modules = kernels.load_kernel(ROOT / "build/kernels", name, options.refresh)
    image = guest.add_modules(initramfs, modules, folder / f"{name}.cpio")
    sections, seconds, trouble = guest.boot(kernel, image, folder / f"{name}.log")
    results = checks.run_checks(sections)
    if trouble:
        results["end"] = trouble
    release = sections["boot"].text if "boot" in sections else f"{name} (did not boot)"
    print(f"  {release}: {'ok' if not any(results.values()) else 'FAILED'} in {seconds:.0f} s", flush=True)
    return {"name": name, "release": release, "seconds": seconds, "results": results, "sections": sections}


def print_table(runs):
    columns = list(checks.CHECKS)
    width = max(len(run["release"]) for run in runs)
    print(f"\n{'kernel':{width}}  " + "  ".join(columns) + "  seconds")
    for run in runs:
        marks = ["no" if run["results"][name] else "ok" for name in columns]
        print(f"{run['release']:{width}}  " + "  ".join(f"{m:{len(c)}}" for m, c in zip(marks, columns)) + f"  {run['seconds']:7.0f}")
    for run in runs:
        have, lack = checks.find_features(run["sections"])
        if have or lack:
            print(f"{run['release']}: features {', '.join(have) or 'none'}" + (f"; without {', '.join(lack)}" if lack else ""))


def print_instruction_counts(runs):
    counts = {run["name"]: checks.find_instruction_counts(run["sections"]) for run in runs}
    programs = sorted({program for by_program in counts.values() for program in by_program})
    if programs:
        width = max(map(len, programs))
        print(f"\n{'instructions verified':{width}}  " + "  ".join(f"{name:>8}" for name in counts))
        for program in programs:
            print(f"{program:{width}}  " + "  ".join(f"{by_program.get(program, '-'):>8}" for by_program in counts.values()))


def print_failures(runs):
    failed = 0
    for run in runs:
        wrong = {name: reason for name, reason in run["results"].items() if reason}
        failed += len(wrong)
        if wrong:
            print(f"\n{run['release']} (console: build/kernel-matrix/{run['name']}.log)")
        for name, reason in wrong.items():
            print(f"  FAILED {name}: {reason[:300]}")
    return failed


def main():
    options = read_options()
    started = time.monotonic()
    folder = ROOT / "build/kernel-matrix"
    folder.mkdir(parents=True, exist_ok=True)
    files = {"/init": GUEST / "init", "/bin/busybox": shutil.which("busybox"), "/etc/weft/weft.yaml": GUEST / "weft.yaml",
             "/etc/weft/manifests.d/matrix.yaml": GUEST / "manifests.yaml"}
    initramfs = guest.make_initramfs(folder, find_programs(options), files)
    names = options.kernel or list(kernels.SUITES)
    print(f"kernel-matrix: {', '.join(names)} under qemu, {min(2, os.cpu_count() or 1)} at a time", flush=True)
    with concurrent.futures.ThreadPoolExecutor(max_workers=2) as pool:
        runs = list(pool.map(lambda name: run_kernel(name, options, initramfs, folder), names))
    print_table(runs)
    print_instruction_counts(runs)
    total = sum(len(run["results"]) for run in runs)
    failed = print_failures(runs)
    print(f"\nkernel-matrix: {total - failed} checks passed, {failed} failed, {time.monotonic() - started:.0f} s")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
