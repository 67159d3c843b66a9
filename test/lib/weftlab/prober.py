"""A pod of many connections: serves TCP and UDP on some ports, and tries lists of others when told to.

As a program, inside of a network namespace: python3 prober.py PORT… ; a line of JSON in, a line of JSON out.
Question: {"targets": [["TCP", "192.168.1.2", 80], …], "expected": [indexes that will answer], "wait_s": 5, "grace_s": 0.2}
Answer: the indexes that answered. It waits for the expected ones, then for the others as long as `grace_s`.
"""

from __future__ import annotations

import json
import selectors
import socket
import sys
import threading
import time


def serve_tcp(listener: socket.socket) -> None:
    while True:
        connection, _ = listener.accept()
        connection.sendall(b"weft")
        connection.close()


def serve_udp(server: socket.socket) -> None:
    while True:
        data, sender = server.recvfrom(2048)
        try:
            server.sendto(data, sender)
        except OSError:
            pass  # an answer that the kernel refuses is not seen by the client: that is what it looks for


def serve(ports: list[int]) -> None:
    for port in ports:
        listener = socket.socket()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("0.0.0.0", port))
        listener.listen(512)
        server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        server.bind(("0.0.0.0", port))
        for run, what in ((serve_tcp, listener), (serve_udp, server)):
            threading.Thread(target=run, args=(what,), daemon=True).start()


def begin(protocol: str, address: str, port: int) -> socket.socket:
    """TCP ends with the server's greeting, UDP with the echo: one readable socket each."""
    s = socket.socket(socket.AF_INET, socket.SOCK_STREAM if protocol == "TCP" else socket.SOCK_DGRAM)
    s.setblocking(False)
    s.connect_ex((address, port))
    if protocol == "UDP":
        s.send(b"weft")
    return s


def try_all(targets: list, expected: set[int], wait_s: float, grace_s: float) -> list[int]:
    selector = selectors.DefaultSelector()
    answered: set[int] = set()
    for index, target in enumerate(targets):
        selector.register(begin(*target), selectors.EVENT_READ, index)
    end = time.monotonic() + wait_s
    waiting = True
    while time.monotonic() < end and selector.get_map():
        if waiting and expected <= answered:
            end = min(end, time.monotonic() + grace_s)
            waiting = False
        for key, _ in selector.select(max(0.0, end - time.monotonic())):
            try:
                if key.fileobj.recv(16) == b"weft":
                    answered.add(key.data)
            except OSError:
                pass  # refused
            selector.unregister(key.fileobj)
            key.fileobj.close()
    for key in list(selector.get_map().values()):
        key.fileobj.close()
    return sorted(answered)


def main() -> None:
    serve([int(port) for port in sys.argv[1:]])
    print("ready", flush=True)
    for line in sys.stdin:
        question = json.loads(line)
        print(json.dumps(try_all(question["targets"], set(question["expected"]), question["wait_s"], question["grace_s"])), flush=True)


if __name__ == "__main__":
    main()
