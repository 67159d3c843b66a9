"""Network policies with real traffic between pods: what is allowed, what is denied at once, and what changes act on."""

from __future__ import annotations

import time

import pytest

from weftlab import manifests as m
from weftlab.bpfmaps import Map, pinned
from weftlab.machine import wait_for
from weftlab.node import binary


def policy(name: str, selector: dict, **spec) -> dict:
    return {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": name, "namespace": "shop"},
            "spec": {"podSelector": {"matchLabels": selector}, **spec}}


def from_app(app: str, *ports) -> dict:
    return {"from": [{"podSelector": {"matchLabels": {"app": app}}}], "ports": [{"port": p, "protocol": protocol} for p, protocol in ports]}


class Town:
    """A server, a friend and a stranger, all pods of one node, and a process of the node itself."""

    def __init__(self, lab):
        from weftlab.node import Node
        self.lab = lab
        self.node = Node(lab)
        self.agent = self.node.agent
        self.server = self.node.pod("server")
        self.friend = self.node.pod("friend")
        self.stranger = self.node.pod("stranger")
        self.host = self.node.pod("host", host=True)
        self.server.serve(8080)
        self.server.serve(8081)
        self.server.serve(5353, udp=True)
        self.friend.serve(9000)
        self.node.write_pods()

    def apply(self, *policies: dict) -> None:
        self.node.apply("policies.yaml", *policies)

    def outcome(self, client, to: str, *more: str) -> str:
        """ok, or the word for why it failed."""
        report = client.connect(to, "--count", 1, "--timeout", 1, *more)
        return "ok" if report["ok"] == 1 else next(iter(report["failed"]), "failed")

    def matrix(self, port: int, udp: bool = False, connected: bool = False) -> dict[str, str]:
        more = ("--udp",) * udp + ("--connected",) * connected
        found = {}
        for name, client in (("friend", self.friend), ("stranger", self.stranger), ("host", self.host)):
            for family, address in (("4", self.server.v4), ("6", f"[{self.server.v6}]")):
                found[name + family] = self.outcome(client, f"{address}:{port}", *more)
        return found


@pytest.fixture(scope="module")
def town(lab) -> Town:
    town = Town(lab)
    town.agent.start()
    wait_for(lambda: len(attached(town)) == 3, 5, "the three pods' interfaces")
    return town


@pytest.fixture(autouse=True)
def no_policy_behind(request):
    yield
    if "town" in request.fixturenames:
        request.getfixturevalue("town").apply()


def attached(town) -> list:
    with Map(pinned(town.node.bpffs, "weft_interfaces")) as interfaces:
        return list(interfaces.keys())


def test_without_policy_everybody_reaches_everybody(town):
    assert set(town.matrix(8080).values()) == {"ok"}


def test_ingress_lets_the_named_in_and_refuses_others_at_once(town):
    town.apply(policy("server", {"app": "server"}, ingress=[from_app("friend", (8080, "TCP"), (5353, "UDP"))]))
    served = town.matrix(8080)
    assert served == {"friend4": "ok", "friend6": "ok", "stranger4": "ECONNREFUSED", "stranger6": "ECONNREFUSED", "host4": "ok", "host6": "ok"}
    assert town.outcome(town.friend, f"{town.server.v4}:8081") == "ECONNREFUSED"
    begin = time.monotonic()
    town.outcome(town.stranger, f"{town.server.v4}:8080")
    assert time.monotonic() - begin < 0.7, "a denied connect() waits for nothing"


def test_udp_obeys_and_its_answers_pass(town):
    town.apply(policy("server", {"app": "server"}, ingress=[from_app("friend", (5353, "UDP"))], egress=[], policyTypes=["Ingress", "Egress"]))
    found = town.matrix(5353, udp=True)
    assert (found["friend4"], found["friend6"]) == ("ok", "ok")
    assert "ok" not in (found["stranger4"], found["stranger6"])


def test_a_denied_datagram_is_answered_by_an_error(town):
    town.apply(policy("server", {"app": "server"}, ingress=[from_app("friend", (5353, "UDP"))]))
    found = town.matrix(5353, udp=True, connected=True)
    assert (found["stranger4"], found["stranger6"]) == ("EHOSTUNREACH", "EACCES")  # icmp(7): 3/13 and 1/1


def test_an_isolated_pod_gets_the_answers_of_its_own_calls(town):
    town.apply(policy("server", {"app": "server"}, ingress=[]))
    report = town.server.connect(f"{town.friend.v4}:9000", "--count", 50, "--bytes-out", 20000)
    assert report["ok"] == 50 and report["failed"] == {}


