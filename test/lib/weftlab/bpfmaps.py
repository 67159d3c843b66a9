"""Reads pinned BPF maps with the bpf() system call: an independent view of what the agent wrote."""

from __future__ import annotations

import ctypes
import errno
import ipaddress
import os
import struct
from pathlib import Path

_SYS_BPF = {"x86_64": 321, "aarch64": 280}[os.uname().machine]
_LOOKUP, _UPDATE, _DELETE, _NEXT, _OBJ_GET, _PROG_BY_ID, _INFO = 1, 2, 3, 4, 7, 13, 15
_libc = ctypes.CDLL(None, use_errno=True)


def _bpf(command: int, attributes: bytes) -> int:
    buffer = ctypes.create_string_buffer(attributes.ljust(128, b"\0"), 128)
    result = _libc.syscall(_SYS_BPF, command, buffer, 128)
    if result < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return result


class Map:
    """A pinned map. Values of per-CPU maps come as one block for all CPUs."""

    def __init__(self, path: Path):
        name = ctypes.create_string_buffer(str(path).encode())
        self.fd = _bpf(_OBJ_GET, struct.pack("=QII", ctypes.addressof(name), 0, 0))
        info = ctypes.create_string_buffer(128)
        _bpf(_INFO, struct.pack("=IIQ", self.fd, 128, ctypes.addressof(info)))
        self.type, self.id, self.key_size, self.value_size, self.max_entries = struct.unpack_from("=5I", info.raw)
        cpus = len(os.sched_getaffinity(0)) if not Path("/sys/devices/system/cpu/possible").exists() else _possible_cpus()
        per_cpu = self.type in (5, 6, 10, 21)
        self._size = (self.value_size + 7) // 8 * 8 * cpus if per_cpu else self.value_size

    def __enter__(self):
        return self

    def __exit__(self, *_):
        os.close(self.fd)

    def lookup(self, key: bytes) -> bytes | None:
        k, v = ctypes.create_string_buffer(key, len(key)), ctypes.create_string_buffer(self._size)
        try:
            _bpf(_LOOKUP, struct.pack("=IIQQQ", self.fd, 0, ctypes.addressof(k), ctypes.addressof(v), 0))
        except OSError as failed:
            if failed.errno == errno.ENOENT:
                return None
            raise
        return v.raw

    def update(self, key: bytes, value: bytes) -> None:
        k, v = ctypes.create_string_buffer(key, len(key)), ctypes.create_string_buffer(value, len(value))
        _bpf(_UPDATE, struct.pack("=IIQQQ", self.fd, 0, ctypes.addressof(k), ctypes.addressof(v), 0))

    def writer(self, key: bytes, value: bytes, command: int = _UPDATE):
        """update() of fixed values with as little Python around the system call as there can be, for measurements."""
        k, v = ctypes.create_string_buffer(key, len(key)), ctypes.create_string_buffer(value, len(value))
        attributes = ctypes.create_string_buffer(
            struct.pack("=IIQQQ", self.fd, 0, ctypes.addressof(k), ctypes.addressof(v), 0).ljust(128, b"\0"), 128)
        call = _libc.syscall
        kept = (k, v)
        return lambda: (call(_SYS_BPF, command, attributes, 128), kept)[0]

    def delete(self, key: bytes) -> None:
        k = ctypes.create_string_buffer(key, len(key))
        _bpf(_DELETE, struct.pack("=IIQQQ", self.fd, 0, ctypes.addressof(k), 0, 0))

    def keys(self):
        key = None
        following = ctypes.create_string_buffer(self.key_size)
        while True:
            k = ctypes.create_string_buffer(key, self.key_size) if key is not None else None
            try:
                _bpf(_NEXT, struct.pack("=IIQQQ", self.fd, 0, ctypes.addressof(k) if k else 0, ctypes.addressof(following), 0))
            except OSError as failed:
                if failed.errno == errno.ENOENT:
                    return
                raise
            key = following.raw
            yield key

    def items(self):
        for key in self.keys():
            value = self.lookup(key)
            if value is not None:
                yield key, value


def _possible_cpus() -> int:
    last = Path("/sys/devices/system/cpu/possible").read_text().strip().split(",")[-1].split("-")[-1]
    return int(last) + 1


def address_text(raw: bytes) -> str:
    address = ipaddress.IPv6Address(raw)
    return str(address.ipv4_mapped or address)


def pinned(bpffs: Path, name: str) -> Path:
    """The newest layout of a map's pin."""
    found = sorted((bpffs / "maps").glob(f"{name}_v*"), key=lambda path: int(path.name.rsplit("_v", 1)[1]))
    if not found:
        raise FileNotFoundError(f"no pin of {name} below {bpffs}")
    return found[-1]


def programmed_frontends(bpffs: Path) -> dict[tuple[str, int, str], list[str]]:
    """{(address, port, protocol): sorted endpoints}, following frontend → slots → endpoints as the kernel does."""
    protocols = {6: "TCP", 17: "UDP", 132: "SCTP"}
    result = {}
    with Map(pinned(bpffs, "weft_services")) as services, Map(pinned(bpffs, "weft_slots")) as slots, \
            Map(pinned(bpffs, "weft_endpoints")) as endpoints:
        for key, value in services.items():
            port, protocol = struct.unpack_from("!HB", key, 16)
            _, first, count = struct.unpack_from("=III", value)
            backends = []
            for slot in range(first, first + count):
                endpoint = slots.lookup(struct.pack("=I", slot))
                row = endpoints.lookup(endpoint)
                backends.append(f"{address_text(row[:16])}:{struct.unpack_from('!H', row, 16)[0]}" if row else "missing")
            result[(address_text(key[:16]), port, protocols[protocol])] = sorted(backends)
    return result


def link_program(pin: Path) -> int:
    """The id of the program behind a pinned link."""
    name = ctypes.create_string_buffer(str(pin).encode())
    fd = _bpf(_OBJ_GET, struct.pack("=QII", ctypes.addressof(name), 0, 0))
    try:
        info = ctypes.create_string_buffer(128)
        _bpf(_INFO, struct.pack("=IIQ", fd, 128, ctypes.addressof(info)))
        return struct.unpack_from("=3I", info.raw)[2]  # struct bpf_link_info: type, id, prog_id
    finally:
        os.close(fd)


def verified_instructions(program: int) -> int:
    """Steps that the verifier took for a loaded program (struct bpf_prog_info.verified_insns, kernel 5.16)."""
    fd = _bpf(_PROG_BY_ID, struct.pack("=III", program, 0, 0))
    try:
        info = ctypes.create_string_buffer(256)
        _bpf(_INFO, struct.pack("=IIQ", fd, 256, ctypes.addressof(info)))
        return struct.unpack_from("=I", info.raw, 216)[0]
    finally:
        os.close(fd)
