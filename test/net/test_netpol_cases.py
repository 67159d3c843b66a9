"""Cases whose verdicts another implementation gave (test/data/netpol-cases.md), as real traffic: the nine pods of the cases
with their very addresses, TCP and UDP of every pair and port of the cases of one step. WEFT_NETPOL_CASES names another file of
the same form.
"""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

import weftlab.prober
from weftlab.bpfmaps import Map, pinned
from weftlab.machine import wait_for
from weftlab.node import Node

CASES = Path(os.environ.get("WEFT_NETPOL_CASES") or Path(__file__).resolve().parents[1] / "data/netpol-cases.jsonl")


def read_cases() -> list[dict]:
    if not CASES.exists():
        pytest.skip(f"{CASES} is not there")
    cases = [json.loads(line) for line in CASES.read_text().splitlines()]
    return [case for case in cases if len(case["steps"]) == 1 and all(pod["ip"].startswith("192.168.1.") for pod in case["steps"][0]["pods"])]


def pod_object(pod: dict) -> dict:
    ports = [{"name": p["name"], "containerPort": p["port"], "protocol": p["protocol"]} for p in pod["ports"]]
    return {"apiVersion": "v1", "kind": "Pod", "metadata": {key: pod[key] for key in ("name", "namespace", "labels")},
            "spec": {"nodeName": "node-a", "containers": [{"name": "c", "ports": ports}]}, "status": {"phase": "Running", "podIP": pod["ip"]}}


class Prober:
    """A pod that serves and asks; one process for all cases."""

    def __init__(self, lab, node: Node, number: int, address: str):
        namespace = lab.namespace(f"case-{number}")
        node.namespace.ip(f"link add c{number} type veth peer name eth0 netns {namespace.holder.pid}", f"link set c{number} master br0 up")
        namespace.ip(f"addr add {address}/24 dev eth0", "link set eth0 up", "route add default via 192.168.1.254")
        self.process = lab.start(["/usr/bin/python3", weftlab.prober.__file__, "80", "81"], namespace=namespace, name=f"prober {address}",
                                 stdin=-1, stdout=-1, text=True, bufsize=1)
        assert self.process.stdout.readline() == "ready\n"

    def ask(self, targets: list, expected: list[int]) -> None:
        self.process.stdin.write(json.dumps({"targets": targets, "expected": expected, "wait_s": 5, "grace_s": 0.25}) + "\n")

    def answer(self) -> set[int]:
        return set(json.loads(self.process.stdout.readline()))


class Bench:
    def __init__(self, lab, pods: list[dict]):
        self.node = Node(lab)
        self.node.namespace.ip("addr add 192.168.1.254/24 dev br0")
        self.probers = {pod["ip"]: Prober(lab, self.node, number, pod["ip"]) for number, pod in enumerate(pods)}
        self.node.agent.start()

    def load(self, step: dict) -> None:
        spaces = [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
                  for name, labels in step["namespaces"].items()]
        self.node.write("pods.yaml", *spaces, *[pod_object(pod) for pod in step["pods"]])
        self.node.apply("policies.yaml", *step["policies"])
        wait_for(self.guards_all, 10, "programs on the interfaces of all pods")

    def guards_all(self) -> bool:
        with Map(pinned(self.node.bpffs, "weft_interfaces")) as interfaces:
            return len(list(interfaces.keys())) == len(self.probers) and not self.node.agent.api.status()["unenforced"]

    def wrong(self, step: dict) -> tuple[int, list[str]]:
        """How many pairs were tried, and those whose verdict was another one."""
        addresses = {f"{pod['namespace']}/{pod['name']}": pod["ip"] for pod in step["pods"]}
        questions: dict[str, list[tuple[str, list, bool]]] = {}
        for allowed, lines in ((True, step["allowed"]), (False, step["denied"])):
            for line in lines:
                client, _, server, port = line.split()
                protocol, number = port.split("/")
                if protocol != "SCTP" and number.isdigit():
                    questions.setdefault(addresses[client], []).append((line, [protocol, addresses[server], int(number)], allowed))
        for address, asked in questions.items():
            self.probers[address].ask([target for _, target, _ in asked], [i for i, (_, _, allowed) in enumerate(asked) if allowed])
        wrong, tried = [], 0
        for address, asked in questions.items():
            answered = self.probers[address].answer()
            tried += len(asked)
            wrong += [f"{line}: {'denied' if allowed else 'allowed'}" for i, (line, _, allowed) in enumerate(asked) if (i in answered) != allowed]
        return tried, wrong


@pytest.mark.limit(600)
def test_every_pair_gets_the_verdict_of_the_case(lab, record_property):
    cases = read_cases()
    bench = Bench(lab, cases[0]["steps"][0]["pods"])
    begin, tried, faults = time.monotonic(), 0, []
    for case in cases:
        step = case["steps"][0]
        bench.load(step)
        count, wrong = bench.wrong(step)
        tried += count
        faults += [f"{case['id']}: {line}" for line in wrong]
    record_property("verdicts", tried)
    print(f"{tried} verdicts of {len(cases)} cases in {time.monotonic() - begin:.0f} s, {len(faults)} wrong")
    assert faults == []
    assert tried >= 200 * len(cases)
