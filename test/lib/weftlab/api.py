"""The agent's API over its unix socket, and its metrics page as values."""

from __future__ import annotations

import http.client
import json
import re
import socket
import threading
import time
import urllib.parse
from pathlib import Path

_SAMPLE = re.compile(r"^([a-zA-Z_:][a-zA-Z0-9_:]*)(?:\{(.*)\})? (\S+)$")
_LABEL = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\]|\\.)*)"')


class _UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout_s: float):
        super().__init__("weft", timeout=timeout_s)
        self._path = str(path)

    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class ApiError(RuntimeError):
    def __init__(self, status: int, body: str):
        super().__init__(f"HTTP {status}: {body[:400]}")
        self.status = status
        self.body = body


class Api:
    def __init__(self, path: Path):
        self.path = path

    def request(self, method: str, target: str, body=None, timeout_s: float = 30) -> tuple[int, str]:
        connection = _UnixConnection(self.path, timeout_s)
        try:
            data = None if body is None else json.dumps(body)
            connection.request(method, target, data, {"Content-Type": "application/json"} if data else {})
            answer = connection.getresponse()
            return answer.status, answer.read().decode()
        finally:
            connection.close()

    def get(self, target: str, timeout_s: float = 30):
        status, text = self.request("GET", target, timeout_s=timeout_s)
        if status != 200:
            raise ApiError(status, text)
        return json.loads(text)

    def items(self, kind: str, **query) -> list[dict]:
        asked = urllib.parse.urlencode(query)
        return self.get(f"/api/v1/{kind}" + (f"?{asked}" if asked else ""))["items"]

    def status(self) -> dict:
        return self.get("/api/v1/status")

    def reload(self, timeout_s: float = 60) -> dict:
        status, text = self.request("POST", "/api/v1/reload", {}, timeout_s)
        if status != 200:
            raise ApiError(status, text)
        return json.loads(text)

    def flows(self, last: int = 1000000, **query) -> tuple[list[dict], dict]:
        """Recent flows, oldest first, and the closing summary."""
        asked = "&" + urllib.parse.urlencode(query) if query else ""
        status, text = self.request("GET", f"/api/v1/flows?last={last}{asked}")
        if status != 200:
            raise ApiError(status, text)
        lines = [json.loads(line) for line in text.splitlines() if line]
        summary = next((line for line in lines if line.get("kind") == "summary"), {})
        return [line for line in lines if line.get("kind") not in ("summary", "lost")], summary

    def edge(self, service: str) -> dict:
        """Totals of all edges to a service, by name."""
        total = {"opened": 0, "sentBytes": 0, "receivedBytes": 0, "sentPackets": 0, "receivedPackets": 0, "retransmits": 0,
                 "active": 0, "closed": {}, "failed": {}}
        for edge in self.items("edges"):
            if edge["destination"].get("service", "").split("/")[-1] != service:
                continue
            for key, value in total.items():
                if isinstance(value, dict):
                    for reason, count in edge.get(key, {}).items():
                        if count:
                            value[reason] = value.get(reason, 0) + count
                else:
                    total[key] += edge.get(key, 0)
        return total

    def metrics(self) -> "Metrics":
        for _ in range(30):
            status, text = self.request("GET", "/metrics")
            if status != 503:  # the counters of a starting agent have not been read yet
                break
            time.sleep(0.1)
        if status != 200:
            raise ApiError(status, text)
        return Metrics(text)

    def answers(self, target: str) -> bool:
        try:
            return self.request("GET", target, timeout_s=5)[0] == 200
        except (OSError, http.client.HTTPException):
            return False


class Metrics:
    """One scrape: samples by name and labels."""

    def __init__(self, text: str):
        self.text = text
        self.samples: list[tuple[str, dict[str, str], float]] = []
        for line in text.splitlines():
            if not line or line.startswith("#"):
                continue
            match = _SAMPLE.match(line)
            if not match:
                raise AssertionError(f"not a sample: {line!r}")
            labels = {key: re.sub(r"\\(.)", r"\1", value) for key, value in _LABEL.findall(match[2] or "")}
            self.samples.append((match[1], labels, float(match[3])))

    def sum(self, name: str, **labels: str) -> float:
        return sum(value for sample, have, value in self.samples
                   if sample == name and all(have.get(key) == wanted for key, wanted in labels.items()))

    def has(self, name: str) -> bool:
        return any(sample == name for sample, _, _ in self.samples)

    def series(self, name: str) -> list[tuple[dict[str, str], float]]:
        return [(labels, value) for sample, labels, value in self.samples if sample == name]


class FlowStream:
    """Follows /api/v1/flows in a thread; what was received is counted when it ends."""

    def __init__(self, api: Api, expression: str = ""):
        target = "/api/v1/flows?follow=1" + (f"&filter={urllib.parse.quote(expression)}" if expression else "")
        self._connection = _UnixConnection(api.path, None)
        self._connection.request("GET", target)
        self._answer = self._connection.getresponse()
        if self._answer.status != 200:
            raise ApiError(self._answer.status, self._answer.read().decode())
        self._data = bytearray()
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            while data := self._answer.read1(1 << 16):
                self._data += data
        except (OSError, ValueError, http.client.HTTPException):
            pass  # stop() cut the connection

    def lines(self) -> int:
        return self._data.count(b"\n")

    def stop(self) -> tuple[list[dict], int]:
        """All flows received, and how many the stream says it lost."""
        self._connection.sock.shutdown(socket.SHUT_RDWR)
        self._thread.join(10)
        self._connection.close()
        entries = [json.loads(line) for line in bytes(self._data).split(b"\n") if line.endswith(b"}")]
        lost = sum(entry["count"] for entry in entries if entry["kind"] == "lost")
        return [entry for entry in entries if entry["kind"] not in ("lost", "summary")], lost
