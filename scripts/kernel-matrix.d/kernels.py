"""Debian's kernels, fetched and verified by apt in a root of its own, so that nothing is installed on this machine."""

import lzma
import pathlib
import re
import subprocess
import time

SUITES = {"6.1": "bookworm", "6.12": "trixie", "newest": "sid"}
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
MAX_AGE_S = 7 * 24 * 3600
MODULES = "veth|sch_ingress|cls_bpf"  # what pods and policy need of a kernel that has them as modules


def find_mirror():
    """The mirror that this machine uses already, else Debian's own."""
    lines = []
    for pattern in ("sources.list", "sources.list.d/*.sources", "sources.list.d/*.list"):
        for path in sorted(pathlib.Path("/etc/apt").glob(pattern)):
            lines += path.read_text().splitlines()
    for line in lines:
        match = re.match(r"(?:URIs:|deb(?: \[[^]]*\])?)\s+(https?://\S+?/debian)/?(?:\s|$)", line)
        if match:
            return match.group(1)
    return "http://deb.debian.org/debian"


class Apt:
    """apt with lists, cache and sources below `root`; proxies and certificates stay those of the machine."""

    def __init__(self, root, suite):
        self.root = root
        for folder in ("state/lists/partial", "cache/archives/partial", "etc"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        (root / "state/status").touch()
        (root / "etc/sources.list").write_text(f"deb [signed-by={KEYRING}] {find_mirror()} {suite} main\n")
        options = {
            "Dir::State": root / "state", "Dir::State::status": root / "state/status", "Dir::Cache": root / "cache",
            "Dir::Etc::sourcelist": root / "etc/sources.list", "Dir::Etc::sourceparts": "-",
            "Acquire::Languages": "none", "Acquire::Retries": "3", "APT::Sandbox::User": "root",
            "APT::Architecture": "amd64", "APT::Architectures": "amd64",
            "Acquire::IndexTargets::deb::DEP-11::DefaultEnabled": "false",
        }
        self.options = [word for key, value in options.items() for word in ("-o", f"{key}={value}")]

    def run(self, tool, *words):
        done = subprocess.run([tool, *self.options, *words], cwd=self.root, text=True, capture_output=True, timeout=300)
        if done.returncode != 0:
            raise RuntimeError(f"{tool} {' '.join(words)}: {done.stderr.strip()}")
        return done.stdout

    def find_kernel_packages(self):
        """Newer suites keep image and modules in linux-binary-… and linux-modules-…; older ones both in linux-image-…."""
        image = re.search(r"linux-image-(\d\S*-cloud-amd64)", self.run("apt-cache", "show", "linux-image-cloud-amd64"))
        if not image:
            raise RuntimeError("linux-image-cloud-amd64 depends on no kernel")
        names = self.run("apt-cache", "pkgnames", "linux-").split()
        split = [f"linux-{part}-{image.group(1)}" for part in ("binary", "modules")]
        return [name for name in split if name in names] or [f"linux-image-{image.group(1)}"]


def extract_kernel(package, root):
    """Takes the image and the modules out of the package, as far as it has them."""
    tar = subprocess.run(["dpkg-deb", "--fsys-tarfile", package], check=True, capture_output=True).stdout
    listing = subprocess.run(["tar", "tf", "-"], input=tar, check=True, capture_output=True).stdout.decode().split("\n")
    for member in listing:
        match = re.search(rf"/(?:(vmlinuz)[^/]*|({MODULES})\.ko(\.xz)?)$", member)
        if match:
            content = subprocess.run(["tar", "xOf", "-", member], input=tar, check=True, capture_output=True).stdout
            target = root / (match.group(1) or f"modules/{match.group(2)}.ko")
            partial = target.with_suffix(".partial")
            partial.write_bytes(lzma.decompress(content) if match.group(3) else content)
            partial.rename(target)


def load_kernel(cache, name, refresh=False):
    """Image and folder of modules of the kernel called `name`; from the cache when that is young, or when the mirror does
    not answer."""
    root = (cache / name).resolve()
    image, modules = root / "vmlinuz", root / "modules"
    if image.exists() and modules.exists() and not refresh and time.time() - image.stat().st_mtime < MAX_AGE_S:
        return image, modules
    try:
        apt = Apt(root / "apt", SUITES[name])
        apt.run("apt-get", "-q", "update")
        apt.run("apt-get", "-q", "download", *apt.find_kernel_packages())
        modules.mkdir(exist_ok=True)
        for package in apt.root.glob("*.deb"):
            extract_kernel(package, root)
            package.unlink()
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        if not image.exists() or not modules.exists():
            raise RuntimeError(f"kernel {name}: {error}") from error
        print(f"kernel-matrix: using the cached {name} kernel: {error}")
    return image, modules
