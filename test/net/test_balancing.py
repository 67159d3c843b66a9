"""A1, A10: connect() and sendto() to a service address reach its endpoints."""

import time

import pytest

from weftlab import manifests as m
from weftlab.bpfmaps import programmed_frontends
from weftlab.machine import run, wait_for

AT_ONCE_US = 50_000


@pytest.fixture(scope="module")
def web(shop):
    return shop.service("web", dual=True)


@pytest.fixture(scope="module")
def empty(shop):
    return shop.service("empty", dual=True, selector={"app": "nobody"})


def test_ten_thousand_connections_spread_evenly(shop, web):
    report = shop.client.connect(f"{web[0]}:80", "--count", 10000, "--concurrency", 16)
    assert report["failed"] == {} and report["ok"] == 10000
    assert set(report["servers"]) == {pod.name for pod in shop.web}
    for share in report["servers"].values():
        assert abs(share - 10000 / 3) <= 0.05 * 10000 / 3


def test_getpeername_says_the_service_address(shop, web):
    assert shop.client.connect(f"{web[0]}:80", "--count", 10)["peers"] == [f"{web[0]}:80"]
    assert shop.client.connect(f"[{web[1]}]:80", "--count", 10)["peers"] == [f"[{web[1]}]:80"]


def test_the_endpoint_sees_the_clients_own_address(shop, web):
    assert shop.client.connect(f"{web[0]}:80")["clients"] == [shop.client.v4]
    assert shop.client.connect(f"[{web[1]}]:80")["clients"] == [shop.client.v6]


def test_ipv6_connections_spread_evenly(shop, web):
    report = shop.client.connect(f"[{web[1]}]:80", "--count", 3000, "--concurrency", 16)
    assert report["failed"] == {}
    assert all(abs(share - 1000) <= 50 for share in report["servers"].values()) and len(report["servers"]) == 3


def test_v4_mapped_sockets_reach_the_same_endpoints(shop, web):
    report = shop.client.connect(f"{web[0]}:80", "--v4-mapped", "--count", 300)
    assert report["failed"] == {} and len(report["servers"]) == 3
    assert report["peers"] == [f"[::ffff:{web[0]}]:80"]
    assert report["clients"] == [shop.client.v4]


def test_v4_mapped_datagrams_are_answered_from_the_service(shop, web):
    for options in ([], ["--connected"]):
        report = shop.client.connect(f"{web[0]}:53", "--udp", "--v4-mapped", "--count", 30, *options)
        assert report["failed"] == {} and report["reply_sources"] == [f"[::ffff:{web[0]}]:53"]


def test_mptcp_sockets_are_balanced(shop, web):
    report = shop.client.connect(f"{web[0]}:80", "--mptcp", "--count", 300)
    assert report["failed"] == {} and len(report["servers"]) == 3
    report = shop.client.connect(f"[{web[1]}]:80", "--mptcp", "--count", 30)
    assert report["failed"] == {} and len(report["servers"]) == 3


def test_fast_open_is_balanced_and_carries_data_in_the_syn(shop, web):
    report = shop.client.connect(f"{web[0]}:80", "--fastopen", "--bytes-out", 200, "--count", 100)
    assert report["failed"] == {} and len(report["servers"]) == 3
    counters = run(shop.client.namespace.command(["cat", "/proc/net/netstat"])).stdout.splitlines()
    names, values = (line.split()[1:] for line in counters[:2])
    assert int(dict(zip(names, values))["TCPFastOpenActive"]) >= 90


@pytest.mark.parametrize("options", [[], ["--connected"], ["--one-socket"], ["--connected", "--one-socket"]],
                         ids=["new", "connected", "kept", "kept-connected"])
def test_replies_to_datagrams_come_from_the_service_address(shop, web, options):
    for to in (f"{web[0]}:53", f"[{web[1]}]:53"):
        report = shop.client.connect(to, "--udp", "--count", 300, *options)
        assert report["failed"] == {} and report["reply_sources"] == [to]
        assert len(report["servers"]) == (1 if "--one-socket" in options else 3)
        if "--connected" in options:
            assert report["peers"] == [to]


def test_one_unconnected_socket_talks_to_many_services(shop, web):
    services = [shop.service(f"many-{i}") for i in range(5)]
    to = [f"{address}:53" for address in services]
    report = shop.client.connect(",".join(to), "--udp", "--one-socket", "--count", 500)
    assert report["failed"] == {} and sorted(report["reply_sources"]) == sorted(to)


@pytest.mark.parametrize("options", [["--udp"], ["--udp", "--connected"], [], ["--v4-mapped"], ["--mptcp"], ["--fastopen"],
                                     ["--concurrency", "8"]], ids=lambda options: " ".join(options) or "tcp")
