"""weft and the API against a live agent: what they print and how they end."""

import json
import signal
import tarfile
import time

import pytest

from weftlab import manifests as m
from weftlab.machine import run, wait_for
from weftlab.node import binary


@pytest.fixture(scope="module")
def live(shop):
    address = shop.service("cli")
    shop.client.connect(f"{address}:80", "--count", 50, "--bytes-out", 100, "--bytes-in", 300)
    shop.agent.wait_flows(lambda flows: sum(f["kind"] == "close" for f in flows) >= 50, what="flows", filter="service=shop/cli")
    shop.cli_address = address
    return shop


def weft(shop, *words, code: int = 0, **options):
    done = shop.agent.weft(*words, **options)
    assert done.returncode == code, f"weft {' '.join(map(str, words))}: {done.returncode}\n{done.stdout}\n{done.stderr}"
    return done


def test_status_is_one_screen_and_its_json_is_the_api(live):
    text = weft(live, "status").stdout
    assert len(text.splitlines()) <= 50 and live.node.name in text
    told = json.loads(weft(live, "status", "-o", "json").stdout)
    assert told["kind"] == "Status" and told["ready"] is True
    assert told["revision"]["desired"] == told["revision"]["applied"]
    assert told["sources"][0]["name"] == "files" and told["sources"][0]["synced"] is True
    assert {"version", "node", "maps", "attachments", "events", "features", "unenforced"} <= set(told)
    assert told["services"] >= 1 and told["workloads"] >= 2 and told["endpoints"] >= 3
    assert all(entry["max"] > 0 for entry in told["maps"])


@pytest.mark.parametrize("kind,word", [("services", "cli"), ("endpoints", "8080"), ("workloads", "client"), ("identities", "client")])
def test_get_lists_every_kind(live, kind, word):
    assert word in weft(live, "get", kind).stdout
    listed = json.loads(weft(live, "get", kind, "-o", "json").stdout)
    assert listed["apiVersion"] == "weft/v1" and listed["kind"].endswith("List") and listed["items"]


def test_get_one_by_name_and_unknown_ones_fail(live):
    listed = json.loads(weft(live, "get", "services", "shop/cli", "-o", "json").stdout)["items"][0]
    path, line = listed["origin"].rsplit(":", 1)
    assert listed["clusterIPs"] == [live.cli_address] and path.startswith(str(live.node.manifests)) and int(line) >= 1
    assert weft(live, "get", "services", "-o", "name").stdout.count("shop/") >= 1
    assert weft(live, "get", "services", "shop/unknown", code=1).stderr
    weft(live, "get", "nonsense", code=64)


def test_get_connections_shows_the_open_ones(live):
    stream = live.client.start_client("stream", f"{live.cli_address}:80")
    to_cli = lambda: [flow for flow in json.loads(weft(live, "get", "connections", "-o", "json").stdout)["items"]
                      if flow["destination"].get("service", "").endswith("cli") and flow["kind"] == "open"]
    wait_for(to_cli, 2, "the open connection in the list")  # it enters with the next read of the ring
    stream.stop()
    wait_for(lambda: not to_cli(), 2, "the closed connection off the list")


def test_observe_shows_recent_flows_and_ends_with_counts(live):
    done = weft(live, "observe", "--last", "20", "service=shop/cli")
    assert "client" in done.stdout and "web" in done.stdout
    lines = [json.loads(line) for line in weft(live, "observe", "-o", "jsonl", "service=shop/cli").stdout.splitlines()]
    flows = [line for line in lines if line["kind"] == "close"]
    assert flows and flows[-1]["source"]["workload"] == "client" and flows[-1]["verdict"] == "allowed"
    assert weft(live, "observe", "src=(", code=64).stderr or True


def test_observe_follows_until_interrupted(live):
    process = live.lab.start([binary("weft"), "--socket", live.agent.socket, "observe", "-f", "-o", "jsonl", "service=shop/cli"],
                             stdout=-1, stderr=-1, text=True, name="weft observe -f")
    time.sleep(0.3)
    live.client.connect(f"{live.cli_address}:80", "--count", 5)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=10)
    assert process.returncode == 0
    lines = [json.loads(line) for line in out.splitlines()]
    assert sum(line["kind"] == "close" for line in lines) == 5
    assert lines[-1]["kind"] == "summary" and lines[-1]["lost"] == 0 and lines[-1]["flows"] == len(lines) - 1, err


def test_top_prints_live_rates(live):
    load = live.client.start_client("connect", f"{live.cli_address}:80", "--rate", 200, "--duration", 20, "--concurrency", 8)
    wait_for(lambda: live.agent.api.status()["rates"]["openedPerSecond"] > 50, 15, "a rate", 0.5)
    text = weft(live, "top", "--once").stdout
    load.stop()
    assert "client" in text and "web" in text


