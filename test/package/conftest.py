import os
import pathlib
import subprocess
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))
from machine import Machine  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def package():
    """The .deb, freshly built, or the one that WEFT_PACKAGE names."""
    if "WEFT_PACKAGE" in os.environ:
        return pathlib.Path(os.environ["WEFT_PACKAGE"])
    done = subprocess.run([ROOT / "scripts/package"], text=True, stdout=subprocess.PIPE, timeout=900)
    assert done.returncode == 0, "scripts/package failed"
    return pathlib.Path(done.stdout.strip())


@pytest.fixture(scope="module")
def machine(package):
    """A machine that knows the package as /var/tmp/weft.deb and has weft-peer, but has nothing of weft installed."""
    with Machine() as booted:
        booted.path("/var/tmp/weft.deb").write_bytes(package.read_bytes())
        peer = booted.path("/usr/local/bin/weft-peer")
        peer.write_bytes((pathlib.Path(os.environ.get("WEFT_BIN", ROOT / "build/release/bin")) / "weft-peer").read_bytes())
        peer.chmod(0o755)
        yield booted
