#!/usr/bin/python3
"""What a signature costs: httpd's CPU time a request, /v1s/sessions against /v1/sessions, and one RSA-2048 verification of
`openssl speed` in the same run. Promised: at most 1.25 verifications more; a malformed JWS costs at most twice what a
session's start does, which is half of its rate.

Prints a table, and fails where a promise is not kept. Run as: /usr/bin/python3 tests/bench/signed.py [requests]
"""
import json
import pathlib
import socket
import subprocess
import sys

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1]))

from finqenv.installation import SIGNING_ISSUER, Installation  # noqa: E402
from finqenv.places import BUILD, discard, new_directory  # noqa: E402
from finqenv.process import end_servers_in, main  # noqa: E402

SKILL = "xyz_sbx_#3.0"
ROUNDS = 8
AHEAD = 32


def cpu(httpd):
    """Seconds that httpd's children have computed so far, to the nanosecond."""
    tasks = [task for child in httpd.children() for task in pathlib.Path(f"/proc/{child}/task").iterdir()]
    return sum(int((task / "schedstat").read_text().split()[0]) for task in tasks) / 1e9


def send(connection, request, count, status):
    """The same request again and again on one connection, some ahead of their answers, as on a server that is busy with
    nothing else; each must get the status."""
    for _ in range(count // AHEAD):
        connection.sendall(request * AHEAD)
        text = b""
        while text.count(b"HTTP/1.1 ") < AHEAD or not text.endswith(b"}"):
            text += connection.recv(1 << 20)
        if text.count(b"HTTP/1.1 %d " % status) != AHEAD:
            raise AssertionError(text)


def requests_of(installation, tenant):
    """name -> (bytes, status)"""
    body = json.dumps({"client_id": tenant.client_id, "client_app_key": tenant.client_app_key, "skill": SKILL}).encode()
    file = installation.directory / "body.json"
    file.write_bytes(body)
    header = installation.finqctl("sign", "--key", installation.signing_key(tenant), "--issuer", SIGNING_ISSUER,
                                  "--lifetime", "3600", file, check=False).stdout.strip()

    def request(path, line, status):
        return (f"POST {path}/sessions HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
                f"Content-Length: {len(body)}\r\n{line}\r\n\r\n").encode() + body, status
    return {"plain": request("/v1", "X-Padding: " + "x" * (len(header) - 11), 200), "signed": request("/v1s", header, 200),
            "malformed": request("/v1s", header.replace(".", "..", 1), 401)}


def measure(installation, count):
    """name -> microseconds of CPU a request: the median of several interleaved rounds."""
    wanted = requests_of(installation, installation.create_tenant("Bench"))
    taken = {name: [] for name in wanted}
    for turn in range(ROUNDS + 1):
        for name, (request, status) in wanted.items():
            with socket.create_connection(("localhost", installation.httpd.settings.plain_port)) as connection:
                before = cpu(installation.httpd)
                send(connection, request, count, status)
                taken[name].append(1e6 * (cpu(installation.httpd) - before) / count)
    return {name: sorted(times[1:])[ROUNDS // 2] for name, times in taken.items()}


def verification():
    """Microseconds of one RSA-2048 verification."""
    shown = subprocess.run(["openssl", "speed", "-seconds", "3", "rsa2048"], capture_output=True, text=True, check=True)
    return 1e6 / float(shown.stdout.split()[-1])


def bench(count):
    directory = new_directory(BUILD, "bench-")
    installation = Installation(directory, plain=True, children=1, log_level="warn")
    try:
        installation.start()
        installation.publish_skills()
        one = verification()
        taken = measure(installation, count)
    finally:
        installation.stop()
        end_servers_in(directory)
        discard(directory)
    added = (taken["signed"] - taken["plain"]) / one
    for name, time in taken.items():
        print(f"{name:10} {time:6.1f} us of CPU a request")
    print(f"{'RSA-2048':10} {one:6.1f} us a verification")
    print(f"a signature adds {added:.2f} verifications (at most 1.25)")
    print(f"a malformed JWS costs {taken['malformed'] / taken['plain']:.2f} session starts (at most 2)")
    if added > 1.25 or taken["malformed"] > 2 * taken["plain"]:
        sys.exit(1)


main(lambda: bench(int(sys.argv[1]) if sys.argv[1:] else 2000), "bench signed")
