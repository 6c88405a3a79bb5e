"""Many connections at once, each with one request under way, in one thread."""
import contextlib
import io
import selectors
import ssl
import time

from .client import Client, read_answer


class One:
    """A connection of a crowd. `answer` and `seconds` are there once it has been answered; `cut` says that it ended
    without."""

    def __init__(self, connection, request):
        self.connection, self.received = connection, b""
        self.answer, self.seconds, self.cut = None, None, False
        self.since = time.monotonic()
        connection.sendall(request)
        connection.setblocking(False)

    def _is_whole(self):
        head, end, body = self.received.partition(b"\r\n\r\n")
        lengths = [line.split(b":")[1] for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")]
        return bool(end) and len(body) >= int(lengths[0] if lengths else 0)

    def read(self):
        """Takes what has come. Returns whether there is nothing more to wait for."""
        try:
            while not self._is_whole() and (data := self.connection.recv(65536)):
                self.received += data
        except (BlockingIOError, ssl.SSLWantReadError):
            return False
        except OSError:
            pass
        self.cut = not self._is_whole()
        if not self.cut:
            self.answer, self.seconds = read_answer(io.BytesIO(self.received)), time.monotonic() - self.since
        return True

    def close(self):
        self.connection.close()


class Crowd(contextlib.AbstractContextManager):
    """A context manager: at its end all connections are closed."""

    def __init__(self):
        self.members, self._selector = [], selectors.DefaultSelector()

    def add(self, connection, request):
        one = One(connection, request)
        self.members.append(one)
        self._selector.register(connection, selectors.EVENT_READ, one)
        return one

    def leave(self, some):
        """These go away without a word."""
        for one in some:
            if one in self.waiting:
                self._selector.unregister(one.connection)
            self.members.remove(one)
            one.close()

    def listen(self, seconds=0):
        """Takes the answers that come within so long; fewer seconds where nobody is left to answer."""
        end = time.monotonic() + seconds
        while self._selector.get_map():
            for key, _ in self._selector.select(max(0, end - time.monotonic())):
                if key.data.read():
                    self._selector.unregister(key.data.connection)
            if time.monotonic() >= end:
                return

    @property
    def answered(self):
        return [one for one in self.members if one.answer]

    @property
    def cut(self):
        return [one for one in self.members if one.cut]

    @property
    def waiting(self):
        return [one for one in self.members if not one.answer and not one.cut]

    def __exit__(self, *_):
        for one in self.members:
            one.close()
        self._selector.close()
        Client.renew()
