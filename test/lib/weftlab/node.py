"""A node: a network namespace with a bridge, pods on it, a cgroup for all of its processes, and one agent."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from pathlib import Path

from . import manifests
from .api import Api
from .machine import Lab, Namespace, run, wait_for

SOURCE = Path(__file__).resolve().parents[3]
SERVICE_NETWORKS = ("10.96.0.0/12", "203.0.113.0/24")
SERVICE_NETWORKS_V6 = ("fd00:96::/64",)


def binary(name: str) -> Path:
    """A program of the build under test: WEFT_BIN, else build/release, else the newest build."""
    if "WEFT_BIN" in os.environ:
        return Path(os.environ["WEFT_BIN"]) / name
    release = SOURCE / "build/release/bin" / name
    if release.exists():
        return release
    found = sorted(SOURCE.glob(f"build/*/bin/{name}"), key=lambda path: path.stat().st_mtime)
    return found[-1] if found else release


class Pod:
    """A network namespace and a cgroup. `host` pods use the node's own namespace, as units of a host do."""

    def __init__(self, node: "Node", name: str, addresses: list[str], namespace: Namespace, labels: dict[str, str],
                 node_name: str, host: bool):
        self.node = node
        self.name = name
        self.addresses = addresses
        self.namespace = namespace
        self.labels = labels
        self.node_name = node_name
        self.host = host
        self.cgroup = node.lab.make_cgroup(node.name, f"pod-{name}")
        self.cpu: int | None = None  # processes of this pod stay on one processor: for measurements

    @property
    def v4(self) -> str:
        return self.addresses[0]

    @property
    def v6(self) -> str:
        return self.addresses[1]

    def manifest(self, **more) -> dict:
        return manifests.pod(self.name, self.addresses, self.labels, node=self.node_name, **more)

    def _pinned(self, argv) -> list:
        return list(argv) if self.cpu is None else ["taskset", "-c", str(self.cpu), *argv]

    def start(self, argv, **options) -> subprocess.Popen:
        options.setdefault("cgroup", self.cgroup)
        return self.node.lab.start(self._pinned(argv), namespace=self.namespace, **options)

    def run(self, argv, check=True, timeout_s=60) -> subprocess.CompletedProcess:
        """Runs a command as a process of this pod."""
        join = f"echo 0 > {self.cgroup}/cgroup.procs; exec \"$@\""
        return run(self.namespace.command(["sh", "-c", join, "sh", *self._pinned(argv)]), check=check, timeout_s=timeout_s)

    def serve(self, port: int, name: str = "", udp: bool = False, families="46", *more: str) -> subprocess.Popen:
        """Starts a weft-peer server and waits until it listens."""
        listen = []
        if self.host:
            listen = [f"0.0.0.0:{port}"]
        elif "4" in families:
            listen.append(f"{self.v4}:{port}")
        if not self.host and "6" in families and len(self.addresses) > 1:
            listen.append(f"[{self.v6}]:{port}")
        argv = [binary("weft-peer"), "serve", "--listen", ",".join(listen), "--name", name or self.name, *more]
        process = self.start(argv + (["--udp"] if udp else []), stdout=subprocess.PIPE, text=True, name=f"server {name or self.name}")
        if process.stdout.readline() != "ready\n":
            raise AssertionError(f"server {name or self.name} on {listen} did not start")
        return process

    def connect(self, to: str, *options, timeout_s: float = 60) -> dict:
        """Runs a client to its end and returns its report."""
        done = self.run([binary("weft-peer"), "connect", "--to", to, *map(str, options)], check=False, timeout_s=timeout_s)
        if not done.stdout.startswith("{"):
            raise AssertionError(f"client in {self.name} said nothing: {done.stderr}")
        report = json.loads(done.stdout)
        assert done.returncode == (1 if report["failed"] else 0)
        return report

    def start_client(self, mode: str, to: str, *options) -> "Client":
        process = self.start([binary("weft-peer"), mode, "--to", to, *options], stdout=subprocess.PIPE, text=True,
                             name=f"{mode} {to} in {self.name}")
        if mode == "stream":
            assert process.stdout.readline() == "ready\n"
        wait_for(lambda: process.poll() is not None or catches(process.pid, signal.SIGTERM), 10, "a client that can be stopped", 0.001)
        return Client(self.node.lab, process)


