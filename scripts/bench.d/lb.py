"""scripts/bench lb: see there. Every part returns rows; every loop has a bound."""

from __future__ import annotations

import argparse
import http.client
import json
import os
import statistics
import struct
import sys
import threading
import time
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
sys.path[:0] = [str(SOURCE / "test/lib"), str(Path(__file__).resolve().parent)]

from kubeproxy import load_iptables, load_nft  # noqa: E402
from measure import cpu_seconds, interleaved, percentile, ratios, timed_ms  # noqa: E402
from objects import documents, endpoint_address, real_services, service_address, write_services  # noqa: E402
from page import Row, report  # noqa: E402
from weftlab.api import _UnixConnection  # noqa: E402
from weftlab.bpfmaps import Map, pinned  # noqa: E402
from weftlab.machine import Lab, private_mounts, run, wait_for  # noqa: E402
from weftlab.node import Node, binary  # noqa: E402


class Side:
    """A node with a client on the host and a pod that serves: with an agent, with rules, or bare."""

    def __init__(self, lab: Lab, name: str):
        self.node = Node(lab, name)
        self.server = self.node.pod(f"{name}-server", {"app": "web"})
        self.client = self.node.pod(f"{name}-client", host=True)
        self.pod_client = self.node.pod(f"{name}-pod")
        # A scheduler that moves both ends makes two kinds of rounds; each end has its processor.
        self.server.cpu = max(os.sched_getaffinity(0))
        self.client.cpu = self.pod_client.cpu = min(os.sched_getaffinity(0))
        self.server.serve(8080)

    @property
    def direct(self) -> str:
        return f"{self.server.v4}:8080"


def say(text: str) -> None:
    print(f"bench: {text}", flush=True)


