"""K6: other users of the hooks, a second agent, and somebody who removes what is ours."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from weftlab.machine import run, wait_for
from weftlab.node import Agent

BPFTOOL = shutil.which("bpftool") or "/usr/sbin/bpftool"


@pytest.fixture
def foreign(own_shop):
    """A program of somebody else, pinned and ready to be attached; detached again at the end."""
    shop = own_shop
    clang = shutil.which("clang-19") or shutil.which("clang")
    built = shop.node.directory / "foreign.o"
    run([clang, "-O2", "-target", "bpf", "-idirafter", f"/usr/include/{_machine()}-linux-gnu", "-c",
         Path(__file__).with_name("foreign.bpf.c"), "-o", built])
    pin = shop.node.bpffs.parent / "foreign"
    run([BPFTOOL, "prog", "load", built, pin])
    yield pin
    pin.unlink(missing_ok=True)


def _machine() -> str:
    return run(["uname", "-m"]).stdout.strip()


def attached(cgroup) -> list[dict]:
    done = run([BPFTOOL, "-j", "cgroup", "show", cgroup])
    return json.loads(done.stdout.strip() or "[]")


def states(shop, hook: str) -> set[str]:
    return {entry["state"] for entry in shop.agent.api.status()["attachments"] if hook in entry["hook"]}


def test_a_foreign_program_on_a_hook_is_reported_and_left_there(own_shop, foreign):
    shop = own_shop
    address = shop.service("shared")
    assert states(shop, "connect4") == {"attached"}
    run([BPFTOOL, "cgroup", "attach", shop.node.cgroup, "connect4", "pinned", foreign, "multi"])
    wait_for(lambda: "foreign" in states(shop, "connect4"), 10, "the foreign program reported", 0.1)
    wait_for(lambda: shop.agent.api.metrics().sum("weft_attachments", state="foreign") >= 1, 5, "the metric", 0.1)
    assert shop.client.connect(f"{address}:80", "--count", 30)["failed"] == {}
    check = shop.agent.weft("check")
    assert "connect4" in check.stdout
    shop.agent.stop()
    shop.agent.start()
    assert any(entry.get("name", "").startswith("foreign_conne") for entry in attached(shop.node.cgroup))
    assert shop.client.connect(f"{address}:80", "--count", 30)["failed"] == {}
    run([BPFTOOL, "cgroup", "detach", shop.node.cgroup, "connect4", "pinned", foreign])
    wait_for(lambda: states(shop, "connect4") == {"attached"}, 10, "the report gone", 0.1)


@pytest.mark.parametrize("hook", ["connect4", "sendmsg4", "sockops"])
def test_a_link_that_somebody_detached_is_repaired_and_counted(own_shop, hook):
    shop = own_shop
    address = shop.service("repaired")
    pins = [path for path in (shop.node.bpffs / "links").iterdir() if hook in path.name]
    assert pins, f"no pin of {hook} in {sorted(p.name for p in (shop.node.bpffs / 'links').iterdir())}"
    count = len(attached(shop.node.cgroup))
    repaired = lambda: shop.agent.api.metrics().sum("weft_drift_repaired_total")
    before = repaired()
    run([BPFTOOL, "link", "detach", "pinned", pins[0]])
    wait_for(lambda: len(attached(shop.node.cgroup)) == count and repaired() > before, 12, f"{hook} attached again", 0.1)
    assert shop.client.connect(f"{address}:80", "--count", 9)["failed"] == {}
    assert shop.client.connect(f"{address}:53", "--udp", "--count", 9)["failed"] == {}
    assert states(shop, hook) == {"attached"}


def test_a_pin_that_somebody_removed_is_repaired_and_counted(own_shop):
    shop = own_shop
    address = shop.service("unpinned")
    repaired = lambda: shop.agent.api.metrics().sum("weft_drift_repaired_total")
    before = repaired()
    next(path for path in (shop.node.bpffs / "links").iterdir() if "connect4" in path.name).unlink()
    wait_for(lambda: any("connect4" in path.name for path in (shop.node.bpffs / "links").iterdir()) and repaired() > before, 12,
             "the pin made again", 0.1)
    shop.agent.kill()
    assert shop.client.connect(f"{address}:80", "--count", 9)["failed"] == {}, "the pin does not hold the program"


def test_a_map_entry_that_somebody_changed_is_repaired(own_shop):
    """`weft reload` compares the maps with the objects, as the periodic check does."""
    from weftlab.bpfmaps import Map, pinned, programmed_frontends
    shop = own_shop
    shop.service("drifted")
    before = programmed_frontends(shop.node.bpffs)
    with Map(pinned(shop.node.bpffs, "weft_services")) as services:
        for key in list(services.keys()):
            services.delete(key)
    assert programmed_frontends(shop.node.bpffs) == {}
    shop.agent.stop()
    shop.agent.start()
    assert programmed_frontends(shop.node.bpffs) == before


def test_a_second_agent_refuses_and_names_the_first(own_shop):
    shop = own_shop
    address = shop.service("first")
    second = Agent(shop.node)
    second.config = json.loads(json.dumps(shop.agent.config))
    second.socket = shop.node.directory / "second.sock"
    second.config_path = shop.node.directory / "second.yaml"
    second.log_path = shop.node.directory / "second.log"
    second.state = shop.node.directory / "second-state"
    second.write_config(api={"socket": str(second.socket)}, state={"dir": str(second.state)}, metrics={"listen": "127.0.0.1:9691"})
    second.launch()
    assert second.process.wait(15) != 0
    assert str(shop.agent.process.pid) in second.log(), second.log_tail()
    assert shop.agent.running() and shop.agent.api.answers("/readyz")
    assert shop.client.connect(f"{address}:80", "--count", 30)["failed"] == {}
    assert all(entry["state"] == "attached" for entry in shop.agent.api.status()["attachments"])


def test_two_nodes_of_one_kernel_do_not_disturb_each_other(own_shop):
    from weftlab import manifests as m
    from weftlab.node import Node
    shop = own_shop
    address = shop.service("here")
    other = Node(shop.lab, "node-other")
    client, server = other.pod("other-client"), other.pod("other-server", {"app": "web"})
    server.serve(8080)
    other.write_pods()
    other.write("web.yaml", m.service("web", [address], [m.port(80, 8080, name="http")], {"app": "web"}))
    other.agent.start()
    assert client.connect(f"{address}:80", "--count", 10)["servers"] == {"other-server": 10}
    assert len(shop.client.connect(f"{address}:80", "--count", 30)["servers"]) == 3
    other.agent.stop()
    assert subprocess.run(other.namespace.command(other.agent.command(None, "--cleanup")), capture_output=True).returncode == 0
    assert len(shop.client.connect(f"{address}:80", "--count", 30)["servers"]) == 3
