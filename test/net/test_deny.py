"""G4: the deny list, with real traffic over a veth that is the node's way to the network."""

from __future__ import annotations

import json
import subprocess
import sys
import time

import pytest

from weftlab.machine import run, wait_for
from weftlab.node import Node, binary
from weftlab.tcx import tcx

OWN, ATTACKER, CUSTOMER = "198.51.100.1", "198.51.100.7", "198.51.100.8"
OWN6, ATTACKER6, CUSTOMER6 = "fd00:51::1", "fd00:51::7", "fd00:51::8"
PORT = 8080

PROBE = """
import socket, sys
source, destination, port = sys.argv[1], sys.argv[2], int(sys.argv[3])
client = socket.socket(socket.AF_INET6 if ":" in source else socket.AF_INET)
client.settimeout(0.4)
client.bind((source, 0))
try:
    client.connect((destination, port))
except (TimeoutError, socket.timeout):
    sys.exit(1)
"""


class Edge:
    """A node whose uplink up0 leads to a namespace with an attacker and a customer."""

    def __init__(self, lab, uplinks=("up*",)):
        self.lab = lab
        self.node = Node(lab)
        self.agent = self.node.agent
        self.outside = lab.namespace("outside")
        self.node.namespace.ip(f"link add up0 type veth peer name out0 netns {self.outside.holder.pid}",
                               f"addr add {OWN}/24 dev up0", f"addr add {OWN6}/64 dev up0 nodad", "link set up0 up")
        self.outside.ip(*(f"addr add {address}/24 dev out0" for address in (ATTACKER, CUSTOMER)),
                        *(f"addr add {address}/64 dev out0 nodad" for address in (ATTACKER6, CUSTOMER6)), "link set out0 up")
        lab.start([binary("weft-peer"), "serve", "--listen", f"0.0.0.0:{PORT},[::]:{PORT + 1}", "--name", "edge"],
                  namespace=self.node.namespace, name="server")
        self.agent.write_config(datapath={"uplinks": list(uplinks)})

    def reaches(self, source: str) -> bool:
        six = ":" in source
        destination = OWN6 if six else OWN
        return run(self.outside.command([sys.executable, "-c", PROBE, source, destination, PORT + six]), check=False).returncode == 0

    def deny(self, *arguments: str) -> subprocess.CompletedProcess:
        return self.agent.weft("deny", *arguments)

    def listed(self) -> dict:
        return json.loads(self.deny("list", "-o", "json").stdout)

    def entry(self, cidr: str) -> dict:
        return next(entry for entry in self.listed()["items"] if entry["cidr"] == cidr)

    def uplink(self) -> dict:
        """How up0 is guarded."""
        return next(a for a in self.agent.api.status()["attachments"] if a["hook"].startswith("uplink_") and a["target"] == "up0"
                    and a["state"] != "foreign")


@pytest.fixture(scope="module")
def edge(lab) -> Edge:
    edge = Edge(lab)
    edge.agent.start()
    wait_for(lambda: edge.reaches(CUSTOMER) and edge.reaches(CUSTOMER6), 10, "the way to the node")
    return edge


@pytest.fixture(autouse=True)
def nothing_denied(request):
    yield
    if "edge" not in request.fixturenames:
        return
    edge = request.getfixturevalue("edge")
    if not edge.agent.running():
        edge.agent.start()
    edge.node.apply("deny.yaml")
    for entry in edge.listed()["items"]:
        assert edge.deny("remove", entry["cidr"]).returncode == 0


@pytest.mark.parametrize("cidr, attacker, customer", [
    (f"{ATTACKER}/32", ATTACKER, CUSTOMER), ("198.51.100.0/29", ATTACKER, CUSTOMER),
    (f"{ATTACKER6}/128", ATTACKER6, CUSTOMER6), ("fd00:51::/125", ATTACKER6, CUSTOMER6)])
