"""A policy in audit mode changes no packet, and each connection that it would deny is one record with its name."""

from __future__ import annotations

import time

import pytest

from test_policy import Town, from_app, policy

CONNECTIONS = 25


@pytest.fixture(scope="module")
def town(lab) -> Town:
    town = Town(lab)
    town.agent.start()
    return town


def audited(town, name: str, *selected) -> None:
    made = policy(name, {"app": "server"}, ingress=[from_app("friend", (8080, "TCP"))])
    made["metadata"]["annotations"] = {"mesh.weft.dev/mode": "audit"}
    town.apply(made, *selected)


def records(town, since: int = 0) -> list[dict]:
    flows, end = town.agent.api.flows()
    assert end["lost"] == 0
    return [flow for flow in flows if flow["kind"] in ("audit", "deny")][since:]


def test_nothing_is_denied_and_each_connection_is_one_record_with_the_name(town):
    audited(town, "would-close")
    for address in (town.server.v4, f"[{town.server.v6}]"):
        report = town.stranger.connect(f"{address}:8080", "--count", CONNECTIONS, "--bytes-out", 20000)
        assert report["ok"] == CONNECTIONS and report["failed"] == {}, report
        assert town.friend.connect(f"{address}:8080", "--count", CONNECTIONS)["ok"] == CONNECTIONS
    town.agent.wait_flows(lambda flows: sum(flow["kind"] == "audit" for flow in flows) >= 2 * CONNECTIONS)
    found = records(town)
    assert len(found) == 2 * CONNECTIONS, [flow["kind"] for flow in found]
    for flow in found:
        assert (flow["kind"], flow["verdict"], flow["source"]["workload"], flow["destination"]["workload"]) == ("audit", "audited", "stranger", "server")
        assert (flow["policy"]["kind"], flow["policy"]["name"], flow["policy"]["rule"]) == ("NetworkPolicy", "would-close", "default")
    assert len({flow["source"]["port"] for flow in found if flow["source"]["address"] == town.stranger.v4}) == CONNECTIONS


def test_udp_and_other_policies_go_on_beside_it(town):
    audited(town, "would-close", policy("egress", {"app": "stranger"}, policyTypes=["Egress"],
                                        egress=[{"ports": [{"port": 8080}, {"port": 5353, "protocol": "UDP"}]}]))
    before = len(records(town))
    assert town.outcome(town.stranger, f"{town.server.v4}:5353", "--udp") == "ok"
    assert town.outcome(town.stranger, f"{town.server.v4}:8081") == "ECONNREFUSED"
    town.agent.wait_flows(lambda flows: sum(flow["kind"] in ("audit", "deny") for flow in flows) >= before + 2)
    time.sleep(0.2)
    kinds = sorted((flow["kind"], flow["policy"]["name"]) for flow in records(town, before))
    assert kinds == [("audit", "would-close"), ("deny", "egress")]


def test_a_stream_lives_through_audit_and_ends_when_the_mode_flips(town):
    town.apply()
    stream = town.stranger.start_client("stream", f"{town.server.v4}:8080")
    time.sleep(0.2)
    audited(town, "would-close")
    time.sleep(0.5)
    assert stream.process.poll() is None
    pid = town.agent.process.pid
    before = len(records(town))
    town.apply(policy("would-close", {"app": "server"}, ingress=[from_app("friend", (8080, "TCP"))]))
    begin = time.monotonic()
    stream.wait(timeout_s=5)
    assert time.monotonic() - begin < 1.5
    assert town.outcome(town.stranger, f"{town.server.v4}:8080") == "ECONNREFUSED"
    assert town.agent.process.pid == pid and town.agent.running()
    town.agent.wait_flows(lambda flows: any(flow["kind"] == "deny" for flow in flows[-20:]))
    assert {flow["kind"] for flow in records(town, before)} == {"deny"}
    audited(town, "would-close")
    assert town.outcome(town.stranger, f"{town.server.v4}:8080") == "ok"
