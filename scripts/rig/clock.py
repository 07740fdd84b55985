"""Event times as people read them."""

from __future__ import annotations

import datetime

# The zone of `ts_str`: Asia/Seoul has had +09:00 all year since 1988.
ZONE = datetime.timezone(datetime.timedelta(hours=9))


def time_of_day(at_ms: int) -> str:
    return datetime.datetime.fromtimestamp(at_ms / 1000, ZONE).strftime("%H:%M:%S.%f")[:-3]
