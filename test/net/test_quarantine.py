"""G5: one command cuts a workload off, keeps it running, and is undone by one command."""

from __future__ import annotations

import json
import time

import pytest

from weftlab.machine import wait_for
from weftlab.node import Node


class Ward:
    def __init__(self, lab):
        self.lab = lab
        self.node = Node(lab)
        self.agent = self.node.agent
        self.cart, self.other, self.host = self.node.pod("cart"), self.node.pod("other"), self.node.pod("host", host=True)
        for pod in (self.cart, self.other):
            pod.serve(8080)
            pod.serve(5353, udp=True)
        self.node.write_pods()

    def ok(self, client, server, port=8080, *more: str) -> bool:
        return client.connect(f"{server.v4}:{port}", "--count", 1, "--timeout", 1, *more)["ok"] == 1

    def quarantine(self, *arguments: str):
        return self.agent.weft("quarantine", *arguments)

    def free(self) -> bool:
        return self.ok(self.other, self.cart) and self.ok(self.cart, self.other) and self.ok(self.other, self.cart, 5353, "--udp")


@pytest.fixture(scope="module")
def ward(lab) -> Ward:
    ward = Ward(lab)
    ward.agent.start()
    wait_for(lambda: sum(a["hook"] == "pod_ingress" and a["state"] == "attached" for a in ward.agent.api.status()["attachments"]) == 2,
             5, "both pods' interfaces")
    return ward


@pytest.fixture(autouse=True)
def nobody_quarantined(ward):
    yield
    for entry in ward.agent.api.status()["quarantined"]:
        assert ward.quarantine("--undo", f"{entry['namespace']}/{entry['workload']}").returncode == 0


def test_it_cuts_both_ways_spares_the_own_node_and_is_undone(ward):
    assert ward.free() and ward.ok(ward.host, ward.cart)
    began = time.monotonic()
    done = ward.quarantine("shop/cart", "--reason", "talks to a stranger")
    assert done.returncode == 0 and "--undo" in done.stdout, done
    assert time.monotonic() - began < 1
    assert not ward.ok(ward.other, ward.cart) and not ward.ok(ward.cart, ward.other)
    assert not ward.ok(ward.other, ward.cart, 5353, "--udp") and not ward.ok(ward.cart, ward.other, 5353, "--udp")
    assert ward.ok(ward.host, ward.cart), "the own node investigates"
    assert ward.quarantine("--undo", "shop/cart").returncode == 0
    assert ward.free()


def test_live_connections_are_cut_within_a_second(ward):
    streams = [ward.other.start_client("stream", f"{ward.cart.v4}:8080"), ward.cart.start_client("stream", f"{ward.other.v4}:8080")]
    time.sleep(0.3)
    assert all(stream.process.poll() is None for stream in streams)
    began = time.monotonic()
    assert ward.quarantine("shop/cart").returncode == 0
    for stream in streams:
        wait_for(lambda: stream.process.poll() is not None, max(1 - (time.monotonic() - began), 0.01), "the stream cut")
    assert time.monotonic() - began < 1.1
    for stream in streams:
        assert json.loads(stream.process.stdout.read())["failed"] != {}


def test_it_beats_every_policy_and_survives_a_kill(ward):
    everything = {"apiVersion": "policy.networking.k8s.io/v1alpha2", "kind": "ClusterNetworkPolicy", "metadata": {"name": "open"},
                  "spec": {"tier": "Admin", "priority": 0, "subject": {"namespaces": {}},
                           "ingress": [{"action": "Accept", "from": [{"namespaces": {}}]}],
                           "egress": [{"action": "Accept", "to": [{"namespaces": {}}]}]}}
    ward.node.apply("policies.yaml", everything)
    assert ward.quarantine("shop/cart").returncode == 0
    assert not ward.ok(ward.other, ward.cart) and not ward.ok(ward.cart, ward.other)
    ward.agent.kill()
    assert not ward.ok(ward.other, ward.cart)
    ward.agent.start()
    assert not ward.ok(ward.other, ward.cart) and ward.ok(ward.host, ward.cart)
    assert ward.quarantine("--undo", "shop/cart").returncode == 0
    assert ward.free()
    ward.node.apply("policies.yaml")


def test_everything_that_tells_a_denial_names_it(ward):
    assert ward.quarantine("shop/cart", "--reason", "look here").returncode == 0
    assert not ward.ok(ward.other, ward.cart)
    entry, = ward.agent.api.status()["quarantined"]
    assert (entry["namespace"], entry["workload"], entry["uid"], entry["reason"]) == ("shop", "cart", 0, "look here")
    assert "look here" in ward.agent.weft("status").stdout
    workload = next(item for item in ward.agent.api.items("workloads") if item["name"] == "cart")
    assert workload["quarantine"]["since"] == entry["since"]
    explained = ward.agent.weft("explain", "shop/other", "shop/cart:8080")
    assert explained.returncode == 3 and "quarantined by uid 0" in " ".join(explained.stdout.split()), explained.stdout
    assert "This would allow it" not in explained.stdout
    denials = lambda flows: [flow for flow in flows if flow["kind"] == "deny"]
    flow = denials(ward.agent.wait_flows(denials, what="the denial"))[-1]
    assert flow["policy"]["kind"] == "Quarantine" and flow["policy"]["name"] == "cart" and flow["policy"]["rule"] == "quarantine"
    wait_for(lambda: ward.agent.api.metrics().sum("weft_quarantined_workloads") == 1, 5, "the metric")
    wait_for(lambda: any("cart" in labels["policy"] and labels["rule"] == "quarantine" and value >= 1
                         for labels, value in ward.agent.api.metrics().series("weft_policy_verdicts_total")), 5, "the hits")
    audit = ward.agent.api.get("/api/v1/deny")["audit"][0]
    assert (audit["action"], audit["subject"], audit["uid"]) == ("quarantine", "shop/cart", 0)


def test_wrong_names_and_repetitions_are_refused(ward):
    assert ward.quarantine("shop/nobody").returncode == 65
    assert ward.quarantine("cart").returncode == 64
    assert "not in quarantine" in ward.quarantine("--undo", "shop/cart").stderr
    assert ward.quarantine("-n", "shop", "cart").returncode == 0
    assert "already" in ward.quarantine("shop/cart").stderr


def test_a_pod_that_comes_later_is_cut_off_too(ward):
    assert ward.quarantine("shop/cart").returncode == 0
    late = ward.node.pod("cart-late")
    late.serve(8080)
    ward.node.write("late.yaml", late.manifest(owner="cart"))
    ward.agent.api.reload()
    wait_for(lambda: not ward.ok(ward.other, late), 3, "the new pod cut off")
    ward.node.write("late.yaml")
    ward.agent.api.reload()
