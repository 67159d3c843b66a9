"""A stand-in for the agent: HTTP over a unix socket, with answers that a test sets."""
import http.server
import json
import os
import pathlib
import pty
import shutil
import socketserver
import subprocess
import tempfile
import threading

import pytest

SOURCE = pathlib.Path(__file__).resolve().parents[2]


def find_weft():
    named = os.environ.get("WEFT_BIN")
    if named:
        return (pathlib.Path(named) / "weft").resolve()  # the folder of the programs, as in every other test
    built = [path for path in [*SOURCE.glob("build/bin/weft"), *SOURCE.glob("build/*/bin/weft")] if path.is_file()]
    if not built:
        pytest.exit("there is no build/*/bin/weft: build it first, or set WEFT_BIN to its folder")
    return max(built, key=lambda path: path.stat().st_mtime)


WEFT = find_weft()


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def address_string(self):
        return "unix"

    def log_message(self, *_):
        pass

    def answer(self):
        agent = self.server.agent
        agent.requests.append((self.command, self.path))
        path = self.path.split("?")[0]
        answer = agent.answers.get((self.command, path), (404, {"kind": "Error", "code": 1, "message": f"no {path} here"}))
        if callable(answer):
            return answer(self)
        status, body = answer
        if not isinstance(body, (bytes, str)):
            body = json.dumps(body)
        body = body.encode() if isinstance(body, str) else body
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_GET = do_POST = answer


class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def handle_error(self, *_):
        pass


def stream(lines, end=True, pause=None):
    """An answer in chunks; without end it stays open until `pause` is set."""

    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", "application/x-ndjson")
        handler.send_header("Transfer-Encoding", "chunked")
        handler.end_headers()
        for line in lines:
            data = (line if isinstance(line, str) else json.dumps(line)).encode() + b"\n"
            handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))
            handler.wfile.flush()
        if pause is not None:
            pause.wait(20)
        if end:
            handler.wfile.write(b"0\r\n\r\n")
        else:
            handler.close_connection = True

    return answer


class Agent:
    def __init__(self, directory):
        self.socket = os.path.join(directory, "weft.sock")
        self.requests = []
        self.answers = {}
        self.server = Server(self.socket, Handler)
        self.server.agent = self
        threading.Thread(target=self.server.serve_forever, daemon=True).start()

    def get(self, name, body, status=200):
        self.answers[("GET", f"/api/v1/{name}")] = body if callable(body) else (status, body)

    def list(self, name, kind, items):
        self.get(name, {"apiVersion": "weft/v1", "kind": kind, "items": items})

    def post(self, name, status, body):
        self.answers[("POST", f"/api/v1/{name}")] = (status, body)

    def close(self):
        self.server.shutdown()
        self.server.server_close()


class Result:
    def __init__(self, code, out, err):
        self.code, self.out, self.err = code, out, err

    @property
    def json(self):
        return json.loads(self.out)

    @property
    def lines(self):
        return self.out.splitlines()


def clean_environment(**extra):
    kept = {name: value for name, value in os.environ.items() if not name.startswith("WEFT_") and name != "NO_COLOR"}
    # The last value of a LANG that is not UTF-8 keeps the output in plain ASCII on every machine.
    return {**kept, "LC_ALL": "C", **{name: value for name, value in extra.items() if value is not None}}


@pytest.fixture
def directory():
    path = tempfile.mkdtemp(prefix="weft-cli-")
    yield path
    shutil.rmtree(path)


