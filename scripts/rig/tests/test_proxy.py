"""The proxy hands bytes on, and takes the network away in each of its ways."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Iterator

import pytest

from rig.faults.proxy import Proxy
from rig.processes import free_port


@pytest.fixture
def echo_port() -> Iterator[int]:
    listener = socket.create_server(("localhost", 0))

    def answer(connection: socket.socket) -> None:
        with connection:
            while data := connection.recv(100):
                connection.sendall(data)

    def accept() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=answer, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    yield listener.getsockname()[1]
    listener.close()


@pytest.fixture
def proxy(echo_port) -> Iterator[Proxy]:
    proxy = Proxy(free_port(), echo_port)
    proxy.start()
    yield proxy
    proxy.stop()


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection(("localhost", proxy._port), timeout=1)


def asked(connection: socket.socket) -> bytes:
    connection.sendall(b"hello")
    return connection.recv(100)


def ended(connection: socket.socket) -> bool:
    """Reset, or at its end, as it happens."""
    try:
        return asked(connection) == b""
    except OSError:
        return True


def test_hands_on(proxy):
    with connect(proxy) as connection:
        assert asked(connection) == b"hello"


def test_cut_and_healed(proxy):
    with connect(proxy) as before:
        assert asked(before) == b"hello"
        proxy.cut()
        assert ended(before)
        with pytest.raises(ConnectionRefusedError):
            connect(proxy)
    proxy.heal()
    with connect(proxy) as after:
        assert asked(after) == b"hello"


def test_half_open_and_healed(proxy):
    with connect(proxy) as before:
        assert asked(before) == b"hello"
        proxy.silence()
        with connect(proxy) as during:
            for connection in (before, during):
                with pytest.raises(socket.timeout):
                    asked(connection)
            proxy.heal()
            with connect(proxy) as after:
                assert asked(after) == b"hello"
            with pytest.raises(socket.timeout):
                asked(before)


def request(kind: int, content: bytes = b"content") -> bytes:
    return struct.pack(">ih", len(content) + 2, kind) + content


def test_blocked_kind_of_request(proxy):
    proxy.block(26)
    with connect(proxy) as connection:
        connection.sendall(request(0) + request(3)[:5])
        connection.sendall(request(3)[5:])
        connection.settimeout(5)
        echoed = b""
        while len(echoed) < len(request(0) + request(3)):
            echoed += connection.recv(100)
        connection.sendall(request(26))
        assert connection.recv(100) == b""
    proxy.heal()
    with connect(proxy) as connection:
        connection.sendall(request(26))
        assert connection.recv(100) == request(26)
