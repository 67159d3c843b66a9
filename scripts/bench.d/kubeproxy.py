"""Rules of kube-proxy's shape for the same services: one jump per service (iptables) or one map for all (nft)."""

from __future__ import annotations

from objects import service_address
from weftlab.machine import run
from weftlab.node import Node


def iptables_rules(count: int, server: str) -> str:
    """As kube-proxy's iptables mode: KUBE-SERVICES is walked rule by rule; a service chain picks its endpoint's chain."""
    lines = ["*nat", ":KUBE-SERVICES - [0:0]", ":KUBE-SVC-WEB - [0:0]", ":KUBE-SEP-WEB - [0:0]",
             "-A PREROUTING -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES",
             "-A OUTPUT -m comment --comment \"kubernetes service portals\" -j KUBE-SERVICES"]
    lines += [f"-A KUBE-SERVICES -d {service_address(i)}/32 -p tcp -m comment --comment \"shop/s{i}:http cluster IP\" -m tcp "
              "--dport 80 -j KUBE-SVC-WEB" for i in range(count)]
    lines += ["-A KUBE-SVC-WEB -m comment --comment \"shop/web:http\" -j KUBE-SEP-WEB",
              f"-A KUBE-SEP-WEB -p tcp -m comment --comment \"shop/web:http\" -m tcp -j DNAT --to-destination {server}:8080",
              "COMMIT"]
    return "\n".join(lines) + "\n"


def nft_rules(count: int, server: str) -> str:
    """As kube-proxy's nftables mode: one verdict map from address, protocol and port to the service's chain."""
    elements = ",\n".join(f"{service_address(i)} . tcp . 80 : goto service-web" for i in range(count))
    return f"""table ip kube-proxy {{
  chain endpoint-web {{ meta l4proto tcp dnat to {server}:8080; }}
  chain service-web {{ numgen random mod 1 vmap {{ 0 : goto endpoint-web }}; }}
  map service-ips {{
    type ipv4_addr . inet_proto . inet_service : verdict
    elements = {{ {elements} }}
  }}
  chain services {{ ip daddr . meta l4proto . th dport vmap @service-ips; }}
  chain nat-output {{ type nat hook output priority -100; jump services; }}
  chain nat-prerouting {{ type nat hook prerouting priority -100; jump services; }}
}}
"""


def route_services(node: Node) -> None:
    """Service addresses need some route before OUTPUT rewrites them, as a node's default route is one."""
    node.namespace.ip("route replace 10.96.0.0/12 dev br0")


def load_iptables(node: Node, count: int, server: str) -> None:
    route_services(node)
    run(node.namespace.command(["iptables-legacy-restore"]), input=iptables_rules(count, server), timeout_s=300)


def load_nft(node: Node, count: int, server: str) -> None:
    route_services(node)
    run(node.namespace.command(["nft", "flush", "ruleset"]))
    run(node.namespace.command(["nft", "-f", "-"]), input=nft_rules(count, server), timeout_s=300)
