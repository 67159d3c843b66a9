"""scripts/bench policy: see there. Every part returns rows; every loop has a bound."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(SOURCE / "test/lib"), str(Path(__file__).resolve().parent)]

from lb import Side, say  # noqa: E402
from measure import cpu_seconds, interleaved, percentile, ratios  # noqa: E402
from page import Row, report  # noqa: E402
from weftlab import manifests as m  # noqa: E402
from weftlab.machine import Lab, private_mounts, wait_for  # noqa: E402

BULK_BYTES = 64 << 20


def packets(quick: bool) -> list[Row]:
    """The program that judges packets to a pod, by test run, beside an empty one."""
    arguments = ["20000", "50000"] if quick else ["100000", "1000000"]
    done = subprocess.run([SOURCE / "build/release/bin/packet_bench", *arguments], check=True, text=True, capture_output=True, timeout=600)
    found = json.loads(done.stdout)
    empty = found["empty"]
    scale = f"{found['identities']:,} identities, {found['rows']:,} rows"
    return [Row("a packet to a pod, nobody under policy, × an empty program", found["no_policy"] / empty, beside=f"empty {empty:.0f} ns"),
            Row(f"a packet of one connection, {scale}", found["one_flow"] / empty, most=4, beside=f"{found['one_flow']:.0f} ns"),
            Row("a packet of another connection each time", found["flows"] / empty, most=4, beside=f"{found['flows']:.0f} ns")]


def isolating(port: int) -> str:
    """Both ends under policy, in both directions."""
    peers = [{"podSelector": {}}]
    return json.dumps({"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "all", "namespace": "shop"},
                       "spec": {"podSelector": {}, "policyTypes": ["Ingress", "Egress"],
                                "ingress": [{"from": peers, "ports": [{"port": port}]}], "egress": [{"to": peers, "ports": [{"port": port}]}]}})


def throughput(plain: Side, guarded: Side, rounds: int, seconds: float) -> list[Row]:
    """Between two pods, without services: the same path without weft beside it."""
    cpu: dict[str, list[float]] = {}

    def rate(name: str, side: Side, *options) -> float:
        before = cpu_seconds(side.node.cgroup)
        found = side.pod_client.connect(side.direct, *options)
        assert found["failed"] == {}, found["failed"]
        cpu.setdefault(name, []).append((cpu_seconds(side.node.cgroup) - before) / found["ok"])
        return found["requests_per_second"]

    rows = []
    cases = (("new connections a second, both ends under policy, × without weft", 0.90, ("--duration", seconds, "--concurrency", 16, "--close", "rst")),
             ("HTTP keep-alive requests a second, × without weft", 0.95, ("--duration", seconds, "--http", "--keep-alive", "--concurrency", 16)),
             (f"bulk, {BULK_BYTES >> 20} MiB a connection, × without weft", 0.95, ("--count", 8, "--bytes-in", BULK_BYTES)))
    for what, least, options in cases:
        cpu.clear()
        found = interleaved({"plain": lambda: rate("plain", plain, *options), "weft": lambda: rate("weft", guarded, *options)}, rounds)
        rows.append(Row(what, ratios(found, "plain", more_is_better=True)["weft"], least=least,
                        beside=f"CPU time {ratios(cpu, 'plain')['weft']:.2f} ×"))
        say(f"  {what}: {rows[-1].shown()}, {rows[-1].beside}")
    return rows


def write_town(side: Side, pods: int, policies: int) -> None:
    """Pods of other nodes, a hundred workloads of them, and policies that select them and each other."""
    folder = side.node.manifests / "town"
    folder.mkdir()
    documents = [json.dumps(m.pod(f"p{i}", [f"10.{70 + (i >> 16)}.{(i >> 8) & 255}.{i & 255}"], {"app": f"a{i % 100}"}, node="elsewhere"))
                 for i in range(pods)]
    for first in range(0, pods, 1000):
        (folder / f"pods-{first}.yaml").write_text("\n---\n".join(documents[first:first + 1000]) + "\n")
    for i in range(policies):
        (folder / f"policy-{i}.yaml").write_text(json.dumps({
            "apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": f"n{i}", "namespace": "shop"},
            "spec": {"podSelector": {"matchLabels": {"app": f"a{i % 100}"}},
                     "ingress": [{"from": [{"podSelector": {"matchLabels": {"app": f"a{(i * 7) % 100}"}}}], "ports": [{"port": 1000 + i}]}]}}) + "\n")


def enforcement(side: Side, pods: int, policies: int, changes: int) -> list[Row]:
    """File renamed → the loaded programs decide otherwise."""
    write_town(side, pods, policies)
    agent = side.node.agent
    agent.stop()
    agent.start(timeout_s=300)
    path = side.node.manifests / "changing.yaml"
    found = []

    def verdict() -> str:
        query = {"source": "10.70.0.5", "destination": side.server.v4, "port": 8080, "protocol": "TCP"}
        status, body = agent.api.request("POST", "/api/v1/explain", {"queries": [query]})
        assert status == 200, body
        return json.loads(body)["items"][0]["verdict"]

    for number in range(changes):
        deny = number % 2 == 0
        policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "changing", "namespace": "shop"},
                  "spec": {"podSelector": {"matchLabels": {"app": "web"}}, "ingress": [] if deny else [{}]}}
        temporary = path.with_name(".changing.new")
        temporary.write_text(json.dumps(policy) + "\n")
        begin = time.perf_counter()
        temporary.rename(path)
        wanted = "denied" if deny else "allowed"
        wait_for(lambda: verdict() == wanted, 10, f"the verdict {wanted}", 0.001)
        found.append(1000 * (time.perf_counter() - begin))
        time.sleep(0.02 * (number % 5))
    return [Row(f"policy file renamed → enforced, p99, {pods:,} pods and {policies:,} policies", percentile(found, 0.99), " ms", most=250,
                beside=f"p50 {percentile(found, 0.5):.0f} ms"),
            Row("weftd resident then", agent.resident_mib(), " MiB")]


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench policy")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--no-write", action="store_true")
    options = parser.parse_args()
    private_mounts()
    say("packets through the loaded program")
    rows = packets(options.quick)
    with Lab("bench") as lab:
        plain, guarded = Side(lab, "plain"), Side(lab, "weft")
        guarded.node.write_pods()
        (guarded.node.manifests / "all.yaml").write_text(isolating(8080) + "\n")
        guarded.node.agent.start()
        wait_for(lambda: guarded.node.agent.api.status()["unenforced"] == [], 10, "the programs of both pods")
        say("traffic between two pods")
        rows += throughput(plain, guarded, 5 if options.quick else 11, 1 if options.quick else 3)
        (guarded.node.manifests / "all.yaml").unlink()
        say("a policy that changes")
        rows += enforcement(guarded, *((1000, 100, 20) if options.quick else (10_000, 1000, 100)))
        guarded.node.agent.stop()
    report("policy", rows, keep=not (options.quick or options.no_write))
    return 0


if __name__ == "__main__":
    sys.exit(main())
