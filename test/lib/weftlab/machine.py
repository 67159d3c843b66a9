"""Namespaces, cgroups, mounts and processes of one lab, and their removal.

A namespace is held by a process and has no name below /run/netns; processes die with the lab's main thread. So a crash
leaves at most empty cgroups and a directory, which the next lab removes.
"""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path

PREFIX = "weft-lab-"
_PR_SET_PDEATHSIG = 1
_CLONE_NEWNS, _MS_REC, _MS_PRIVATE = 0x20000, 0x4000, 0x40000
_libc = ctypes.CDLL(None, use_errno=True)


class LabError(RuntimeError):
    """The lab itself does not do what it should; never a verdict about weft."""


def cgroup_root() -> Path:
    """Where cgroup v2 is mounted, also on hybrid systems."""
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        left, right = line.split(" - ", 1)
        if right.split()[0] == "cgroup2":
            return Path(left.split()[4])
    raise LabError("no cgroup v2 mount in /proc/self/mountinfo")


def wait_for(condition, timeout_s: float, what: str, pause_s: float = 0.02):
    """The first true value of condition(), or an AssertionError that says what did not come."""
    end = time.monotonic() + timeout_s
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"not within {timeout_s:g} s: {what}")
        time.sleep(pause_s)


def run(argv, check=True, timeout_s=60, **options) -> subprocess.CompletedProcess:
    done = subprocess.run([str(word) for word in argv], text=True, capture_output=True, timeout=timeout_s, **options)
    if check and done.returncode != 0:
        raise LabError(f"{' '.join(map(str, argv))} exits {done.returncode}: {done.stderr.strip() or done.stdout.strip()}")
    return done


def private_mounts() -> None:
    """Moves this process into its own mount namespace: what it mounts, the rest of the machine does not see.

    In a chroot "/" is no mount point, so each mount is made private for itself.
    """
    if _libc.unshare(_CLONE_NEWNS) != 0:
        raise LabError(f"unshare: {os.strerror(ctypes.get_errno())}")
    if _libc.mount(None, b"/", None, _MS_REC | _MS_PRIVATE, None) == 0:
        return
    for line in Path("/proc/self/mountinfo").read_text().splitlines():
        _libc.mount(None, line.split()[4].encode(), None, _MS_PRIVATE, None)


class Namespace:
    """A network namespace with loopback up, held by a sleeping process."""

    def __init__(self, lab: "Lab", name: str):
        self.lab = lab
        self.name = name
        self.holder = lab.start(["unshare", "--net", "sleep", "infinity"], name=f"netns {name}")
        mine = os.readlink("/proc/self/ns/net")
        wait_for(lambda: self._inode() not in ("", mine), 5, f"namespace of {name}", 0.002)
        self.ip("link set lo up")

    def _inode(self) -> str:
        try:
            return os.readlink(self.path)
        except FileNotFoundError:
            return ""

    @property
    def path(self) -> str:
        return f"/proc/{self.holder.pid}/ns/net"

    def command(self, argv) -> list[str]:
        return ["nsenter", f"--net={self.path}", *map(str, argv)]

    def ip(self, *lines: str) -> None:
        """Runs `ip` commands in one batch; any failure is an error."""
        done = run(self.command(["ip", "-batch", "-"]), check=False, input="\n".join(lines) + "\n")
        if done.returncode != 0:
            raise LabError(f"ip in {self.name}: {done.stderr.strip()}")

    def sysctl(self, **settings) -> None:
        script = "".join(f"echo {value} > /proc/sys/{key.replace('__', '/')}\n" for key, value in settings.items())
        run(self.command(["sh", "-ec", script]))


