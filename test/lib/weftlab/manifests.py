"""Kubernetes-style objects as dictionaries, with only what a test wants to say."""

from __future__ import annotations


def _meta(name: str, namespace: str, labels=None, **more) -> dict:
    return {"name": name, "namespace": namespace, "labels": dict(labels or {}), **more}


def node(name: str, zone: str = "", region: str = "", addresses=()) -> dict:
    labels = {}
    if zone:
        labels["topology.kubernetes.io/zone"] = zone
    if region:
        labels["topology.kubernetes.io/region"] = region
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels},
            "status": {"addresses": [{"type": "InternalIP", "address": address} for address in addresses]}}


def namespace(name: str) -> dict:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def pod(name: str, addresses, labels=None, node: str = "node-a", namespace: str = "shop", ports=(), owner: str = "",
        ready: bool = True, deleting: bool = False) -> dict:
    meta = _meta(name, namespace, labels)
    if owner:
        meta["ownerReferences"] = [{"apiVersion": "apps/v1", "kind": "StatefulSet", "name": owner, "uid": owner, "controller": True}]
    if deleting:
        meta["deletionTimestamp"] = "2024-01-01T00:00:00Z"
    return {"apiVersion": "v1", "kind": "Pod", "metadata": meta,
            "spec": {"nodeName": node, "containers": [{"name": "main", "image": "main", "ports": [
                {"name": port_name, "containerPort": port, "protocol": protocol} for port_name, port, protocol in ports]}]},
            "status": {"phase": "Running", "podIP": addresses[0], "podIPs": [{"ip": address} for address in addresses],
                       "conditions": [{"type": "Ready", "status": "True" if ready else "False"}]}}


def port(number: int, target=None, protocol: str = "TCP", name: str = "", node_port: int = 0) -> dict:
    entry = {"port": number, "protocol": protocol, "targetPort": target if target is not None else number}
    if name:
        entry["name"] = name
    if node_port:
        entry["nodePort"] = node_port
    return entry


def service(name: str, cluster_ips, ports, selector=None, namespace: str = "shop", **spec) -> dict:
    body = {"type": "ClusterIP", "ports": list(ports), **spec}
    if cluster_ips:
        body["clusterIP"] = cluster_ips[0]
        body["clusterIPs"] = list(cluster_ips)
    if len(cluster_ips or []) > 1:
        body["ipFamilyPolicy"] = "RequireDualStack"
    if selector is not None:
        body["selector"] = selector
    return {"apiVersion": "v1", "kind": "Service", "metadata": _meta(name, namespace), "spec": body}


def endpoint(address: str, ready: bool = True, serving: bool | None = None, terminating: bool = False, node: str = "",
             zone: str = "", pod_name: str = "", namespace: str = "shop") -> dict:
    entry = {"addresses": [address],
             "conditions": {"ready": ready, "serving": ready if serving is None else serving, "terminating": terminating}}
    if node:
        entry["nodeName"] = node
    if zone:
        entry["zone"] = zone
    if pod_name:
        entry["targetRef"] = {"kind": "Pod", "name": pod_name, "namespace": namespace}
    return entry


def endpoint_slice(service_name: str, endpoints, ports, namespace: str = "shop", name: str = "", family: str = "IPv4") -> dict:
    """ports: (name, number, protocol)."""
    return {"apiVersion": "discovery.k8s.io/v1", "kind": "EndpointSlice", "addressType": family,
            "metadata": _meta(name or f"{service_name}-{family.lower()}", namespace,
                              {"kubernetes.io/service-name": service_name}),
            "endpoints": list(endpoints),
            "ports": [{"name": port_name, "port": number, "protocol": protocol} for port_name, number, protocol in ports]}


def workload(name: str, labels=None, namespace: str = "shop", addresses=(), ports=(), process=None, node: str = "") -> dict:
    spec = {"ports": [{"name": port_name, "port": number, "protocol": protocol} for port_name, number, protocol in ports]}
    if addresses:
        spec["addresses"] = list(addresses)
    if process:
        spec["process"] = process
    if node:
        spec["node"] = node
    return {"apiVersion": "mesh.weft.dev/v1alpha1", "kind": "Workload", "metadata": _meta(name, namespace, labels), "spec": spec}
