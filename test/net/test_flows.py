"""F1, F2, F3, F9: every connection is told once, with bytes equal to what the programs sent."""

import re
import time

import pytest

from weftlab import manifests as m
from weftlab.api import FlowStream
from weftlab.machine import run, wait_for


def settled(shop, service: str, condition, what: str, timeout_s: float = 15) -> dict:
    """The edge totals of a service once condition(totals) holds."""
    last = {}

    def ready():
        last.update(shop.agent.api.edge(service))
        return condition(last)

    try:
        wait_for(ready, timeout_s, what, 0.1)
    except AssertionError as failed:
        raise AssertionError(f"{failed}: {last}") from None
    return last


def events(shop) -> tuple[int, int]:
    metrics = shop.agent.api.metrics()
    return int(metrics.sum("weft_events_total")), int(metrics.sum("weft_events_lost_total"))


@pytest.mark.limit(120)
def test_a_hundred_thousand_short_connections_are_all_told_or_counted_as_lost(shop):
    address = shop.service("busy")
    offered, lost = events(shop)
    stream = FlowStream(shop.agent.api, "service=shop/busy")
    report = shop.client.connect(f"{address}:80", "--silent", "--count", 100000, "--concurrency", 32, timeout_s=90)
    assert report["failed"] == {} and report["connections"] == 100000
    totals = settled(shop, "busy", lambda edge: sum(edge["closed"].values()) >= 100000, "100,000 closes counted", 30)
    assert totals["opened"] == 100000 and sum(totals["closed"].values()) == 100000 and totals["active"] == 0
    wait_for(lambda: events(shop)[0] - offered >= 200000, 10, "records of all opens and closes offered", 0.2)
    count = stream.lines()
    while time.sleep(0.5) or stream.lines() != count:
        count = stream.lines()
    flows, stream_lost = stream.stop()
    total, ring_lost = (now - before for now, before in zip(events(shop), (offered, lost)))
    assert total == 200000
    assert len(flows) + stream_lost + ring_lost == 200000
    assert len({(flow["kind"], flow["source"]["port"], flow["destination"]["address"], flow["time"]) for flow in flows}) == len(flows)


@pytest.mark.limit(120)
@pytest.mark.parametrize("kind", ["connected", "unconnected"])
def test_udp_conversations_are_all_told_or_counted_as_lost(shop, kind):
    name = f"udp-{kind}"
    address = shop.service(name)
    _, lost = events(shop)
    options = ["--connected"] if kind == "connected" else []
    stream = FlowStream(shop.agent.api, f"service=shop/{name}")
    report = shop.client.connect(f"{address}:53", "--udp", "--count", 20000, *options, timeout_s=90)
    assert report["failed"] == {}
    totals = settled(shop, name, lambda edge: sum(edge["closed"].values()) >= 20000, "20,000 conversations")
    assert totals["opened"] == sum(totals["closed"].values()) == 20000
    assert (totals["sentBytes"], totals["receivedBytes"]) == (report["sent_bytes"], report["received_bytes"])
    count = -1
    while time.sleep(0.5) or stream.lines() != count:
        count = stream.lines()
    flows, stream_lost = stream.stop()
    ring_lost = events(shop)[1] - lost
    assert len(flows) + stream_lost + ring_lost == 2 * 20000
    if stream_lost + ring_lost == 0:
        assert sum(flow["sentBytes"] for flow in flows if flow["kind"] == "close") == report["sent_bytes"]


SHAPES = {
    "small": ["--count", 50, "--bytes-out", 10, "--bytes-in", 20],
    "upload": ["--count", 2, "--bytes-out", 30_000_000],
    "download": ["--count", 2, "--bytes-in", 30_000_000],
    "both-ways": ["--count", 20, "--concurrency", 5, "--bytes-out", 500_000, "--bytes-in", 700_000],
    "half-close": ["--count", 20, "--bytes-out", 100_000, "--bytes-in", 100_000, "--close", "half"],
    "reset": ["--count", 20, "--bytes-out", 100_000, "--bytes-in", 100_000, "--close", "rst"],
    "keep-alive": ["--count", 1000, "--concurrency", 4, "--keep-alive", "--http"],
    "mapped": ["--count", 20, "--v4-mapped", "--bytes-out", 5000, "--bytes-in", 5000],
    "fast-open": ["--count", 20, "--fastopen", "--bytes-out", 500, "--bytes-in", 5000],
    "silent": ["--count", 100, "--silent"],
}


@pytest.mark.parametrize("shape", SHAPES)
def test_bytes_counted_are_bytes_sent(shop, shape):
    name = f"bytes-{shape}"
    address = shop.service(name)
    report = shop.client.connect(f"{address}:80", *SHAPES[shape])
    assert report["failed"] == {}
    totals = settled(shop, name, lambda edge: sum(edge["closed"].values()) >= report["connections"], "all closes counted")
    assert (totals["sentBytes"], totals["receivedBytes"]) == (report["sent_bytes"], report["received_bytes"])
    assert totals["opened"] == report["connections"] == sum(totals["closed"].values()) and totals["active"] == 0
    assert totals["closed"].get("reset", 0) == (report["connections"] if shape == "reset" else 0)
    flows = shop.agent.wait_flows(lambda flows: sum(f["kind"] == "close" for f in flows) >= report["connections"],
                                  what="close records", filter=f"service=shop/{name}")
    closes = [flow for flow in flows if flow["kind"] == "close"]
    assert sum(flow["sentBytes"] for flow in closes) == report["sent_bytes"]
    assert sum(flow["receivedBytes"] for flow in closes) == report["received_bytes"]


