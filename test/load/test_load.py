"""Every program loads here, and the verifier needs no more than 10 % more steps than what is recorded for this kernel.

`scripts/test load --accept` records. A kernel without a record of its own only has to load them.
"""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "lib"))

from weftlab.bpfmaps import link_program, verified_instructions  # noqa: E402
from weftlab.machine import Lab, private_mounts, run  # noqa: E402
from weftlab.node import Node  # noqa: E402

RECORD = Path(__file__).with_name("instructions.json")
GROWTH = 1.10
PASS = '''__attribute__((section("xdp"), used)) int somebodys_xdp(void *ctx) { return 2; }
char _license[] __attribute__((section("license"), used)) = "GPL";
'''


@pytest.fixture(scope="module")
def programs():
    private_mounts()
    with Lab("load") as lab:
        node = Node(lab)
        node.pod("pod")  # has an interface, for the programs of pods
        node.namespace.ip("link add up0 type veth peer name up0-far", "link set up0 up")  # one uplink by XDP, …
        node.namespace.ip("link add up1 type veth peer name up1-far", "link set up1 up")  # … and one where it is taken
        taken = lab.directory / "pass.o"
        run(["clang-19", "-O2", "-target", "bpf", "-x", "c", "-", "-c", "-o", taken], input=PASS)
        node.namespace.ip(f"link set dev up1 xdpdrv obj {taken} sec xdp")
        node.agent.write_config(datapath={"uplinks": ["up0", "up1"]})
        node.write_pods()
        node.agent.start()
        yield {hook_of(path.name): verified_instructions(link_program(path)) for path in sorted((node.bpffs / "links").iterdir())}
        node.agent.stop()


def hook_of(pin: str) -> str:
    """Links of pods and uplinks are called by hook and interface."""
    return re.sub(r"^((pod|uplink)_.*)_\d+$", r"\1", pin)


def kernel() -> str:
    return ".".join(os.uname().release.split(".")[:2])


def test_every_program_of_the_datapath_is_loaded(programs):
    for hook in ("connect4", "connect6", "sendmsg4", "sendmsg6", "recvmsg4", "recvmsg6", "getpeername4", "getpeername6", "sockops",
                 "pod_egress", "pod_ingress", "uplink_xdp", "uplink_tc"):
        assert any(hook in name for name in programs), f"{hook} is missing in {sorted(programs)}"


def test_verifier_steps_grow_by_no_more_than_ten_percent(programs):
    record = json.loads(RECORD.read_text()) if RECORD.exists() else {}
    if os.environ.get("WEFT_ACCEPT"):
        record[kernel()] = programs
        RECORD.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n")
    known = record.get(kernel(), {})
    grown = {name: (known[name], count) for name, count in programs.items() if name in known and count > GROWTH * known[name]}
    assert grown == {}, "recorded and now; scripts/test load --accept takes the new ones"
    assert all(0 < count < 1_000_000 for count in programs.values()), programs
