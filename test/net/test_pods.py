"""Pods under the datapath: their interfaces are found from the host, carry our programs first, and never lose them."""

import json
import os
import struct
import subprocess
import time

import pytest

from conftest import Shop
from weftlab import manifests as m
from weftlab.bpfmaps import Map, address_text, pinned
from weftlab.machine import run, wait_for
from weftlab.node import binary
from weftlab.tcx import NAME, tcx

OURS = {"ingress": "weft_pod_egress", "egress": "weft_pod_ingress"}  # by side of the host
SOURCE_DROPS = 0  # enum weft_drop


def host_side(pod) -> str:
    """The lab calls the host's half v<n>, the pod's address ends with <n>."""
    octets = pod.v4.split(".")
    return f"v{int(octets[2]) * 256 + int(octets[3])}"


def in_namespace(namespace, *argv) -> str:
    return run(namespace.command(argv)).stdout


def ifindex(pod) -> int:
    shown = in_namespace(pod.node.namespace, "ip", "-j", "link", "show", host_side(pod))
    return json.loads(shown)[0]["ifindex"]


def attachments(agent) -> dict[tuple[str, str], set[str]]:
    found: dict[tuple[str, str], set[str]] = {}
    for entry in agent.api.status()["attachments"]:
        if entry["hook"].startswith("pod_"):
            found.setdefault((entry["hook"], entry["target"]), set()).add(entry["state"])
    return found


def link_pins(node) -> set[str]:
    return {path.name for path in (node.bpffs / "links").glob("pod_*")}


def rows(node) -> tuple[set[int], set[tuple[int, str]]]:
    with Map(pinned(node.bpffs, "weft_interfaces")) as interfaces, Map(pinned(node.bpffs, "weft_sources")) as sources:
        return ({struct.unpack("=I", key)[0] for key in interfaces.keys()},
                {(struct.unpack_from("=I", key)[0], address_text(key[4:20])) for key in sources.keys()})


def expected(pods) -> tuple[set[str], set[int], set[tuple[int, str]]]:
    indexes = {pod.name: ifindex(pod) for pod in pods}
    pins = {f"{hook}_{index}" for index in indexes.values() for hook in ("pod_egress", "pod_ingress")}
    return pins, set(indexes.values()), {(indexes[pod.name], address) for pod in pods for address in pod.addresses}


def guarded(node, pods) -> bool:
    return (link_pins(node), *rows(node)) == expected(pods)


def drops(node, reason: int = SOURCE_DROPS) -> int:
    with Map(pinned(node.bpffs, "weft_drops")) as counts:
        value = counts.lookup(struct.pack("=I", reason))
        return sum(struct.unpack(f"={len(value) // 8}Q", value))


def pods_of(shop) -> list:
    return [shop.client, *shop.web]


def python_in(pod, script: str) -> None:
    pod.run(["/usr/bin/python3", "-c", script])


def send_from(source: str, to: str, port: int = 5353, family: str = "AF_INET") -> str:
    return (f"import socket\ns=socket.socket(socket.{family},socket.SOCK_DGRAM)\n"
            f"s.bind(('{source}',0))\nfor _ in range(3): s.sendto(b'x',('{to}',{port}))\n")


def test_every_pod_is_attached_when_the_agent_is_ready(shop):
    assert guarded(shop.node, pods_of(shop)), (link_pins(shop.node), rows(shop.node))
    wanted = {(hook, host_side(pod)): {"attached"} for pod in pods_of(shop) for hook in ("pod_egress", "pod_ingress")}
    assert attachments(shop.agent) == wanted
    for pod in pods_of(shop):
        for hook, program in OURS.items():
            assert tcx(shop.node.namespace, "show", host_side(pod), hook)[0] == program[:15]
    status = shop.agent.api.status()
    assert status["unenforced"] == []
    assert {"name": "policy", "available": True, "detail": ""} in status["features"]
    for hook in ("pod_egress", "pod_ingress"):  # the page is made once a second
        wait_for(lambda: shop.agent.api.metrics().sum("weft_attachments", hook=hook, state="attached") == len(pods_of(shop)), 3, hook, 0.1)
    metrics = shop.agent.api.metrics()
    assert metrics.sum("weft_unenforced_workloads") == 0
    assert metrics.sum("weft_kernel_feature", feature="policy") == 1