def test_mptcp_connections_are_told_with_their_service(shop):
    address = shop.service("multipath")
    report = shop.client.connect(f"{address}:80", "--mptcp", "--count", 20, "--bytes-out", 5000, "--bytes-in", 5000)
    assert report["failed"] == {}
    totals = settled(shop, "multipath", lambda edge: sum(edge["closed"].values()) >= 20, "20 closes")
    assert totals["opened"] == 20
    assert totals["sentBytes"] >= report["sent_bytes"] and totals["sentBytes"] <= report["sent_bytes"] * 1.01 + 20


def test_a_record_names_service_endpoint_zones_and_process(shop):
    address = shop.service("named-record", dual=True)
    for to, client, web in ((f"{address[0]}:80", shop.client.v4, [pod.v4 for pod in shop.web]),
                            (f"[{address[1]}]:80", shop.client.v6, [pod.v6 for pod in shop.web])):
        shop.client.connect(to, "--bytes-out", 100, "--bytes-in", 200)
        flows = shop.agent.wait_flows(lambda flows: any(f["kind"] == "close" and f["source"]["address"] == client for f in flows),
                                      what="the close record", filter="service=shop/named-record")
        close = [flow for flow in flows if flow["kind"] == "close"][-1]
        source, destination = close["source"], close["destination"]
        assert (source["namespace"], source["workload"], source["address"], source["zone"]) == ("shop", "client", client, "z1")
        assert (destination["namespace"], destination["workload"], destination["zone"]) == ("shop", "web", "z1")
        assert destination["address"] in web and destination["port"] == 8080
        assert destination["service"].split("/")[-1] == "named-record"
        assert destination["serviceAddress"] == to
        assert close["protocol"] == "TCP" and close["verdict"] == "allowed"
        assert close["process"]["pid"] > 0 and close["process"]["cgroup"].endswith("pod-client")
        assert close["durationMs"] >= 0 and close["rttUs"] > 0


def test_a_connection_that_is_dialled_directly_is_told_with_both_ends(shop):
    shop.client.connect(f"{shop.web[2].v4}:8080", "--bytes-out", 10)
    flows = shop.agent.wait_flows(
        lambda flows: [f for f in flows if f["kind"] == "close" and not f["destination"].get("service")], what="a direct flow",
        filter="dst=shop/web")
    direct = [f for f in flows if f["kind"] == "close" and not f["destination"].get("service")][-1]
    assert direct["source"]["workload"] == "client" and direct["destination"]["workload"] == "web"


def test_a_client_that_no_agent_serves_is_told_by_the_server(shop):
    elsewhere, inside = shop.lab.make_cgroup("unserved"), shop.client.cgroup
    before = sum(edge["opened"] for edge in shop.agent.api.items("edges") if edge["reporter"] == "destination")
    try:
        shop.client.cgroup = elsewhere
        report = shop.client.connect(f"{shop.web[1].v4}:8080", "--count", 7, "--bytes-out", 1000, "--bytes-in", 500)
    finally:
        shop.client.cgroup = inside
    told = lambda: [edge for edge in shop.agent.api.items("edges") if edge["reporter"] == "destination"]
    wait_for(lambda: sum(edge["opened"] for edge in told()) - before == 7, 5, "seven connections told by the server", 0.1)
    edge = [edge for edge in told() if edge["source"]["workload"] == "client"][-1]
    assert edge["destination"]["workload"] == "web"
    assert (edge["sentBytes"], edge["receivedBytes"]) == (report["sent_bytes"], report["received_bytes"])


def test_failures_are_counted_by_their_reason(shop):
    closed_port = shop.service("refusing", [m.port(80, 4444, name="http")])
    nobody = shop.service("nobody", selector={"app": "nobody"})
    shop.client.connect(f"{closed_port}:80", "--count", 10)
    shop.client.connect(f"{nobody}:80", "--count", 12)
    assert settled(shop, "refusing", lambda edge: edge["failed"], "refusals")["failed"] == {"refused": 10}
    assert settled(shop, "nobody", lambda edge: edge["failed"], "no endpoints")["failed"] == {"no_endpoints": 12}
    metrics = shop.agent.api.metrics()
    assert metrics.sum("weft_connections_failed_total", destination_service="shop/refusing", reason="refused") == 10
    assert metrics.sum("weft_connections_failed_total", destination_service="shop/nobody", reason="no_endpoints") == 12
    assert metrics.sum("weft_lb_no_endpoint_total") >= 12