def test_a_denied_address_is_dropped_within_a_second_and_others_are_not(edge, cidr, attacker, customer):
    assert edge.reaches(attacker)
    force = ["--force"] if "/29" in cidr or "/125" in cidr else []  # these hold the node's own address
    began = time.monotonic()
    done = edge.deny("add", cidr, "--ttl", "10m", "--reason", "a test", *force)
    assert done.returncode == 0, done.stderr
    took_s = time.monotonic() - began
    assert took_s < 1, f"it took {took_s:.2f} s"
    assert not edge.reaches(attacker)
    assert edge.reaches(customer)
    entry = edge.entry(edge.listed()["items"][0]["cidr"])
    assert entry["packets"] >= 1 and entry["bytes"] >= 60 * entry["packets"] - 60 and entry["command"]["reason"] == "a test"
    assert edge.deny("remove", cidr).returncode == 0
    assert edge.reaches(attacker)
    assert edge.listed()["items"] == []


def test_the_list_says_how_often_each_entry_was_met_and_metrics_count_all(edge):
    before = edge.agent.api.metrics().sum("weft_drops_total", reason="deny_list")
    assert edge.deny("add", ATTACKER, "198.51.100.200").returncode == 0
    for _ in range(3):
        assert not edge.reaches(ATTACKER)
    assert edge.entry(f"{ATTACKER}/32")["packets"] >= 3 and edge.entry("198.51.100.200/32")["packets"] == 0
    wait_for(lambda: edge.agent.api.metrics().sum("weft_drops_total", reason="deny_list") >= before + 3, 5, "the metric")
    shown = edge.deny("list").stdout
    assert ATTACKER in shown and "uid 0" in shown and "for ever" in shown


@pytest.mark.parametrize("cidr", ["0.0.0.0/0", "127.0.0.1", "::1", f"{OWN}/32", "198.51.100.0/24"])
def test_what_would_cut_the_node_off_is_refused_unless_forced(edge, cidr):
    done = edge.deny("add", cidr)
    assert done.returncode == 65 and "--force" in done.stderr, done
    assert edge.listed()["items"] == []


def test_bad_input_is_refused_with_a_reason(edge):
    assert edge.deny("add", "10.0.0.300").returncode in (64, 65)
    assert edge.deny("add", "10.9.9.9", "--ttl", "soon").returncode == 64
    assert "not on the deny list" in edge.deny("remove", "10.9.9.9").stderr
    status, body = edge.agent.api.request("POST", "/api/v1/deny", {"action": "add", "cidrs": ["10.9.9.9"], "tll": "1m"})
    assert status == 400 and "tll" in body


def test_only_root_and_the_agents_user_may_change_the_list(edge):
    code = ("import os, socket, sys\nos.setuid(65534)\nclient = socket.socket(socket.AF_UNIX)\nclient.connect(sys.argv[1])\n"
            "body = b'{\"action\":\"add\",\"cidrs\":[\"10.9.9.9\"]}'\n"
            "client.sendall(b'POST /api/v1/deny HTTP/1.0\\r\\nContent-Length: %d\\r\\n\\r\\n' % len(body) + body)\nprint(client.recv(1000).decode())")
    edge.agent.socket.chmod(0o666)
    for directory in (edge.node.directory, *edge.node.directory.parents):
        if directory == directory.parent or directory.stat().st_mode & 1:
            continue
        directory.chmod(directory.stat().st_mode | 1)
    answer = run([sys.executable, "-c", code, str(edge.agent.socket)], check=False)
    assert " 403 " in answer.stdout, answer
    assert edge.listed()["items"] == []


def test_who_denied_what_is_kept_and_logged(edge):
    assert edge.deny("add", "198.51.100.77", "--ttl", "1h", "--reason", "audit me").returncode == 0
    assert edge.deny("remove", "198.51.100.77").returncode == 0
    newest = edge.listed()["audit"][:2]
    assert [record["action"] for record in newest] == ["allow", "deny"]
    assert newest[1]["uid"] == 0 and newest[1]["pid"] > 0 and newest[1]["subject"] == "198.51.100.77/32" and "audit me" in newest[1]["detail"]
    assert "denied 198.51.100.77/32" in edge.agent.log()
    edge.agent.stop()
    edge.agent.start()
    assert edge.listed()["audit"][:2] == newest


