"""A throw-away Debian machine: this one's files below an overlay, systemd as its first process, in namespaces of its own."""

import os
import pathlib
import shutil
import signal
import subprocess
import tempfile
import time

BOOT = pathlib.Path(__file__).with_name("boot")
NAMESPACES = ["--mount", "--uts", "--ipc", "--net", "--pid", "--cgroup", "--propagation", "unchanged"]


def find_cgroup_root():
    """The cgroup v2 mount: the root of a unified machine, one of several mounts of a hybrid one."""
    for line in pathlib.Path("/proc/self/mountinfo").read_text().splitlines():
        fields, _, kind = line.partition(" - ")
        if kind.startswith("cgroup2 "):
            return pathlib.Path(fields.split()[4])
    raise RuntimeError("no cgroup v2 mount")


def await_true(condition, limit_s, what):
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what}: not within {limit_s} s")
        time.sleep(0.05)


class Machine:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="weft-machine-"))
        self.cgroup = find_cgroup_root() / self.folder.name
        self.leaf = self.cgroup / "programs"
        self.log = tempfile.TemporaryFile()
        self.outer = None
        self.init = None

    def __enter__(self):
        try:
            self.leaf.mkdir(parents=True)
            enter = f'echo $$ >"{self.cgroup}/cgroup.procs" && exec unshare {" ".join(NAMESPACES)} --fork --kill-child "{BOOT}" "{self.folder}"'
            self.outer = subprocess.Popen(["bash", "-c", enter], stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log)
            await_true(self.find_init, 10, "the first process")
            await_true(lambda: self.run("systemctl", "is-active", "throw-away.target", check=False).stdout == "active\n", 60, "boot")
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def find_init(self):
        assert self.outer.poll() is None, self.console()
        children = pathlib.Path(f"/proc/{self.outer.pid}/task/{self.outer.pid}/children").read_text().split()
        if not children or pathlib.Path(f"/proc/{children[0]}/comm").read_text() != "systemd\n":
            return False
        self.init = int(children[0])
        return True

    def console(self):
        self.log.seek(0)
        return self.log.read().decode(errors="replace")

    def command(self, *words):
        """What enters the machine, in a cgroup of it, and runs `words` there."""
        join = ["sh", "-c", 'echo $$ >"$0/cgroup.procs" && exec "$@"', str(self.leaf)]
        clean = ["env", "-i", "PATH=/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "LC_ALL=C.UTF-8", "DEBIAN_FRONTEND=noninteractive"]
        return [*join, "nsenter", "-t", str(self.init), "--all", "--root", "--wd=/", *clean, *words]

    def run(self, *words, check=True, limit_s=60):
        done = subprocess.run(self.command(*words), text=True, capture_output=True, stdin=subprocess.DEVNULL, cwd="/", timeout=limit_s)
        assert not check or done.returncode == 0, f"{' '.join(words)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def start(self, *words):
        """A process of the machine that runs until it ends or the machine does."""
        return subprocess.Popen(self.command(*words), text=True, stdin=subprocess.DEVNULL, cwd="/", stdout=subprocess.PIPE,
                                stderr=subprocess.PIPE)

    def path(self, inside):
        return pathlib.Path(f"/proc/{self.init}/root") / inside.lstrip("/")

    def __exit__(self, *_):
        if self.init:
            os.kill(self.init, signal.SIGKILL)
        if self.outer:
            if not self.init:
                self.outer.kill()
            self.outer.wait(timeout=20)
        if self.cgroup.exists():
            await_true(self.remove_cgroups, 10, f"{self.cgroup} empty")
        shutil.rmtree(self.folder)
        self.log.close()

    def remove_cgroups(self):
        try:
            for path, _, _ in os.walk(self.cgroup, topdown=False):
                os.rmdir(path)
            return True
        except OSError:
            return False
