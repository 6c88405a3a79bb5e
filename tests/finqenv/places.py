"""Where a run keeps its files, and how directories that servers write to stay within the servers' reach."""
import fcntl
import os
import pathlib
import pwd
import shutil
import subprocess
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = ROOT / os.environ.get("FINQ_BUILD", "build")
FALLBACK = "/var/tmp"
FALLBACK_PREFIX = "finq-"
MEMORY = "/dev/shm"
MEMORY_LEAST = 8 << 30


def _can_write(path, user):
    """Asks the system itself: modes, ACLs and mounts all have a say."""
    return subprocess.run(["test", "-w", path, "-a", "-x", path], user=user, group=pwd.getpwnam(user).pw_gid,
                          extra_groups=[], cwd="/").returncode == 0


_reached = {}  # {(directory, user): whether he can write to what is his in there}


def _is_reached(path, user):
    """Asks once for all that lies beside it."""
    where = path.parent, user
    if where not in _reached:
        _reached[where] = _can_write(path, user)
    return _reached[where]


def _give(path, user):
    owner = pwd.getpwnam(user)
    path.mkdir(parents=True, exist_ok=True)
    os.chown(path, owner.pw_uid, owner.pw_gid)
    path.chmod(0o700)


def has_memory():
    """Whether what need not outlive the machine may lie in memory."""
    if not os.path.ismount(MEMORY):
        return False
    room = os.statvfs(MEMORY)
    free = dict(line.split(":") for line in pathlib.Path("/proc/meminfo").read_text().splitlines())["MemAvailable"]
    return min(room.f_bavail * room.f_frsize, int(free.split()[0]) << 10) >= MEMORY_LEAST


def reachable(path, user, longest=4096, memory=False):
    """Makes `path` a directory of `user`, mode 0700, and returns where it really is.

    A clone may lie where that user cannot go (/root), or too deep for a socket's name: then `path` becomes a link to
    a private directory under /var/tmp, or with `memory` in memory, which `discard` removes with the rest.
    """
    path = pathlib.Path(path)
    if path.is_symlink() and path.exists():
        return path.resolve()
    if len(str(path)) <= longest and not memory:
        _give(path, user)
        if _is_reached(path, user):
            return path
        shutil.rmtree(path)
    elsewhere = pathlib.Path(tempfile.mkdtemp(prefix=FALLBACK_PREFIX, dir=MEMORY if memory else FALLBACK))
    _give(elsewhere, user)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    path.symlink_to(elsewhere)
    return elsewhere


def new_directory(parent, prefix=""):
    """A new directory that servers may pass through to what is theirs inside."""
    parent.mkdir(parents=True, exist_ok=True)
    directory = pathlib.Path(tempfile.mkdtemp(prefix=prefix, dir=parent))
    directory.chmod(0o711)
    return directory


def discard(directory):
    """Removes a run directory, and what its links stand for."""
    directory = pathlib.Path(directory)
    for parent, folders, _ in os.walk(directory):
        for folder in folders:
            link = pathlib.Path(parent, folder)
            target = os.path.realpath(link)
            if link.is_symlink() and target.startswith((f"{FALLBACK}/{FALLBACK_PREFIX}", f"{MEMORY}/{FALLBACK_PREFIX}")):
                shutil.rmtree(target, ignore_errors=True)
    shutil.rmtree(directory, ignore_errors=True)


class Lock:
    """Held as long as the process that took it lives, however it ends. Not inherited by the servers."""

    def __init__(self, path):
        path.parent.mkdir(parents=True, exist_ok=True)
        self._file = open(path, "w")

    def take(self, wait=False):
        """Whether the lock is ours now."""
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
        except BlockingIOError:
            return False
        return True

    def release(self):
        self._file.close()
