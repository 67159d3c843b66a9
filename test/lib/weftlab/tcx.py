"""Programs on the tcx hooks of an interface by the bpf() system call, for tests: what is there, and one of somebody else.

As a program, inside of a network namespace: python3 tcx.py show|attach|detach INTERFACE ingress|egress [before|after]
"""

from __future__ import annotations

import ctypes
import json
import socket
import struct
import sys
from pathlib import Path

if __package__ in (None, ""):
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from weftlab.bpfmaps import _INFO, _PROG_BY_ID, _bpf  # noqa: E402
from weftlab.machine import run  # noqa: E402

_LOAD, _ATTACH, _DETACH, _QUERY = 5, 8, 9, 16
_BEFORE, _AFTER = 1 << 3, 1 << 4
HOOKS = {"ingress": 46, "egress": 47}
NAME = "somebodys_tc"


def load(verdict: int) -> int:
    """A program that ends with a verdict; 0 lets the packet pass without asking those behind it."""
    code = struct.pack("=BBhi", 0xB7, 0, 0, verdict) + struct.pack("=BBhi", 0x95, 0, 0, 0)
    instructions, licence = ctypes.create_string_buffer(code, len(code)), ctypes.create_string_buffer(b"GPL")
    attributes = struct.pack("=IIQQIIQII16s", 3, 2, ctypes.addressof(instructions), ctypes.addressof(licence), 0, 0, 0, 0, 0, NAME.encode())
    return _bpf(_LOAD, attributes)


def query(interface: int, hook: str) -> list[int]:
    ids = (ctypes.c_uint32 * 64)()
    buffer = ctypes.create_string_buffer(struct.pack("=IIIIQIIQQQQ", interface, HOOKS[hook], 0, 0, ctypes.addressof(ids), 64, 0, 0, 0, 0, 0), 128)
    from weftlab.bpfmaps import _SYS_BPF, _libc
    if _libc.syscall(_SYS_BPF, _QUERY, buffer, 128) < 0:
        return []
    return list(ids[:struct.unpack_from("=I", buffer, 24)[0]])


def program_name(number: int) -> str:
    fd = _bpf(_PROG_BY_ID, struct.pack("=III", number, 0, 0))
    info = ctypes.create_string_buffer(256)
    _bpf(_INFO, struct.pack("=IIQ", fd, 256, ctypes.addressof(info)))
    return info.raw[64:80].split(b"\0")[0].decode()


def main(action: str, name: str, hook: str, *place: str) -> None:
    interface = socket.if_nametoindex(name)
    if action == "attach":
        flags = _AFTER if "after" in place else _BEFORE
        _bpf(_ATTACH, struct.pack("=IIIIIIQ", interface, load(0), HOOKS[hook], flags, 0, 0, 0))
    if action == "detach":
        for number in query(interface, hook):
            if program_name(number) == NAME:
                fd = _bpf(_PROG_BY_ID, struct.pack("=III", number, 0, 0))
                _bpf(_DETACH, struct.pack("=IIIIIIQ", interface, fd, HOOKS[hook], 0, 0, 0, 0))
    print(json.dumps([program_name(number) for number in query(interface, hook)]))


def tcx(namespace, action: str, interface: str, hook: str, *place: str) -> list[str]:
    """Names of the programs on a hook, in order, after the action."""
    return json.loads(run(namespace.command(["/usr/bin/python3", __file__, action, interface, hook, *place])).stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
