"""A8: the nearest endpoints that serve, and policies that never leave the node."""

import pytest

from weftlab import manifests as m
from weftlab.machine import wait_for

PLACES = {"node-a": ("z1", "r1"), "node-b": ("z1", "r1"), "node-c": ("z2", "r1"), "node-d": ("z9", "r9")}
PORTS = [("http", 8080, "TCP")]


@pytest.fixture(scope="module")
def places(shop):
    """One server on each of four nodes: here, same zone, same region, far away."""
    shop.node.write("nodes.yaml", *[m.node(name, zone, region) for name, (zone, region) in PLACES.items() if name != "node-a"])
    pods = {name: shop.node.pod(f"on-{name}", node_name=name) for name in PLACES}
    for pod in pods.values():
        pod.serve(8080)
    shop.node.apply("placed.yaml", *[pod.manifest() for pod in pods.values()])
    return pods


def publish(shop, address, name, pods, unready=(), **spec):
    rows = [m.endpoint(pod.v4, ready=place not in unready, node=place, zone=PLACES[place][0], pod_name=pod.name)
            for place, pod in pods.items()]
    shop.node.apply(f"{name}.yaml", m.service(name, [address], [m.port(80, 8080, name="http")], **spec),
                    m.endpoint_slice(name, rows, PORTS))


def servers(shop, address, port=80):
    report = shop.client.connect(f"{address}:{port}", "--count", 60)
    return set(report["servers"]), report["failed"]


def test_the_next_level_is_used_only_when_the_nearer_one_serves_nothing(shop, places):
    address = shop.address()[0]
    order = ["node-a", "node-b", "node-c", "node-d"]
    for away in range(4):
        publish(shop, address, "near", places, unready=order[:away], trafficDistribution="PreferSameNode")
        assert servers(shop, address) == ({f"on-{order[away]}"}, {}), f"without {order[:away]}"
    publish(shop, address, "near", places, trafficDistribution="PreferSameNode")
    assert servers(shop, address) == ({"on-node-a"}, {})


def test_prefer_same_zone_uses_all_nodes_of_the_zone_and_no_other(shop, places):
    address = shop.address()[0]
    publish(shop, address, "zonal", places, trafficDistribution="PreferSameZone")
    assert servers(shop, address) == ({"on-node-a", "on-node-b"}, {})
    publish(shop, address, "zonal", places, unready=["node-a"], trafficDistribution="PreferSameZone")
    assert servers(shop, address) == ({"on-node-b"}, {})
    publish(shop, address, "zonal", places, unready=["node-a", "node-b"], trafficDistribution="PreferSameZone")
    assert servers(shop, address) == ({"on-node-c"}, {})


def test_without_a_preference_every_place_serves(shop, places):
    address = shop.address()[0]
    publish(shop, address, "anywhere", places)
    assert servers(shop, address) == ({f"on-{place}" for place in PLACES}, {})


def test_internal_traffic_policy_local_never_leaves_the_node(shop, places):
    address = shop.address()[0]
    publish(shop, address, "internal", places, internalTrafficPolicy="Local")
    assert servers(shop, address) == ({"on-node-a"}, {})
    publish(shop, address, "internal", places, unready=["node-a"], internalTrafficPolicy="Local")
    assert servers(shop, address) == (set(), {"ECONNREFUSED": 60})


def test_external_traffic_policy_local_keeps_external_addresses_on_the_node(shop, places):
    """From inside the cluster the external addresses follow externalTrafficPolicy, the cluster address does not."""
    address = shop.address()[0]
    publish(shop, address, "external", places, type="LoadBalancer", externalTrafficPolicy="Local", externalIPs=["203.0.113.7"])
    assert servers(shop, address)[0] == {f"on-{place}" for place in PLACES}
    seen, failed = servers(shop, "203.0.113.7")
    assert failed == {} and "on-node-a" in seen
    local = [entry for entry in shop.agent.api.items("services", namespace="shop", name="external")][0]
    assert "203.0.113.7" in local["externalIPs"]


def test_zones_of_both_ends_and_bytes_that_crossed_zones_are_told(shop, places):
    address = shop.address()[0]
    far = {"node-d": places["node-d"]}
    publish(shop, address, "far", far)
    crossed = lambda: shop.agent.api.metrics().sum("weft_inter_zone_bytes_total", destination_service="shop/far")
    report = shop.client.connect(f"{address}:80", "--count", 20, "--bytes-out", 1000, "--bytes-in", 2000)
    assert report["failed"] == {}
    flows = shop.agent.wait_flows(lambda flows: sum(f["kind"] == "close" for f in flows) >= 20, what="20 closes", filter="service=shop/far")
    close = [flow for flow in flows if flow["kind"] == "close"][0]
    assert close["source"]["zone"] == "z1" and close["destination"]["zone"] == "z9"
    total = report["sent_bytes"] + report["received_bytes"]
    wait_for(lambda: crossed() >= total, 5, "bytes across zones", 0.1)
    assert crossed() == total
