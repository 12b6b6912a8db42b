"""How many processors there are, and how many processes for them."""

import math
import os
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")
_OWN_GROUPS = Path("/proc/self/cgroup")


def cores() -> int:
    """Returns the cores that this process may use; where a container gets a share of their time only, as many as that is worth."""
    count = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, math.ceil(min(count, _granted())))


def process_count(wanted: int | None) -> int:
    """Returns how many processes share a work: as many as wanted, by default the cores, four for a core at most, since more of them
    are no faster and take memory."""
    return min(wanted or cores(), 4 * cores())


def _granted() -> float:
    """Returns how many cores' time the control groups of this process grant, as `docker run --cpus=2` has it; infinite without a limit."""
    found = [math.inf]
    try:
        lines = _OWN_GROUPS.read_text(encoding="utf-8").splitlines()
    except OSError:  # not Linux
        return math.inf
    for line in lines:
        _, kinds, path = line.split(":", 2)
        if not kinds or "cpu" in kinds.split(","):
            top = _GROUPS / "cpu" if kinds else _GROUPS
            # of a container the path may be the host's, and what is at the top its own
            inner = top / path.lstrip("/")
            found += [
                _share(group, is_new=not kinds) for group in (inner, *inner.parents) if group.is_relative_to(top)
            ]
    return min(found)


def _share(group: Path, *, is_new: bool) -> float:
    """Returns what one group grants: cpu.max is "200000 100000" or "max 100000"; older ones have two files, -1 is no limit."""
    names = ("cpu.max",) if is_new else ("cpu.cfs_quota_us", "cpu.cfs_period_us")
    try:
        quota, period = " ".join((group / name).read_text(encoding="utf-8") for name in names).split()
        return int(quota) / int(period) if int(quota) > 0 else math.inf
    except (OSError, ValueError, ZeroDivisionError):
        return math.inf