def test_traffic_of_pods_passes_and_forged_sources_do_not(shop):
    node, client, web = shop.node, shop.client, shop.web[0]
    before = drops(node)
    for address in (f"{web.v4}:8080", f"[{web.v6}]:8080"):
        assert client.connect(address, "--count", 20)["failed"] == {}
    assert client.connect(f"{web.v4}:5353", "--udp", "--count", 20)["failed"] == {}
    assert drops(node) == before, "honest traffic was dropped"
    client.namespace.ip("addr add 10.88.77.77/32 dev lo", "addr add fd00:88::7777/128 dev lo nodad")
    python_in(client, send_from("10.88.77.77", web.v4))
    wait_for(lambda: drops(node) >= before + 3, 5, "forged IPv4 datagrams dropped", 0.05)
    before = drops(node)
    python_in(client, send_from("fd00:88::7777", web.v6, family="AF_INET6"))
    wait_for(lambda: drops(node) >= before + 3, 5, "forged IPv6 datagrams dropped", 0.05)
    before = drops(node)
    python_in(client, "import socket\ns=socket.socket(socket.AF_PACKET,socket.SOCK_RAW)\ns.bind(('eth0',0))\n"
              "mac=s.getsockname()[4]\nframe=b'\\xff'*6+mac+bytes.fromhex('08060001080006040002')+mac+"
              f"socket.inet_aton('{web.v4}')+b'\\xff'*6+socket.inet_aton('10.88.0.1')\n"
              "for _ in range(3): s.send(frame)\n")
    wait_for(lambda: drops(node) >= before + 3, 5, "forged ARP answers dropped", 0.05)
    client.namespace.ip("addr del 10.88.77.77/32 dev lo", "addr del fd00:88::7777/128 dev lo")
    assert client.connect(f"{web.v4}:8080", "--count", 20)["failed"] == {}


def test_a_pod_that_takes_its_address_off_stays_attached(own_shop):
    shop = own_shop
    shop.client.namespace.ip(f"addr del {shop.client.v4}/16 dev eth0", f"addr del {shop.client.v6}/64 dev eth0")
    time.sleep(0.3)
    assert guarded(shop.node, pods_of(shop))
    shop.agent.stop()
    shop.agent.start()
    assert guarded(shop.node, pods_of(shop)), "a restart forgot whose interface it is"


@pytest.mark.limit(90)
def test_kill_restart_upgrade_and_downgrade_lose_no_packet(own_shop):
    shop = own_shop
    web = shop.web[0]
    udp = shop.client.start_client("connect", f"{web.v4}:5353", "--udp", "--one-socket", "--duration", 80, "--interval-ms", 5, "--timeout", 3)
    tcp = shop.client.start_client("connect", f"{web.v4}:8080", "--rate", 200, "--concurrency", 8, "--duration", 80)
    shop.client.namespace.ip("addr add 10.88.77.77/32 dev lo")
    shop.client.start(["/usr/bin/python3", "-c", "import socket,time\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n"
                       "s.bind(('10.88.77.77',0))\nwhile 1:\n  s.sendto(b'x',('%s',5999))\n  time.sleep(0.005)\n" % web.v4])
    heard = web.start(["/usr/bin/python3", "-c", f"import socket\ns=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\ns.bind(('{web.v4}',5999))\n"
                       "s.recv(1)\nprint('heard')"], stdout=subprocess.PIPE, text=True)
    pins = link_pins(shop.node)
    shop.agent.kill()
    assert link_pins(shop.node) == pins
    time.sleep(0.3)
    for program in (binary("weftd"), binary("weftd-next"), binary("weftd-next"), binary("weftd")):
        shop.agent.start(program)
        assert guarded(shop.node, pods_of(shop))
        assert {next(iter(states)) for states in attachments(shop.agent).values()} == {"attached"}
        programs = [path.name for path in (shop.node.bpffs / "progs").glob("pod_*")]
        assert len(programs) == 2, "programs of earlier agents are still pinned"
        shop.agent.stop()
    shop.agent.start()
    assert heard.poll() is None, "a forged packet came through"
    for client in (udp, tcp):
        report = client.stop()
        assert report["failed"] == {} and report["ok"] > 100, report["failed"]
    assert shop.agent.api.metrics().sum("weft_drift_repaired_total") == 0