class Client:
    """A client that runs until stop()."""

    def __init__(self, lab: Lab, process: subprocess.Popen):
        self.lab = lab
        self.process = process

    def stop(self, timeout_s: float = 15) -> dict:
        self.lab.stop(self.process, timeout_s=timeout_s)
        return json.loads(self.process.stdout.read())

    def wait(self, timeout_s: float = 120) -> dict:
        self.process.wait(timeout_s)
        return self.stop()


def catches(pid: int, number: int) -> bool:
    """Whether the process has a handler for a signal: before, it would die of it without a report."""
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False
    caught = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt:"))
    return bool(int(caught, 16) >> (number - 1) & 1)


def end_server(lab: Lab, process: subprocess.Popen) -> dict:
    """Ends a server and returns its totals."""
    lab.stop(process, timeout_s=30)
    return json.loads(process.stdout.read())


class Node:
    def __init__(self, lab: Lab, name: str = "node-a", zone: str = "z1", region: str = "r1"):
        self.lab = lab
        self.name = name
        self.zone = zone
        self.region = region
        self.address = "192.0.2.10"
        self.address_v6 = "fd00:2::10"
        self.directory = lab.directory / name
        self.directory.mkdir()
        self.cgroup = lab.make_cgroup(name)
        self.namespace = lab.namespace(name)
        self.manifests = self.directory / "manifests"
        self.manifests.mkdir()
        self.pods: dict[str, Pod] = {}
        self._next = 2
        self._set_up_network()
        self.bpffs = lab.mount_bpffs(self.directory / "bpf") / "weft"
        self.agent = Agent(self)

    def _set_up_network(self) -> None:
        self.namespace.sysctl(net__ipv4__ip_forward=1, net__ipv6__conf__all__forwarding=1, net__ipv4__tcp_fastopen=3,
                              net__ipv4__ip_local_port_range="10000 65000", net__ipv4__tcp_tw_reuse=1)
        self.namespace.ip(
            "link add br0 type bridge", "link set br0 up", "addr add 10.88.0.1/16 dev br0",
            "addr add fd00:88::1/64 dev br0 nodad", f"addr add {self.address}/32 dev lo", f"addr add {self.address_v6}/128 dev lo",
            *_blackholes())

    def pod(self, name: str, labels=None, node_name: str = "", host: bool = False) -> Pod:
        """A pod on this node's bridge. `node_name` only changes what its manifest says: a pod of another node."""
        labels = labels if labels is not None else {"app": name}
        if host:
            pod = Pod(self, name, [self.address, self.address_v6], self.namespace, labels, node_name or self.name, True)
            self.pods[name] = pod
            return pod
        number = self._next
        self._next += 1
        addresses = [f"10.88.{number >> 8}.{number & 255}", f"fd00:88::{number:x}"]
        namespace = self.lab.namespace(name)
        self.namespace.ip(f"link add v{number} type veth peer name eth0 netns {namespace.holder.pid}",
                          f"link set v{number} master br0 up")
        namespace.sysctl(net__ipv4__tcp_fastopen=3, net__ipv4__ip_local_port_range="10000 65000", net__ipv4__tcp_tw_reuse=1)
        namespace.ip(f"addr add {addresses[0]}/16 dev eth0", f"addr add {addresses[1]}/64 dev eth0 nodad", "link set eth0 up",
                     "route add default via 10.88.0.1", "route add default via fd00:88::1", *_blackholes())
        pod = Pod(self, name, addresses, namespace, labels, node_name or self.name, False)
        self.pods[name] = pod
        return pod

    def write(self, file: str, *objects: dict) -> None:
        """Replaces one manifest file atomically; no objects removes it."""
        path = self.manifests / file
        if not objects:
            path.unlink(missing_ok=True)
            return
        self.write_text(file, "\n---\n".join(json.dumps(entry) for entry in objects) + "\n")

    def write_text(self, file: str, text: str) -> None:
        path = self.manifests / file
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.new")
        temporary.write_text(text)
        temporary.rename(path)

    def apply(self, file: str, *objects: dict) -> None:
        """write(), and return when it is in the maps."""
        self.write(file, *objects)
        self.agent.api.reload()

    def write_pods(self, **more) -> None:
        entries = [pod.manifest(**more) for pod in self.pods.values() if not pod.host]
        self.write("pods.yaml", manifests.namespace("shop"),
                   manifests.node(self.name, self.zone, self.region, [self.address, self.address_v6]), *entries)


