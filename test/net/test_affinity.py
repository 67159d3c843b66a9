"""A5: within the timeout all connections of a client reach one endpoint."""

import time

from weftlab import manifests as m
from weftlab.machine import wait_for


def sticky(shop, name: str, timeout_s: int, **spec) -> str:
    return shop.service(name, sessionAffinity="ClientIP", sessionAffinityConfig={"clientIP": {"timeoutSeconds": timeout_s}}, **spec)


def test_all_connections_of_a_client_reach_one_endpoint(shop):
    address = sticky(shop, "sticky", 600)
    clients = [shop.client] + [shop.node.pod(f"visitor-{i}") for i in range(7)]
    chosen = []
    for client in clients:
        report = client.connect(f"{address}:80", "--count", 200, "--concurrency", 4)
        assert report["failed"] == {} and len(report["servers"]) == 1
        chosen.append(*report["servers"])
    assert len(set(chosen)) > 1, "eight clients share one endpoint: that is no balancing"
    for client, server in zip(clients, chosen):
        assert client.connect(f"{address}:80", "--count", 5)["servers"] == {server: 5}


def test_datagrams_of_a_client_reach_one_endpoint(shop):
    address = sticky(shop, "sticky-dns", 600)
    report = shop.client.connect(f"{address}:53", "--udp", "--count", 100)
    assert report["failed"] == {} and len(report["servers"]) == 1


def test_v4_mapped_and_mptcp_sockets_of_a_client_are_the_same_client(shop):
    address = sticky(shop, "sticky-kinds", 600)
    servers = set()
    for options in ([], ["--v4-mapped"], ["--mptcp"], ["--fastopen"]):
        servers |= set(shop.client.connect(f"{address}:80", "--count", 10, *options)["servers"])
    assert len(servers) == 1


def test_after_the_timeout_an_endpoint_is_chosen_anew(shop):
    address = sticky(shop, "forgetful", 1)
    seen = set()
    end = time.monotonic() + 20
    while len(seen) < 2 and time.monotonic() < end:
        seen |= set(shop.client.connect(f"{address}:80", "--count", 3)["servers"])
        time.sleep(1.2)
    assert len(seen) > 1


def test_use_keeps_affinity_alive_beyond_its_timeout(shop):
    address = sticky(shop, "kept", 1)
    report = shop.client.connect(f"{address}:80", "--rate", 20, "--duration", 3)
    assert report["failed"] == {} and len(report["servers"]) == 1


def test_a_removed_endpoint_is_replaced_and_the_new_one_kept(shop):
    address = shop.address()[0]
    service = m.service("replaced", [address], [m.port(80, 8080, name="http")], sessionAffinity="ClientIP",
                        sessionAffinityConfig={"clientIP": {"timeoutSeconds": 600}})
    ports = [("http", 8080, "TCP")]
    rows = {pod.name: m.endpoint(pod.v4) for pod in shop.web}
    shop.node.apply("replaced.yaml", service, m.endpoint_slice("replaced", rows.values(), ports))
    first = next(iter(shop.client.connect(f"{address}:80", "--count", 5)["servers"]))
    del rows[first]
    shop.node.apply("replaced.yaml", service, m.endpoint_slice("replaced", rows.values(), ports))
    report = shop.client.connect(f"{address}:80", "--count", 50)
    assert report["failed"] == {} and len(report["servers"]) == 1 and first not in report["servers"]


def test_workloads_of_the_host_are_told_apart_by_cgroup(shop):
    address = sticky(shop, "host-sticky", 600)
    hosts = [shop.node.pod(f"unit-{i}", host=True) for i in range(8)]
    chosen = []
    for host in hosts:
        servers = host.connect(f"{address}:80", "--count", 20)["servers"]
        assert len(servers) == 1
        chosen.append(*servers)
    assert len(set(chosen)) > 1


def test_affinity_survives_a_restart_of_the_agent(own_shop):
    shop = own_shop
    address = sticky(shop, "lasting", 600)
    clients = [shop.client] + [shop.node.pod(f"visitor-{i}") for i in range(5)]
    before = [client.connect(f"{address}:80", "--count", 3)["servers"] for client in clients]
    shop.agent.kill()
    assert [client.connect(f"{address}:80", "--count", 3)["servers"] for client in clients] == before
    shop.agent.start()
    assert [client.connect(f"{address}:80", "--count", 3)["servers"] for client in clients] == before
    hits = lambda: shop.agent.api.metrics().sum("weft_lb_selections_total")
    wait_for(lambda: hits() >= 54, 5, "selections counted over the restart")
