"""weft policy try and suggest against what really was: pods that talk, policies that are tried on it, drafts that fit."""

from __future__ import annotations

import json

import pytest
import yaml

from test_policy import Town, from_app, policy
from weftlab.machine import wait_for


@pytest.fixture(scope="module")
def town(lab) -> Town:
    town = Town(lab)
    town.agent.start()
    town.apply(policy("closed", {"app": "friend"}, ingress=[]))
    for _ in range(4):
        assert town.outcome(town.friend, f"{town.server.v4}:8080") == "ok"
    assert town.outcome(town.friend, f"[{town.server.v6}]:8080") == "ok"
    assert town.outcome(town.friend, f"{town.server.v4}:5353", "--udp") == "ok"
    for _ in range(2):
        assert town.outcome(town.stranger, f"{town.server.v4}:8081") == "ok"
    assert town.outcome(town.stranger, f"{town.friend.v4}:9000") == "ECONNREFUSED"
    assert town.outcome(town.host, f"{town.server.v4}:8080") == "ok"
    town.agent.wait_flows(lambda flows: sum(f["kind"] == "open" for f in flows) >= 9 and any(f["kind"] == "deny" for f in flows))
    return town


def write(town, name: str, *objects: dict) -> str:
    path = town.node.directory / name
    path.write_text(yaml.safe_dump_all(objects))
    return str(path)


def trial(town, *words, code: int) -> dict:
    done = town.agent.weft("policy", "try", *words, "-o", "json")
    assert done.returncode == code, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    return json.loads(done.stdout) if done.stdout else {}


def edges(part: dict) -> dict:
    def name(end):
        return end.get("address") or end["workload"]
    return {(name(e["source"]), name(e["destination"]), e["port"], e["protocol"]): e["connections"] for e in part["items"]}


ONLY_FRIEND = policy("server", {"app": "server"}, ingress=[from_app("friend", (8080, "TCP"), (5353, "UDP"))])


def test_a_trial_counts_what_it_would_deny_and_changes_nothing(town):
    found = trial(town, write(town, "try.yaml", ONLY_FRIEND), code=3)
    assert edges(found["newlyDenied"]) == {("stranger", "server", 8081, "TCP"): 2}
    assert found["newlyDenied"]["connections"] == 2 and found["newlyDenied"]["edges"] == 1
    assert found["newlyAllowed"]["edges"] == 0 and found["objects"] == 1
    rule = found["newlyDenied"]["items"][0]["decidedBy"]
    assert (rule["kind"], rule["name"], rule["rule"]) == ("NetworkPolicy", "server", "default")
    assert town.outcome(town.stranger, f"{town.server.v4}:8081") == "ok"
    assert [item["name"] for item in town.agent.api.items("policies")] == ["closed"]


def test_the_text_says_it_in_one_line_and_names_the_rule(town):
    done = town.agent.weft("policy", "try", write(town, "try.yaml", ONLY_FRIEND))
    assert done.returncode == 3
    assert "would newly deny 1 edge, " in done.stdout and "NetworkPolicy shop/server default" in done.stdout
    assert "would newly allow 0 edges, 0 connections" in done.stdout


def test_what_allows_all_that_was_ends_with_0(town):
    everybody = policy("server", {"app": "server"}, ingress=[{"from": [{"podSelector": {}}]}])
    assert trial(town, write(town, "try.yaml", everybody), code=0)["newlyDenied"]["edges"] == 0


def test_deleting_what_denies_would_newly_allow_in_its_name(town):
    closed = write(town, "closed.yaml", policy("closed", {"app": "friend"}, ingress=[]))
    found = trial(town, closed, "--delete", code=0)
    assert list(edges(found["newlyAllowed"])) == [("stranger", "friend", 9000, "TCP")]
    assert found["newlyAllowed"]["items"][0]["decidedBy"]["name"] == "closed"


def test_a_bad_file_is_refused_with_its_field(town):
    broken = policy("server", {"app": "server"}, ingress=[{"from": [{"podSelector": {}}], "ports": [{"port": 99999999}]}])
    done = town.agent.weft("policy", "try", write(town, "broken.yaml", broken))
    assert done.returncode == 65 and "broken.yaml:1" in done.stderr and "spec.ingress[0].ports[0].port" in done.stderr
    assert town.agent.weft("policy", "try", write(town, "none.yaml")).returncode == 65
    assert town.agent.weft("policy", "try", "/nowhere.yaml").returncode == 65
    assert town.agent.weft("policy", "try", write(town, "try.yaml", ONLY_FRIEND), "--last", "2h").returncode == 64


def test_a_connection_of_before_the_agent_is_tried_while_it_is_open(town):
    stream = town.stranger.start_client("stream", f"{town.server.v6.join('[]')}:8080")
    wait_for(lambda: len(town.agent.api.items("connections")) >= 1, 5, "the connection in the list")
    town.agent.stop()
    town.agent.start()
    try:
        found = trial(town, write(town, "try.yaml", ONLY_FRIEND), code=3)
        assert edges(found["newlyDenied"]) == {("stranger", "server", 8080, "TCP"): 1}
    finally:
        stream.stop()


@pytest.mark.limit(90)
def test_a_draft_allows_all_that_was_seen_and_denies_what_was_not(town):
    town.apply()
    for _ in range(3):
        assert town.outcome(town.friend, f"{town.server.v4}:8080") == "ok"
    assert town.outcome(town.friend, f"{town.server.v4}:5353", "--udp") == "ok"
    assert town.outcome(town.stranger, f"{town.server.v4}:8081") == "ok"
    town.agent.wait_flows(lambda flows: sum(f["kind"] == "open" for f in flows) >= 5)
    done = town.agent.weft("policy", "suggest", "-n", "shop")
    assert done.returncode == 0, done.stderr
    drafts = [document for document in yaml.safe_load_all(done.stdout) if document]
    assert {draft["metadata"]["name"] for draft in drafts} == {"server-seen", "friend-seen", "stranger-seen"}
    one = town.agent.weft("policy", "suggest", "--workload", "shop/friend")
    assert [d["metadata"]["name"] for d in yaml.safe_load_all(one.stdout) if d] == ["friend-seen"]
    path = town.node.directory / "seen.yaml"
    path.write_text(done.stdout)
    assert trial(town, str(path), code=0)["newlyDenied"]["edges"] == 0
    town.apply(*drafts)
    assert town.outcome(town.friend, f"{town.server.v4}:8080") == "ok"
    assert town.outcome(town.friend, f"{town.server.v4}:5353", "--udp") == "ok"
    assert town.outcome(town.stranger, f"{town.server.v4}:8081") == "ok"
    assert town.outcome(town.host, f"{town.server.v4}:8081") == "ok"
    for client, to in ((town.friend, f"{town.server.v4}:8081"), (town.stranger, f"{town.server.v4}:8080"),
                       (town.server, f"{town.friend.v4}:9000"), (town.stranger, f"{town.friend.v4}:9000")):
        assert town.outcome(client, to) == "ECONNREFUSED"
    town.apply()
