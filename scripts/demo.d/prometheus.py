"""A real Prometheus beside the agent: own directory, own port inside of the node's namespace, ended by its pid."""

from __future__ import annotations

import json
import subprocess
import sys

from weftlab.machine import run, wait_for
from weftlab.node import Node

PORT = 9090
_FETCH = "import sys, urllib.request as u; sys.stdout.write(u.urlopen(sys.argv[1], timeout=5).read().decode())"


class Prometheus:
    def __init__(self, node: Node):
        self.node = node
        directory = node.directory / "prometheus"
        directory.mkdir()
        config = directory / "prometheus.yml"
        config.write_text(json.dumps({"global": {"scrape_interval": "1s"}, "scrape_configs": [
            {"job_name": "weft", "static_configs": [{"targets": ["127.0.0.1:9690"]}]}]}))
        log = open(directory / "log", "ab")
        self.process = node.lab.start(
            ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={directory}/data",
             f"--web.listen-address=127.0.0.1:{PORT}", "--log.level=warn"], namespace=node.namespace, log=log, name="prometheus")
        wait_for(lambda: self._get("/-/ready") is not None, 30, "Prometheus ready", 0.2)

    def _get(self, path: str) -> str | None:
        done = run(self.node.namespace.command([sys.executable, "-c", _FETCH, f"http://127.0.0.1:{PORT}{path}"]), check=False)
        return done.stdout if done.returncode == 0 else None

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        from urllib.parse import quote
        answer = json.loads(self._get(f"/api/v1/query?query={quote(expression)}") or '{"status":"none"}')
        if answer["status"] != "success":
            raise AssertionError(f"Prometheus refuses {expression}: {answer}")
        return [(entry["metric"], float(entry["value"][1])) for entry in answer["data"]["result"]]

    def wait(self, expression: str, condition, timeout_s: float = 15) -> list[tuple[dict[str, str], float]]:
        """The answer once it satisfies the condition, or the last one."""
        answer: list = []

        def asked():
            answer[:] = self.query(expression)
            return condition(answer)

        try:
            wait_for(asked, timeout_s, expression, 0.3)
        except AssertionError:
            pass  # the caller judges the figure
        return answer

    def stop(self) -> int:
        return self.node.lab.stop(self.process, timeout_s=20)


def version() -> str:
    done = subprocess.run(["prometheus", "--version"], capture_output=True, text=True)
    return (done.stdout + done.stderr).splitlines()[0].split(" (")[0]
