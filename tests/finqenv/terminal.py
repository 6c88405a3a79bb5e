"""finqctl at a terminal: a pty with a size, on which something may be typed."""
import contextlib
import fcntl
import os
import pty
import select
import struct
import subprocess
import termios
import time

from .installation import FINQCTL, ROOT
from .process import Failure, clean_environ


def at_terminal(installation, *words, width=200, typed=None, answer_to="? ", seconds=30):
    """Runs finqctl. Gives its exit code and what the terminal shows. `typed` is typed once what is shown ends with `answer_to`."""
    screen, inside = pty.openpty()
    fcntl.ioctl(inside, termios.TIOCSWINSZ, struct.pack("HHHH", 50, width, 0, 0))
    environ = clean_environ(TERM="xterm", **({"FINQ_DB": installation.conninfo()} if installation else {}))
    child = subprocess.Popen([FINQCTL, *map(str, words)], stdin=inside, stdout=inside, stderr=inside, cwd=ROOT, env=environ,
                             start_new_session=True)
    os.close(inside)
    shown, end = b"", time.monotonic() + seconds
    with contextlib.suppress(OSError):  # EIO: the last who wrote has gone
        while time.monotonic() < end:
            if not select.select([screen], [], [], 0.2)[0]:
                continue
            read = os.read(screen, 65536)
            if not read:
                break
            shown += read
            if typed is not None and shown.endswith(answer_to.encode()):
                os.write(screen, typed.encode())
                typed = None
    os.close(screen)
    try:
        code = child.wait(timeout=max(1, end - time.monotonic()))
    except subprocess.TimeoutExpired:
        child.kill()
        child.wait()
        raise Failure(f"finqctl {words} waits; its terminal shows:\n{shown.decode()}") from None
    return code, shown.decode().replace("\r\n", "\n")


def completed(shell, setup, typed, expected, seconds=30):
    """Whether an interactive shell, set up so, makes what is `expected` of what is `typed` and a tab."""
    pid, screen = pty.fork()
    if pid == 0:
        os.execvpe(shell[0], shell, clean_environ(TERM="dumb", HISTFILE="/dev/null", PATH=f"{FINQCTL.parent}:{os.environ['PATH']}"))
    shown, end = "", time.monotonic() + seconds
    script = [(f"{setup}; PS1='READ''Y '\n", "READY "), (f"{typed}\t", expected)]
    try:
        for line, answer in script:
            os.write(screen, line.encode())
            while answer not in shown and time.monotonic() < end:
                if select.select([screen], [], [], 0.2)[0]:
                    shown += os.read(screen, 65536).decode(errors="replace")
        return expected in shown, shown
    finally:
        os.close(screen)  # it hangs up, and the shell ends
        os.waitpid(pid, 0)