@pytest.mark.parametrize("capabilities", ["all", "those of the unit"])
def test_a_new_pod_is_attached_at_once_and_a_removed_one_leaves_nothing(own_lab, capabilities):
    """Addresses in other namespaces are announced only to who has CAP_NET_BROADCAST."""
    shop = Shop(own_lab)
    shop.agent.start(prefix=() if capabilities == "all" else ("setpriv", "--bounding-set", "-all,+bpf,+net_admin,+perfmon"))
    node = shop.node
    late = node.pod("late", node_name="node-a")
    node.write("late.yaml", late.manifest())
    begin = time.monotonic()
    links = len(pods_of(shop)) * 2  # looked at while time counts: what guarded() runs takes longer than the agent
    wait_for(lambda: len(link_pins(node)) == links + 2, 5, "the new pod attached", 0.001)
    after_object = time.monotonic() - begin
    assert guarded(node, [*pods_of(shop), late])
    # the object is known before the interface
    early = m.pod("early", [f"10.88.0.{node._next}", f"fd00:88::{node._next:x}"], node="node-a")
    node.apply("early.yaml", early)
    assert [entry["pod"] for entry in shop.agent.api.status()["unenforced"]] == ["early"]
    pod = node.pod("early")
    begin = time.monotonic()
    wait_for(lambda: len(link_pins(node)) == links + 4, 5, "the interface attached", 0.001)
    after_interface = time.monotonic() - begin
    assert guarded(node, [*pods_of(shop), late, pod])
    print(f"attached {after_object * 1000:.0f} ms after the object, {after_interface * 1000:.0f} ms after the interface")
    assert after_object < 0.5 and after_interface < 0.5
    assert shop.agent.api.status()["unenforced"] == []
    node.namespace.ip(f"link del {host_side(late)}")
    wait_for(lambda: guarded(node, [*pods_of(shop), pod]), 5, "nothing of a removed interface", 0.02)
    assert [entry["pod"] for entry in shop.agent.api.status()["unenforced"]] == ["late"]
    node.apply("late.yaml")
    node.apply("early.yaml")
    wait_for(lambda: guarded(node, pods_of(shop)), 5, "a pod without an object is not ours", 0.02)
    assert tcx(node.namespace, "show", host_side(pod), "ingress") == []
    assert shop.agent.api.status()["unenforced"] == []


def test_pods_can_be_left_alone(own_lab):
    shop = Shop(own_lab)
    shop.agent.start()
    assert guarded(shop.node, pods_of(shop))
    shop.agent.stop()
    shop.agent.write_config(datapath={"pods": "none"})
    shop.agent.start()
    assert guarded(shop.node, [])
    assert attachments(shop.agent) == {} and shop.agent.api.status()["unenforced"] == []
    assert tcx(shop.node.namespace, "show", host_side(shop.client), "ingress") == []


def test_cleanup_leaves_no_program_on_a_pod(own_shop):
    shop = own_shop
    shop.agent.stop()
    done = shop.agent.cleanup()
    assert done.returncode == 0, done.stdout + done.stderr
    assert not shop.node.bpffs.exists() or not any(shop.node.bpffs.rglob("*"))
    for pod in pods_of(shop):
        for hook in OURS:
            wait_for(lambda: tcx(shop.node.namespace, "show", host_side(pod), hook) == [], 5, "nothing of ours on the hook", 0.05)
    assert shop.client.connect(f"{shop.web[0].v4}:8080", "--count", 5)["failed"] == {}


