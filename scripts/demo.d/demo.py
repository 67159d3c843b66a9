"""scripts/demo: plays the shop's day, chapter by chapter, and checks every figure that it prints."""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

SOURCE = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(SOURCE / "test/lib"))
sys.path.insert(0, str(Path(__file__).resolve().parent))

from prometheus import Prometheus, version  # noqa: E402
from screen import Screen  # noqa: E402
from shop import CART, CATALOG, CATALOG_V6, PAYMENTS, PRICES, Shop  # noqa: E402
from weftlab.machine import Lab, private_mounts, wait_for  # noqa: E402
from weftlab.node import binary, end_server  # noqa: E402

CONNECTIONS = 10_000


class Load:
    """Real clients: a thousand connections a second, datagrams, and connections that stay."""

    def __init__(self, shop: Shop):
        start = shop.frontend.start_client
        self.clients = {
            "new connections": start("connect", f"{CATALOG}:80", "--http", "--rate", 800, "--concurrency", 32, "--duration", 600),
            "over IPv6": start("connect", f"[{CATALOG_V6}]:80", "--rate", 200, "--concurrency", 8, "--duration", 600),
            "datagrams": start("connect", f"{PRICES}:53", "--udp", "--duration", 600, "--interval-ms", 5),
            "kept open": start("stream", f"{CART}:80", "--streams", 8),
        }
        time.sleep(0.3)

    def stop(self) -> dict:
        return {name: client.stop() for name, client in self.clients.items()}


def made(report: dict) -> int:
    return report.get("echoes", 0) or report["ok"]


