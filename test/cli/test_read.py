import json
import os
import re
import signal
import subprocess
import threading
import time
import urllib.parse

import pytest
from conftest import CHECKS, DENIED, EDGES, FLOW, SERVICES, STATUS, WEFT, clean_environment, stream

KINDS = ["services", "endpoints", "workloads", "identities", "policies", "routes", "certs", "connections"]


# -- reaching the agent -------------------------------------------------------------------------------------------------

def test_no_socket_is_4_and_names_it(weft, directory):
    result = weft("status")
    assert result.code == 4 and result.out == ""
    assert f"there is no socket {directory}/weft.sock" in result.err
    assert "systemctl start weftd" in result.err


def test_nobody_listens_is_4(weft, agent):
    agent.close()
    result = weft("get", "services")
    assert result.code == 4 and "nobody listens" in result.err


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root to become somebody else")
def test_no_permission_is_77(agent, directory):
    os.chmod(directory, 0o755)
    os.chmod(agent.socket, 0o600)
    agent.get("status", STATUS)
    done = subprocess.run([WEFT, "--socket", agent.socket, "status"], user=65534, group=65534, extra_groups=[], cwd="/",
                          capture_output=True, env=clean_environment(), timeout=60)
    assert done.returncode == 77 and b"api.group" in done.stderr


def test_a_silent_agent_is_124(weft, agent):
    release = threading.Event()
    agent.get("status", lambda handler: release.wait(20))
    begin = time.monotonic()
    result = weft("status", "--timeout", "300ms")
    release.set()
    assert result.code == 124 and time.monotonic() - begin < 10
    assert "did not answer in time" in result.err


def test_refusals_of_the_agent_keep_their_meaning(weft, agent):
    for status, code, expected in ((403, 77, 77), (400, 65, 65), (408, 124, 124), (404, 1, 1), (500, 1, 1), (400, 0, 65), (403, 0, 77)):
        agent.get("status", {"kind": "Error", "code": code, "message": "because of reasons"}, status)
        result = weft("status")
        assert result.code == expected, (status, code)
        assert "because of reasons" in result.err


def test_an_answer_that_is_no_json_is_a_failure(weft, agent):
    for body in ("nonsense", "[" * 100000, b"\xff\xfe", "{\"items\":"):
        agent.get("status", body)
        result = weft("status")
        assert result.code == 1 and "not JSON" in result.err or "nests too deeply" in result.err


def test_an_agent_that_hangs_up_is_a_failure_not_a_crash(weft, agent):
    def hang_up(handler):
        handler.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf")
        handler.close_connection = True

    agent.get("status", hang_up)
    result = weft("status")
    assert result.code == 4 and "broke" in result.err


def test_the_socket_comes_from_flag_environment_configuration(weft, shop, directory):
    config = os.path.join(directory, "weft.yaml")
    with open(config, "w") as file:
        file.write(f"api: {{socket: {shop.socket}}}\n")
    assert weft("--socket", shop.socket, "status", env={"WEFT_API__SOCKET": "/nonexistent"}).code == 0
    assert weft("status", env={"WEFT_API__SOCKET": shop.socket}).code == 0
    assert weft("--config", config, "status", socket=False).code == 0
    assert weft("--config", config, "status", env={"WEFT_API__SOCKET": "/nonexistent"}).code == 4


# -- get -----------------------------------------------------------------------------------------------------------------

@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_in_every_format(weft, shop, kind):
    document = weft("get", kind, "-o", "json").json
    assert document["apiVersion"] == "weft/v1" and document["kind"].endswith("List")
    lines = weft("get", kind, "-o", "jsonl").lines
    assert [json.loads(line) for line in lines] == document["items"]
    assert len(weft("get", kind, "-o", "name").lines) == len(document["items"])
    for format in ("table", "wide"):
        result = weft("get", kind, "-o", format)
        assert result.code == 0
        assert len(result.lines) == (len(document["items"]) + 1 if document["items"] else 0)
    assert weft("get", kind, "-o", "yaml").out.startswith("apiVersion: weft/v1\n")


def test_table_of_services(weft, shop):
    result = weft("get", "services")
    assert result.out == (
        "NAMESPACE  NAME  TYPE       ADDRESSES             PORTS         ENDPOINTS  STATE\n"
        "shop       web   NodePort   10.96.0.1,fd00:96::1  80:30080/TCP          2  Programmed\n"
        "shop       db    ClusterIP  10.96.0.2             5432/TCP              0  Error\n"
        "other      web   ClusterIP  None                                        0  Accepted\n")
    assert result.err == ""
    assert "no endpoint" in weft("get", "services", "-o", "wide").out


