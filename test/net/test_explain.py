"""weft explain and its API against a live agent: the loaded programs answer, whether or not pods are attached."""

import json
import socket

import pytest

from weftlab.machine import wait_for


@pytest.fixture(scope="module")
def live(shop):
    shop.web_address = shop.service("web-svc")
    shop.service("nobody", selector={"app": "nobody"})
    return shop


def post(agent, body: bytes) -> tuple[int, dict]:
    with socket.socket(socket.AF_UNIX) as s:
        s.settimeout(20)
        s.connect(str(agent.socket))
        s.sendall(b"POST /api/v1/explain HTTP/1.0\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
        answer = b""
        while part := s.recv(65536):
            answer += part
    head, text = answer.split(b"\r\n\r\n", 1)
    return int(head.split()[1]), json.loads(text)


def ask(agent, *queries) -> list[dict]:
    status, answer = post(agent, json.dumps({"queries": queries}).encode())
    assert status == 200, answer
    assert answer["kind"] == "ExplanationList"
    return answer["items"]


def explain(shop, *words, code: int) -> str:
    done = shop.agent.weft("explain", *words)
    assert done.returncode == code, f"{done.returncode}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def stages(item: dict) -> dict:
    return {step["stage"]: step for step in item["steps"]}


def test_pods_without_policy_are_allowed_by_the_loaded_programs(live):
    item, = ask(live.agent, {"source": "shop/client", "destination": "shop/web-0", "port": 8080})
    assert item["verdict"] == "allowed" and "decidedBy" not in item and "suggestion" not in item
    for stage in ("egress", "ingress"):
        assert stages(item)[stage]["result"] == "allowed" and stages(item)[stage]["reason"] == "no_policy"
    assert "egress" in explain(live, "shop/client", "shop/web-0:8080", code=0)


def test_names_mean_pods_workloads_and_services_and_addresses_work_too(live):
    names = [("shop/client", "shop/web", 8080), ("shop/client", "shop/web-svc", 80), ("shop/client", live.web_address, 80),
             (live.client.v4, live.web[0].v4, 8080)]
    items = ask(live.agent, *[{"source": a, "destination": b, "port": port} for a, b, port in names])
    assert [item["verdict"] for item in items] == ["allowed"] * 4
    assert "service" not in stages(items[0]) and stages(items[1])["service"]["result"] == "found"
    assert stages(items[2])["service"]["object"] == "Service shop/web-svc"
    assert live.web[0].v4 + ":8080" in stages(items[1])["service"]["detail"]


def test_exit_codes(live):
    explain(live, "shop/client", "shop/web-svc:80", code=0)
    explain(live, "shop/client", "shop/web-svc:53", "--proto", "udp", code=0)
    explain(live, "shop/client", "shop/web-0", "--proto", "icmp", code=0)
    explain(live, "shop/client", "shop/nobody:80", code=1)
    explain(live, "shop/client", "shop/unknown:80", code=1)
    explain(live, "shop/client", "shop/web-svc", code=64)
    assert live.agent.weft("--socket", "/nowhere/weft.sock", "explain", "shop/client", "shop/web:80").returncode == 4


@pytest.mark.parametrize("query,field", [
    ({"source": "shop/client", "destination": "shop/web", "port": 0}, "queries[0].port"),
    ({"source": "shop/client", "destination": "shop/web", "port": "80"}, "queries[0].port"),
    ({"source": "client", "destination": "shop/web", "port": 80}, "queries[0].source"),
    ({"source": "shop/client", "destination": "shop/web", "port": 80, "protcol": "TCP"}, "queries[0].protcol"),
    ({"source": "shop/client", "destination": "shop/web", "port": 80, "protocol": "QUIC"}, "queries[0].protocol"),
    ({"source": "shop/client", "port": 80}, "queries[0].destination"),
])
def test_a_wrong_question_is_refused_with_its_field(live, query, field):
    status, answer = post(live.agent, json.dumps({"queries": [query]}).encode())
    assert status == 400 and answer["kind"] == "Error" and field in answer["message"]


def test_ten_thousand_questions_fit_into_one_call_and_not_one_more(live):
    query = {"source": "shop/client", "destination": "shop/web-svc", "port": 80}
    items = ask(live.agent, *[query] * 10_000)
    assert len(items) == 10_000 and {item["verdict"] for item in items} == {"allowed"}
    status, answer = post(live.agent, json.dumps({"queries": [query] * 10_001}).encode())
    assert status == 400 and "10001" in answer["message"]


def test_a_denial_names_its_rule_and_what_it_suggests_allows(own_shop):
    question = {"source": "shop/client", "destination": "shop/web-0", "port": 8080}
    verdict = lambda: ask(own_shop.agent, question)[0]["verdict"]
    own_shop.node.write("walls.yaml", {
        "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "walls", "namespace": "shop"},
        "spec": {"podSelector": {"matchLabels": {"app": "web"}}, "policyTypes": ["Ingress"]}})
    wait_for(lambda: verdict() == "denied", 5, "the policy in the kernel")
    item, = ask(own_shop.agent, question)
    assert item["decidedBy"] == {"kind": "NetworkPolicy", "namespace": "shop", "name": "walls", "rule": "default",
                                 "tier": "NetworkPolicy"}
    assert stages(item)["ingress"]["reason"] == "default_deny" and stages(item)["egress"]["result"] == "allowed"
    assert "walls" in explain(own_shop, "shop/client", "shop/web-0:8080", code=3)
    own_shop.node.write_text("suggested.yaml", item["suggestion"]["manifest"])
    wait_for(lambda: verdict() == "allowed", 5, "what was suggested in the kernel")
    assert ask(own_shop.agent, question)[0]["decidedBy"]["rule"] == "ingress[0]"