@pytest.fixture
def weft(directory):
    """Runs weft with a socket that belongs to this test alone, so that no real agent answers."""

    def run(*words, program=WEFT, env=None, socket=True, stdin=subprocess.DEVNULL, cwd=None, timeout=60):
        environment = clean_environment(**(env or {}))
        if socket:
            environment.setdefault("WEFT_API__SOCKET", os.path.join(directory, "weft.sock"))
        done = subprocess.run([str(program), *map(str, words)], env=environment, stdin=stdin, capture_output=True,
                              cwd=cwd or directory, timeout=timeout)
        return Result(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


@pytest.fixture
def weft_on_terminal(directory):
    """Runs weft on a terminal of its own; returns all it wrote there."""

    def run(*words, env=None, columns=80, keys=None):
        environment = clean_environment(**({"LC_ALL": "C.UTF-8", "TERM": "xterm"} | (env or {})))
        environment.setdefault("WEFT_API__SOCKET", os.path.join(directory, "weft.sock"))
        master, slave = pty.openpty()
        subprocess.run(["stty", "cols", str(columns), "rows", "24", "-echo"], stdin=slave, check=True)
        child = subprocess.Popen([str(WEFT), *words], env=environment, stdin=slave, stdout=slave, stderr=slave, cwd=directory)
        os.close(slave)
        if keys:
            os.write(master, keys.encode())
        written = b""
        while True:
            try:
                part = os.read(master, 65536)
            except OSError:
                break
            if not part:
                break
            written += part
        os.close(master)
        return Result(child.wait(60), written.decode().replace("\r\n", "\n"), "")

    return run


@pytest.fixture
def agent(directory):
    made = Agent(directory)
    yield made
    made.close()


SERVICES = [
    {"namespace": "shop", "name": "web", "type": "NodePort", "clusterIPs": ["10.96.0.1", "fd00:96::1"], "externalIPs": [],
     "headless": False, "ports": [{"name": "http", "port": 80, "protocol": "TCP", "nodePort": 30080, "targetPort": 8080}],
     "frontends": [{"address": "10.96.0.1", "port": 80, "protocol": "TCP", "endpoints": ["10.1.0.2:8080", "10.1.0.3:8080"]}],
     "affinitySeconds": 0, "status": {"state": "Programmed", "reason": "", "findings": []}, "origin": "/etc/m/shop.yaml:1"},
    {"namespace": "shop", "name": "db", "type": "ClusterIP", "clusterIPs": ["10.96.0.2"], "externalIPs": [], "headless": False,
     "ports": [{"name": "", "port": 5432, "protocol": "TCP", "nodePort": 0, "targetPort": 5432}], "frontends": [],
     "affinitySeconds": 10800, "status": {"state": "Error", "reason": "no endpoint", "findings": []}, "origin": "/etc/m/shop.yaml:20"},
    {"namespace": "other", "name": "web", "type": "ClusterIP", "clusterIPs": [], "externalIPs": [], "headless": True, "ports": [],
     "frontends": [], "affinitySeconds": 0, "status": {"state": "Accepted", "reason": "", "findings": []}, "origin": ""},
]
WORKLOADS = [
    {"namespace": "shop", "name": "frontend", "kind": "Pod", "pods": ["frontend-1"], "identity": 256, "node": "a", "zone": "z1",
     "addresses": ["10.1.0.1"], "ports": [], "serviceAccount": "default", "status": {"state": "Programmed"}},
    {"namespace": "shop", "name": "backend", "kind": "Pod", "pods": ["web-1", "web-2"], "identity": 257, "node": "a", "zone": "z1",
     "addresses": ["10.1.0.2", "10.1.0.3"], "ports": [], "serviceAccount": "web", "status": {"state": "Programmed"}},
    {"namespace": "prod", "name": "payments", "kind": "Workload", "pods": [], "identity": 258, "node": "vm-1", "zone": "",
     "addresses": ["192.0.2.10"], "ports": [{"name": "http", "port": 8080, "protocol": "TCP"}], "serviceAccount": "payments",
     "process": {"systemdUnit": "payments.service"}, "status": {"state": "Programmed"}},
]
ENDPOINTS = [
    {"namespace": "shop", "service": "web", "portName": "http", "address": address, "port": 8080, "protocol": "TCP", "ready": ready,
     "serving": True, "terminating": not ready, "node": "a", "zone": "z1", "workload": {"namespace": "shop", "name": "backend"},
     "programmed": True}
    for address, ready in (("10.1.0.2", True), ("10.1.0.3", False))
]
FLOW = {"time": "2026-01-02T03:04:05.123456Z", "kind": "close",
        "source": {"namespace": "shop", "workload": "frontend", "address": "10.1.0.1", "port": 41000, "zone": "z1"},
        "destination": {"namespace": "shop", "workload": "backend", "address": "10.1.0.2", "port": 8080, "zone": "z1",
                        "service": "shop/web", "serviceAddress": "10.96.0.1:80"},
        "protocol": "TCP", "verdict": "allowed", "reason": "fin", "sentBytes": 1536, "receivedBytes": 20, "rttUs": 120,
        "retransmits": 0, "durationMs": 1500.0, "process": {"pid": 7, "unit": "frontend.service"}}
DENIED = {"time": "2026-01-02T03:04:06.000000Z", "kind": "deny",
          "source": {"namespace": "", "workload": "world", "address": "198.51.100.1", "port": 5},
          "destination": {"service": "shop/db", "serviceAddress": "10.96.0.2:5432"}, "protocol": "TCP",
          "verdict": "no-endpoint", "reason": "no_endpoints"}
STATUS = {"apiVersion": "weft/v1", "kind": "Status", "ready": True, "version": "9.9.9", "node": {"name": "node-a", "zone": "z1", "region": "r1"},
          "revision": {"desired": 12, "applied": 11}, "uptimeSeconds": 3700, "workloads": 3, "services": 3, "endpoints": 2, "edges": 1,
          "rates": {"openedPerSecond": 12.5, "failedPerSecond": 0, "sentBytesPerSecond": 2048, "receivedBytesPerSecond": 0},
          "sources": [{"name": "files", "synced": True, "objects": 40}],
          "attachments": [{"hook": "connect4", "target": "/sys/fs/cgroup", "state": "attached"},
                          {"hook": "pod_egress", "target": "v1", "state": "attached", "detail": ""},
                          {"hook": "pod_egress", "target": "v2", "state": "attached", "detail": ""},
                          {"hook": "sockops", "target": "/sys/fs/cgroup", "state": "missing", "detail": "detached by somebody"}],
          "maps": [{"name": "weft_slots", "entries": 90, "max": 100}], "events": {"total": 77, "lost": 3},
          "features": [{"name": "mptcp", "available": False, "detail": "kernel is too old"}], "proxy": {"mode": "off"},
          "unenforced": [{"namespace": "shop", "pod": "web-1", "workload": "shop/web", "reason": "no interface"}], "unenforcedTotal": 1,
          "findings": [{"severity": "error", "code": "WEFT1103", "object": "Service shop/x", "field": "spec.ports", "reason": "is missing",
                        "origin": "a.yaml:3"}], "findingsTotal": 5}
EDGES = [{"source": {"namespace": "shop", "workload": "frontend"},
          "destination": {"namespace": "shop", "workload": "backend", "service": "shop/web", "port": 80}, "protocol": "TCP",
          "reporter": "source", "opened": 5, "closed": {}, "failed": {"refused": 2}, "active": 1, "sentBytes": 10, "receivedBytes": 20,
          "rttMsAverage": 0.25, "rates": {"openedPerSecond": 1.5, "failedPerSecond": 0, "sentBytesPerSecond": 100, "receivedBytesPerSecond": 2048}}]
CHECKS = [{"code": "WEFT3001", "title": "Kernel", "state": "ok", "subject": "6.18", "detail": "", "fix": ""},
          {"code": "WEFT3002", "title": "BTF", "state": "warning", "subject": "/sys/kernel/btf", "detail": "absent", "fix": "Use a kernel with BTF."}]


RULE = {"direction": "ingress", "index": 0, "name": "", "action": "Accept", "peers": ["pods app=cart"], "ports": ["TCP/80"]}
POLICIES = [{"kind": "ClusterNetworkPolicy", "namespace": "", "name": "guard", "tier": "Admin", "priority": 5, "mode": "audit",
             "subject": "pods all", "directions": ["egress"], "workloads": 9, "localWorkloads": 0, "rules": [],
             "status": {"state": "Error", "reason": "spec.egress: bad", "findings": []}, "origin": "a.yaml:3"},
            {"kind": "NetworkPolicy", "namespace": "shop", "name": "web", "tier": "NetworkPolicy", "mode": "enforce",
             "subject": "pods app=web", "directions": ["ingress"], "workloads": 3, "localWorkloads": 1, "rules": [RULE],
             "status": {"state": "Accepted", "reason": "not in the kernel yet", "findings": []}, "origin": ""}]


@pytest.fixture
def shop(agent):
    agent.list("services", "ServiceList", SERVICES)
    agent.list("workloads", "WorkloadList", WORKLOADS)
    agent.list("endpoints", "EndpointList", ENDPOINTS)
    agent.list("identities", "IdentityList", [{"id": 256, "namespace": "shop", "name": "frontend", "addresses": ["10.1.0.1"]}])
    agent.list("connections", "ConnectionList", [{**FLOW, "kind": "open"}])
    agent.list("edges", "EdgeList", EDGES)
    agent.list("checks", "CheckList", CHECKS)
    agent.list("policies", "PolicyList", POLICIES)
    for name, kind in (("routes", "RouteList"), ("certs", "CertList")):
        agent.list(name, kind, [])
    agent.get("status", STATUS)
    agent.get("config", {"apiVersion": "weft/v1", "kind": "Config", "values": {"node": {"name": "node-a"}, "log": {"level": "debug"}},
                         "origins": {"/node/name": "default", "/log/level": "/etc/weft/weft.yaml:4"}})
    agent.get("flows", stream([FLOW, DENIED, {"kind": "summary", "flows": 2, "lost": 1}]))
    agent.answers[("GET", "/metrics")] = (200, "weft_build_info 1\n")
    return agent