class Demo:
    def __init__(self, shop: Shop):
        self.shop = shop
        self.agent = shop.agent
        self.screen = Screen()
        self.expected: dict[str, int] = {}  # connections and conversations made so far, by service
        self.prometheus: Prometheus | None = None

    def count(self, service: str, report: dict) -> dict:
        self.expected[f"shop/{service}"] = self.expected.get(f"shop/{service}", 0) + report["connections"]
        return report

    def start(self) -> None:
        self.screen.chapter("A shop on one node: real processes in network namespaces, a host service, one agent")
        self.shop.write()
        begin = time.monotonic()
        self.agent.start()
        self.screen.say(f"weftd is ready after {1000 * (time.monotonic() - begin):.0f} ms; its programs are attached to the node's cgroup")
        self.screen.command("weft get services")
        self.screen.block(self.agent.weft("get", "services", check=True).stdout)
        self.prometheus = Prometheus(self.shop.node)
        self.screen.say(f"{version()} scrapes the agent every second")

    def balance(self) -> None:
        screen, frontend = self.screen, self.shop.frontend
        screen.chapter(f"{CONNECTIONS:,} connections from frontend to {CATALOG}:80: decided at connect(), no proxy, no NAT")
        report = self.count("catalog", frontend.connect(f"{CATALOG}:80", "--count", CONNECTIONS, "--concurrency", 8))
        screen.shares(report["servers"])
        even = CONNECTIONS / 3
        worst = max(abs(count - even) / even for count in report["servers"].values()) if report["servers"] else 1
        screen.figure("failed connections", sum(report["failed"].values()), report["failed"] == {}, "0")
        screen.figure("largest distance from an even share", f"{100 * worst:.2f} %", worst <= 0.05 and len(report["servers"]) == 3, "≤ 5 %")
        screen.figure("getpeername() in the client", *self._only(report["peers"], f"{CATALOG}:80"))
        screen.figure("client address that the catalog sees", *self._only(report["clients"], frontend.v4))

    @staticmethod
    def _only(seen: list[str], wanted: str):
        return ", ".join(seen), seen == [wanted], wanted

    def every_kind(self) -> None:
        screen, frontend = self.screen, self.shop.frontend
        screen.chapter("The rest of the shop: IPv6, v4-mapped, MPTCP, UDP, a process of the host, and nobody at home")
        rows = [["client", "to", "how", "answers", "failed", "servers"]]
        calls = [(frontend, f"[{CATALOG_V6}]:80", "IPv6", "catalog", []), (frontend, f"{CATALOG}:80", "v4-mapped", "catalog", ["--v4-mapped"]),
                 (frontend, f"{CART}:80", "MPTCP", "cart", ["--mptcp"]), (frontend, f"{PRICES}:53", "UDP", "prices", ["--udp"]),
                 (frontend, f"{PAYMENTS}:443", "TCP", "payments", []), (self.shop.carts[0], f"{PRICES}:53", "UDP, connected", "prices", ["--udp", "--connected"]),
                 (self.shop.payments, f"{CATALOG}:80", "from the host", "catalog", [])]
        failed = 0
        for client, to, how, service, options in calls:
            report = self.count(service, client.connect(to, "--count", 300, *options))
            failed += sum(report["failed"].values()) + 300 - report["ok"]
            rows.append([client.name, to, how, report["ok"], sum(report["failed"].values()), " ".join(sorted(report["servers"]))])
        screen.table(rows)
        screen.figure("failed of all of them", failed, failed == 0, "0")
        reply = frontend.connect(f"{PRICES}:53", "--udp", "--one-socket", "--count", 50)
        self.expected["shop/prices"] += 1
        screen.figure("where answers to datagrams come from", *self._only(reply["reply_sources"], f"{PRICES}:53"))

    def look(self) -> None:
        screen = self.screen
        screen.chapter("Who talks to whom")
        load = self.shop.frontend.start_client("connect", f"{CATALOG}:80", "--rate", 500, "--concurrency", 16, "--duration", 60)
        wait_for(lambda: self.agent.api.status()["rates"]["openedPerSecond"] > 100, 20, "rates", 0.2)
        screen.command("weft top --once")
        screen.block(self.agent.weft("top", "--once", check=True).stdout)
        self.count("catalog", load.stop())
        screen.command("weft observe --last 6")
        screen.block(self.agent.weft("observe", "--last", "6", check=True).stdout)
        screen.command("weft status")
        screen.block(self.agent.weft("status", check=True).stdout, 9)

    def ask_prometheus(self) -> None:
        screen, ask = self.screen, self.prometheus
        screen.chapter("The same, asked from Prometheus")
        load = self.shop.frontend.start_client("connect", f"{CATALOG}:80", "--rate", 300, "--concurrency", 8, "--duration", 60)
        rate = "sum by (source_workload, destination_workload) (rate(weft_connections_opened_total[5s])) > 100"
        answer = ask.wait(rate, lambda rows: len(rows) > 0)
        self.count("catalog", load.stop())
        self._show(rate, answer)
        screen.figure("edges with this rate", len(answer), len(answer) > 0, "> 0")
        opened = "sum by (destination_service) (weft_connections_opened_total{destination_service!=\"\"})"
        answer = ask.wait(opened, lambda rows: dict((r["destination_service"], v) for r, v in rows) == self.expected)
        self._show(opened, answer)
        counted = {labels["destination_service"]: int(value) for labels, value in answer}
        screen.figure("connections counted and connections made", f"{sum(counted.values())} and {sum(self.expected.values())}",
                      counted == self.expected, "equal, service by service")
        median = "histogram_quantile(0.5, sum by (le) (weft_tcp_connect_duration_seconds_bucket))"
        answer = ask.wait(median, lambda rows: len(rows) > 0)
        self._show(median, answer)
        screen.figure("median of connect() in all of the shop", f"{1e6 * answer[0][1]:.0f} µs" if answer else "no answer",
                      bool(answer) and 0 < answer[0][1] < 0.1, "below 100 ms")
        lost = ask.wait("sum(weft_events_lost_total)", lambda rows: len(rows) > 0)
        self._show("sum(weft_events_lost_total)", lost)
        screen.figure("records lost", int(lost[0][1]) if lost else "no answer", bool(lost) and lost[0][1] == 0, "0")

    def _show(self, expression: str, answer) -> None:
        self.screen.command(f"promtool query '{expression}'")
        self.screen.block("\n".join(f"{' → '.join(labels[key] for key in sorted(labels, reverse=True)) or 'value'}  {value:.6g}" for labels, value in answer))

    def under_load(self, title: str, action, watch_counters: bool = True) -> None:
        screen = self.screen
        screen.chapter(title)
        load = Load(self.shop)
        action()
        time.sleep(0.5)
        reports = load.stop()
        screen.table([["load", "made", "failed", "slowest ms"]] + [
            [name, made(report), sum(report["failed"].values()),
             f"{(report.get('longest_us') or report.get('request_us', {}).get('max') or 0) / 1000:.1f}"] for name, report in reports.items()])
        failed = sum(sum(report["failed"].values()) for report in reports.values())
        screen.figure("failed new and established connections", failed, failed == 0 and reports["kept open"]["open"] == 8, "0")
        self.count("catalog", reports["new connections"])
        self.count("catalog", reports["over IPv6"])
        self.count("prices", reports["datagrams"])
        self.expected["shop/cart"] = self.expected.get("shop/cart", 0) + 8
        if watch_counters:
            self._counters_match()

    def _counters_match(self) -> None:
        opened = lambda: {service: int(self.agent.api.metrics().sum("weft_connections_opened_total", destination_service=service))
                          for service in self.expected}
        try:
            wait_for(lambda: opened() == self.expected, 10, "counters", 0.2)
        except AssertionError:
            pass  # the figure below says what is wrong
        counted = opened()
        wrong = {service: (counted[service], count) for service, count in self.expected.items() if counted[service] != count}
        self.screen.figure("connections not in the counters", wrong or 0, not wrong, "0")

    def kill(self) -> None:
        def action():
            self.agent.kill()
            self.screen.say("kill -9: no agent for two seconds")
            time.sleep(2)
            begin = time.monotonic()
            self.agent.start()
            self.screen.say(f"started again, ready after {1000 * (time.monotonic() - begin):.0f} ms")
        self.under_load("kill -9 of the agent under load", action)

    def upgrade(self) -> None:
        following = binary("weftd-next")

        def action():
            for program, what in ((following, "upgrade to an agent with another map layout"), (binary("weftd"), "downgrade")):
                begin = time.monotonic()
                self.agent.stop()
                self.agent.start(program)
                layout = next(path.name for path in (self.shop.node.bpffs / "maps").iterdir() if path.name.startswith("weft_services"))
                self.screen.say(f"{what}: {1000 * (time.monotonic() - begin):.0f} ms, maps are now {layout}")
        # Opens between the copy of the counters and the swap of the programs may stay in the old map.
        self.under_load("Upgrade and downgrade under load", action, watch_counters=False)

    def rollout(self) -> None:
        shop = self.shop
        ended = []

        def action():
            members = [*shop.catalog_v1, shop.catalog_v2[0]]
            for leaving in shop.catalog_v1:
                if shop.catalog_v2[1] not in members:
                    members.append(shop.catalog_v2[1])
                shop.write_catalog(members, leaving=[leaving])
                shop.settle()
                time.sleep(0.2)
                ended.append(end_server(shop.lab, shop.servers.pop(leaving.name)))
                members.remove(leaving)
                shop.write_catalog(members)
                shop.settle()
            self.screen.say("two pods of v1 were ended in turn, two of v2 serve now")
        self.under_load("Rolling update of the catalog, v1 → v2, under load", action, watch_counters=False)
        report = shop.frontend.connect(f"{CATALOG}:80", "--count", 1000, "--concurrency", 4)
        self.screen.shares(report["servers"])
        self.screen.figure("versions that answer now", " ".join(sorted(report["servers"])),
                           set(report["servers"]) == {pod.name for pod in shop.catalog_v2} and report["failed"] == {}, "v2 only")

    def secure(self) -> None:
        screen, shop = self.screen, self.shop
        screen.chapter("A policy that is too narrow: only cart may call the catalog")
        shop.write_policy("cart")
        kept = shop.frontend.start_client("stream", f"{CART}:80", "--streams", 2)
        denied = shop.frontend.connect(f"{CATALOG}:80", "--count", 50, "--timeout", 1)
        screen.figure("connections of frontend that were let through", denied["ok"], denied["ok"] == 0, "0")
        screen.figure("how the others ended", ", ".join(f"{word} {count}" for word, count in sorted(denied["failed"].items())),
                      denied["failed"] == {"ECONNREFUSED": 50}, "refused at once")
        allowed = self.count("catalog", shop.carts[0].connect(f"{CATALOG}:80", "--count", 50))
        screen.figure("connections of cart that failed", sum(allowed["failed"].values()), allowed["ok"] == 50, "0")
        self._explain("denied", 3)
        screen.chapter("The rule that is missing, added")
        shop.write_policy("cart", "frontend")
        mended = self.count("catalog", shop.frontend.connect(f"{CATALOG}:80", "--count", 50))
        screen.figure("connections of frontend that failed", sum(mended["failed"].values()), mended["ok"] == 50, "0")
        report = kept.stop()
        self.expected["shop/cart"] = self.expected.get("shop/cart", 0) + 2
        screen.figure("open connections to others that it cut", sum(report["failed"].values()), report["failed"] == {} and report["open"] == 2, "0")
        shop.write_policy()

    def quarantine(self) -> None:
        screen, shop = self.screen, self.shop
        screen.chapter("A workload in quarantine, and back")
        live = shop.frontend.start_client("stream", f"{CART}:80", "--streams", 2)
        self.expected["shop/cart"] = self.expected.get("shop/cart", 0) + 2
        self._weft("quarantine", "shop/frontend", "--reason", "the demo")
        cut = shop.frontend.connect(f"{CART}:80", "--count", 20, "--timeout", 1)
        screen.figure("connections of frontend that were let through", cut["ok"], cut["ok"] == 0, "0")
        report = live.stop()
        screen.figure("open connections that it cut", report["open"] == 0 and sum(report["failed"].values()), report["open"] == 0, "2")
        self._weft("quarantine", "--undo", "shop/frontend")
        back = self.count("cart", shop.frontend.connect(f"{CART}:80", "--count", 20))
        screen.figure("connections of frontend that failed afterwards", sum(back["failed"].values()), back["ok"] == 20, "0")

    def _weft(self, *words: str) -> None:
        self.screen.command(" ".join(("weft", *words)))
        self.screen.block(self.agent.weft(*words, check=True).stdout)

    def _explain(self, verdict: str, code: int) -> None:
        """Why: from the flows, and from the loaded programs."""
        screen = self.screen
        observe = lambda: self.agent.weft("observe", "--verdict", verdict, "--last", "2", check=True).stdout
        wait_for(observe, 3, "the record of a denial", 0.05)  # records are read every 50 ms
        screen.command(f"weft observe --verdict {verdict} --last 2")
        screen.block(observe())
        screen.figure("the denial names the policy", "NetworkPolicy shop/catalog", "NetworkPolicy shop/catalog" in observe(), "yes")
        screen.command("weft explain shop/frontend shop/catalog:80")
        explained = self.agent.weft("explain", "shop/frontend", "shop/catalog:80")
        screen.block(explained.stdout)
        screen.figure("exit code of the explanation", explained.returncode, explained.returncode == code, str(code))

    def clean_up(self) -> None:
        screen, shop = self.screen, self.shop
        screen.chapter("Leaving")
        stream = shop.frontend.start_client("stream", f"{CART}:80", "--streams", 4)
        self.prometheus.stop()
        self.agent.stop()
        screen.command("weft cleanup --yes")
        done = self.agent.cleanup()
        screen.figure("exit code of the cleanup", done.returncode, done.returncode == 0, "0")
        report = stream.stop()
        screen.figure("connections cut by it", sum(report["failed"].values()), report["failed"] == {} and report["open"] == 4, "0")
        pins = [path for path in shop.node.bpffs.rglob("*")] if shop.node.bpffs.exists() else []
        screen.figure("pins left", len(pins), not pins, "0")

    def nothing_left(self, lab: Lab) -> None:
        left = lab.leftovers()
        self.screen.figure("namespaces, cgroups, mounts, processes and files left", ", ".join(left) or 0, not left, "0")