def test_names_are_namespace_slash_name(weft, shop):
    assert weft("get", "svc", "-o", "name").lines == ["shop/web", "shop/db", "other/web"]


def test_an_empty_list_says_so_on_standard_error_only(weft, shop):
    result = weft("get", "routes")
    assert (result.code, result.out, result.err) == (0, "", "nothing found\n")


def test_policies_show_tier_mode_and_what_they_select(weft, shop):
    lines = weft("get", "policies").lines
    assert lines[0].split() == ["NAMESPACE", "NAME", "TIER", "PRIORITY", "DIRECTIONS", "WORKLOADS", "RULES", "MODE", "STATE"]
    assert lines[1].split() == ["guard", "Admin", "5", "egress", "9", "0", "audit", "Error"]
    assert lines[2].split() == ["shop", "web", "NetworkPolicy", "ingress", "3", "1", "Accepted"]
    wide = weft("get", "policy", "-o", "wide").out
    assert "pods app=web" in wide and "not in the kernel yet" in wide
    assert weft("get", "policies", "-o", "name").lines == ["guard", "shop/web"]


def test_namespace_filter_is_passed_on_and_all_namespaces_wins(weft, shop):
    weft("get", "services", "-n", "a b&c")
    assert shop.requests[-1] == ("GET", "/api/v1/services?namespace=a%20b%26c")
    weft("get", "services", "-n", "shop", "-A")
    assert shop.requests[-1] == ("GET", "/api/v1/services")


def test_names_of_get(weft, shop):
    def names(*words):
        return weft("get", *words, "-o", "name").lines

    assert names("services", "shop/web") == ["shop/web"]
    assert names("services", "web") == ["shop/web", "other/web"]
    assert names("services", "10.96.0.2") == ["shop/db"]
    assert names("services", "shop/web-1") == ["shop/web"]  # a pod that serves it
    assert names("workloads", "web-2") == ["shop/backend"]
    assert names("workloads", "192.0.2.10") == ["prod/payments"]
    assert names("endpoints", "shop/web") == ["10.1.0.2:8080", "10.1.0.3:8080"]
    assert names("endpoints", "10.1.0.3") == ["10.1.0.3:8080"]
    assert names("connections", "shop/frontend") == ["10.1.0.1:41000 10.1.0.2:8080"]
    assert names("connections", "shop/web") == ["10.1.0.1:41000 10.1.0.2:8080"]
    assert names("connections", "prod/payments") == []


def test_a_name_that_nobody_has_is_1_with_a_suggestion(weft, shop):
    result = weft("get", "endpoints", "shop/fronted")
    assert result.code == 1 and "did you mean 'shop/frontend'?" in result.err and result.out == ""


def test_an_unknown_kind_is_64(weft, shop):
    result = weft("get", "servces")
    assert result.code == 64 and "did you mean 'services'?" in result.err


def test_control_characters_never_reach_the_terminal(weft, shop):
    evil = "a\x1b]0;owned\x07\x9b31m\u202e\x7f"
    shop.list("services", "ServiceList", [{**SERVICES[0], "name": evil, "status": {"state": evil, "reason": evil}}])
    shop.get("status", {**STATUS, "version": evil, "node": {"name": evil}, "sources": [{"name": evil}]})
    shop.list("checks", "CheckList", [{"code": evil, "title": evil, "state": evil, "fix": evil}])
    shop.get("flows", stream([{**FLOW, "source": {"namespace": evil, "workload": evil, "address": evil}, "verdict": evil}]))
    shop.list("edges", "EdgeList", [{**EDGES[0], "source": {"namespace": evil, "workload": evil}}])
    for words in (["get", "services"], ["status"], ["check"], ["observe"], ["top", "--once"], ["version"]):
        for format in ("table", "wide", "json", "jsonl", "yaml", "name"):
            result = weft(*words, "-o", format)
            assert result.code in (0, 64), result.err
            text = result.out + result.err
            assert not re.search("[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e]", text), (words, format)
            if format == "json" and words[0] not in ("observe",):
                json.loads(result.out)
    assert weft("get", "services", "-o", "json").json["items"][0]["name"] == evil