def targets(count: int) -> str:
    """A spread of the services that lead to the real server."""
    real = real_services(count)
    chosen = real[:: max(1, len(real) // 50)]
    return ",".join(f"{service_address(i)}:80" for i in chosen)


def connect_latency(sides: dict[str, Side], agent_side: Side, sizes: list[int], rounds: int) -> list[Row]:
    rows, written = [], 0
    for size in sizes:
        begin = time.monotonic()
        write_services(agent_side.node, size, 1, agent_side.server.v4, written)
        written = size
        if agent_side.node.agent.running():
            agent_side.node.agent.stop()
        agent_side.node.agent.start(timeout_s=300)
        load_nft(sides["nft"].node, size, sides["nft"].server.v4)
        load_iptables(sides["iptables"].node, size, sides["iptables"].server.v4)
        say(f"{size:,} services are loaded everywhere ({time.monotonic() - begin:.0f} s)")

        def p50(side: Side, to: str) -> float:
            count = 150 if side is sides["iptables"] and size > 10_000 else 600
            report = side.client.connect(to, "--silent", "--count", count, "--close", "rst", timeout_s=120)
            assert report["failed"] == {}, report["failed"]
            return report["connect_us"]["p50"]

        cases = {"direct": lambda: p50(sides["plain"], sides["plain"].direct)}
        cases["weft"] = lambda: p50(agent_side, targets(size))
        cases["no service"] = lambda: p50(agent_side, agent_side.direct)  # the same agent accounts, but has nothing to balance
        cases["nft"] = lambda: p50(sides["nft"], targets(size))
        cases["iptables"] = lambda: p50(sides["iptables"], targets(size))
        found = interleaved(cases, rounds)
        by = ratios(found, "direct")
        balancing = ratios(found, "no service")["weft"]
        rows.append(Row(f"connect p50, {size:,} services, × direct", by["weft"], most=1.05,
                        beside=f"direct {percentile(found['direct'], 0.25):.1f} µs, nft {by['nft']:.2f}, iptables {by['iptables']:.1f}"))
        rows.append(Row("  balancing alone, without the accounting of flows", balancing, most=1.05))
        say(f"  weft {by['weft']:.3f}, its balancing {balancing:.3f}, nft {by['nft']:.2f}, iptables {by['iptables']:.1f} × direct")
    return rows


def throughput(plain: Side, agent_side: Side, rounds: int, seconds: float) -> list[Row]:
    """Between two pods, with flow accounting on."""
    cpu: dict[str, list[float]] = {}

    def rate(name: str, side: Side, to: str, *options) -> float:
        before = cpu_seconds(side.node.cgroup)
        report = side.pod_client.connect(to, "--duration", seconds, *options)
        assert report["failed"] == {}, report["failed"]
        cpu.setdefault(name, []).append((cpu_seconds(side.node.cgroup) - before) / report["ok"])
        return report["requests_per_second"]

    rows = []
    for what, least, options in (("new connections a second, × direct", 0.90, ("--concurrency", 16, "--close", "rst")),
                                 ("HTTP keep-alive requests a second, × direct", 0.95, ("--http", "--keep-alive", "--concurrency", 16))):
        cpu.clear()
        found = interleaved({"direct": lambda: rate("direct", plain, plain.direct, *options),
                             "weft": lambda: rate("weft", agent_side, f"{service_address(0)}:80", *options)}, rounds)
        by = ratios(found, "direct", more_is_better=True)["weft"]
        spent = ratios(cpu, "direct")["weft"]
        rows.append(Row(what, by, least=least, beside=f"direct {percentile(found['direct'], 0.75):,.0f}/s"))
        rows.append(Row(f"  CPU time for each, × direct", spent, most=1.05 if "keep-alive" in what else None))
        say(f"  {what}: {by:.3f}, CPU {spent:.3f}")
    return rows


def kernel_part(side: Side) -> Row:
    """The writes of one endpoint change, repeated with the values that are there: a row, a slot and the frontend."""
    bpffs = side.node.bpffs
    with Map(pinned(bpffs, "weft_services")) as services, Map(pinned(bpffs, "weft_slots")) as slots, \
            Map(pinned(bpffs, "weft_endpoints")) as endpoints:
        key = next(services.keys())
        value = services.lookup(key)
        slot = struct.pack("=I", struct.unpack_from("=III", value)[1])
        endpoint = slots.lookup(slot)
        row = endpoints.lookup(endpoint)
        steps = [endpoints.writer(endpoint, row), slots.writer(slot, endpoint), services.writer(key, value)]
        nothing = services.writer(key, value, command=9999)  # the price of asking the kernel for nothing
        found = []
        for _ in range(3000):
            begin = time.perf_counter()
            for step in steps:
                step()
            middle = time.perf_counter()
            for _ in steps:
                nothing()
            found.append(1e6 * ((middle - begin) - (time.perf_counter() - middle)))
    return Row("one endpoint change, kernel part", statistics.median(found), " µs", most=10)


class Stalls:
    """Asks /livez, which the loop answers, again and again: the slowest answer is the longest stall."""

    def __init__(self, socket: Path):
        self.longest_ms = 0.0
        self._socket = socket
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self) -> None:
        connection = _UnixConnection(self._socket, 5)
        while not self._stop.wait(0.002):
            begin = time.perf_counter()
            try:
                connection.request("GET", "/livez")
                connection.getresponse().read()
            except (OSError, http.client.HTTPException):
                connection.close()
                continue
            self.longest_ms = max(self.longest_ms, 1000 * (time.perf_counter() - begin))

    def stop(self) -> float:
        self._stop.set()
        self._thread.join()
        return self.longest_ms


def propagation(side: Side, services: int, changes: int) -> list[float]:
    """File renamed → frontend's slots lead to the new endpoint, in milliseconds."""
    found = []
    node = side.node
    with Map(pinned(node.bpffs, "weft_services")) as frontends, Map(pinned(node.bpffs, "weft_slots")) as slots, \
            Map(pinned(node.bpffs, "weft_endpoints")) as endpoints:
        for number in range(changes):
            i = (number * 7919 + 1) % services
            if i in (0,) or i % 100 == 99:
                i += 1
            fresh = endpoint_address(2_000_000 + number)
            addresses = [fresh] + [endpoint_address(i * 10 + k) for k in range(1, 10)]
            packed = b"\0" * 10 + b"\xff\xff" + bytes(map(int, fresh.split(".")))
            key = b"\0" * 10 + b"\xff\xff" + bytes(map(int, service_address(i).split("."))) + struct.pack("!HBB", 80, 6, 0)

            def there() -> bool:
                _, first, count = struct.unpack_from("=III", frontends.lookup(key))
                return any(endpoints.lookup(slots.lookup(struct.pack("=I", slot)))[:16] == packed for slot in range(first, first + count))

            path = node.manifests / f"{i // 1000:03d}" / f"s{i}.yaml"
            temporary = path.with_name(f".{path.name}.new")
            temporary.write_text(documents(i, addresses))
            begin = time.perf_counter()
            temporary.rename(path)
            wait_for(there, 10, f"the new endpoint of s{i}", 0.0005)
            found.append(1000 * (time.perf_counter() - begin))
            time.sleep(0.02 * (number % 5))
    return found


def scrape(side: Side, edges: int) -> list[float]:
    """Makes an edge for each of the services, then fetches the page inside of the node's namespace."""
    code = ("import json, socket, time\nbuffer = bytearray(1 << 20)\nfound = []\nfor _ in range(25):\n"
            "    b = time.perf_counter(); n = 0\n    s = socket.create_connection(('127.0.0.1', 9690), 20)\n"
            "    s.sendall(b'GET /metrics HTTP/1.0\\r\\n\\r\\n')\n    while (more := s.recv_into(buffer)): n += more\n"
            "    found.append(1000 * (time.perf_counter() - b)); s.close(); time.sleep(0.1)\nprint(json.dumps([found, n]))\n")
    agent = side.node.agent
    for _ in range(5):  # a burst of new rows may find the kernel's reserve of them empty; the rows come with the next
        for first in range(0, edges, 4000):
            to = ",".join(f"{service_address(i)}:80" for i in range(first, min(edges, first + 4000)))
            side.client.connect(to, "--silent", "--count", min(4000, edges - first), "--concurrency", 64, "--timeout", 0.2, timeout_s=180)
        time.sleep(2)
        if agent.api.status()["edges"] >= edges:
            break
    assert agent.api.status()["edges"] >= 0.99 * edges, agent.api.status()["edges"]
    times, size = json.loads(run(side.node.namespace.command([sys.executable, "-c", code]), timeout_s=120).stdout)
    say(f"  a page of {edges:,} edges has {size / 1e6:.1f} MB")
    return times


def resident(what: str, agent, most: float) -> Row:
    return Row(what, agent.resident_mib(), " MiB", most=most)


def agent_cost(lab: Lab, quick: bool) -> list[Row]:
    side = Side(lab, "load")
    node, agent = side.node, side.node.agent
    agent.write_config(metrics={"listen": "127.0.0.1:9690", "maxSeries": 1_000_000})
    node.namespace.ip("route add local 10.56.0.0/13 dev lo")  # pods that nobody serves refuse, so that each makes its edge
    agent.start()
    time.sleep(2)
    rows = [resident("weftd resident, idle", agent, 16)]
    say(f"  {rows[-1].what}: {rows[-1].shown()}")
    sizes = [(1000, 10, 40)] if quick else [(1000, 10, 40), (10_000, 10, 150)]
    written = 0
    for services, per_service, most in sizes:
        write_services(node, services, per_service, side.server.v4, written)
        written = services
        agent.stop()
        agent.start(timeout_s=300)
        time.sleep(3)
        rows.append(resident(f"weftd resident, {services:,} services and {services * per_service:,} endpoints", agent, most))
        say(f"  {rows[-1].what}: {rows[-1].shown()}")
    warm = []
    for _ in range(3):
        agent.kill()
        warm.append(timed_ms(lambda: agent.start(timeout_s=300)) / 1000)
    agent.stop()
    assert agent.cleanup().returncode == 0
    cold = timed_ms(lambda: agent.start(timeout_s=300)) / 1000
    rows.append(Row(f"start → ready, {services:,} services", statistics.median(warm), " s", most=2, beside=f"with empty maps {cold:.2f} s"))
    stalls = Stalls(agent.socket)
    found = propagation(side, services, 60 if quick else 300)
    rows.append(Row(f"file renamed → map written, p99, {services:,} services", percentile(found, 0.99), " ms", most=150,
                    beside=f"p50 {percentile(found, 0.5):.0f} ms"))
    before = agent.resident_mib()
    report = side.client.connect(f"{service_address(0)}:80", "--count", 20_000, "--silent", "--concurrency", 16)
    assert report["failed"] == {}
    times = scrape(side, min(services, 10_000))
    rows.append(Row(f"a scrape of {min(services, 10_000):,} edges", percentile(times, 0.5), " ms", most=20, beside=f"slowest of 25 {max(times):.0f} ms"))
    rows.append(Row("longest stall of the loop meanwhile", stalls.stop(), " ms", most=50))
    rows.append(Row("weftd resident, grown by edges and 20,000 connections", agent.resident_mib() - before, " MiB"))
    agent.stop()
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(prog="scripts/bench lb")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--no-write", action="store_true")
    options = parser.parse_args()
    private_mounts()
    rounds = 5 if options.quick else 11
    sizes = [10, 1000, 10_000] if options.quick else [10, 1000, 10_000, 100_000]
    with Lab("bench") as lab:
        sides = {name: Side(lab, name) for name in ("plain", "nft", "iptables")}
        agent_side = Side(lab, "weft")
        agent_side.node.write_pods()  # so that their interfaces have the programs of policy
        agent_side.node.agent.write_config(datapath={"maps": {"services": 131072, "endpoints": 131072, "slots": 524288}})
        say("connect() through balancing")
        rows = connect_latency(sides, agent_side, sizes, rounds)
        rows.append(kernel_part(agent_side))
        say("throughput with flow accounting")
        rows += throughput(sides["plain"], agent_side, rounds, 1 if options.quick else 3)
        agent_side.node.agent.stop()
        say("the agent itself")
        rows += agent_cost(lab, options.quick)
    report("lb", rows, keep=not (options.quick or options.no_write))
    return 0


if __name__ == "__main__":
    sys.exit(main())
