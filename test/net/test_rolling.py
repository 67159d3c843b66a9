"""A6: endpoints leave gracefully; a rolling update under load fails no request."""

import time

import pytest

from weftlab import manifests as m
from weftlab.machine import wait_for
from weftlab.node import end_server

PORTS = [("http", 8080, "TCP")]


def publish(shop, address: str, name: str, rows) -> None:
    shop.node.apply(f"{name}.yaml", m.service(name, [address], [m.port(80, 8080, name="http")]),
                    m.endpoint_slice(name, rows, PORTS))


def test_a_terminating_endpoint_gets_no_new_connection_and_keeps_its_own(shop):
    address = shop.address()[0]
    first, second = shop.web[0], shop.web[1]
    publish(shop, address, "drain", [m.endpoint(first.v4)])
    stream = shop.client.start_client("stream", f"{address}:80")
    publish(shop, address, "drain", [m.endpoint(first.v4, ready=False, serving=True, terminating=True), m.endpoint(second.v4)])
    assert shop.client.connect(f"{address}:80", "--count", 50)["servers"] == {second.name: 50}
    report = stream.stop()
    assert report["failed"] == {} and set(report["servers"]) == {first.name}


def test_terminating_endpoints_serve_when_nothing_else_does(shop):
    address = shop.address()[0]
    rows = [m.endpoint(pod.v4, ready=False, serving=True, terminating=True) for pod in shop.web[:2]]
    rows.append(m.endpoint(shop.web[2].v4, ready=False, serving=False, terminating=True))
    publish(shop, address, "last", rows)
    report = shop.client.connect(f"{address}:80", "--count", 60)
    assert report["failed"] == {} and set(report["servers"]) == {"web-0", "web-1"}


def test_an_endpoint_that_is_not_ready_gets_nothing(shop):
    address = shop.address()[0]
    publish(shop, address, "unready", [m.endpoint(shop.web[0].v4, ready=False), m.endpoint(shop.web[1].v4)])
    assert shop.client.connect(f"{address}:80", "--count", 20)["servers"] == {"web-1": 20}
    publish(shop, address, "unready", [m.endpoint(shop.web[0].v4, ready=False)])
    assert shop.client.connect(f"{address}:80", "--count", 5)["failed"] == {"ECONNREFUSED": 5}


@pytest.mark.limit(90)
def test_a_rolling_update_under_500_requests_a_second_fails_none(shop):
    address = shop.address()[0]
    old = [shop.node.pod(f"v1-{i}", {"app": "rolling"}) for i in range(3)]
    new = [shop.node.pod(f"v2-{i}", {"app": "rolling"}) for i in range(3)]
    servers = {pod.name: pod.serve(8080, "", False, "4", "--drain", "0.5") for pod in old}
    rows = {pod.name: m.endpoint(pod.v4) for pod in old}
    publish(shop, address, "rolling", rows.values())
    short = shop.client.start_client("connect", f"{address}:80", "--http", "--rate", 500, "--concurrency", 64, "--duration", 60)
    visitor = shop.node.pod("stays-connected")
    streams = visitor.start_client("stream", f"{address}:80", "--streams", 6)
    time.sleep(0.5)
    totals = {}
    for leaving, coming in zip(old, new):
        servers[coming.name] = coming.serve(8080, "", False, "4", "--drain", "0.5")
        rows[coming.name] = m.endpoint(coming.v4)
        publish(shop, address, "rolling", rows.values())
        rows[leaving.name] = m.endpoint(leaving.v4, ready=False, serving=True, terminating=True)
        publish(shop, address, "rolling", rows.values())
        time.sleep(0.3)
        del rows[leaving.name]
        publish(shop, address, "rolling", rows.values())
    stayed = streams.stop()
    assert stayed["failed"] == {} and stayed["echoes"] > 100
    for pod in old:
        totals[pod.name] = end_server(shop.lab, servers.pop(pod.name))
    time.sleep(0.5)
    report = short.stop()
    assert report["failed"] == {} and report["ok"] > 500
    assert set(report["servers"]) >= {pod.name for pod in new}
    assert all(total["requests"] > 0 for total in totals.values())


def test_derived_endpoints_follow_their_pods(shop):
    pods = [shop.node.pod(f"derived-{i}", {"app": "derived"}) for i in range(2)]
    for pod in pods:
        pod.serve(8080)
    write = lambda *states: shop.node.apply("derived-pods.yaml", *[
        pod.manifest(ports=[("http", 8080, "TCP")], **state) for pod, state in zip(pods, states)])
    write({}, {})
    address = shop.service("derived", [m.port(80, "http", name="web")], selector={"app": "derived"})
    seen = lambda: set(shop.client.connect(f"{address}:80", "--count", 20)["servers"])
    assert seen() == {"derived-0", "derived-1"}
    write({}, {"ready": False})
    assert seen() == {"derived-0"}
    write({"deleting": True}, {})
    assert seen() == {"derived-1"}
    write({})
    wait_for(lambda: seen() == {"derived-0"}, 2, "the remaining pod")