def socket_facts(shop, port: int) -> dict:
    """Sums of `ss -ti` over the client's established sockets to a port."""
    text = run(shop.client.namespace.command(["ss", "-tinHO", "state", "established", f"( dport = :{port} )"])).stdout
    number = lambda name: sum(int(value) for value in re.findall(rf"\b{name}:(\d+)", text))
    return {"sockets": len(text.splitlines()), "acked": number("bytes_acked"), "received": number("bytes_received"),
            "segs_out": number("segs_out"), "segs_in": number("segs_in"),
            "retrans": sum(int(value) for value in re.findall(r"retrans:\d+/(\d+)", text)),
            "rtt_ms": [float(value) for value in re.findall(r"\brtt:([\d.]+)/", text)]}


def close_to(value: float, expected: float, slack: float = 0) -> bool:
    return abs(value - expected) <= 0.01 * expected + slack


@pytest.mark.limit(90)
def test_counters_of_open_connections_equal_those_of_the_sockets(shop):
    """F2: within 1 % of `ss -ti`, with segments lost on the way so that there is something to retransmit."""
    shop.web[0].serve(8099)
    address = shop.address()[0]
    shop.node.apply("lossy.yaml", m.service("lossy", [address], [m.port(80, 8099, name="http")]),
                    m.endpoint_slice("lossy", [m.endpoint(shop.web[0].v4)], [("http", 8099, "TCP")]))
    rules = ("add table inet lossy; add chain inet lossy in { type filter hook input priority 0; }; "
             "add rule inet lossy in tcp dport 8099 tcp flags & (syn|fin|rst) == 0 numgen random mod 100 < 2 drop")
    run(shop.web[0].namespace.command(["nft", rules]))
    client = shop.client.start_client("connect", f"{address}:80", "--count", 4, "--concurrency", 4, "--bytes-out", 3_000_000,
                                      "--bytes-in", 1_000_000, "--hold", 60, "--timeout", 60, "--close", "rst")
    wait_for(lambda: socket_facts(shop, 8099)["received"] > 4_000_000, 60, "the transfers", 0.2)
    run(shop.web[0].namespace.command(["nft", "delete table inet lossy"]))
    expected = {}

    def equal():
        edge, facts = shop.agent.api.edge("lossy"), socket_facts(shop, 8099)
        expected.update(edge=edge, facts=facts)
        return (edge["active"] == facts["sockets"] == 4 and close_to(edge["sentBytes"], facts["acked"], 8)
                and close_to(edge["receivedBytes"], facts["received"], 8) and close_to(edge["retransmits"], facts["retrans"])
                and close_to(edge["sentPackets"], facts["segs_out"], 8) and close_to(edge["receivedPackets"], facts["segs_in"], 8))

    try:
        wait_for(equal, 12, "counters equal to ss -ti", 0.5)
    except AssertionError as failed:
        raise AssertionError(f"{failed}: {expected}") from None
    assert expected["facts"]["retrans"] > 10
    metrics = shop.agent.api.metrics
    before = metrics()
    client.stop()
    name = "weft_tcp_rtt_seconds"
    wait_for(lambda: metrics().sum(f"{name}_count") >= before.sum(f"{name}_count") + 4, 5, "RTT of the closed connections", 0.2)
    told_ms = 1000 * (metrics().sum(f"{name}_sum") - before.sum(f"{name}_sum"))
    assert close_to(told_ms, sum(expected["facts"]["rtt_ms"]), 0.02)


@pytest.mark.limit(60)
def test_counters_of_a_long_lived_connection_grow_while_it_is_open(shop):
    address = shop.service("lasting")
    stream = shop.client.start_client("stream", f"{address}:80", "--bytes", 500)
    wait_for(lambda: shop.agent.api.edge("lasting")["sentBytes"] > 0, 6, "the first step", 0.1)
    steps = [shop.agent.api.edge("lasting")["sentBytes"]]
    for _ in range(2):
        wait_for(lambda: shop.agent.api.edge("lasting")["sentBytes"] > steps[-1], 5, "a step within 5 s", 0.1)
        steps.append(shop.agent.api.edge("lasting")["sentBytes"])
        time.sleep(1)
    connections = [flow for flow in shop.agent.api.items("connections") if flow["destination"].get("service", "").endswith("lasting")]
    assert len(connections) == 1 and connections[0]["durationMs"] > 1000 and connections[0]["source"]["workload"] == "client"
    report = stream.stop()
    totals = settled(shop, "lasting", lambda edge: sum(edge["closed"].values()) == 1, "the close")
    assert (totals["sentBytes"], totals["receivedBytes"]) == (report["sent_bytes"], report["received_bytes"])


def test_a_connection_from_before_the_agent_is_not_told_half(own_shop):
    """Its bytes are nobody's; what comes after it is exact."""
    shop = own_shop
    address = shop.service("later")
    shop.agent.stop()
    report = shop.client.connect(f"{address}:80", "--count", 10, "--bytes-out", 1000)
    assert report["failed"] == {}
    shop.agent.start()
    totals = settled(shop, "later", lambda edge: sum(edge["closed"].values()) >= 10, "connections made without an agent")
    assert totals["opened"] == 10 and totals["sentBytes"] == report["sent_bytes"]
