"""K5: what the agent needs and does not get is said in one clear line, and never half on."""

import json
import os
import time

import pytest

from weftlab.bpfmaps import Map, pinned
from weftlab.machine import cgroup_root, run
from test_coexistence import attached


def refused(shop, *words: str, **launch) -> str:
    """Starts the agent, which must end with a failure whose message has the words, with nothing attached."""
    shop.agent.launch(**launch)
    code = shop.agent.process.wait(20)
    log = shop.agent.log()
    assert code not in (0, -6, -11), f"exit {code}: {log}"
    lines = [line for line in log.splitlines() if all(word.lower() in line.lower() for word in words)]
    assert lines, f"no line says {words}:\n{log}"
    assert attached(shop.node.cgroup) == [], "half on"
    return lines[-1]


@pytest.fixture
def stopped(own_lab):
    from conftest import Shop
    shop = Shop(own_lab)
    shop.agent.write_config()
    return shop


def works(shop) -> None:
    shop.agent.wait_ready()
    address = shop.service("works")
    assert shop.client.connect(f"{address}:80", "--count", 9)["failed"] == {}


def test_a_pin_directory_outside_of_bpffs_is_refused(stopped):
    plain = stopped.node.directory / "not-bpffs"
    plain.mkdir()
    stopped.agent.write_config(datapath={"bpffs": str(plain / "weft")})
    refused(stopped, "bpf", str(plain))


def test_a_pin_directory_that_is_not_ours_alone_is_refused(stopped):
    stopped.node.bpffs.mkdir(mode=0o755)
    os.chmod(stopped.node.bpffs, 0o755)
    refused(stopped, str(stopped.node.bpffs), "0700")
    os.chmod(stopped.node.bpffs, 0o700)
    os.chown(stopped.node.bpffs, 65534, 65534)
    refused(stopped, str(stopped.node.bpffs), "belongs")


def test_a_pin_directory_that_is_a_symlink_is_refused(stopped):
    target = stopped.node.bpffs.parent / "elsewhere"
    target.mkdir(mode=0o700)
    stopped.node.bpffs.symlink_to(target)
    refused(stopped, str(stopped.node.bpffs), "symbolic link")


@pytest.mark.parametrize("shape,words", [
    (["hash", "key", "4", "value", "4", "entries", "10"], ["key size 4 and not 20", "value size 4"]),
    (["hash", "key", "20", "value", "24", "entries", "10"], ["flags 0 and not 1"]),
    (["lru_hash", "key", "20", "value", "24", "entries", "10"], ["type 9 and not 1"]),
], ids=["sizes", "flags", "type"])
def test_a_pinned_map_of_another_shape_is_refused_with_what_differs_and_the_fix(stopped, shape, words):
    maps = stopped.node.bpffs / "maps"
    stopped.node.bpffs.mkdir(mode=0o700)
    maps.mkdir(mode=0o700)
    pin = maps / "weft_services_v1"
    run(["bpftool", "map", "create", pin, "type", *shape, "name", "squatter"],
        env={**os.environ, "PATH": os.environ["PATH"] + ":/usr/sbin"})
    probed = json.loads(run(stopped.node.namespace.command(stopped.agent.command(None, "--probe")), check=False).stdout)
    assert [item["state"] for item in probed["items"] if item["code"] == "WEFT3016"] == ["error"]
    line = refused(stopped, "WEFT3016", str(pin), "weft cleanup", *words)
    assert line and pin.exists()
    assert stopped.agent.cleanup().returncode == 0 and not pin.exists()
    stopped.agent.launch()
    works(stopped)


