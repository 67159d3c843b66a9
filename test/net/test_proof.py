"""Every pod is proven to be under policy: what somebody breaks in the kernel is found, counted and repaired within ten seconds."""

from __future__ import annotations

import ctypes
import os
import struct
import time

import pytest

from test_pods import host_side, ifindex
from test_policy import Town, from_app, policy
from weftlab.bpfmaps import _OBJ_GET, Map, _bpf, link_program, pinned
from weftlab.machine import wait_for
from weftlab.tcx import load

WITHIN_S = 10
_LINK_UPDATE = 29
SUBJECT_AT = 8  # in struct weft_peer


@pytest.fixture(scope="module")
def town(lab) -> Town:
    town = Town(lab)
    town.agent.start()
    town.apply(policy("server", {"app": "server"}, ingress=[from_app("friend", (8080, "TCP"))]))
    return town


def proofs(town, result: str) -> float:
    return town.agent.api.metrics().sum("weft_enforcement_proofs_total", result=result)


def repaired(town) -> float:
    return town.agent.api.metrics().sum("weft_drift_repaired_total")


def is_denied(town) -> bool:
    return town.outcome(town.stranger, f"{town.server.v4}:8080") == "ECONNREFUSED"


def broken_then_repaired(town, is_whole, break_it) -> None:
    """Breaks something and waits until it is whole again, proven, and counted."""
    failed, drift = proofs(town, "failed"), repaired(town)
    break_it()
    assert not is_whole()
    begin = time.monotonic()
    wait_for(is_whole, WITHIN_S, "the repair")
    assert time.monotonic() - begin <= WITHIN_S
    wait_for(lambda: proofs(town, "failed") > failed and repaired(town) > drift, 5, "the counters")
    wait_for(lambda: town.agent.api.status()["unenforced"] == [], WITHIN_S, "a new proof")


def test_each_pod_is_proven_and_nothing_fails(town):
    before = proofs(town, "proven")
    wait_for(lambda: proofs(town, "proven") >= before + 3, WITHIN_S + 2, "a proof of each of three pods")
    assert proofs(town, "failed") == 0
    assert town.agent.weft("check").returncode == 0
    assert town.agent.api.status()["unenforced"] == []


def test_a_pod_that_the_kernel_takes_out_of_policy_is_put_back(town):
    key = bytes.fromhex("00" * 10 + "ffff") + bytes(map(int, town.server.v4.split("."))) + bytes(4)
    with Map(pinned(town.node.bpffs, "weft_peers")) as peers:
        row = peers.lookup(key)
        assert is_denied(town)
        where = SUBJECT_AT
        assert struct.unpack_from("=I", row, where)[0] == subject_of(town)
        broken_then_repaired(town, lambda: peers.lookup(key) == row and is_denied(town),
                             lambda: peers.update(key, row[:where] + bytes(4) + row[where + 4:]))
    assert "is not proven to be under policy" in town.agent.log()


def subject_of(town) -> int:
    """The number of the one set of policies that there is."""
    with Map(pinned(town.node.bpffs, "weft_subjects")) as subjects:
        number, = [struct.unpack("=I", key)[0] for key in subjects.keys()]
        return number


def test_an_address_that_the_kernel_forgot_is_told_again(town):
    with Map(pinned(town.node.bpffs, "weft_sources")) as sources:
        key = next(key for key in sources.keys() if struct.unpack_from("=I", key)[0] == ifindex(town.friend))
        broken_then_repaired(town, lambda: sources.lookup(key) is not None, lambda: sources.delete(key))


def test_another_program_in_our_own_link_is_thrown_out(town):
    pin = town.node.bpffs / "links" / f"pod_ingress_{ifindex(town.server)}"
    ours = link_program(pin)
    name = ctypes.create_string_buffer(str(pin).encode())
    link, foreign = _bpf(_OBJ_GET, struct.pack("=QII", ctypes.addressof(name), 0, 0)), load(0)
    assert is_denied(town)
    _bpf(_LINK_UPDATE, struct.pack("=IIII", link, foreign, 0, 0))
    os.close(link)
    assert link_program(pin) != ours and not is_denied(town)
    wait_for(lambda: link_program(pin) == ours, WITHIN_S, "our program")
    os.close(foreign)
    assert is_denied(town)


def test_a_pod_without_an_interface_is_unenforced_and_a_problem(town):
    town.node.namespace.ip(f"link set {host_side(town.friend)} down", f"link del {host_side(town.friend)}")
    wait_for(lambda: [entry["pod"] for entry in town.agent.api.status()["unenforced"]] != [], 5, "the status")
    done = town.agent.weft("check")
    assert done.returncode == 2 and "WEFT3021" in done.stdout and "shop/friend" in done.stdout
    wait_for(lambda: town.agent.api.metrics().sum("weft_unenforced_workloads") == 1, 5, "the metric")
