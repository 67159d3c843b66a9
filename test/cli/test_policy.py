"""weft policy try and suggest: what they ask, what they print, how they end."""
import json

import pytest

SEEN = {"since": "2026-01-02T03:04:05.000000Z", "until": "2026-01-02T04:04:05.000000Z", "connections": 500, "unrecorded": 0}
EDGE = {"source": {"namespace": "shop", "workload": "cart"}, "destination": {"namespace": "shop", "workload": "web"}, "port": 81, "protocol": "TCP",
        "connections": 400, "lastSeen": "2026-01-02T04:00:00.000000Z", "direction": "ingress", "detail": "denied: ingress of shop/web …",
        "decidedBy": {"kind": "NetworkPolicy", "namespace": "shop", "name": "web", "rule": "default", "tier": "NetworkPolicy"}}
OUTSIDE = {**EDGE, "source": {"address": "192.0.2.7"}, "connections": 12}
NOTHING = {"edges": 0, "connections": 0, "items": []}
POLICY = """apiVersion: networking.k8s.io/v1
kind: NetworkPolicy
metadata: {name: web, namespace: shop}
spec: {podSelector: {}, ingress: []}
"""


def trial(**more) -> dict:
    return {"apiVersion": "weft/v1", "kind": "PolicyTrial", "seen": SEEN, "objects": 1, "ignored": 0, "absent": 0,
            "newlyDenied": {"edges": 2, "connections": 412, "items": [EDGE, OUTSIDE]}, "newlyAllowed": NOTHING, **more}


@pytest.fixture
def desk(agent):
    """An agent that answers both questions with `agent.document` and keeps what it was asked."""
    agent.asked = []
    agent.document = trial()
    agent.status = 200

    def answer(handler):
        agent.asked.append(json.loads(handler.rfile.read(int(handler.headers["Content-Length"]))))
        body = json.dumps(agent.document).encode()
        handler.send_response(agent.status)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    for what in ("try", "suggest"):
        agent.answers[("POST", f"/api/v1/policy/{what}")] = answer
    return agent


@pytest.fixture
def policy(tmp_path):
    path = tmp_path / "web.yaml"
    path.write_text(POLICY)
    return path


def test_a_trial_sends_the_files_and_prints_edges_with_their_rule(weft, desk, policy):
    result = weft("policy", "try", str(policy), "--last", "15m")
    assert result.code == 3
    assert desk.asked == [{"files": [{"name": str(policy), "text": POLICY}], "lastSeconds": 900, "delete": False}]
    assert result.lines[0] == "would newly deny 2 edges, 412 connections"
    assert result.lines[1].split() == ["SOURCE", "DESTINATION", "PORT", "CONNECTIONS", "SIDE", "RULE"]
    assert result.lines[2].split() == ["shop/cart", "shop/web", "81/TCP", "400", "ingress", "NetworkPolicy", "shop/web", "default"]
    assert result.lines[3].split()[0] == "192.0.2.7"
    assert result.lines[-1] == "would newly allow 0 edges, 0 connections"
    assert "500 connections seen from" in result.err


def test_a_trial_that_denies_nothing_new_ends_with_0(weft, desk, policy):
    desk.document = trial(newlyDenied=NOTHING, ignored=2, absent=1)
    result = weft("policy", "try", str(policy), "--delete")
    assert result.code == 0 and desk.asked[0]["delete"] is True and desk.asked[0]["lastSeconds"] == 3600
    assert "2 objects are no policies" in result.err and "1 objects that would be deleted" in result.err


def test_json_is_the_answer_of_the_agent(weft, desk, policy):
    result = weft("policy", "try", str(policy), "-o", "json")
    assert result.code == 3 and json.loads(result.out) == desk.document


def test_wrong_files_are_refused_before_the_agent_is_asked(weft, desk, tmp_path, policy):
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text(POLICY.replace("podSelector", "podSelektor"))
    result = weft("policy", "try", str(wrong))
    assert result.code == 65 and f"{wrong}:1" in result.err and "spec.podSelektor" in result.err
    service = tmp_path / "service.yaml"
    service.write_text("apiVersion: v1\nkind: Service\nmetadata: {name: a, namespace: b}\nspec: {ports: [{port: 80}]}\n")
    assert weft("policy", "try", str(service)).code == 65
    assert weft("policy", "try", str(tmp_path / "absent.yaml")).code == 65
    assert weft("policy", "try", str(policy), "--last", "61m").code == 64
    assert weft("policy", "try").code == 64 and weft("policy").code == 64
    assert desk.asked == []


def test_of_a_directory_only_files_with_policies_are_sent(weft, desk, tmp_path, policy):
    (tmp_path / "pod.yaml").write_text("apiVersion: v1\nkind: Node\nmetadata: {name: a}\n")
    assert weft("policy", "try", str(tmp_path)).code == 3
    assert [file["name"] for file in desk.asked[0]["files"]] == [str(policy)]


def test_what_the_agent_refuses_ends_with_its_code(weft, desk, policy):
    desk.status, desk.document = 422, {"apiVersion": "weft/v1", "kind": "Error", "code": 65, "message": "a.yaml:1: no", "findings": []}
    result = weft("policy", "try", str(policy))
    assert result.code == 65 and "a.yaml:1: no" in result.err


def test_drafts_are_a_manifest_with_problems_as_comments(weft, desk):
    desk.document = {"apiVersion": "weft/v1", "kind": "PolicySuggestion", "seen": SEEN, "items": [
        {"namespace": "shop", "workload": "web", "connections": 1, "inexpressible": 2, "manifest": POLICY},
        {"namespace": "shop", "workload": "bare", "connections": 7, "inexpressible": 0, "problem": "no label"}]}
    result = weft("policy", "suggest", "-n", "shop")
    assert result.code == 0 and desk.asked == [{"lastSeconds": 3600, "namespace": "shop", "workload": ""}]
    assert result.out == ("---\n# shop/web: 1 connection\n# not in it: 2 connections of protocols that a NetworkPolicy cannot name\n" + POLICY
                          + "---\n# shop/bare: 7 connections\n# none for it: no label\n")
    weft("policy", "suggest", "--workload", "shop/web")
    assert desk.asked[1] == {"lastSeconds": 3600, "namespace": "shop", "workload": "web"}