def test_egress_is_denied_at_once_and_names_only_what_it_allows(town):
    town.apply(policy("friend", {"app": "friend"}, policyTypes=["Egress"],
                      egress=[{"to": [{"podSelector": {"matchLabels": {"app": "server"}}}], "ports": [{"port": 8080}]}]))
    assert town.outcome(town.friend, f"{town.server.v4}:8080") == "ok"
    assert town.outcome(town.friend, f"{town.server.v4}:8081") == "ECONNREFUSED"
    assert town.outcome(town.friend, f"[{town.server.v6}]:8081") == "ECONNREFUSED"
    assert town.outcome(town.stranger, f"{town.server.v4}:8081") == "ok"


def test_a_service_address_leads_to_the_same_verdict(town):
    town.node.apply("svc.yaml", m.service("svc", ["10.96.7.7"], [m.port(80, 8080)], {"app": "server"}))
    town.apply(policy("server", {"app": "server"}, ingress=[from_app("friend", (8080, "TCP"))]))
    assert town.outcome(town.friend, "10.96.7.7:80") == "ok"
    assert town.outcome(town.stranger, "10.96.7.7:80") == "ECONNREFUSED"
    town.node.apply("svc.yaml")


def test_ip_blocks_with_exceptions(town):
    town.apply(policy("server", {"app": "server"}, ingress=[
        {"from": [{"ipBlock": {"cidr": "10.88.0.0/16", "except": [f"{town.stranger.v4}/32"]}}], "ports": [{"port": 8080, "endPort": 8081}]}]))
    assert town.outcome(town.friend, f"{town.server.v4}:8081") == "ok"
    assert town.outcome(town.stranger, f"{town.server.v4}:8081") == "ECONNREFUSED"
    assert town.outcome(town.friend, f"[{town.server.v6}]:8081") == "ECONNREFUSED"


def test_the_admin_tier_overrules_a_namespace(town):
    admin = {"apiVersion": "policy.networking.k8s.io/v1alpha2", "kind": "ClusterNetworkPolicy", "metadata": {"name": "no-strangers"},
             "spec": {"tier": "Admin", "priority": 10, "subject": {"namespaces": {}},
                      "ingress": [{"name": "deny", "action": "Deny", "from": [{"pods": {"podSelector": {"matchLabels": {"app": "stranger"}}}}]}]}}
    town.apply(admin, policy("open", {"app": "server"}, ingress=[{}]))
    assert town.outcome(town.friend, f"{town.server.v4}:8080") == "ok"
    assert town.outcome(town.stranger, f"{town.server.v4}:8080") == "ECONNREFUSED"


def test_a_new_denial_ends_an_open_connection_and_disturbs_no_other(town):
    ends = town.stranger.start_client("stream", f"{town.server.v4}:8080")
    stays = town.friend.start_client("stream", f"{town.server.v4}:8080")
    time.sleep(0.3)
    town.apply(policy("server", {"app": "server"}, ingress=[from_app("friend", (8080, "TCP"))]))
    begin = time.monotonic()
    ended = ends.wait(timeout_s=5)
    assert time.monotonic() - begin < 1.5, ended
    time.sleep(0.3)
    assert stays.process.poll() is None
    report = stays.stop()
    assert report["received_bytes"] > 0 and not report.get("failed"), report


def test_an_agent_that_is_killed_leaves_policy_in_force_and_a_restart_keeps_it(town):
    town.apply(policy("server", {"app": "server"}, ingress=[from_app("friend", (8080, "TCP"))]))
    load = town.friend.start_client("connect", f"{town.server.v4}:8080", "--rate", 200, "--duration", 30)
    knocks = town.stranger.start_client("connect", f"{town.server.v4}:8080", "--rate", 200, "--duration", 30)
    town.agent.kill()
    time.sleep(0.5)
    town.agent.start()
    time.sleep(0.5)
    town.agent.start(binary("weftd-next")) if town.agent.stop() == 0 else None
    time.sleep(0.5)
    town.agent.stop()
    town.agent.start()
    allowed, denied = load.stop(), knocks.stop()
    assert allowed["failed"] == {} and allowed["ok"] > 200, allowed
    assert denied["ok"] == 0 and denied["failed"].get("ECONNREFUSED", 0) > 200, denied


def test_a_bad_policy_isolates_what_it_selects_and_says_so(town):
    broken = policy("server", {"app": "server"}, ingress=[{"from": [{"podSelector": {}}], "ports": [{"port": 99999999}]}])
    town.node.write("policies.yaml", broken)
    with pytest.raises(Exception):
        town.agent.api.reload()
    wait_for(lambda: town.outcome(town.friend, f"{town.server.v4}:8080") == "ECONNREFUSED", 5, "isolation")
    listed = {item["metadata"]["name"] if "metadata" in item else item["name"]: item for item in town.agent.api.items("policies")}
    assert listed["server"]["status"]["state"] == "Error", listed["server"]
