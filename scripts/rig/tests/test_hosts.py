"""What a playbook did is read from its last lines; what a machine lacks for hosts is told."""

from __future__ import annotations

import os

from rig.hosts import main, world
from rig.hosts.ansible import Recap

OF_2_9 = """\
PLAY RECAP *********************************************************************
flink-1                    : ok=31   changed=0    unreachable=0    failed=0    skipped=6
flink-2                    : ok=30   changed=12   unreachable=0    failed=1    skipped=6

"""
OF_2_19 = """\
TASK [flink : Say what changed=3 means] ****************************************
ok: [flink-1]

PLAY RECAP *********************************************************************
flink-1                    : ok=31   changed=2    unreachable=0    failed=0    skipped=6
"""


def test_a_recap_is_read():
    assert Recap.all_of(OF_2_9) == [Recap("flink-1", 0, 0, 0), Recap("flink-2", 12, 0, 1)]
    assert Recap.all_of(OF_2_19) == [Recap("flink-1", 2, 0, 0)]


def test_an_output_without_a_recap_has_none():
    assert Recap.all_of("ERROR! the playbook: deploy.yml could not be found\n") == []


def test_without_root_the_hosts_are_skipped_loudly(monkeypatch, capsys):
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    monkeypatch.setattr(main, "end_as_by_ctrl_c", lambda: None)
    monkeypatch.setattr("sys.argv", ["test-deploy"])
    assert main.main() == 0
    assert "SKIPPED the hosts need root" in capsys.readouterr().out


def test_a_missing_tool_is_named_with_its_package(monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    monkeypatch.setitem(world.TOOLS, "/nowhere/sshd", "openssh-server")
    monkeypatch.setattr(world, "_refused", lambda: [])
    assert "/nowhere/sshd (Debian and Ubuntu: apt install openssh-server)" in world.missing()
