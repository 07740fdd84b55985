"""A TCP proxy in front of the broker, to take the network between broker and job away."""

from __future__ import annotations

import asyncio
import contextlib
import struct
import threading

CHUNK = 64 * 1024


class Proxy:
    """Hands bytes on between `port` and `target_port` of this machine, until told not to.

    It runs on a thread of its own; its methods may be called from any other.
    """

    def __init__(self, port: int, target_port: int):
        self._port = port
        self._target_port = target_port
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._server: asyncio.Server | None = None
        self._connections: set[_Connection] = set()
        self._silent = False
        # Kafka's number of the kind of request that does not get through.
        self.blocked: int | None = None

    def start(self) -> None:
        self._thread.start()
        self._do(self._listen())

    def stop(self) -> None:
        self._do(self._close())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()

    def cut(self) -> None:
        """Ends every connection and takes no new one, as a broker that is not there."""
        self._do(self._close())

    def silence(self) -> None:
        """Half-open connections: they stay, new ones are taken, and no byte gets through.

        Those of now never wake up again, as when a firewall has forgotten them.
        """

        async def silence() -> None:
            self._silent = True
            for connection in self._connections:
                connection.silent = True

        self._do(silence())

    def block(self, kind: int) -> None:
        """Ends a connection as soon as it asks that kind of request, Kafka's number of it."""
        self.blocked = kind

    def heal(self) -> None:
        async def heal() -> None:
            self._silent = False
            self.blocked = None
            if self._server is None:
                await self._listen()

        self._do(heal())

    @property
    def connections(self) -> int:
        return len(self._connections)

    def _do(self, what: object) -> None:
        asyncio.run_coroutine_threadsafe(what, self._loop).result(10)

    async def _listen(self) -> None:
        self._server = await asyncio.start_server(self._accept, "localhost", self._port)

    async def _close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None
        while self._connections:
            for connection in self._connections:
                connection.end()
            await asyncio.sleep(0.01)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(self, reader, writer, self._silent)
        self._connections.add(connection)
        try:
            await connection.serve(self._target_port)
        finally:
            self._connections.discard(connection)


class _Connection:
    def __init__(
        self,
        proxy: Proxy,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        silent: bool,
    ):
        self._proxy = proxy
        self._requests = _Requests()
        self.silent = silent
        self._client = reader, writer
        self._writers = [writer]
        self._ended = asyncio.Event()

    async def serve(self, target_port: int) -> None:
        with contextlib.suppress(OSError):
            server = await asyncio.open_connection("localhost", target_port)
            self._writers.append(server[1])
            ways = (
                self._ended.wait(),
                self._copy(self._client[0], server[1], self._requests),
                self._copy(server[0], self._client[1], None),
            )
            tasks = [asyncio.create_task(way) for way in ways]
            # Both ways end with one: Kafka's clients know no half-closed connection.
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
        for writer in self._writers:
            writer.transport.abort()

    async def _copy(
        self,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        requests: _Requests | None,
    ) -> None:
        while True:
            chunk = await source.read(CHUNK)
            if self.silent:
                # What comes is swallowed, an end of the connection too.
                if not chunk:
                    await asyncio.Event().wait()
                continue
            if not chunk:
                return
            if requests is not None and self._proxy.blocked in requests.kinds_in(chunk):
                return
            target.write(chunk)
            await target.drain()

    def end(self) -> None:
        self._ended.set()


class _Requests:
    """Follows a stream of Kafka requests: a length of 4 bytes, then that many, the kind first."""

    def __init__(self) -> None:
        self._head = b""
        self._to_skip = 0

    def kinds_in(self, chunk: bytes) -> set[int]:
        """The kinds of the requests whose head ends in the chunk."""
        kinds = set()
        while chunk:
            if self._to_skip:
                skipped = min(self._to_skip, len(chunk))
                self._to_skip -= skipped
                chunk = chunk[skipped:]
                continue
            wanted = 6 - len(self._head)
            self._head += chunk[:wanted]
            chunk = chunk[wanted:]
            if len(self._head) == 6:
                length, kind = struct.unpack(">ih", self._head)
                kinds.add(kind)
                self._to_skip = length - 2
                self._head = b""
        return kinds
