"""What a playbook did is read from its last lines, whichever Ansible ran it."""

from __future__ import annotations

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