def test_a_kill_and_a_restart_change_nothing(edge):
    assert edge.deny("add", ATTACKER, "--ttl", "10m").returncode == 0
    until = edge.entry(f"{ATTACKER}/32")["until"]
    edge.agent.kill()
    assert not edge.reaches(ATTACKER) and edge.reaches(CUSTOMER)
    edge.agent.start()
    assert not edge.reaches(ATTACKER) and edge.reaches(CUSTOMER)
    assert edge.entry(f"{ATTACKER}/32")["until"] == until


def test_a_denial_ends_by_itself_with_and_without_an_agent(edge):
    assert edge.deny("add", ATTACKER, "--ttl", "2s").returncode == 0
    assert not edge.reaches(ATTACKER)
    wait_for(lambda: edge.reaches(ATTACKER), 4, "the end of the denial")
    wait_for(lambda: edge.listed()["items"] == [], 3, "the entry gone")
    assert edge.deny("add", ATTACKER, "--ttl", "2s").returncode == 0
    edge.agent.kill()
    assert not edge.reaches(ATTACKER)
    wait_for(lambda: edge.reaches(ATTACKER), 4, "the end of the denial without an agent")
    edge.agent.start()
    assert edge.listed()["items"] == []


def deny_list(cidrs: list[str], **spec) -> dict:
    return {"apiVersion": "mesh.weft.dev/v1alpha1", "kind": "DenyList", "metadata": {"name": "attackers"}, "spec": {"cidrs": cidrs, **spec}}


def test_an_object_denies_as_the_command_does(edge):
    edge.node.apply("deny.yaml", deny_list([ATTACKER, "203.0.113.0/24"], ttl="3s"))
    assert not edge.reaches(ATTACKER) and edge.reaches(CUSTOMER)
    assert edge.entry(f"{ATTACKER}/32")["lists"] == ["attackers"]
    assert "DenyList attackers" in edge.deny("remove", ATTACKER).stderr
    edge.agent.stop()
    edge.agent.start()
    assert not edge.reaches(ATTACKER), "the restart forgot the list"
    wait_for(lambda: edge.reaches(ATTACKER), 5, "its end, which counts from when it was first read")
    edge.node.apply("deny.yaml", deny_list([ATTACKER]))
    assert not edge.reaches(ATTACKER)
    edge.node.apply("deny.yaml")
    assert edge.reaches(ATTACKER)


def test_a_bad_object_is_refused_and_the_last_good_one_stays(edge):
    edge.node.apply("deny.yaml", deny_list([ATTACKER]))
    edge.node.write("deny.yaml", deny_list(["not an address"], ttl="soon"))
    done = edge.agent.weft("reload")
    assert done.returncode == 65 and "spec.cidrs[0]" in done.stdout + done.stderr
    assert not edge.reaches(ATTACKER)
    edge.node.write("deny.yaml", deny_list([CUSTOMER, f"{OWN}/32"]))
    done = edge.agent.weft("reload")
    assert done.returncode == 65 and "WEFT1401" in done.stdout + done.stderr
    assert not edge.reaches(CUSTOMER), "its other blocks are denied"


def test_the_uplink_is_guarded_by_xdp_in_driver_mode(edge):
    assert edge.uplink() == {"hook": "uplink_xdp", "target": "up0", "state": "attached", "detail": "driver mode"}
    assert all(entry["state"] != "missing" for entry in edge.agent.api.status()["attachments"])


def test_an_uplink_that_appears_is_guarded(edge):
    assert edge.deny("add", "198.51.102.7").returncode == 0
    far = edge.lab.namespace("far")
    edge.node.namespace.ip(f"link add up1 type veth peer name out0 netns {far.holder.pid}", "addr add 198.51.102.1/24 dev up1", "link set up1 up")
    far.ip("addr add 198.51.102.7/24 dev out0", "addr add 198.51.102.8/24 dev out0", "link set out0 up")
    probe = lambda source: run(far.command([sys.executable, "-c", PROBE, source, "198.51.102.1", str(PORT)]), check=False).returncode == 0
    wait_for(lambda: probe("198.51.102.8"), 5, "the way over the new uplink")
    assert not probe("198.51.102.7")
    edge.node.namespace.ip("link del up1")
    wait_for(lambda: all(a["target"] != "up1" for a in edge.agent.api.status()["attachments"]), 5, "the uplink gone from the status")
    assert not any("uplink" in path.name and not path.name.endswith(str(_index(edge))) for path in (edge.node.bpffs / "links").iterdir())


