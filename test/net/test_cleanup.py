"""K7: nothing of weft stays behind, and nothing is cut."""

import json
import os

from weftlab.machine import run, wait_for
from weftlab.node import binary
from test_coexistence import attached


def test_cleanup_removes_everything_and_cuts_no_connection(own_shop):
    shop = own_shop
    address = shop.service("cleaned")
    stream = shop.client.start_client("stream", f"{address}:80", "--streams", 3)
    direct = shop.client.start_client("stream", f"{shop.web[0].v4}:8080")
    shop.agent.stop()
    assert attached(shop.node.cgroup), "the links live on without the agent"
    dry = shop.agent.cleanup("--dry-run")
    assert dry.returncode == 0, dry.stderr
    listed = json.loads(dry.stdout)
    assert listed["kind"] == "CleanupResult" and any(item["state"] == "would-remove" for item in listed["items"])
    assert attached(shop.node.cgroup) and any((shop.node.bpffs / "maps").iterdir()), "a dry run changed something"
    done = shop.agent.cleanup()
    assert done.returncode == 0, done.stderr
    removed = {item["kind"] for item in json.loads(done.stdout)["items"] if item["state"] == "removed"}
    assert {"link", "map"} <= removed
    wait_for(lambda: attached(shop.node.cgroup) == [], 5, "no program on the cgroup")
    assert not shop.node.bpffs.exists() or not any(shop.node.bpffs.rglob("*"))
    assert not any(path.is_file() for path in shop.agent.state.rglob("*")), list(shop.agent.state.rglob("*"))
    assert not shop.agent.socket.exists()
    for client, streams in ((stream, 3), (direct, 1)):
        report = client.stop()
        assert report["failed"] == {} and report["open"] == streams
    assert shop.client.connect(f"{address}:80")["failed"] == {"EHOSTUNREACH": 1}
    assert shop.agent.config_path.exists(), "the configuration is the user's"


def test_cleanup_may_be_repeated_and_a_new_start_works(own_shop):
    shop = own_shop
    address = shop.service("again")
    shop.agent.stop()
    for _ in range(2):
        assert shop.agent.cleanup().returncode == 0
    shop.agent.start()
    assert shop.client.connect(f"{address}:80", "--count", 9)["failed"] == {}


def test_cleanup_leaves_what_is_not_ours(own_shop):
    shop = own_shop
    theirs = shop.node.bpffs.parent / "somebody"
    theirs.mkdir()
    shop.agent.kill()
    assert shop.agent.cleanup().returncode == 0
    assert theirs.exists() and shop.node.manifests.exists() and any(shop.node.manifests.iterdir())


def test_the_command_line_cleans_up_only_when_told(own_shop):
    shop = own_shop
    shop.agent.stop()
    command = [binary("weft"), "cleanup", "--config", shop.agent.config_path]
    asked = run(shop.node.namespace.command(command), check=False)
    assert asked.returncode == 64 and "--yes" in asked.stderr
    assert attached(shop.node.cgroup)
    done = run(shop.node.namespace.command([*command, "--yes"]), check=False)
    assert done.returncode == 0, done.stderr
    wait_for(lambda: attached(shop.node.cgroup) == [], 5, "no program on the cgroup")


def test_nothing_grows_over_restarts(own_shop):
    """Descriptors of the agent, pins and attached programs are the same after ten restarts."""
    shop = own_shop
    shop.service("steady")
    count = lambda: (len(os.listdir(f"/proc/{shop.agent.process.pid}/fd")), sum(1 for _ in shop.node.bpffs.rglob("*")),
                     len(attached(shop.node.cgroup)))
    before = count()
    for i in range(10):
        shop.agent.kill() if i % 2 else shop.agent.stop()
        shop.agent.start()
    after = count()
    assert after[1:] == before[1:] and abs(after[0] - before[0]) <= 2
