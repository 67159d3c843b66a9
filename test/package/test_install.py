"""The life of the package on a machine: install, use, upgrade, remove, purge. The tests build on one another, in order."""

import json
import re
import time

from machine import await_true

CAPABILITIES = (1 << 39) | (1 << 12) | (1 << 38)  # BPF, NET_ADMIN, PERFMON
ALL_CALLS = 200

MANIFEST = """
apiVersion: v1
kind: Service
metadata: {name: web, namespace: default}
spec: {clusterIP: 10.96.0.10, ports: [{name: http, port: 80, targetPort: 8080}]}
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: {name: web-1, namespace: default, labels: {kubernetes.io/service-name: web}}
addressType: IPv4
ports: [{name: http, port: 8080, protocol: TCP}]
endpoints:
- {addresses: [10.1.0.1], conditions: {ready: true}}
- {addresses: [10.1.0.2], conditions: {ready: true}}
"""


def status(machine):
    return json.loads(machine.run("weft", "status", "-o", "json").stdout)


def show(machine, name):
    return machine.run("systemctl", "show", "-P", name, "weftd").stdout.strip()


def agent_log(machine):
    path = machine.path("/var/log/weftd.log")
    return path.read_text(errors="replace")[-3000:] if path.exists() else "no log"


def start_stream(machine, seconds):
    """A connection that echoes every 5 ms, once it does."""
    stream = machine.start("weft-peer", "stream", "--to", "10.96.0.10:80", "--streams", "2", "--duration", str(seconds), "--interval-ms", "5")
    assert stream.stdout.readline() == "ready\n"
    return stream


def assert_unbroken(stream):
    report = json.loads(stream.communicate(timeout=60)[0])
    assert report["failed"] == {} and report["echoes"] > 100, report


def calls(machine, count=40):
    done = machine.run("weft-peer", "connect", "--to", "10.96.0.10:80", "--count", str(count), "--timeout", "2", check=False)
    return json.loads(done.stdout)


def test_installing_makes_the_user_and_starts_the_agent(machine):
    machine.run("dpkg", "-i", "/var/tmp/weft.deb", limit_s=120)
    assert show(machine, "ActiveState") == "active", agent_log(machine)
    assert machine.run("systemctl", "is-enabled", "weftd").stdout == "enabled\n"
    assert re.match(r"weft:x:\d+:\d+:.*:/usr/sbin/nologin\n", machine.run("getent", "passwd", "weft").stdout)


def test_the_agent_runs_with_the_three_capabilities_and_nothing_else(machine):
    pid = show(machine, "MainPID")
    facts = dict(line.split(":\t", 1) for line in machine.path(f"/proc/{pid}/status").read_text().splitlines() if ":\t" in line)
    user = machine.run("id", "-u", "weft").stdout.strip()
    assert set(facts["Uid"].split()) == {user} and user != "0"
    for kind in ("CapEff", "CapBnd", "CapPrm"):
        assert int(facts[kind], 16) & ~CAPABILITIES == 0, f"{kind} {facts[kind]}"
    assert facts["NoNewPrivs"] == "1" and facts["Seccomp"] == "2"


def test_pins_and_socket_are_closed_to_others(machine):
    def mode(path):
        return machine.run("stat", "-c", "%a %U:%G", path).stdout.strip()

    assert mode("/sys/fs/bpf/weft") == "700 weft:weft"
    assert mode("/run/weft/weft.sock") == "660 weft:weft"
    assert mode("/var/lib/weft") == "700 weft:weft"
    denied = machine.run("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "weft", "status", check=False)
    assert denied.returncode == 77, denied.stderr
    member = machine.run("setpriv", "--reuid=65534", "--regid=weft", "--clear-groups", "weft", "status", check=False)
    assert member.returncode == 0, member.stderr


def test_one_file_gives_load_balancing(machine):
    machine.path("/etc/weft/manifests.d/web.yaml").write_text(MANIFEST)
    for last in (1, 2):
        machine.run("ip", "addr", "add", f"10.1.0.{last}/32", "dev", "lo")
        machine.start("weft-peer", "serve", "--name", f"s{last}", "--listen", f"10.1.0.{last}:8080")
    await_true(lambda: calls(machine, 1)["ok"] == 1, 10, "the service answers")
    report = calls(machine)
    assert (report["ok"], report["failed"], set(report["servers"])) == (40, {}, {"s1", "s2"})
    page = status(machine)
    assert page["ready"] and {item["state"] for item in page["attachments"]} == {"attached"}


def test_the_watchdog_is_fed(machine):
    before = show(machine, "WatchdogTimestampMonotonic")
    await_true(lambda: show(machine, "WatchdogTimestampMonotonic") != before, 35, "a keep-alive")


def test_a_crash_is_followed_by_a_restart_and_no_call_fails(machine):
    pid = show(machine, "MainPID")
    machine.run("kill", "-9", pid)
    assert calls(machine)["ok"] == 40
    await_true(lambda: show(machine, "ActiveState") == "active" and show(machine, "MainPID") not in ("0", pid), 20, "a new agent")
    assert calls(machine)["ok"] == 40


def test_an_upgrade_cuts_nothing(machine):
    stream = start_stream(machine, 8)
    before = show(machine, "MainPID")
    client = machine.start("weft-peer", "connect", "--to", "10.96.0.10:80", "--count", "100000", "--duration", "6", "--rate", str(ALL_CALLS))
    time.sleep(0.5)
    machine.run("dpkg", "-i", "/var/tmp/weft.deb", limit_s=120)
    assert show(machine, "MainPID") != before and show(machine, "ActiveState") == "active", agent_log(machine)
    load = json.loads(client.communicate(timeout=60)[0])
    assert load["ok"] >= ALL_CALLS and load["failed"] == {}
    assert_unbroken(stream)


def test_settings_of_the_administrator_survive_an_upgrade(machine):
    path = machine.path("/etc/weft/weft.yaml")
    path.write_text(path.read_text().replace("level: info", "level: debug"))
    machine.run("dpkg", "--force-confdef", "-i", "/var/tmp/weft.deb", limit_s=120)
    assert "level: debug" in path.read_text()
    await_true(lambda: status(machine)["ready"], 20, "ready again")


def test_removing_takes_the_programs_out_and_cuts_no_connection(machine):
    stream = start_stream(machine, 5)
    machine.run("dpkg", "-r", "weft", limit_s=120)
    assert_unbroken(stream)
    assert machine.run("find", "/sys/fs/bpf", "-mindepth", "2").stdout == ""
    assert calls(machine, 1)["ok"] == 0
    assert machine.path("/etc/weft/weft.yaml").exists()


def test_purging_leaves_nothing(machine):
    machine.run("dpkg", "-P", "weft", limit_s=120)
    left = machine.run("find", "/etc", "/usr", "/lib", "/var/lib", "/run", "/sys/fs/bpf", "-xdev", "-iname", "*weft*",
                       "-not", "-path", "/usr/local/bin/weft-peer", "-not", "-path", "/etc/systemd/system/weftd.service.d*").stdout
    assert left == ""
    assert machine.run("getent", "passwd", "weft", check=False).returncode == 2
    assert machine.run("getent", "group", "weft", check=False).returncode == 2
