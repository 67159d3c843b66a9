"""Many services for the benchmark, one file each, as a node that watches a large cluster has them."""

from __future__ import annotations

import json

from weftlab import manifests as m
from weftlab.node import Node

PORTS = [("http", 8080, "TCP")]


def service_address(i: int) -> str:
    return f"10.{100 + (i >> 16)}.{(i >> 8) & 255}.{i & 255}"


def endpoint_address(i: int) -> str:
    """Addresses of pods that nobody connects to."""
    return f"10.{60 + (i >> 16)}.{(i >> 8) & 255}.{i & 255}"


def documents(i: int, endpoints: list[str]) -> str:
    name = f"s{i}"
    return "\n---\n".join(json.dumps(entry) for entry in (
        m.service(name, [service_address(i)], [m.port(80, 8080, name="http")]),
        m.endpoint_slice(name, [m.endpoint(address) for address in endpoints], PORTS))) + "\n"


def write_services(node: Node, count: int, per_service: int, real: str, first: int = 0) -> None:
    """Services first…count. Every hundredth and the last one lead to the real server, the others to nobody."""
    for i in range(first, count):
        fake = [endpoint_address(i * per_service + k) for k in range(per_service)]
        path = node.manifests / f"{i // 1000:03d}" / f"s{i}.yaml"
        if i % 1000 == 0 or i == first:
            path.parent.mkdir(exist_ok=True)
        path.write_text(documents(i, [real] * bool(is_real(i)) or fake))


def is_real(i: int) -> bool:
    return i % 100 == 99 or i == 0


def real_services(count: int) -> list[int]:
    return [i for i in range(count) if is_real(i)]
