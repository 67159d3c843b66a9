"""K10: an alarm at 80 %, and a full map refuses what is new, loudly, and keeps what is there."""

import pytest

from weftlab import manifests as m
from weftlab.bpfmaps import Map, pinned
from weftlab.machine import wait_for

PORTS = [("http", 8080, "TCP")]


def many(count: int, first: int = 0):
    return [m.service(f"many-{i}", [f"10.97.{i >> 8}.{i & 255}"], [m.port(80, 8080, name="http")], {"app": "web"})
            for i in range(first, count)]


@pytest.fixture
def small(own_lab):
    from conftest import Shop
    shop = Shop(own_lab)
    shop.agent.write_config(datapath={"maps": {"services": 64}})
    shop.agent.start()
    with Map(pinned(shop.node.bpffs, "weft_services")) as services:
        shop.capacity = services.max_entries
    return shop


def check_of(shop, word: str) -> list[dict]:
    return [item for item in shop.agent.api.items("checks") if word in item["subject"] + item["detail"] and item["state"] != "ok"]


def test_at_80_percent_there_is_an_alarm(small):
    small.node.apply("many.yaml", *many(int(small.capacity * 0.7)))
    assert check_of(small, "weft_services") == []
    small.node.apply("many.yaml", *many(int(small.capacity * 0.85)))
    wait_for(lambda: check_of(small, "weft_services"), 5, "the alarm", 0.1)
    used = lambda: small.agent.api.metrics().sum("weft_map_entries", map="weft_services")
    wait_for(lambda: used() >= 0.8 * small.capacity, 15, "the metric", 0.2)
    assert small.agent.api.metrics().sum("weft_map_max_entries", map="weft_services") == small.capacity
    checked = small.agent.weft("check")
    assert "WARN" in checked.stdout.upper() and checked.returncode == 2
    small.node.apply("many.yaml")
    wait_for(lambda: check_of(small, "weft_services") == [], 5, "the alarm gone", 0.1)


def test_a_full_map_refuses_the_new_and_keeps_the_old(small):
    first = small.service("first")
    small.node.write("many.yaml", *many(small.capacity + 20))
    status, _ = small.agent.api.request("POST", "/api/v1/reload", {})
    wait_for(lambda: len(services_in(small, "Error")) >= 21, 10, "objects with an error", 0.2)
    refused = services_in(small, "Error")
    assert status in (200, 422) and len(refused) < small.capacity
    for entry in refused:
        assert "weft_services" in entry["status"]["reason"] or "datapath.maps.services" in entry["status"]["reason"]
    assert small.client.connect(f"{first}:80", "--count", 30)["failed"] == {}
    served = [entry for entry in services_in(small, "Programmed") if entry["name"].startswith("many-")]
    assert len(served) > small.capacity // 2
    assert small.client.connect(f"{served[0]['clusterIPs'][0]}:80", "--count", 9)["failed"] == {}
    left_alone = small.client.connect(f"{refused[-1]['clusterIPs'][0]}:80")
    assert left_alone["failed"] == {"EHOSTUNREACH": 1}, "what is not in the map is left alone"
    assert small.agent.running() and small.agent.weft("check").returncode == 2
    small.node.write("many.yaml", *many(10))
    status, answer = small.agent.api.request("POST", "/api/v1/reload", {})
    assert status == 200, answer  # what is refused now, and not what was
    wait_for(lambda: services_in(small, "Error") == [], 10, "no error when there is room again", 0.2)


def services_in(shop, state: str) -> list[dict]:
    return [entry for entry in shop.agent.api.items("services") if entry["status"]["state"] == state]


def test_more_edges_than_rows_are_counted_in_the_overflow_row(own_lab):
    from conftest import Shop
    shop = Shop(own_lab)
    shop.agent.write_config(datapath={"maps": {"edges": 256}})
    shop.agent.start()
    with Map(pinned(shop.node.bpffs, "weft_edges")) as edges:
        rows = edges.max_entries
    count = rows + 100
    shop.node.apply("many.yaml", *many(count))
    to = ",".join(f"10.97.{i >> 8}.{i & 255}:80" for i in range(count))
    report = shop.client.connect(to, "--count", 3 * count, "--concurrency", 8, timeout_s=50)
    assert report["failed"] == {}
    opened = lambda: shop.agent.api.metrics().sum("weft_connections_opened_total")
    wait_for(lambda: opened() >= 3 * count, 15, "all connections counted", 0.2)
    assert opened() == 3 * count
    assert shop.agent.api.metrics().sum("weft_sent_bytes_total") == report["sent_bytes"]
