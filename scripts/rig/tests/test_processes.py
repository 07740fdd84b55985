"""Only what a run started is stopped, and all of it."""

from __future__ import annotations

import os
import random
import socket
import subprocess

from rig.processes import Known, Processes, free_port

SLEEP = ["sleep", "60"]


def test_stops_what_an_earlier_script_started(tmp_path):
    process = Processes(tmp_path).start("sleeper", SLEEP, dict(os.environ), tmp_path)
    later = Processes(tmp_path)
    assert later.alive() == [process]
    later.stop(later.alive())
    assert later.known() == []
    assert not process.alive()


def test_kills_what_does_not_end(tmp_path):
    stubborn = ["sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.1; done"]
    processes = Processes(tmp_path)
    process = processes.start("stubborn", stubborn, dict(os.environ), tmp_path)
    while "ready" not in processes.log("stubborn").read_text():
        processes.check(process)
    processes.stop([process], patience_s=0.5)
    assert not process.alive()


def test_leaves_a_process_alone_that_took_over_the_id(tmp_path):
    with subprocess.Popen(SLEEP) as other:
        try:
            processes = Processes(tmp_path)
            earlier = Known("earlier", other.pid, started=1)
            assert not earlier.alive()
            processes.stop([earlier])
            assert other.poll() is None
        finally:
            other.kill()


def test_gives_no_port_twice_nor_one_for_outgoing_connections():
    ports = [free_port() for _ in range(2000)]
    assert len(set(ports)) == len(ports)
    assert max(ports) < 32_768


def test_gives_no_port_that_is_taken(monkeypatch):
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        taken, draw = server.getsockname()[1], random.randrange
        drawn = iter([taken])
        monkeypatch.setattr("random.randrange", lambda *bounds: next(drawn, None) or draw(*bounds))
        assert free_port() != taken
        assert next(drawn, None) is None