def keep(demo: Demo, lab: Lab) -> None:
    """Leaves the shop running: some load, and a script to run commands in a pod."""
    shop, directory = demo.shop, SOURCE / "build/demo"
    if not demo.agent.running():
        demo.agent.start()
    shop.frontend.start_client("connect", f"{CATALOG}:80", "--rate", 20, "--duration", 1e9)
    shop.carts[0].start_client("connect", f"{PRICES}:53", "--udp", "--interval-ms", 100, "--duration", 1e9)
    helper = directory / "in"
    cases = "\n".join(f"  {pod.name}) cgroup={pod.cgroup} netns={pod.namespace.path} ;;" for pod in [*shop.pods(), shop.payments])
    helper.write_text("#!/bin/sh\n# in POD COMMAND…: runs a command as a process of a pod of the kept shop.\npod=$1; shift\ncase $pod in\n"
                      f"{cases}\n  *) echo \"no pod $pod\" >&2; exit 64 ;;\nesac\n"
                      "echo $$ > $cgroup/cgroup.procs\nexec nsenter --net=$netns \"$@\"\n")
    helper.chmod(0o755)
    print(f"""
The shop keeps running with a little load. Look around:
  build/bin/weft --socket {demo.agent.socket} observe -f
  build/bin/weft --socket {demo.agent.socket} top
  build/demo/in frontend build/release/bin/weft-peer connect --to {CATALOG}:80 --count 100
  build/demo/in payments curl -s http://127.0.0.1:9690/metrics        # or any tool
  edit the objects in {shop.node.manifests}
  scripts/demo --stop                                                  # ends it and verifies that nothing is left""", flush=True)
    log = os.open(directory / "log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    os.dup2(log, 1)
    os.dup2(log, 2)
    (directory / "pid").write_text(str(os.getpid()))
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: None)
    signal.pause()


def play(demo: Demo) -> None:
    for chapter in (demo.start, demo.balance, demo.every_kind, demo.look, demo.ask_prometheus, demo.kill, demo.upgrade, demo.rollout, demo.secure, demo.quarantine):
        chapter()


def main() -> int:
    keeping = sys.argv[1:] == ["--keep"]
    private_mounts()
    lab = Lab("demo")
    state = SOURCE / "build/demo/pid"
    try:
        demo = Demo(Shop(lab))
        try:
            play(demo)
            if keeping and not demo.screen.bad:
                keep(demo, lab)
            demo.clean_up()
        except Exception as failed:  # a broken chapter is a wrong figure, and everything is removed all the same
            demo.screen.figure(type(failed).__name__, failed, False)
            demo.screen.block(demo.agent.log_tail())
    finally:
        lab.close()
        state.unlink(missing_ok=True)
    demo.nothing_left(lab)
    return demo.screen.end()


if __name__ == "__main__":
    sys.exit(main())
