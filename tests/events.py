#!/usr/bin/python3
"""A receiver of a tenant's events: events.py PORT SECRET_FILE. It prints one a line, once, with what its signature says: as a
tenant's server does it, without the library. SIGTERM ends it."""
import http.server
import json
import pathlib
import sys

from finqenv.receiver import verifies


class _Handler(http.server.BaseHTTPRequestHandler):
    seen = set()

    def do_POST(self):
        body = self.rfile.read(min(int(self.headers.get("Content-Length", 0)), 1 << 20))
        known = verifies(pathlib.Path(sys.argv[2]).read_text(), dict(self.headers), body) is not None
        if known and self.headers["webhook-id"] not in self.seen:
            self.seen.add(self.headers["webhook-id"])
            event = json.loads(body)
            print(event["timestamp"], event["type"], json.dumps(event["data"], ensure_ascii=False), flush=True)
        elif not known:
            print("refused: its signature is not the webhook's", flush=True)
        self.send_response(204 if known else 401)
        self.end_headers()

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), _Handler).serve_forever()