def _blackholes() -> list[str]:
    return [f"route add unreachable {network}" for network in SERVICE_NETWORKS] + \
        [f"route add unreachable {network}" for network in SERVICE_NETWORKS_V6]


class Agent:
    """weftd on a node: its configuration, process, log and API."""

    def __init__(self, node: Node):
        self.node = node
        self.directory = node.directory
        self.socket = node.directory / "weft.sock"
        self.config_path = node.directory / "weft.yaml"
        self.log_path = node.directory / "weftd.log"
        self.state = node.directory / "state"
        self.api = Api(self.socket)
        self.process: subprocess.Popen | None = None
        self.config = {
            "apiVersion": "weft/v1",
            "node": {"name": node.name, "zone": node.zone, "region": node.region},
            "datapath": {"bpffs": str(node.bpffs), "cgroup": str(node.cgroup)},
            "discovery": {"files": {"paths": [str(node.manifests)]}},
            "metrics": {"listen": "127.0.0.1:9690"},
            "api": {"socket": str(self.socket)},
            "state": {"dir": str(self.state)},
            "log": {"level": "info"},
        }

    def write_config(self, **sections) -> None:
        """Merges the given sections one level deep and writes the file; JSON is YAML."""
        for section, values in sections.items():
            if isinstance(values, dict):
                self.config.setdefault(section, {}).update(values)
            else:
                self.config[section] = values
        self.config_path.write_text(json.dumps(self.config, indent=1) + "\n")

    def command(self, program: Path | None = None, *more) -> list[str]:
        return [str(program or binary("weftd")), "--config", str(self.config_path), *map(str, more)]

    def launch(self, program: Path | None = None, prefix=(), env=None) -> subprocess.Popen:
        """Starts the agent without waiting."""
        if not self.config_path.exists():
            self.write_config()
        self.state.mkdir(exist_ok=True)
        log = open(self.log_path, "ab")
        self.process = self.node.lab.start([*prefix, *self.command(program)], namespace=self.node.namespace, log=log,
                                           name="weftd", env={**os.environ, **(env or {})})
        log.close()
        return self.process

    def start(self, program: Path | None = None, timeout_s: float = 30, **options) -> "Agent":
        self.launch(program, **options)
        self.wait_ready(timeout_s)
        return self

    def wait_ready(self, timeout_s: float = 30) -> None:
        def ready():
            if self.process.poll() is not None:
                raise AssertionError(f"weftd ended with {self.process.returncode}:\n{self.log_tail()}")
            return self.api.answers("/readyz")
        try:
            wait_for(ready, timeout_s, "weftd ready")
        except AssertionError as failed:
            raise AssertionError(f"{failed}\n{self.log_tail()}") from None

    def stop(self) -> int:
        code = self.node.lab.stop(self.process)
        self.process = None
        return code

    def kill(self) -> None:
        """kill -9, as the kernel's OOM killer does it."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()
        self.node.lab.stop(self.process)
        self.process = None

    def running(self) -> bool:
        return self.process is not None and self.process.poll() is None

    def weft(self, *arguments, check: bool = False, timeout_s: float = 60, **options) -> subprocess.CompletedProcess:
        """The command line against this agent."""
        return run([binary("weft"), "--socket", self.socket, *arguments], check=check, timeout_s=timeout_s, **options)

    def log_tail(self, lines: int = 30) -> str:
        return "\n".join(self.log_path.read_text(errors="replace").splitlines()[-lines:]) if self.log_path.exists() else ""

    def log(self) -> str:
        return self.log_path.read_text(errors="replace") if self.log_path.exists() else ""

    def resident_mib(self) -> float:
        """VmRSS, with the mapped ring of the kernel in it."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"^VmRSS:\s+(\d+) kB", status, re.M)[1]) / 1024

    def cleanup(self, *more) -> subprocess.CompletedProcess:
        return run(self.node.namespace.command(self.command(None, "--cleanup", *more)), check=False)

    def wait_flows(self, condition, timeout_s: float = 10, what: str = "flows", **query) -> list[dict]:
        """Recent flows once condition(flows) holds."""
        end = time.monotonic() + timeout_s
        while True:
            flows, _ = self.api.flows(**query)
            if condition(flows):
                return flows
            if time.monotonic() > end:
                raise AssertionError(f"not within {timeout_s:g} s: {what}; last of {len(flows)}: {flows[-3:]}")
            time.sleep(0.1)
