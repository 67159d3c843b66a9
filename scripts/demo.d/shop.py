"""The shop of the demo: frontend, cart, catalog in two versions, prices over UDP, and payments, a process of the host."""

from __future__ import annotations

from weftlab import manifests as m
from weftlab.machine import Lab
from weftlab.node import Node

CART, CATALOG, CATALOG_V6, PAYMENTS, PRICES = "10.96.1.10", "10.96.1.20", "fd00:96::20", "10.96.1.30", "10.96.1.40"


class Shop:
    def __init__(self, lab: Lab):
        self.lab = lab
        self.node = Node(lab, "vm-1")
        self.agent = self.node.agent
        pod = self.node.pod
        self.frontend = pod("frontend", {"app": "frontend"})
        self.carts = [pod(f"cart-{i}", {"app": "cart"}) for i in range(2)]
        self.catalog_v1 = [pod(f"catalog-v1-{i}", {"app": "catalog", "version": "v1"}) for i in range(2)]
        self.catalog_v2 = [pod(f"catalog-v2-{i}", {"app": "catalog", "version": "v2"}) for i in range(2)]
        self.prices = [pod(f"prices-{i}", {"app": "prices"}) for i in range(2)]
        self.payments = pod("payments", {"app": "payments"}, host=True)
        self.servers = {}
        for entry in self.carts + self.catalog_v1 + self.catalog_v2:
            self.servers[entry.name] = entry.serve(8080, "", False, "46", "--drain", "0.5")
        for entry in self.prices:
            entry.serve(5353, udp=True)
        self.payments.serve(8443)

    def pods(self):
        return [self.frontend, *self.carts, *self.catalog_v1, *self.catalog_v2, *self.prices]

    def write(self) -> None:
        node = self.node
        node.write("node.yaml", m.namespace("shop"), m.node(node.name, node.zone, node.region, [node.address, node.address_v6]))
        for app, pods in (("frontend", [self.frontend]), ("cart", self.carts), ("prices", self.prices)):
            port = ("dns", 5353, "UDP") if app == "prices" else ("http", 8080, "TCP")
            node.write(f"{app}.yaml", *[pod.manifest(owner=app, ports=[port]) for pod in pods])
        self.write_catalog([*self.catalog_v1, self.catalog_v2[0]])
        node.write("payments.yaml", m.workload("payments", {"app": "payments"}, ports=[("https", 8443, "TCP")],
                                               process={"cgroup": f"/pod-{self.payments.name}"}))
        node.write("services.yaml",
                   m.service("cart", [CART], [m.port(80, "http", name="http")], {"app": "cart"}),
                   m.service("catalog", [CATALOG, CATALOG_V6], [m.port(80, "http", name="http")], {"app": "catalog"}),
                   m.service("payments", [PAYMENTS], [m.port(443, "https", name="https")], {"app": "payments"}),
                   m.service("prices", [PRICES], [m.port(53, "dns", "UDP", name="dns")], {"app": "prices"}))

    def write_catalog(self, pods, leaving=()) -> None:
        """The catalog's pods; `leaving` ones are being deleted."""
        self.node.write("catalog.yaml", *[
            pod.manifest(owner=pod.name.rsplit("-", 1)[0], ports=[("http", 8080, "TCP")], deleting=pod in leaving)
            for pod in pods])

    def write_policy(self, *callers: str) -> None:
        """Who may call the catalog, in force when this returns; nobody named: no policy."""
        policy = {"apiVersion": "networking.k8s.io/v1", "kind": "NetworkPolicy", "metadata": {"name": "catalog", "namespace": "shop"},
                  "spec": {"podSelector": {"matchLabels": {"app": "catalog"}}, "ingress": [
                      {"from": [{"podSelector": {"matchLabels": {"app": caller}}}], "ports": [{"port": "http"}]} for caller in callers]}}
        self.node.apply("policy.yaml", *([policy] if callers else []))

    def settle(self) -> None:
        self.agent.api.reload()
