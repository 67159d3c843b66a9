"""SIGKILL and errors at every bpf() call of an update, of a start and of an upgrade: old state or new state, never mixed."""

from __future__ import annotations

import subprocess

import pytest

from weftlab import manifests as m
from weftlab.bpfmaps import programmed_frontends
from weftlab.machine import wait_for
from weftlab.node import binary

PORTS = [("http", 8080, "TCP")]


class Update:
    """Four services whose endpoints all change at once, between two states."""

    def __init__(self, shop):
        self.shop = shop
        self.addresses = [shop.address()[0] for _ in range(4)]
        web = shop.web
        self.states = [[web[:1], web[1:], web, []], [web[1:], web[:2], web[2:], web[:1]]]
        self.current = 0

    def objects(self, state: int):
        for i, (address, pods) in enumerate(zip(self.addresses, self.states[state])):
            yield m.service(f"atomic-{i}", [address], [m.port(80, 8080, name="http")])
            yield m.endpoint_slice(f"atomic-{i}", [m.endpoint(pod.v4) for pod in pods], PORTS)

    def wanted(self, state: int) -> list[list[str]]:
        return [sorted(f"{pod.v4}:8080" for pod in pods) for pods in self.states[state]]

    def programmed(self) -> list[list[str]]:
        frontends = programmed_frontends(self.shop.node.bpffs)
        return [frontends[(address, 80, "TCP")] for address in self.addresses]

    def check_not_mixed(self) -> None:
        for i, (have, old, new) in enumerate(zip(self.programmed(), self.wanted(0), self.wanted(1))):
            assert have in (old, new), f"service {i} is neither old nor new: {have}"
        for address, old, new in zip(self.addresses, *self.states):
            report = self.shop.client.connect(f"{address}:80", "--count", 6)
            assert set(report["servers"]) <= {pod.name for pod in old + new}
            assert not report["failed"] or not old or not new, f"{address}: {report['failed']}"

    def flip(self) -> None:
        self.current = 1 - self.current
        self.shop.node.write("atomic.yaml", *self.objects(self.current))


def attach_strace(shop, *rule) -> subprocess.Popen:
    tracer = shop.lab.start(["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=bpf", "-e", *rule, "-p", shop.agent.process.pid],
                            name="strace")
    status = f"/proc/{shop.agent.process.pid}/status"
    wait_for(lambda: f"TracerPid:\t{tracer.pid}\n" in open(status).read(), 5, "strace attached")
    return tracer


def killed_or_applied(shop, update) -> bool:
    """True when the agent was killed before the update was complete."""
    wait_for(lambda: not shop.agent.running() or update.programmed() == update.wanted(update.current), 20, "killed or applied", 0.005)
    return not shop.agent.running() or update.programmed() != update.wanted(update.current)


@pytest.mark.limit(300)
def test_sigkill_at_every_bpf_call_of_an_update(own_shop, full):
    shop = own_shop
    update = Update(shop)
    shop.node.apply("atomic.yaml", *update.objects(0))
    streams = shop.client.start_client("stream", f"{update.addresses[2]}:80")
    killed = 0
    for call in range(1, 400 if full else 25):
        tracer = attach_strace(shop, f"inject=bpf:signal=SIGKILL:when={call}")
        update.flip()
        before_the_end = killed_or_applied(shop, update)
        killed += before_the_end
        if shop.agent.running():  # it was not killed by this update: end it the same way
            shop.agent.process.kill()
        shop.agent.process.wait()
        shop.lab.stop(tracer)
        update.check_not_mixed()
        shop.agent.start()
        assert update.programmed() == update.wanted(update.current), "the restart did not converge"
        if not before_the_end:
            break
    else:
        assert not full, "an update takes more than 400 bpf() calls"
    assert killed > 3
    report = streams.stop()
    assert report["failed"] == {} and report["open"] == 1


@pytest.mark.limit(120)
def test_an_error_at_any_bpf_call_of_an_update_is_retried(own_shop, full):
    shop = own_shop
    update = Update(shop)
    shop.node.apply("atomic.yaml", *update.objects(0))
    for call in range(1, 60 if full else 12):
        error = ("ENOMEM", "EPERM", "EBUSY")[call % 3]
        tracer = attach_strace(shop, f"inject=bpf:error={error}:when={call}")
        update.flip()
        wait_for(lambda: update.programmed() == update.wanted(update.current), 15, f"the update in spite of {error} at call {call}", 0.02)
        shop.lab.stop(tracer)
        assert shop.agent.running(), shop.agent.log_tail()
    update.check_not_mixed()
    wait_for(lambda: shop.agent.api.status()["lag"]["revisions"] == 0, 35, "no lag", 0.2)


def steps(full: bool):
    """Calls of a start to die at: all of them, or a sample that is dense where the first programs are loaded."""
    return range(1, 1000) if full else [1, 2, 3, 5, 8, 13, 21, 34, 55, 75, 89, 100, 120, 144, 170, 200, 233, 300, 377]


@pytest.mark.limit(400)
@pytest.mark.parametrize("program", ["weftd", "weftd-next"])
def test_sigkill_at_bpf_calls_of_a_start_and_of_an_upgrade(own_shop, full, program):
    shop = own_shop
    update = Update(shop)
    shop.node.apply("atomic.yaml", *update.objects(0))
    assert binary(program).exists()
    load = shop.client.start_client("connect", f"{update.addresses[2]}:80", "--rate", 300, "--concurrency", 16, "--duration", 380)
    streams = shop.node.pod("streams").start_client("stream", f"{update.addresses[2]}:80")
    shop.agent.stop()
    deaths = 0
    for call in steps(full):
        shop.agent.launch(binary(program), prefix=["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=bpf", "-e",
                                                   f"inject=bpf:signal=SIGKILL:when={call}"])
        wait_for(lambda: not shop.agent.running() or shop.agent.api.answers("/readyz"), 30, "killed or ready")
        if shop.agent.running():
            shop.agent.process.terminate()
            shop.agent.process.wait(10)
            shop.agent.start(binary(program))
            break
        deaths += 1
        update.check_not_mixed()
    else:
        shop.agent.start(binary(program))
    assert deaths > 5
    assert update.programmed() == update.wanted(0)
    for report in (load.stop(), streams.stop()):
        assert report["failed"] == {}
    assert all(entry["state"] == "attached" for entry in shop.agent.api.status()["attachments"])
