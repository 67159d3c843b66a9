"""The guest: an initramfs of busybox and our programs with their libraries, one boot under qemu, and its output taken apart."""

import dataclasses
import json
import pathlib
import re
import shutil
import subprocess
import time

COMMAND_LINE = "console=ttyS0 quiet loglevel=3 nokaslr mitigations=off panic=-1 no_timer_check tsc=reliable random.trust_cpu=on audit=0"
BOOT_LIMIT_S = 150


@dataclasses.dataclass
class Section:
    code: int
    uptime_s: float
    text: str
    errors: str

    def json(self):
        try:
            return json.loads(self.text)
        except ValueError:
            return None


def find_libraries(program):
    """What the dynamic linker would load, with the linker itself; nothing for a static program."""
    done = subprocess.run(["ldd", program], text=True, capture_output=True)
    return sorted(set(re.findall(r"(/\S+)", done.stdout.split(":\n")[-1]))) if done.returncode == 0 else []


def make_initramfs(folder, programs, files):
    """`programs`: host paths that go to /bin; `files`: guest path → host path. Uncompressed: unpacking would be emulated."""
    root = folder / "root"
    shutil.rmtree(root, ignore_errors=True)
    (root / "bin").mkdir(parents=True)
    for program in programs:
        inside = root / "bin" / pathlib.Path(program).name
        subprocess.run(["strip", "-o", inside, program], check=True)
        files = files | {library: library for library in find_libraries(program)}
    for inside, outside in files.items():
        target = root / inside.lstrip("/")
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(outside, target)
    return pack(root, folder / "initramfs.cpio")


def add_modules(initramfs, modules, target):
    """A kernel's own image: archives may follow each other (initramfs buffer format)."""
    root = target.with_suffix(".root")
    shutil.rmtree(root, ignore_errors=True)
    shutil.copytree(modules, root / "modules")
    own = pack(root, target.with_suffix(".modules"))
    target.write_bytes(initramfs.read_bytes() + own.read_bytes())
    return target


def pack(root, image):
    names = "\n".join(str(path.relative_to(root)) for path in sorted(root.rglob("*")))
    with image.open("wb") as out:
        subprocess.run(["cpio", "-o", "-H", "newc", "--quiet", "-R", "0:0"], cwd=root, input=names.encode(), stdout=out, check=True)
    return image


def parse_sections(console):
    sections = {}
    for match in re.finditer(r"^@begin (\S+)\n(.*?)^@end \1 (\d+) (\S+)$", console, re.DOTALL | re.MULTILINE):
        lines = match.group(2).split("\n")
        errors = [line[5:] for line in lines if line.startswith("@err ")]
        text = [line for line in lines if not line.startswith("@err ")]
        sections[match.group(1)] = Section(int(match.group(3)), float(match.group(4)), "\n".join(text).strip(), "\n".join(errors))
    return sections


def boot(kernel, initramfs, log):
    """Boots once, always ends; returns the sections, the seconds, and why it ended early ("" when it did not)."""
    command = ["qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot", "-serial", "stdio",
               "-machine", "pc", "-accel", "tcg", "-cpu", "max", "-smp", "1", "-m", "1024",
               "-kernel", str(kernel), "-initrd", str(initramfs), "-append", COMMAND_LINE]
    started = time.monotonic()
    trouble = ""
    with log.open("wb") as out:
        try:
            done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, timeout=BOOT_LIMIT_S)
            trouble = "" if done.returncode == 0 else f"qemu ended with {done.returncode}"
        except subprocess.TimeoutExpired:
            trouble = f"no end within {BOOT_LIMIT_S} s"
    console = log.read_bytes().decode(errors="replace").replace("\r", "")
    return parse_sections(console), time.monotonic() - started, trouble
