"""H3, K9: files are the source; a bad one is refused with file and field, the last good state stays."""

import json
import os
import shutil
import struct
import time

import pytest

from weftlab import manifests as m
from weftlab.bpfmaps import Map, pinned
from weftlab.machine import wait_for


def served(shop, address: str, port: int = 80) -> bool:
    return shop.client.connect(f"{address}:{port}", "--count", 3)["failed"] == {}


def web(name: str, address: str) -> dict:
    return m.service(name, [address], [m.port(80, 8080, name="http")], {"app": "web"})


def test_a_renamed_file_is_seen_without_a_reload(shop):
    address = shop.address()[0]
    shop.node.write("seen.yaml", web("seen", address))
    wait_for(lambda: served(shop, address), 2, "the service in use")
    shop.node.write("seen.yaml")
    wait_for(lambda: not served(shop, address), 2, "the service gone")


def test_a_deleted_file_leaves_the_maps_as_soon_as_editors_are_done(shop):
    """After the 100 ms in which an editor may put it back, not at the next full second."""
    with Map(pinned(shop.node.bpffs, "weft_services")) as services:
        for number in range(5):
            address = shop.address()[0]
            key = b"\0" * 10 + b"\xff\xff" + bytes(map(int, address.split("."))) + struct.pack("!HBB", 80, 6, 0)
            there = lambda: any(entry == key for entry in services.keys())
            path = shop.node.manifests / f"short-{number}.yaml"
            path.write_text(json.dumps(web(f"short-{number}", address)))
            wait_for(there, 2, "the service in the map", 0.005)
            time.sleep(0.17 * number)  # against the pace of a second
            path.unlink()
            begin = time.monotonic()
            wait_for(lambda: not there(), 2, "the service out of the map", 0.005)
            assert 0.1 <= time.monotonic() - begin < 0.45


def test_files_in_deep_directories_and_json_are_read(shop):
    address, other = shop.address()[0], shop.address()[0]
    shop.node.write_text("a/b/c/deep.json", json.dumps(web("deep", address)))
    shop.node.write_text("a/b/c/deep.yml", json.dumps(web("deep-yml", other)))
    wait_for(lambda: served(shop, address) and served(shop, other), 3, "the deep files")
    shutil.rmtree(shop.node.manifests / "a")
    wait_for(lambda: not served(shop, address), 3, "the deep files gone")


def test_a_configmap_style_swap_of_symlinks_is_one_change(shop):
    directory = shop.node.manifests / "configmap"
    first, second = shop.address()[0], shop.address()[0]
    for number, address in ((1, first), (2, second)):
        version = directory / f"..version{number}"
        version.mkdir(parents=True)
        (version / "service.yaml").write_text(json.dumps(web("swapped", address)))
    (directory / "..data").symlink_to("..version1")
    (directory / "service.yaml").symlink_to("..data/service.yaml")
    wait_for(lambda: served(shop, first), 3, "version 1")
    (directory / "..new").symlink_to("..version2")
    os.rename(directory / "..new", directory / "..data")
    wait_for(lambda: served(shop, second) and not served(shop, first), 3, "version 2")
    shutil.rmtree(directory)


BAD = {
    "syntax": ("kind: Service\n  bad: [indent", "broken.yaml"),
    "port": (None, "spec.ports[0].port"),
    "name": ("apiVersion: v1\nkind: Service\nmetadata: {name: UPPER}\nspec: {}\n", "metadata.name"),
    "binary": ("\x00\x01\x02", "broken.yaml"),
    "alias bomb": ("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n", "broken.yaml"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_file_keeps_its_last_good_version_and_is_named(shop, case):
    address = shop.address()[0]
    shop.node.apply("broken.yaml", web("fragile", address))
    text, word = BAD[case]
    if text is None:
        bad = web("fragile", address)
        bad["spec"]["ports"][0]["port"] = 70000
        text = json.dumps(bad)
    shop.node.write_text("broken.yaml", text)
    status, answer = shop.agent.api.request("POST", "/api/v1/reload", {})
    assert status == 422 and "broken.yaml" in answer and word in answer
    assert served(shop, address), "the last good version is gone"
    findings = shop.agent.api.status()["findings"]
    assert any("broken.yaml" in finding["origin"] for finding in findings)
    assert {entry["name"]: entry["findings"] for entry in shop.agent.api.status()["sources"]}["files"] == len(findings)
    done = shop.agent.weft("reload")
    assert done.returncode == 65 and "broken.yaml" in done.stderr + done.stdout
    shop.node.apply("broken.yaml", web("fragile", address))
    assert shop.agent.weft("reload").returncode == 0
    shop.node.apply("broken.yaml")


def test_a_kind_that_nobody_knows_is_ignored_and_said(shop):
    shop.node.write_text("unknown.yaml", "apiVersion: v1\nkind: Servise\nmetadata: {name: x}\n")
    warnings = shop.agent.api.reload()["findings"]
    assert any("Servise" in warning["reason"] and "did you mean Service" in warning["reason"] for warning in warnings)
    shop.node.apply("unknown.yaml")


def test_one_bad_object_does_not_stop_the_others(shop):
    good, bad = shop.address()[0], m.service("bad", ["10.96.0.300"], [m.port(80)], {"app": "web"})
    shop.node.write("mixed.yaml", bad)
    shop.node.write("good.yaml", web("good", good))
    wait_for(lambda: served(shop, good), 3, "the good object")
    shop.node.write("mixed.yaml")


def test_two_services_with_one_address_are_a_conflict_that_names_both(shop):
    address = shop.address()[0]
    shop.node.apply("one.yaml", web("one", address))
    shop.node.write("two.yaml", web("two", address))
    _, answer = shop.agent.api.request("POST", "/api/v1/reload", {})
    states = {entry["name"]: entry["status"] for entry in shop.agent.api.items("services", namespace="shop")}
    assert states["one"]["state"] == "Programmed" and served(shop, address)
    assert states["two"]["state"] == "Error" or states["two"]["findings"], answer
    assert "one" in str(states["two"])
    offline = shop.agent.weft("analyze", shop.node.manifests)
    assert offline.returncode == 2 and "two" in offline.stdout
    shop.node.apply("two.yaml")
    shop.node.apply("one.yaml")


def test_a_vanished_directory_keeps_the_last_state(own_shop):
    shop = own_shop
    address = shop.service("lasting")
    shop.node.manifests.rename(shop.node.directory / "away")
    time.sleep(1)
    assert served(shop, address)
    (shop.node.directory / "away").rename(shop.node.manifests)
    shop.agent.api.reload()
    assert served(shop, address)


def test_from_rename_to_map_in_time(shop):
    """The number every mesh is judged by, from the agent's own histogram."""
    metrics = shop.agent.api.metrics
    name = "weft_propagation_duration_seconds"
    before = metrics()
    address = shop.address()[0]
    for i in range(20):
        shop.node.apply("timed.yaml", web("timed", address), m.endpoint_slice("timed", [m.endpoint(shop.web[i % 3].v4)], [("http", 8080, "TCP")]))
    after = metrics()
    changes = after.sum(f"{name}_count") - before.sum(f"{name}_count")
    assert changes >= 10
    assert (after.sum(f"{name}_sum") - before.sum(f"{name}_sum")) / changes < 0.5
