"""A TCP proxy between httpd and PostgreSQL that loses what a network loses."""
import select
import socket
import threading

from .process import free_port


class Proxy:
    """Forwards 127.0.0.1:port to `target`. `lose` is what is thrown away meanwhile: "questions" of the client,
    "answers" of the server, or None; the connections stay open. `cut` ends them all."""

    def __init__(self, target):
        self.target, self.port, self.lose, self._pairs = target, free_port(), None, []
        self.lost = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def _accept(self):
        while True:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            server = socket.create_connection(("127.0.0.1", self.target))
            self._pairs.append((client, server))
            threading.Thread(target=self._forward, args=(client, server), daemon=True).start()

    def _forward(self, client, server):
        try:
            while True:
                for one in select.select([client, server], [], [])[0]:
                    data = one.recv(65536)
                    if not data:
                        return
                    self._pass(data, client, server, one is client)
        except (OSError, ValueError):
            pass
        finally:
            client.close()
            server.close()

    def _pass(self, data, client, server, is_question):
        if self.lose == ("questions" if is_question else "answers"):
            self.lost.set()
            return
        (server if is_question else client).sendall(data)

    def cut(self):
        """Those that there are: one that is made meanwhile, because another was cut, lives."""
        pairs, self._pairs = self._pairs, []
        for pair in pairs:
            for one in pair:
                try:
                    one.shutdown(socket.SHUT_RDWR)
                except OSError:
                    pass

    def close(self):
        self._listener.close()
        self.cut()

    def conninfo(self, text):
        """A conninfo of the target, through the proxy."""
        return text.replace(f"port={self.target} ", f"port={self.port} ")
