"""Processor time, which strays less than the clock does where other work shares the machine."""
import os
import pathlib

from finqenv.process import children

TICK = os.sysconf("SC_CLK_TCK")


def _used(pid):
    """(its own seconds, those of its children that have ended)"""
    try:
        fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0, 0
    own, ended = (sum(map(int, fields[i:i + 2])) / TICK for i in (11, 13))
    return own, ended


def seconds(*parents):
    """Seconds that processes and their children have used so far; what has ended counts on through its parent."""
    return sum(sum(_used(parent)) + sum(_used(child)[0] for child in children(parent)) for parent in parents)