def _index(edge) -> int:
    return json.loads(run(edge.node.namespace.command(["ip", "-j", "link", "show", "up0"])).stdout)[0]["ifindex"]


def test_a_pin_that_somebody_removed_is_made_again(edge):
    pin = edge.node.bpffs / "links" / f"uplink_xdp_{_index(edge)}"
    pin.unlink()
    wait_for(pin.exists, 12, "the pin made again", 0.1)
    assert edge.agent.api.metrics().sum("weft_drift_repaired_total") >= 1


@pytest.mark.limit(120)
def test_where_somebody_elses_xdp_program_is_tcx_takes_over(own_lab, tmp_path):
    edge = Edge(own_lab)
    source = tmp_path / "pass.c"
    source.write_text('__attribute__((section("xdp"), used)) int somebodys_xdp(void *ctx) { return 2; }\n'
                      'char _license[] __attribute__((section("license"), used)) = "GPL";\n')
    run(["clang-19", "-O2", "-target", "bpf", "-c", source, "-o", tmp_path / "pass.o"])
    # Not by ip(8), which makes directories on the bpf file system and leaves them.
    pin = edge.node.bpffs.parent / f"{edge.node.bpffs.name}-somebody"
    run(["bpftool", "prog", "load", tmp_path / "pass.o", pin, "type", "xdp"])
    run(edge.node.namespace.command(["bpftool", "net", "attach", "xdpdrv", "pinned", pin, "dev", "up0"]))
    pin.unlink()
    edge.agent.start()
    wait_for(lambda: edge.reaches(CUSTOMER) and edge.reaches(CUSTOMER6), 10, "the way to the node")
    assert edge.uplink() == {"hook": "uplink_tc", "target": "up0", "state": "attached", "detail": "another XDP program is there"}
    assert any(a["state"] == "foreign" and a["target"] == "up0" for a in edge.agent.api.status()["attachments"])
    assert edge.deny("add", ATTACKER, ATTACKER6).returncode == 0
    assert not edge.reaches(ATTACKER) and edge.reaches(CUSTOMER)
    assert not edge.reaches(ATTACKER6) and edge.reaches(CUSTOMER6)
    assert edge.entry(f"{ATTACKER}/32")["packets"] >= 1
    edge.node.namespace.ip("link set dev up0 xdp off")
    wait_for(lambda: edge.uplink()["hook"] == "uplink_xdp", 12, "XDP once the other program is gone", 0.1)
    assert tcx(edge.node.namespace, "show", "up0", "ingress") == []
    assert not edge.reaches(ATTACKER) and edge.reaches(CUSTOMER)


def test_cleanup_takes_the_programs_off_the_uplinks(own_lab):
    edge = Edge(own_lab)
    edge.agent.start()
    wait_for(lambda: edge.reaches(CUSTOMER), 10, "the way to the node")
    assert edge.deny("add", ATTACKER).returncode == 0 and not edge.reaches(ATTACKER)
    edge.agent.stop()
    assert not edge.reaches(ATTACKER)
    assert edge.agent.cleanup().returncode == 0
    assert edge.reaches(ATTACKER)
    shown = run(edge.node.namespace.command(["ip", "-j", "link", "show", "up0"])).stdout
    assert "xdp" not in json.loads(shown)[0], shown


def test_a_list_without_uplinks_says_that_it_does_not_act(own_lab):
    edge = Edge(own_lab, uplinks=())
    edge.agent.start()
    done = edge.deny("add", ATTACKER)
    assert done.returncode == 0 and "datapath.uplinks" in done.stderr
    assert edge.reaches(ATTACKER)
    check = edge.agent.weft("check")
    assert check.returncode == 2 and "WEFT3030" in check.stdout
