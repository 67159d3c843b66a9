"""K1, K2: the agent is killed, replaced, upgraded and downgraded under load, and no connection notices."""

import time

import pytest

from weftlab.bpfmaps import programmed_frontends
from weftlab.machine import wait_for
from weftlab.node import binary


class Load:
    """New TCP connections, UDP exchanges, a kept UDP socket and long-lived streams, all through one service."""

    def __init__(self, shop, address):
        self.shop = shop
        start = shop.client.start_client
        self.clients = {
            "short": start("connect", f"{address}:80", "--rate", 1000, "--concurrency", 32, "--duration", 90),
            "mapped": start("connect", f"{address}:80", "--rate", 100, "--concurrency", 8, "--duration", 90, "--v4-mapped"),
            "datagrams": start("connect", f"{address}:53", "--udp", "--duration", 90, "--interval-ms", 2, "--timeout", 5),
            "kept": start("connect", f"{address}:53", "--udp", "--one-socket", "--duration", 90, "--interval-ms", 2, "--timeout", 5),
            "streams": start("stream", f"{address}:80", "--streams", 4),
        }
        time.sleep(0.5)

    def stop(self) -> dict:
        time.sleep(0.5)
        reports = {name: client.stop() for name, client in self.clients.items()}
        for name, report in reports.items():
            assert report["failed"] == {}, f"{name}: {report['failed']}"
        assert reports["streams"]["open"] == 4 and reports["streams"]["echoes"] > 100
        assert reports["short"]["ok"] > 500 and reports["datagrams"]["ok"] > 100
        assert len(reports["kept"]["servers"]) == 1, "a kept socket changed its endpoint without a reason"
        self.tcp = reports["short"]["connections"] + reports["mapped"]["connections"] + 4
        self.udp = reports["datagrams"]["ok"] + 1
        return reports


def opened(shop, service: str, protocol: str) -> int:
    return int(shop.agent.api.metrics().sum("weft_connections_opened_total", destination_service=f"shop/{service}", protocol=protocol))


def check_counted(shop, load: Load, service: str) -> None:
    """Every connection is in the counters exactly once, also those of the time without an agent."""
    wait_for(lambda: opened(shop, service, "TCP") >= load.tcp and opened(shop, service, "UDP") >= load.udp, 10, "all counted", 0.2)
    assert opened(shop, service, "TCP") == load.tcp
    assert opened(shop, service, "UDP") == load.udp


@pytest.mark.limit(90)
def test_kill_9_under_load_fails_no_connection_and_counters_continue(own_shop):
    shop = own_shop
    address = shop.service("steady")
    frontends = programmed_frontends(shop.node.bpffs)
    load = Load(shop, address)
    for _ in range(3):
        before = opened(shop, "steady", "TCP")
        shop.agent.kill()
        time.sleep(0.7)
        shop.agent.launch()
        while not shop.agent.api.answers("/readyz"):
            assert programmed_frontends(shop.node.bpffs) == frontends, "a restart flushed the maps"
            assert shop.agent.running(), shop.agent.log_tail()
        assert opened(shop, "steady", "TCP") >= before
    load.stop()
    check_counted(shop, load, "steady")


@pytest.mark.limit(90)
def test_objects_changed_while_the_agent_was_dead_are_applied_at_its_return(own_shop):
    shop = own_shop
    kept, removed = shop.service("kept"), shop.service("removed")
    shop.agent.kill()
    shop.node.write("removed.yaml")
    added_v4, _ = shop.address()
    from weftlab import manifests as m
    shop.node.write("added.yaml", m.service("added", [added_v4], [m.port(80, 8080, name="http")], {"app": "web"}))
    assert shop.client.connect(f"{removed}:80", "--count", 5)["failed"] == {}, "the last state stays without an agent"
    shop.agent.start()
    assert shop.client.connect(f"{kept}:80", "--count", 5)["failed"] == {}
    assert shop.client.connect(f"{added_v4}:80", "--count", 5)["failed"] == {}
    assert shop.client.connect(f"{removed}:80")["failed"] == {"EHOSTUNREACH": 1}


def replace(shop, program) -> None:
    shop.agent.stop()
    shop.agent.start(program)


@pytest.mark.limit(90)
def test_an_orderly_restart_fails_no_connection(own_shop):
    shop = own_shop
    address = shop.service("steady")
    load = Load(shop, address)
    for _ in range(3):
        replace(shop, binary("weftd"))
    load.stop()
    check_counted(shop, load, "steady")
    assert shop.agent.api.metrics().sum("weft_drift_repaired_total") == 0


@pytest.mark.limit(120)
def test_upgrade_and_downgrade_with_changed_map_layout_fail_no_connection(own_shop):
    shop = own_shop
    following = binary("weftd-next")
    assert following.exists(), "the build makes weftd-next, the agent whose map layouts are one step ahead"
    address = shop.service("steady")
    sticky = shop.service("sticky", sessionAffinity="ClientIP")
    chosen = shop.client.connect(f"{sticky}:80", "--count", 3)["servers"]
    load = Load(shop, address)
    layouts = lambda: {path.name.rsplit("_v", 1)[1] for path in (shop.node.bpffs / "maps").iterdir() if path.name.startswith("weft_services")}
    before = layouts()
    replace(shop, following)
    assert layouts() != before and len(layouts()) == 1
    assert shop.client.connect(f"{sticky}:80", "--count", 3)["servers"] == chosen, "affinity did not move with the upgrade"
    time.sleep(0.5)
    replace(shop, binary("weftd"))
    assert layouts() == before
    assert shop.client.connect(f"{sticky}:80", "--count", 3)["servers"] == chosen, "affinity did not move with the downgrade"
    load.stop()
    # Rows that the new programs write while the rest of the old counters is added to them may lose that one count.
    try:
        wait_for(lambda: opened(shop, "steady", "TCP") >= load.tcp - 5, 10, "counters of both layouts", 0.2)
    finally:
        print(f"counted {opened(shop, 'steady', 'TCP')} of {load.tcp}")
    assert opened(shop, "steady", "TCP") == load.tcp


@pytest.mark.limit(60)
def test_the_last_state_serves_when_the_agent_never_comes_back(own_shop):
    shop = own_shop
    address = shop.service("orphan")
    shop.agent.kill()
    report = shop.client.connect(f"{address}:80", "--count", 2000, "--concurrency", 8)
    assert report["failed"] == {} and len(report["servers"]) == 3
    assert shop.client.connect(f"{address}:53", "--udp", "--count", 200)["failed"] == {}
