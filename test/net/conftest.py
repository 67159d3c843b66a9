"""Fixtures of the net tests: labs that clean up after every module, a shop with an agent, a time limit for every test."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from weftlab import manifests as m  # noqa: E402
from weftlab.machine import Lab, private_mounts  # noqa: E402
from weftlab.node import Node, binary  # noqa: E402

DEFAULT_LIMIT_S = 60


def pytest_addoption(parser):
    parser.addoption("--full", action="store_true", help="the long versions: a minute of churn, every step of a crash")


def pytest_configure(config):
    config.addinivalue_line("markers", f"limit(seconds): time limit of a test (default {DEFAULT_LIMIT_S} s)")


def pytest_sessionstart(session):
    for program in ("weftd", "weft", "weft-peer"):
        if not binary(program).exists():
            pytest.exit(f"{binary(program)} is not built: scripts/build", returncode=2)
    if os.geteuid() != 0:
        pytest.exit("the net tests need root", returncode=77)
    if not session.config.option.collectonly:
        private_mounts()


def _limited(item, phase: str):
    marker = item.get_closest_marker("limit")
    seconds = marker.args[0] if marker else DEFAULT_LIMIT_S

    def too_late(*_):
        raise TimeoutError(f"{phase} of {item.name} took more than {seconds} s")

    signal.signal(signal.SIGALRM, too_late)
    signal.setitimer(signal.ITIMER_REAL, seconds)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_setup(item):
    _limited(item, "setup")
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item):
    _limited(item, "run")
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_teardown(item):
    _limited(item, "teardown")
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    report = outcome.get_result()
    if not report.failed:
        return
    for value in getattr(item, "funcargs", {}).values():
        node = getattr(value, "node", value)
        if isinstance(node, Node):
            report.sections.append((f"weftd of {node.name}", node.agent.log_tail(60)))
            return


@pytest.fixture(scope="session")
def full(request) -> bool:
    return request.config.getoption("--full")


def _lab():
    lab = Lab()
    yield lab
    lab.close()
    assert lab.leftovers() == []


lab = pytest.fixture(scope="module", name="lab")(_lab)
own_lab = pytest.fixture(name="own_lab")(_lab)


class Shop:
    """A client and three servers of app=web behind one agent; TCP on 8080, UDP on 5353, both families."""

    WEB_PORTS = (("http", 8080, "TCP"), ("dns", 5353, "UDP"))

    def __init__(self, lab: Lab, servers: int = 3):
        self.lab = lab
        self.node = Node(lab)
        self.agent = self.node.agent
        self.client = self.node.pod("client")
        self.web = [self.node.pod(f"web-{i}", {"app": "web"}) for i in range(servers)]
        for pod in self.web:
            pod.serve(8080)
            pod.serve(5353, udp=True)
        self.write_pods()
        self._addresses = 9

    def write_pods(self):
        self.node.write(
            "pods.yaml", m.namespace("shop"),
            m.node(self.node.name, self.node.zone, self.node.region, [self.node.address, self.node.address_v6]),
            self.client.manifest(owner="client"), *[pod.manifest(owner="web", ports=self.WEB_PORTS) for pod in self.web])

    def address(self) -> tuple[str, str]:
        """A fresh pair of service addresses."""
        self._addresses += 1
        return f"10.96.0.{self._addresses}", f"fd00:96::{self._addresses:x}"

    def service(self, name: str, ports=None, dual: bool = False, selector=None, **spec) -> str:
        """Applies a ClusterIP service and returns its IPv4 address (or both, when dual)."""
        v4, v6 = self.address()
        ports = ports or [m.port(80, 8080, name="http"), m.port(53, 5353, "UDP", name="dns")]
        self.node.apply(f"{name}.yaml", m.service(name, [v4, v6] if dual else [v4], ports,
                                                  {"app": "web"} if selector is None else selector, **spec))
        return (v4, v6) if dual else v4


@pytest.fixture(scope="module")
def shop(lab) -> Shop:
    shop = Shop(lab)
    shop.agent.start()
    return shop


@pytest.fixture
def own_shop(own_lab) -> Shop:
    shop = Shop(own_lab)
    shop.agent.start()
    return shop