def test_items_of_unexpected_shape_do_not_crash(weft, shop):
    for body in ({"items": 5}, {"items": [5, None, [], {"name": {}, "ports": [1], "frontends": [None], "status": 3}]}, [], "text", 7, None):
        for name in KINDS + ["edges", "checks", "status"]:
            shop.get(name, body)
        for words in ([["get", kind] for kind in KINDS] + [["get", "services", "x/y"], ["top", "--once"], ["check"], ["status"]]):
            assert weft(*words).code in (0, 1, 2), words


# -- status, check, version ----------------------------------------------------------------------------------------------

def test_status_is_one_screen(weft, shop):
    result = weft("status")
    assert result.code == 0
    for part in ("weft 9.9.9 on node-a, zone z1, region r1, up 1h1m", "ready, revision 11 of 12", "12.5/s opened", "77 told, 3 lost",
                 "files: synced, 40 objects", "sockops        missing at /sys/fs/cgroup: detached by somebody", "90%", "mptcp: kernel is too old",
                 "error WEFT1103 Service shop/x spec.ports: is missing (a.yaml:3)", "and 4 more"):
        assert part in result.out, part
    assert len(result.lines) < 24
    assert weft("status", "-o", "json").json == STATUS
    assert weft("status", "-o", "name").code == 64


def test_check_is_0_with_warnings_and_2_with_errors(weft, shop):
    result = weft("check")
    assert result.code == 0
    assert "WEFT3002 BTF: Use a kernel with BTF." in result.out
    assert result.err == "2 checks: 1 ok, 1 warnings, 0 errors\n"
    shop.list("checks", "CheckList", CHECKS + [{"code": "WEFT3003", "title": "Mounts", "state": "error"}])
    assert weft("check").code == 2
    result = weft("check", "-o", "json")
    assert result.code == 2 and len(result.json["items"]) == 3


def test_check_is_2_with_a_warning_that_somebody_must_act_on(weft, shop):
    full = {"code": "WEFT3009", "title": "A kernel map is more than four fifths full", "state": "warning", "subject": "weft_services",
            "detail": "85 of 100 entries", "fix": "Raise it."}
    shop.list("checks", "CheckList", CHECKS + [full])
    assert weft("check").code == 2
    shop.list("checks", "CheckList", CHECKS + [{**full, "state": "ok"}])
    assert weft("check").code == 0


def test_version_with_and_without_an_agent(weft, shop):
    assert weft("version").out.splitlines()[1] == "weftd 9.9.9"
    document = weft("version", "-o", "json").json
    assert document["server"] == {"version": "9.9.9"} and document["client"]["version"]
    shop.close()
    result = weft("version", "--socket", "/nonexistent")
    assert result.code == 0 and "weftd not reachable" in result.out


# -- observe -------------------------------------------------------------------------------------------------------------

def test_observe_prints_lines_and_a_summary(weft, shop):
    result = weft("observe")
    assert result.code == 0
    assert re.search(r"^03:04:05.123  close  TCP   shop/frontend -> shop/backend:8080 \(shop/web\) +allowed \(fin\)  "
                     r"sent 1.5 KiB, received 20 B, 1.5s, rtt 120us$", result.lines[0])
    assert "no-endpoint (no_endpoints)" in result.lines[1] and "world 198.51.100.1:5" in result.lines[1]
    assert result.err == "2 flows, 1 lost\n"


def test_observe_as_jsonl_ends_with_its_summary(weft, shop):
    result = weft("observe", "-o", "jsonl")
    lines = [json.loads(line) for line in result.lines]
    assert lines[0] == FLOW and lines[1] == DENIED
    assert lines[2] == {"kind": "summary", "flows": 2, "lost": 1}


def test_observe_passes_the_filter_on(weft, shop):
    weft("observe", "src=shop/*", "verdict=denied", "--last", "5")
    assert shop.requests[-1][1] == "/api/v1/flows?last=5&filter=src%3Dshop%2F%2A%20and%20verdict%3Ddenied"
    weft("observe", "-f", "src=a", "or", "dst=b")
    assert shop.requests[-1][1] == "/api/v1/flows?follow=1&filter=src%3Da%20or%20dst%3Db"


def test_observe_tells_where_flows_were_lost(weft, shop):
    shop.get("flows", stream([FLOW, {"kind": "lost", "count": 7}, FLOW]))
    result = weft("observe", "-f")
    assert result.err == "7 flows were lost here\n2 flows, 7 lost\n"
    assert {"kind": "lost", "count": 7} in [json.loads(line) for line in weft("observe", "-f", "-o", "jsonl").lines]