def test_a_pinned_map_of_another_configured_size_is_copied(own_shop):
    shop = own_shop
    address = shop.service("resized")
    with Map(pinned(shop.node.bpffs, "weft_services")) as services:
        before = services.max_entries
    shop.agent.stop()
    shop.agent.write_config(datapath={"maps": {"services": before // 2}})
    shop.agent.start()
    with Map(pinned(shop.node.bpffs, "weft_services")) as services:
        assert services.max_entries == before // 2
    assert "entries copied" in shop.agent.log()
    assert shop.client.connect(f"{address}:80", "--count", 9)["failed"] == {}


def test_without_a_capability_it_says_which(stopped):
    for capability in ("bpf", "net_admin", "perfmon"):
        line = refused(stopped, f"CAP_{capability.upper()}",
                       prefix=["setpriv", "--bounding-set", f"-sys_admin,-{capability}"])
        assert line


def test_three_capabilities_are_enough(stopped):
    stopped.agent.launch(prefix=["setpriv", "--bounding-set", "-all,+bpf,+net_admin,+perfmon", "--no-new-privs"])
    works(stopped)


def test_without_btf_of_the_kernel_it_says_so(stopped):
    empty = stopped.node.directory / "empty"
    empty.mkdir()
    refused(stopped, "btf", prefix=["unshare", "--mount", "--propagation", "unchanged", "sh", "-c", f'mount --bind {empty} /sys/kernel/btf && exec "$@"', "sh"])


def test_without_cgroup_v2_it_says_so(stopped):
    del stopped.agent.config["datapath"]["cgroup"]
    stopped.agent.write_config()
    refused(stopped, "cgroup", prefix=["unshare", "--mount", "--propagation", "unchanged", "sh", "-c", f'umount -l {cgroup_root()} && exec "$@"', "sh"])


def test_the_cgroup_v2_hierarchy_is_found_also_on_hybrid_systems(stopped):
    """The configuration names none: the agent takes the mounted one, here that of the node alone."""
    del stopped.agent.config["datapath"]["cgroup"]
    stopped.agent.write_config()
    stopped.agent.launch(prefix=["unshare", "--mount", "--propagation", "unchanged", "sh", "-c", f'mount --bind {stopped.node.cgroup} {cgroup_root()} && exec "$@"', "sh"])
    works(stopped)
    assert attached(stopped.node.cgroup)


def test_a_cgroup_that_does_not_exist_is_named(stopped):
    stopped.agent.write_config(datapath={"cgroup": str(stopped.node.cgroup / "missing")})
    refused(stopped, "missing")


def test_a_taken_socket_and_a_bad_configuration_are_named(stopped):
    stopped.agent.write_config(datapath={"bpfs": "/x"})
    done = run(stopped.agent.command(None, "--check"), check=False)
    assert done.returncode == 65 and "bpffs" in done.stderr + done.stdout, "no 'did you mean'"
    refused(stopped, "bpfs")


def test_the_probe_loads_every_program_and_lists_features_without_attaching(stopped):
    done = run(stopped.node.namespace.command(stopped.agent.command(None, "--probe")), check=False)
    checks = json.loads(done.stdout)
    assert done.returncode == 0 and checks["kind"] == "CheckList" and checks["items"]
    assert all(item["state"] in ("ok", "warning") for item in checks["items"])
    assert attached(stopped.node.cgroup) == []


def test_the_probe_by_root_accepts_the_directory_of_the_packages_user(stopped):
    """weftd runs as the user weft in a package; root asks whether it can."""
    users = stopped.node.directory / "passwd"
    users.write_text("root:x:0:0::/root:/bin/sh\nweft:x:64123:64123::/:/usr/sbin/nologin\n")
    stopped.node.bpffs.mkdir(mode=0o700)
    with_users = ["unshare", "--mount", "--propagation", "unchanged", "sh", "-c", f'mount --bind {users} /etc/passwd && exec "$@"', "sh"]

    def states(owner: int) -> set[str]:
        os.chown(stopped.node.bpffs, owner, owner)
        done = run(stopped.node.namespace.command([*with_users, *stopped.agent.command(None, "--probe")]), check=False)
        return {item["state"] for item in json.loads(done.stdout)["items"] if item["code"] == "WEFT3004"}

    assert states(64123) == {"ok"} and states(0) == {"ok"} and states(64124) == {"error"}
    assert list(stopped.node.bpffs.iterdir()) == [], "the probe left something there"
    os.chown(stopped.node.bpffs, 0, 0)


def test_new_programs_that_do_not_load_leave_the_old_ones_in_place(own_shop):
    """A kernel that refuses programs (here: injected EACCES) at an upgrade: the last good ones go on."""
    shop = own_shop
    address = shop.service("stays")
    shop.agent.stop()
    before = {entry["id"] for entry in attached(shop.node.cgroup)}
    shop.agent.launch(prefix=["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=bpf", "-e", "inject=bpf:error=EACCES:when=12+"])
    assert shop.agent.process.wait(30) != 0
    assert {entry["id"] for entry in attached(shop.node.cgroup)} == before
    assert shop.client.connect(f"{address}:80", "--count", 9)["failed"] == {}


def test_the_feature_table_is_published(own_shop):
    features = {entry["name"]: entry for entry in own_shop.agent.api.status()["features"]}
    assert features and all(isinstance(entry["available"], bool) for entry in features.values())
    series = {labels["feature"]: value for labels, value in own_shop.agent.api.metrics().series("weft_kernel_feature")}
    assert series == {name: float(entry["available"]) for name, entry in features.items()}


def test_an_idle_agent_takes_at_most_16_mib(own_shop):
    """With the mapped ring of flow records in it, also after this was written around once."""
    shop = own_shop
    address = shop.service("small")
    assert shop.client.connect(f"{address}:80", "--count", 10_000, "--concurrency", 16)["failed"] == {}
    shop.agent.stop()
    shop.agent.start()
    time.sleep(2)
    assert shop.agent.resident_mib() <= 16
