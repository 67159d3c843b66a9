"""Every kind of Service, as seen from inside."""

import pytest

from weftlab import manifests as m
from weftlab.bpfmaps import programmed_frontends


def service_named(shop, name):
    return shop.agent.api.items("services", namespace="shop", name=name)[0]


def test_node_ports_are_served_on_the_nodes_addresses_from_inside(shop):
    address = shop.service("nodeport", [m.port(80, 8080, name="http", node_port=30080)], dual=True, type="NodePort")
    assert len(address) == 2
    for to in (f"{shop.node.address}:30080", f"[{shop.node.address_v6}]:30080"):
        report = shop.client.connect(to, "--count", 30)
        assert report["failed"] == {} and len(report["servers"]) == 3 and report["peers"] == [to]
    host = shop.node.pod("node-process", host=True)
    assert host.connect(f"{shop.node.address}:30080", "--count", 9)["failed"] == {}


def test_external_addresses_are_served_from_inside(shop):
    shop.service("lb", [m.port(443, 8080, name="https")], type="LoadBalancer", externalIPs=["203.0.113.20"])
    report = shop.client.connect("203.0.113.20:443", "--count", 30)
    assert report["failed"] == {} and report["peers"] == ["203.0.113.20:443"] and len(report["servers"]) == 3


def test_addresses_in_the_status_of_a_load_balancer_are_served(shop):
    entry = m.service("ingress", [shop.address()[0]], [m.port(80, 8080, name="http")], {"app": "web"}, type="LoadBalancer")
    entry["status"] = {"loadBalancer": {"ingress": [{"ip": "203.0.113.21"}]}}
    shop.node.apply("ingress.yaml", entry)
    assert shop.client.connect("203.0.113.21:80", "--count", 9)["failed"] == {}


def test_a_headless_service_has_no_frontend_and_its_endpoints_are_known(shop):
    shop.node.apply("headless.yaml", m.service("headless", ["None"], [m.port(80, 8080, name="http")], {"app": "web"}))
    assert service_named(shop, "headless")["headless"] is True
    known = {entry["address"] for entry in shop.agent.api.items("endpoints", namespace="shop", name="headless")}
    assert known >= {pod.v4 for pod in shop.web}
    report = shop.client.connect(f"{shop.web[1].v4}:8080", "--count", 5)
    assert report["servers"] == {"web-1": 5}


def test_a_service_without_selector_uses_its_endpoint_slices(shop):
    address, other = shop.address()[0], shop.web[2]
    ports = [("http", 8080, "TCP")]
    shop.node.apply("manual.yaml", m.service("manual", [address], [m.port(80, name="http")]),
                    m.endpoint_slice("manual", [m.endpoint(other.v4)], ports, name="manual-1"),
                    m.endpoint_slice("manual", [m.endpoint(shop.web[0].v4)], ports, name="manual-2"))
    report = shop.client.connect(f"{address}:80", "--count", 20)
    assert report["failed"] == {} and set(report["servers"]) == {"web-0", "web-2"}


def test_external_name_is_refused_with_a_reason(shop):
    entry = m.service("elsewhere", [], [m.port(80, name="http")], type="ExternalName", externalName="example.org")
    status, text = (shop.node.write("elsewhere.yaml", entry), shop.agent.api.request("POST", "/api/v1/reload", {}))[1]
    told = service_named(shop, "elsewhere")
    assert told["status"]["state"] == "Error" and "ExternalName" in told["status"]["reason"] + text
    assert status in (200, 422)
    shop.node.apply("elsewhere.yaml")


def test_several_ports_and_protocols_of_one_service(shop):
    v4 = shop.service("mixed", [m.port(80, 8080, name="a"), m.port(8000, 8080, name="b"), m.port(80, 5353, "UDP", name="c")])
    for port in (80, 8000):
        assert shop.client.connect(f"{v4}:{port}", "--count", 9)["failed"] == {}
    assert shop.client.connect(f"{v4}:80", "--udp", "--count", 9)["failed"] == {}
    assert shop.client.connect(f"{v4}:8000", "--udp")["failed"] == {"EHOSTUNREACH": 1}


def test_target_port_names_may_differ_from_pod_to_pod(shop):
    pods = [shop.node.pod(f"named-{i}", {"app": "named"}) for i in range(2)]
    for number, pod in enumerate(pods):
        pod.serve(9000 + number)
    shop.node.apply("named-pods.yaml", *[pod.manifest(ports=[("web", 9000 + i, "TCP")]) for i, pod in enumerate(pods)])
    address = shop.service("named", [m.port(80, "web", name="http")], selector={"app": "named"})
    report = shop.client.connect(f"{address}:80", "--count", 20)
    assert report["failed"] == {} and set(report["servers"]) == {"named-0", "named-1"}
    assert programmed_frontends(shop.node.bpffs)[(address, 80, "TCP")] == sorted(
        f"{pod.v4}:{9000 + i}" for i, pod in enumerate(pods))


def test_a_workload_of_the_host_serves_and_calls(shop):
    host = shop.node.pod("payments", host=True)
    host.serve(7070)
    shop.node.apply("payments-workload.yaml", m.workload("payments", {"app": "payments"}, ports=[("http", 7070, "TCP")],
                                                process={"cgroup": f"/pod-{host.name}"}))
    address = shop.service("payments", [m.port(80, "http", name="http")], selector={"app": "payments"})
    assert shop.client.connect(f"{address}:80", "--count", 5)["servers"] == {"payments": 5}
    flows = shop.agent.wait_flows(lambda flows: len(flows) >= 5, what="flows to payments", filter="service=shop/payments")
    assert flows[-1]["destination"]["workload"] == "payments"
    web = shop.service("for-payments")
    assert host.connect(f"{web}:80", "--count", 5)["failed"] == {}
    flows = shop.agent.wait_flows(lambda flows: len(flows) >= 5, what="flows of payments", filter="service=shop/for-payments")
    assert flows[-1]["source"]["workload"] == "payments" and flows[-1]["source"]["namespace"] == "shop"


@pytest.mark.parametrize("field,value", [("clusterIP", "127.0.0.1"), ("clusterIP", "not-an-address")])
def test_addresses_that_no_service_may_have_are_refused(shop, field, value):
    entry = m.service("bad-address", [value], [m.port(80, 8080, name="http")], {"app": "web"})
    shop.node.write("bad-address.yaml", entry)
    status, text = shop.agent.api.request("POST", "/api/v1/reload", {})
    assert status == 422 and field in text and "bad-address" in text
    shop.node.apply("bad-address.yaml")