class Lab:
    """Owner of everything that a run makes. Use as a context manager, or call close()."""

    count = 0

    def __init__(self, purpose: str = "net"):
        reap()
        if os.geteuid() != 0:
            raise LabError("needs root: network namespaces, cgroups and BPF programs")
        Lab.count += 1
        self.name = f"{PREFIX}{purpose}-{Lab.count}-{os.getpid()}"
        self.directory = Path(tempfile.gettempdir()) / self.name
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(mode=0o755)
        run(["mount", "--bind", self.directory, self.directory])
        run(["mount", "--make-private", self.directory])
        self.cgroup = cgroup_root() / self.name
        self.cgroup.mkdir()
        self.processes: list[subprocess.Popen] = []
        self._started: list[int] = []
        self._closers: list = []

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def namespace(self, name: str) -> Namespace:
        return Namespace(self, name)

    def make_cgroup(self, *parts: str) -> Path:
        path = self.cgroup.joinpath(*parts)
        path.mkdir(parents=True, exist_ok=True)
        return path

    def mount_bpffs(self, path: Path) -> Path:
        path.mkdir(parents=True)
        run(["mount", "-t", "bpf", "-o", "mode=0700", "bpf", path])
        return path

    def on_close(self, action) -> None:
        self._closers.append(action)

    def start(self, argv, namespace: Namespace | None = None, cgroup: Path | None = None, name: str = "", log=None,
              **options) -> subprocess.Popen:
        """Starts a process in a namespace and cgroup; it dies with the lab."""
        words = [str(word) for word in argv]
        if namespace is not None:
            words = namespace.command(words)

        def prepare():
            _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if cgroup is not None:
                with open(cgroup / "cgroup.procs", "w") as procs:
                    procs.write("0")

        options.setdefault("stdin", subprocess.DEVNULL)
        options.setdefault("stdout", log if log is not None else subprocess.DEVNULL)
        options.setdefault("stderr", subprocess.STDOUT if log is not None else None)
        process = subprocess.Popen(words, preexec_fn=prepare, **options)
        process.lab_name = name or words[0]
        self.processes.append(process)
        self._started.append(process.pid)
        return process

    def stop(self, process: subprocess.Popen, sig=signal.SIGTERM, timeout_s: float = 10) -> int:
        """Ends a process; one that does not end in time is killed and reported."""
        if process.poll() is None:
            process.send_signal(sig)
            try:
                process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
                raise AssertionError(f"{process.lab_name} did not end within {timeout_s:g} s of signal {sig}") from None
        if process in self.processes:
            self.processes.remove(process)
        return process.returncode

    def close(self) -> None:
        for action in reversed(self._closers):
            action()
        self._closers.clear()
        for process in reversed(self.processes):
            process.kill()
        for process in self.processes:
            process.wait()
        self.processes.clear()
        remove_leftovers(self.cgroup, self.directory)

    def leftovers(self) -> list[str]:
        """What is still there although it should not be; call after close()."""
        left = [str(path) for path in (self.cgroup, self.directory) if path.exists()]
        left += [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines() if self.name in line]
        left += [f"process {pid}" for pid in set(self._started) & set(children_of(os.getpid()))]
        return left


def children_of(pid: int) -> list[int]:
    """Processes whose parent is `pid`, without zombies that somebody still waits for."""
    found = []
    for status in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = status.read_text().rsplit(")", 1)[1].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(status.parent.name))
    return found


def remove_leftovers(cgroup: Path, directory: Path) -> None:
    mounts = [line.split()[4] for line in Path("/proc/self/mountinfo").read_text().splitlines()]
    for mount in sorted((m for m in mounts if f"{m}/".startswith(f"{directory}/")), reverse=True):
        run(["umount", mount])
    shutil.rmtree(directory, ignore_errors=True)
    if not cgroup.exists():
        return
    pids = [int(pid) for procs in cgroup.rglob("cgroup.procs") for pid in procs.read_text().split()]
    for pid in pids:  # only processes of this lab's own cgroups
        try:
            os.kill(pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
    for path in sorted((p for p in cgroup.rglob("*") if p.is_dir()), reverse=True):
        wait_for(lambda path=path: _rmdir(path), 5, f"{path} empty")
    wait_for(lambda: _rmdir(cgroup), 5, f"{cgroup} empty")


def _rmdir(path: Path) -> bool:
    try:
        path.rmdir()
    except FileNotFoundError:
        return True
    except OSError:
        return False
    return True


def reap() -> None:
    """Removes what labs of dead processes left."""
    paths = [*cgroup_root().glob(PREFIX + "*"), *Path(tempfile.gettempdir()).glob(PREFIX + "*")]
    for name in {path.name for path in paths}:
        pid = name.rsplit("-", 1)[1]
        if pid.isdigit() and not Path(f"/proc/{pid}").exists():
            remove_leftovers(cgroup_root() / name, Path(tempfile.gettempdir()) / name)