def test_a_program_of_somebody_else_is_reported_and_ours_stays_first(own_shop):
    shop = own_shop
    side = host_side(shop.client)
    key = ("pod_egress", side)
    tcx(shop.node.namespace, "attach", side, "ingress", "after")
    wait_for(lambda: attachments(shop.agent)[key] == {"attached", "foreign"}, 6, "the program behind ours reported", 0.1)
    tcx(shop.node.namespace, "detach", side, "ingress")
    wait_for(lambda: attachments(shop.agent)[key] == {"attached"}, 6, "the report gone", 0.1)
    before = drops(shop.node)
    tcx(shop.node.namespace, "attach", side, "ingress", "before")
    wait_for(lambda: tcx(shop.node.namespace, "show", side, "ingress") == [OURS["ingress"][:15], NAME], 10, "ours in front again", 0.1)
    wait_for(lambda: attachments(shop.agent)[key] == {"attached", "foreign"}, 6, "reported", 0.1)
    assert shop.agent.api.metrics().sum("weft_drift_repaired_total") >= 1
    assert shop.client.connect(f"{shop.web[0].v4}:8080", "--count", 5)["failed"] == {}
    shop.client.namespace.ip("addr add 10.88.77.77/32 dev lo")
    python_in(shop.client, send_from("10.88.77.77", shop.web[0].v4))
    wait_for(lambda: drops(shop.node) >= before + 3, 5, "forged datagrams dropped", 0.05)


@pytest.mark.limit(90)
def test_what_somebody_detached_or_deleted_is_repaired(own_shop):
    shop = own_shop
    node = shop.node
    repaired = lambda: shop.agent.api.metrics().sum("weft_drift_repaired_total")
    index = ifindex(shop.client)
    steps = {
        "link detached": lambda: run(["bpftool", "link", "detach", "pinned", node.bpffs / "links" / f"pod_ingress_{index}"]),
        "pin removed": lambda: (node.bpffs / "links" / f"pod_egress_{index}").unlink(),
        "row of the interface deleted": lambda: delete_key(node, "weft_interfaces", struct.pack("=I", index)),
        "row of a source deleted": lambda: delete_key(node, "weft_sources", None),
    }
    for what, harm in steps.items():
        before = repaired()
        harm()
        begin = time.monotonic()
        wait_for(lambda: guarded(node, pods_of(shop)) and all(
            tcx(node.namespace, "show", host_side(shop.client), hook) == [program[:15]] for hook, program in OURS.items()),
            12, f"{what}: repaired", 0.1)
        wait_for(lambda: repaired() > before, 3, f"{what}: counted", 0.1)
        print(f"{what}: repaired after {time.monotonic() - begin:.1f} s")


def delete_key(node, name: str, key) -> None:
    with Map(pinned(node.bpffs, name)) as table:
        table.delete(key if key is not None else next(iter(table.keys())))


@pytest.mark.limit(120)
def test_churn_of_a_hundred_interfaces_a_second_is_followed(own_shop, full):
    shop = own_shop
    node = shop.node
    holder = node.lab.namespace("churn")
    seconds = 20 if full else 3
    addresses = {f"c{i}": f"10.88.200.{i + 1}" for i in range(100)}
    node.apply("churn.yaml", *[m.pod(f"c-{i}", [address], node="node-a") for i, address in enumerate(addresses.values())])
    begin = time.monotonic()
    for round_ in range(seconds):
        lines = [f"link add {name} type veth peer name p{name} netns {holder.holder.pid}" for name in addresses]
        node.namespace.ip(*lines)
        holder.ip(*[f"addr add {address}/32 dev p{name}" for name, address in addresses.items()])
        time.sleep(max(0.0, begin + round_ + 0.5 - time.monotonic()))
        node.namespace.ip(*[f"link del {name}" for name in list(addresses) if round_ < seconds - 1 or int(name[1:]) >= 10])
        time.sleep(max(0.0, begin + round_ + 1 - time.monotonic()))
    took = time.monotonic() - begin
    wait_for(lambda: len(link_pins(node)) == 2 * (len(pods_of(shop)) + 10), 30, "links of those that stayed", 0.1)
    settled = time.monotonic() - begin - took
    print(f"{seconds * 100} interfaces in {took:.1f} s; settled after {settled:.1f} s")
    assert len(rows(node)[0]) == len(pods_of(shop)) + 10
    assert shop.client.connect(f"{shop.web[0].v4}:8080", "--count", 5)["failed"] == {}