def test_a_bad_filter_is_64_with_the_reason(weft, shop):
    shop.get("flows", {"kind": "Error", "code": 64, "message": "at 5: a value was expected"}, 400)
    result = weft("observe", "src=")
    assert result.code == 64 and "at 5: a value was expected" in result.err and result.out == ""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_control_c_ends_observe_with_the_summary(shop, directory, number):
    release = threading.Event()
    shop.get("flows", stream([FLOW], pause=release))
    child = subprocess.Popen([WEFT, "--socket", shop.socket, "observe", "-f"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=clean_environment())
    assert b"shop/frontend" in child.stdout.readline()  # printed at once, not when a buffer is full
    child.send_signal(number)
    out, err = child.communicate(timeout=20)
    release.set()
    assert child.returncode == 0 and err == b"1 flows, 0 lost\n"


def test_observe_with_a_time_limit_is_124_and_still_sums_up(weft, shop):
    release = threading.Event()
    shop.get("flows", stream([FLOW], pause=release))
    result = weft("observe", "-f", "--timeout", "500ms")
    release.set()
    assert result.code == 124 and "1 flows, 0 lost" in result.err and "shop/frontend" in result.out


def test_a_stream_that_breaks_off_still_sums_up(weft, shop):
    shop.get("flows", stream([FLOW], end=False))
    result = weft("observe", "-f")
    assert "1 flows, 0 lost" in result.err and len(result.lines) == 1


def test_a_reader_that_goes_away_is_no_noise(shop):
    shop.get("flows", stream([FLOW] * 20000))
    script = f"{WEFT} --socket {shop.socket} observe | head -1"
    done = subprocess.run(["bash", "-c", script], capture_output=True, env=clean_environment(), timeout=60)
    assert done.stderr == b"" and done.stdout.count(b"\n") == 1


def test_a_full_disk_is_a_failure(shop):
    with open("/dev/full", "w") as full:
        done = subprocess.run([WEFT, "--socket", shop.socket, "get", "services"], stdout=full, stderr=subprocess.PIPE, env=clean_environment(), timeout=60)
    assert done.returncode == 1 and b"cannot write to standard output" in done.stderr


# -- top -----------------------------------------------------------------------------------------------------------------

def test_top_once(weft, shop):
    result = weft("top", "--once")
    assert result.code == 0 and len(result.lines) == 2
    assert re.search(r"shop/frontend +shop/backend:80 +shop/web +TCP +1.5/s +0/s +100 B/s +2.0 KiB/s +1 +250us", result.lines[1])
    assert weft("top", "--once", "--by", "drop").lines[1].split()[4:6] == ["refused", "2"]
    assert [line.split()[0] for line in weft("top", "--once", "--by", "workload").lines[1:]] == ["shop/frontend", "shop/backend"]
    assert weft("top", "--once", "-o", "json").json["items"][0]["source"] == "shop/frontend"


def test_top_rounds_are_blocks_of_text(weft, shop):
    result = weft("top", "-n", "2")
    assert result.out.count("SOURCE") == 2 and "\n\n" in result.out and "\x1b" not in result.out
    assert len([request for request in shop.requests if "edges" in request[1]]) == 2


def test_top_without_traffic_says_so(weft, shop):
    shop.list("edges", "EdgeList", [])
    assert weft("top", "--once").out == "no traffic seen yet\n"


def test_observe_verdict_narrows_every_word_of_the_filter(weft, shop):
    for words, wanted in (((), "verdict=denied"), (("src=a", "or", "src=b"), "verdict=denied and (src=a or src=b)")):
        assert weft("observe", "--verdict", "denied", *words).code == 0
        path = shop.requests[-1][1]
        assert urllib.parse.parse_qs(path.split("?")[1])["filter"] == [wanted]
    assert weft("observe", "--verdict", "maybe").code == 64


def test_observe_names_the_rule_of_a_denial(weft, agent):
    denied = {**DENIED, "verdict": "denied", "reason": "default_deny", "direction": "ingress",
              "policy": {"kind": "NetworkPolicy", "namespace": "shop", "name": "walls", "rule": "default", "tier": "NetworkPolicy"}}
    agent.get("flows", stream([denied]))
    assert weft("observe").lines[0].endswith("denied (default_deny) by NetworkPolicy shop/walls default")
