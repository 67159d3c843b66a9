"""weft explain: what it asks, what it prints, how it ends."""
import json

import pytest

DENIED = {"verdict": "denied",
          "decidedBy": {"kind": "NetworkPolicy", "namespace": "shop", "name": "walls", "rule": "default", "tier": "NetworkPolicy"},
          "steps": [{"stage": "service", "result": "found", "object": "Service shop/web", "detail": "10.96.0.1:80 is one of 10.1.0.2:8080"},
                    {"stage": "egress", "result": "allowed", "reason": "no_policy", "detail": "allowed: no policy says anything about it"},
                    {"stage": "ingress", "result": "denied", "object": "NetworkPolicy shop/walls", "rule": "default",
                     "reason": "default_deny", "detail": "denied: ingress of shop/web is isolated"}],
          "suggestion": {"manifest": "apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\n"}}


@pytest.fixture
def explainer(agent):
    """An agent that answers every question with `agent.item` and keeps what it was asked."""
    agent.asked = []
    agent.item = DENIED

    def answer(handler):
        agent.asked.append(json.loads(handler.rfile.read(int(handler.headers["Content-Length"]))))
        body = json.dumps({"apiVersion": "weft/v1", "kind": "ExplanationList", "items": [agent.item]}).encode()
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)

    agent.answers[("POST", "/api/v1/explain")] = answer
    return agent


def test_a_denial_tells_steps_rule_and_what_would_change_it(weft, explainer):
    result = weft("explain", "shop/cart", "shop/web:80")
    assert result.code == 3 and result.err == ""
    assert explainer.asked == [{"queries": [{"source": "shop/cart", "destination": "shop/web", "port": 80, "protocol": "TCP"}]}]
    assert result.lines == [
        "shop/cart -> shop/web:80 TCP",
        "",
        "service      found        Service shop/web",
        "                          10.96.0.1:80 is one of 10.1.0.2:8080",
        "egress       allowed      allowed: no policy says anything about it",
        "ingress      denied       NetworkPolicy shop/walls default",
        "                          denied: ingress of shop/web is isolated",
        "",
        "denied by NetworkPolicy shop/walls, rule default, tier NetworkPolicy",
        "",
        "This would allow it:",
        "",
        "  apiVersion: networking.k8s.io/v1",
        "  kind: NetworkPolicy",
    ]


@pytest.mark.parametrize("verdict,code", [("allowed", 0), ("denied", 3), ("no-endpoint", 1), ("unknown", 1)])
def test_the_exit_code_is_the_verdict(weft, explainer, verdict, code):
    explainer.item = {"verdict": verdict, "steps": []}
    for output in ("table", "json", "jsonl", "yaml"):
        assert weft("explain", "shop/cart", "shop/web:80", "-o", output).code == code


def test_json_is_the_answer_of_the_agent(weft, explainer):
    result = weft("explain", "shop/cart", "shop/web:80", "-o", "json")
    assert result.json == {"apiVersion": "weft/v1", "kind": "ExplanationList", "items": [DENIED]}


@pytest.mark.parametrize("words,query", [
    (("10.1.0.1", "10.1.0.2:443"), {"source": "10.1.0.1", "destination": "10.1.0.2", "port": 443, "protocol": "TCP"}),
    (("fd00::1", "[fd00::2]:53", "--proto", "udp"), {"source": "fd00::1", "destination": "fd00::2", "port": 53, "protocol": "UDP"}),
    (("shop/a", "shop/b", "--proto", "ICMP"), {"source": "shop/a", "destination": "shop/b", "protocol": "ICMP"}),
    (("shop/a", "fd00::2", "--proto", "icmp"), {"source": "shop/a", "destination": "fd00::2", "protocol": "ICMP"}),
    (("-n", "shop", "a", "b:1"), {"source": "shop/a", "destination": "shop/b", "port": 1, "protocol": "TCP"}),
    (("shop/a", "shop/b:80", "--method", "GET", "--path", "/x"),
     {"source": "shop/a", "destination": "shop/b", "port": 80, "protocol": "TCP", "method": "GET", "path": "/x"}),
])
def test_words_become_the_question(weft, explainer, words, query):
    assert weft("explain", *words).code == 3
    assert explainer.asked == [{"queries": [query]}]


@pytest.mark.parametrize("words", [
    (), ("shop/a",), ("shop/a", "shop/b"), ("a", "shop/b:80"), ("shop/a", "b:80"), ("shop/a", "shop/b:0"), ("shop/a", "shop/b:65536"),
    ("shop/a", "shop/b:http"), ("shop/a", "shop/b:"), ("shop/a", "shop/b:80", "--proto", "quic"), ("shop/a", "shop/b:80", "more"),
    ("shop/a", "shop/b:80", "--proto", "icmp"), ("shop/a", "shop/b:80", "--from", "x.tar.gz"),
])
def test_a_question_that_makes_no_sense_is_64(weft, explainer, words):
    result = weft("explain", *words)
    assert result.code == 64 and result.out == "" and result.err
    assert explainer.asked == []


def test_no_agent_is_4(weft):
    assert weft("explain", "shop/a", "shop/b:80").code == 4


def test_what_the_agent_refuses_is_65_with_its_reason(weft, agent):
    agent.post("explain", 400, {"kind": "Error", "code": 65, "message": "queries[0].source: 'a/b/c' is neither"})
    result = weft("explain", "a/b/c", "shop/b:80")
    assert result.code == 65 and "queries[0].source" in result.err


def test_names_cannot_write_to_the_terminal(weft, explainer):
    evil = "a\x1b[31m\nb"
    explainer.item = {"verdict": evil, "decidedBy": {"kind": evil, "name": evil, "rule": evil, "tier": evil},
                      "steps": [{"stage": evil, "result": evil, "object": evil, "rule": evil, "detail": evil}],
                      "suggestion": {"manifest": evil}}
    assert "\x1b" not in weft("explain", "shop/a", "shop/b:80").out