def test_a_service_without_endpoint_refuses_at_once(shop, empty, options):
    port = 53 if "--udp" in options else 80
    for to in (f"{empty[0]}:{port}", f"[{empty[1]}]:{port}"):
        report = shop.client.connect(to, "--count", 20, *options)
        assert report["failed"] == {"ECONNREFUSED": 20} and report["slowest_failure_us"] < AT_ONCE_US


def test_a_port_that_the_service_does_not_have_is_left_alone(shop, web):
    assert shop.client.connect(f"{web[0]}:81")["failed"] == {"EHOSTUNREACH": 1}


def test_addresses_of_pods_are_reached_directly(shop):
    report = shop.client.connect(f"{shop.web[0].v4}:8080", "--count", 5)
    assert report["servers"] == {"web-0": 5} and report["peers"] == [f"{shop.web[0].v4}:8080"]


def test_a_process_of_another_cgroup_is_left_alone(shop, web):
    elsewhere = shop.lab.make_cgroup("elsewhere")
    outside = shop.client.cgroup
    try:
        shop.client.cgroup = elsewhere
        report = shop.client.connect(f"{web[0]}:80", "--count", 3)
        assert report["failed"] == {"EHOSTUNREACH": 3}
        assert shop.client.connect(f"{web[0]}:53", "--udp")["failed"] == {"EHOSTUNREACH": 1}
    finally:
        shop.client.cgroup = outside
    assert shop.client.connect(f"{web[0]}:80")["failed"] == {}


def test_processes_of_the_node_itself_are_balanced(shop, web):
    host = shop.node.pod("on-the-host", host=True)
    report = host.connect(f"{web[0]}:80", "--count", 90)
    assert report["failed"] == {} and len(report["servers"]) == 3


def test_an_added_endpoint_gets_connections_and_a_removed_one_none(shop):
    address = shop.address()[0]
    web = m.service("moving", [address], [m.port(80, 8080, name="http")])
    ports = [("http", 8080, "TCP")]
    names = lambda: set(shop.client.connect(f"{address}:80", "--count", 30)["servers"])
    for chosen in (shop.web[:1], shop.web[:2], shop.web[1:], shop.web[2:]):
        shop.node.apply("moving.yaml", web, m.endpoint_slice("moving", [m.endpoint(pod.v4) for pod in chosen], ports))
        assert names() == {pod.name for pod in chosen}


def test_an_established_connection_survives_the_removal_of_its_endpoint(shop):
    address = shop.address()[0]
    web = m.service("leaving", [address], [m.port(80, 8080, name="http")])
    ports = [("http", 8080, "TCP")]
    shop.node.apply("leaving.yaml", web, m.endpoint_slice("leaving", [m.endpoint(shop.web[0].v4)], ports))
    stream = shop.client.start_client("stream", f"{address}:80")
    shop.node.apply("leaving.yaml", web, m.endpoint_slice("leaving", [m.endpoint(shop.web[1].v4)], ports))
    assert shop.client.connect(f"{address}:80", "--count", 20)["servers"] == {"web-1": 20}
    shop.node.apply("leaving.yaml")
    time.sleep(0.3)
    report = stream.stop()
    assert report["failed"] == {} and set(report["servers"]) == {"web-0"} and report["echoes"] > 10


def test_an_unconnected_socket_moves_on_when_its_endpoint_is_removed(shop):
    address = shop.address()[0]
    dns = m.service("dns", [address], [m.port(53, 5353, "UDP", name="dns")])
    ports = [("dns", 5353, "UDP")]
    shop.node.apply("dns.yaml", dns, m.endpoint_slice("dns", [m.endpoint(shop.web[0].v4)], ports))
    client = shop.client.start_client("connect", f"{address}:53", "--udp", "--one-socket", "--duration", 3, "--interval-ms", 5)
    shop.node.apply("dns.yaml", dns, m.endpoint_slice("dns", [m.endpoint(shop.web[1].v4)], ports))
    wait_for(lambda: shop.client.connect(f"{address}:53", "--udp")["servers"] == {"web-1": 1}, 2, "the new endpoint")
    report = client.wait()
    assert report["failed"] == {} and report["reply_sources"] == [f"{address}:53"]
    assert report["servers"].get("web-1", 0) > 100


def test_the_maps_hold_what_the_objects_say(shop, web, empty):
    frontends = programmed_frontends(shop.node.bpffs)
    assert frontends[(web[0], 80, "TCP")] == sorted(f"{pod.v4}:8080" for pod in shop.web)
    assert frontends[(web[1], 53, "UDP")] == sorted(f"{pod.v6}:5353" for pod in shop.web)
    assert frontends[(empty[0], 80, "TCP")] == []
    told = {entry["name"]: entry for entry in shop.agent.api.items("services", namespace="shop")}
    assert told["web"]["status"]["state"] == "Programmed"
    assert sorted(told["web"]["clusterIPs"]) == sorted(web)