def test_check_finds_no_problem_on_a_sound_agent(live):
    done = weft(live, "check")
    assert done.stdout
    checks = json.loads(weft(live, "check", "-o", "json").stdout)
    assert checks["kind"] == "CheckList" and all(item["state"] != "error" for item in checks["items"])
    assert all(item["code"].startswith("WEFT") for item in checks["items"])
    pre = run(live.node.namespace.command([binary("weft"), "check", "--pre"]), check=False)
    assert pre.returncode in (0, 2) and pre.stdout


def test_an_agent_that_is_not_there_is_said_with_code_4(live):
    done = run([binary("weft"), "--socket", "/nonexistent/weft.sock", "status"], check=False)
    assert done.returncode == 4 and "/nonexistent/weft.sock" in done.stderr and done.stdout == ""


def test_a_user_without_permission_gets_code_77(live):
    done = run(["setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", binary("weft"), "--socket", live.agent.socket, "status"],
               check=False)
    assert done.returncode == 77 and done.stderr


def test_version_doc_and_usage(live):
    assert json.loads(weft(live, "version", "-o", "json").stdout)
    code = json.loads(weft(live, "check", "-o", "json").stdout)["items"][0]["code"]
    assert weft(live, "doc", code).stdout
    weft(live, "doc", "WEFT0000", code=65)
    weft(live, "nonsense", code=64)


def test_config_show_names_the_origin_of_every_value(live):
    text = weft(live, "config", "show", "--origin", "--config", live.agent.config_path).stdout
    assert str(live.agent.config_path) in text and str(live.node.bpffs) in text
    told = live.agent.api.get("/api/v1/config")
    assert told["values"]["node"]["name"] == live.node.name and told["origins"]["/node/name"].startswith(str(live.agent.config_path))


def test_bugreport_is_complete_and_read_offline(live):
    bundle = live.node.directory / "report.tar.gz"
    done = run([binary("weft"), "--socket", live.agent.socket, "bugreport", bundle], check=False, cwd=live.node.directory)
    assert done.returncode == 0, done.stderr
    assert bundle.stat().st_mode & 0o777 == 0o600
    with tarfile.open(bundle) as archive:
        names = " ".join(archive.getnames())
    for part in ("status", "metrics", "services", "config"):
        assert part in names
    assert json.loads(run([binary("weft"), "--from", bundle, "status", "-o", "json"]).stdout)["node"]["name"] == live.node.name
    assert "cli" in run([binary("weft"), "--from", bundle, "get", "services"]).stdout


def test_analyze_works_without_an_agent(live, tmp_path):
    good, bad = tmp_path / "good.yaml", tmp_path / "bad.yaml"
    good.write_text(json.dumps(m.namespace("shop")))
    bad.write_text(json.dumps(m.service("bad", ["10.96.0.9"], [m.port(70000, 80)])))
    assert run([binary("weft"), "analyze", good], check=False).returncode == 0
    done = run([binary("weft"), "analyze", "-o", "json", bad], check=False)
    assert done.returncode == 2 and "spec.ports[0].port" in done.stdout


def test_unknown_paths_methods_and_large_requests_are_refused(live):
    request = live.agent.api.request
    assert request("GET", "/api/v1/nothing")[0] == 404
    assert request("POST", "/api/v1/status", {})[0] == 405
    assert request("GET", "/api/v1/flows?filter=src%3D(")[0] == 400
    assert request("POST", "/api/v1/reload", {"x": "y" * (2 << 20)})[0] == 413
    assert live.agent.api.answers("/livez") and live.agent.api.answers("/readyz")


def test_reload_keeps_the_old_configuration_when_the_new_one_is_bad(own_shop):
    shop = own_shop
    address = shop.service("kept")
    good = shop.agent.config_path.read_text()
    for text, word in (('{"apiVersion": "weft/v1", "datapath": {"bpfs": 1}}', "bpffs"), ("{", "weft.yaml"),
                       (good.replace('"level": "info"', '"level": "loud"'), "log.level")):
        shop.agent.config_path.write_text(text)
        status, answer = shop.agent.api.request("POST", "/api/v1/reload", {})
        assert status == 422 and word in answer, answer
        assert weft(shop, "reload", code=65).stderr
        assert shop.agent.running() and shop.client.connect(f"{address}:80", "--count", 3)["failed"] == {}
    assert shop.agent.api.get("/api/v1/config")["values"]["log"]["level"] == "info"
    metrics = shop.agent.api.metrics()
    assert sum(value for labels, value in metrics.series("weft_config_reloads_total") if labels["result"] != "ok") >= 3
    shop.agent.config_path.write_text(good.replace('"level": "info"', '"level": "debug"'))
    shop.agent.process.send_signal(signal.SIGHUP)
    wait_for(lambda: shop.agent.api.get("/api/v1/config")["values"]["log"]["level"] == "debug", 5, "the new level after SIGHUP", 0.1)
    assert weft(shop, "reload").returncode == 0
