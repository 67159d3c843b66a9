"""What the package is made of, without installing it."""

import os
import pathlib
import shutil
import subprocess
import tempfile

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
UNIT = ROOT / "deploy/systemd/weftd.service"


@pytest.fixture(scope="module")
def unpacked(package, tmp_path_factory):
    folder = tmp_path_factory.mktemp("unpacked")
    subprocess.run(["dpkg-deb", "-x", package, folder], check=True)
    return folder


def run(*words, **more):
    return subprocess.run([str(word) for word in words], text=True, capture_output=True, timeout=300, **more)


def test_lintian_finds_no_error_and_no_warning(package):
    with tempfile.TemporaryDirectory() as home:
        done = run("lintian", "--allow-root", "--fail-on", "error,warning", package, env={**os.environ, "HOME": home, "TMPDIR": home})
    assert (done.returncode, done.stdout) == (0, ""), done.stdout + done.stderr


def test_the_same_sources_give_the_same_package(package, tmp_path):
    first = shutil.copy(package, tmp_path)
    done = run(ROOT / "scripts/package")
    assert done.returncode == 0, done.stderr
    assert pathlib.Path(first).read_bytes() == pathlib.Path(done.stdout.strip()).read_bytes()


def test_everything_belongs_to_root_and_nobody_else_may_write(package):
    for line in run("dpkg-deb", "-c", package).stdout.splitlines():
        mode, owner = line.split()[:2]
        assert owner == "root/root", line
        assert mode.startswith("l") or (mode[5] != "w" and mode[8] != "w" and "s" not in mode), line


@pytest.mark.parametrize("path", [
    "usr/bin/weft", "usr/bin/weftd", "usr/bin/kubectl-weft", "lib/systemd/system/weftd.service", "usr/lib/sysusers.d/weft.conf",
    "usr/lib/tmpfiles.d/weft.conf", "etc/weft/weft.yaml", "usr/share/man/man1/weft.1.gz", "usr/share/man/man1/kubectl-weft.1.gz",
    "usr/share/man/man8/weftd.8.gz", "usr/share/man/man5/weft.yaml.5.gz", "usr/share/bash-completion/completions/weft",
    "usr/share/zsh/vendor-completions/_weft", "usr/share/fish/vendor_completions.d/weft.fish", "usr/share/doc/weft/copyright",
    "usr/share/doc/weft/changelog.gz", "usr/share/doc/weft/examples/manifests/shop.yaml",
])
def test_the_package_brings(unpacked, path):
    assert (unpacked / path).stat().st_size > 0


def test_the_programs_are_stripped_and_hardened(unpacked):
    for name in ("weft", "weftd"):
        headers = run("readelf", "-hldS", "-W", unpacked / "usr/bin" / name).stdout
        assert "DYN (Position-Independent Executable" in headers
        assert "GNU_RELRO" in headers and "BIND_NOW" in headers
        symbols = run("readelf", "--dyn-syms", "-W", unpacked / "usr/bin" / name).stdout
        assert "__stack_chk_fail" in symbols and "_chk@" in symbols, "neither stack protector nor fortified calls"
        assert ".symtab" not in headers


def test_the_unit_rates_at_most_2_0_and_is_valid():
    done = run("systemd-analyze", "security", "--offline=true", "--threshold=20", UNIT)
    assert done.returncode == 0, done.stdout.splitlines()[-1]


def test_the_unit_gives_three_capabilities_to_a_user_that_is_not_root():
    lines = UNIT.read_text().splitlines()
    for key in ("CapabilityBoundingSet", "AmbientCapabilities"):
        assert [line for line in lines if line.startswith(key)] == [f"{key}=CAP_BPF CAP_NET_ADMIN CAP_PERFMON"]
    assert "User=weft" in lines and "NoNewPrivileges=yes" in lines


def test_the_examples_are_accepted(unpacked):
    done = run(unpacked / "usr/bin/weftd", "--check", "--config", unpacked / "etc/weft/weft.yaml", "--set",
               f"discovery.files.paths=[{unpacked}/usr/share/doc/weft/examples/manifests]")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "warn" not in (done.stdout + done.stderr).lower()


def test_a_broken_example_would_be_refused(unpacked, tmp_path):
    broken = tmp_path / "weft.yaml"
    broken.write_text((unpacked / "etc/weft/weft.yaml").read_text().replace("level: info", "level: loud"))
    assert run(unpacked / "usr/bin/weftd", "--check", "--config", broken).returncode != 0


def test_man_pages_have_no_warnings(unpacked):
    pages = sorted((unpacked / "usr/share/man").rglob("*.gz"))
    assert len(pages) > 10
    for page in pages:
        done = run("man", "--warnings", "-l", "-Tutf8", "-Z", page, env={**os.environ, "LC_ALL": "C.UTF-8", "MANROFFSEQ": ""})
        assert (done.returncode, done.stderr) == (0, ""), f"{page}: {done.stderr}"
