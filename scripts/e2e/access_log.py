"""An access log to play: the one that ACCESS_LOG names, else a generated one."""

from __future__ import annotations

import os
import random
from pathlib import Path


def access_log() -> tuple[list[bytes], str]:
    """The lines of ACCESS_LOG, or generated ones of the same shape, and what they are."""
    named = os.environ.get("ACCESS_LOG")
    if named:
        return Path(named).read_bytes().splitlines(), Path(named).name
    chance = random.Random(1)
    at_ms = 1431857103000
    lines = []
    for _ in range(10_000):
        # One request in half a minute, up to an hour apart for one of 1,700 addresses.
        at_ms += 1000 * round(chance.expovariate(1 / 30))
        address = f"10.0.{min(int(chance.paretovariate(0.8)), 1700) // 250}.{chance.randrange(250)}"
        lines.append(
            b'{"uid":"%s","access_type":"pc","log_name":"CLICK","in_time":"","out_time":"",'
            b'"ip":"%s","ts":%d,"request":"GET /%d HTTP/1.1","status":200}'
            % (address.encode(), address.encode(), at_ms, chance.randrange(1000))
        )
    return lines, "a generated access log"
