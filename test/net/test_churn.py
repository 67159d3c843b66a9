"""A thousand endpoint changes a second: afterwards the maps hold what the objects say, and nothing was lost on the way."""

import random
import time

import pytest

from weftlab import manifests as m
from weftlab.bpfmaps import programmed_frontends
from weftlab.machine import wait_for

SERVICES, POOL, SIZE = 50, 200, 6
PORTS = [("http", 8080, "TCP")]


@pytest.mark.limit(180)
def test_a_thousand_endpoint_changes_a_second(own_shop, full):
    shop = own_shop
    seed = time.time_ns() % 1_000_000
    print(f"seed {seed}")
    chance = random.Random(seed)
    stable = shop.service("stable")
    pool = [f"10.88.{100 + i // 200}.{1 + i % 200}" for i in range(POOL)]
    addresses = {f"churn-{i}": f"10.98.0.{i + 1}" for i in range(SERVICES)}
    shop.node.write("churn.yaml", *[m.service(name, [address], [m.port(80, 8080, name="http")]) for name, address in addresses.items()])
    members = {name: set(chance.sample(pool, SIZE)) for name in addresses}
    load = shop.client.start_client("connect", f"{stable}:80", "--rate", 300, "--concurrency", 16, "--duration", 170)
    streams = shop.node.pod("streams").start_client("stream", f"{stable}:80")
    changes, begin, duration_s = 0, time.monotonic(), 60 if full else 10
    while changes < 1000 * duration_s:
        batch = []
        for name in chance.sample(sorted(members), 25):
            left = chance.choice(sorted(members[name]))
            members[name] = (members[name] - {left}) | {chance.choice(sorted(set(pool) - members[name]))}
            batch.append(name)
        for name in batch:  # each an endpoint removed and one added
            shop.node.write(f"{name}.yaml", m.endpoint_slice(name, [m.endpoint(a) for a in sorted(members[name])], PORTS))
        changes += 2 * len(batch)
        time.sleep(max(0.0, begin + changes / 1000 - time.monotonic()))
    print(f"{changes / (time.monotonic() - begin):.0f} changes a second")
    wanted = {(addresses[name], 80, "TCP"): sorted(f"{a}:8080" for a in members[name]) for name in members}
    have = {}

    def equal():
        frontends = programmed_frontends(shop.node.bpffs)
        have.update({key: frontends.get(key) for key in wanted})
        return have == wanted

    try:
        wait_for(equal, 10, "maps equal to the objects", 0.1)
    except AssertionError as failed:
        wrong = [(key, have[key], wanted[key]) for key in wanted if have[key] != wanted[key]]
        raise AssertionError(f"{failed}: {len(wrong)} differ, first {wrong[0]}") from None
    for report in (load.stop(), streams.stop()):
        assert report["failed"] == {}
    metrics = shop.agent.api.metrics()
    assert metrics.sum("weft_drift_repaired_total") == 0 and metrics.sum("weft_apply_lag_revisions") == 0
    status = {entry["name"]: entry for entry in shop.agent.api.status()["maps"]}
    live = sum(len(set(endpoints)) for endpoints in members.values())
    assert status["weft_endpoints"]["entries"] <= POOL + live + 200, "endpoint rows leak"
