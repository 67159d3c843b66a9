"""F11 and the metrics page: bounded, escaped, valid."""

import shutil
import subprocess

import pytest

from weftlab import manifests as m
from weftlab.machine import wait_for

EDGE_LABELS = {"source_namespace", "source_workload", "destination_namespace", "destination_workload", "destination_service",
               "destination_port", "protocol"}


def test_promtool_accepts_the_live_page(shop):
    address = shop.service("checked")
    shop.client.connect(f"{address}:80", "--count", 20, "--bytes-out", 100)
    shop.client.connect(f"{address}:53", "--udp", "--count", 20)
    wait_for(lambda: shop.agent.api.edge("checked")["opened"] >= 40, 5, "the edges", 0.1)
    promtool = shutil.which("promtool")
    assert promtool, "Debian's package prometheus brings promtool"
    done = subprocess.run([promtool, "check", "metrics"], input=shop.agent.api.metrics().text, text=True, capture_output=True, timeout=30)
    assert done.returncode == 0 and done.stdout + done.stderr == ""


def test_the_page_on_tcp_is_the_page_of_the_socket_and_nothing_else_is_served_there(shop):
    fetch = lambda path: shop.client.node.namespace.command(
        ["python3", "-c", "import sys, urllib.request as u; print(u.urlopen('http://127.0.0.1:9690' + sys.argv[1], timeout=5).read().decode())", path])
    page = subprocess.run(fetch("/metrics"), text=True, capture_output=True, timeout=20)
    assert page.returncode == 0 and "weft_build_info" in page.stdout
    assert subprocess.run(fetch("/readyz"), capture_output=True, timeout=20).returncode == 0
    assert subprocess.run(fetch("/api/v1/status"), capture_output=True, timeout=20).returncode != 0


def test_families_of_this_version_exist_and_edges_have_their_labels(shop):
    address = shop.service("labelled")
    shop.client.connect(f"{address}:80", "--count", 4, "--bytes-out", 100)
    wait_for(lambda: shop.agent.api.edge("labelled")["opened"] == 4, 5, "the edge", 0.1)
    wait_for(lambda: shop.agent.api.metrics().has("weft_lb_endpoints"), 15, "the endpoints of services", 0.2)
    metrics = shop.agent.api.metrics()
    for name in ("weft_build_info", "weft_kernel_feature", "weft_attachments", "weft_map_entries", "weft_map_max_entries",
                 "weft_events_total", "weft_events_lost_total", "weft_discovery_objects", "weft_propagation_duration_seconds_count",
                 "weft_apply_lag_revisions", "weft_drift_repaired_total", "weft_lb_endpoints", "weft_lb_selections_total",
                 "process_resident_memory_bytes", "weft_discovery_last_sync_timestamp_seconds"):
        assert metrics.has(name), name
    labels, value = [entry for entry in metrics.series("weft_connections_opened_total")
                     if entry[0]["destination_service"] == "shop/labelled"][0]
    assert EDGE_LABELS <= set(labels) and value == 4
    assert (labels["source_workload"], labels["destination_workload"], labels["destination_port"]) == ("client", "web", "80")
    assert metrics.sum("weft_sent_bytes_total", destination_service="shop/labelled") > 400
    assert metrics.sum("weft_attachments", state="missing") == 0
    for name in ("weft_tcp_connect_duration_seconds", "weft_tcp_rtt_seconds", "weft_connection_duration_seconds"):
        assert metrics.sum(f"{name}_count", source_workload="client", destination_workload="web") >= 4, name
        buckets = [entry for entry in metrics.series(f"{name}_bucket") if entry[0].get("source_workload") == "client"]
        assert any(entry[0]["le"] == "+Inf" for entry in buckets)


@pytest.mark.limit(90)
def test_beyond_the_budget_edges_fold_and_totals_stay_right(own_lab):
    from conftest import Shop
    shop = Shop(own_lab)
    shop.agent.write_config(metrics={"listen": "127.0.0.1:9690", "maxSeries": 300})
    shop.agent.start()
    addresses = [f"10.97.{i >> 8}.{i & 255}" for i in range(1, 151)]
    shop.node.apply("many.yaml", *[m.service(f"many-{i}", [address], [m.port(80, 8080, name="http")], {"app": "web"})
                                   for i, address in enumerate(addresses)])
    to = ",".join(f"{address}:80" for address in addresses)
    report = shop.client.connect(to, "--count", 3000, "--concurrency", 8)
    assert report["failed"] == {}
    opened = lambda: shop.agent.api.metrics().sum("weft_connections_opened_total")
    wait_for(lambda: opened() >= 3000, 10, "all connections counted", 0.2)
    metrics = shop.agent.api.metrics()
    assert opened() == 3000 and metrics.sum("weft_sent_bytes_total") == report["sent_bytes"]
    assert metrics.sum("weft_flow_series", state="folded") > 0
    assert metrics.sum("weft_connections_opened_total", destination_workload="_other") + \
        metrics.sum("weft_connections_opened_total", destination_service="_other") > 0
    edge_series = [labels for name, labels, _ in metrics.samples if "destination_workload" in labels]
    assert len(edge_series) <= 300
    assert len({labels.get("destination_service") for labels in edge_series}) < 150
