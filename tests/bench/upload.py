"""A body of 100 MB over TLS: both forms of the upload beside a handler that does the least of it and mod_dav's PUT in the same httpd, scanned
beside clamd alone, read back beside httpd's own file; the memory of the children; and what /sessions shows of slow uploads."""
import os
import pathlib
import socket
import time

from finqenv.client import Onboarding
from finqenv.process import Failure, run
from finqenv.uploads import connect, head

from . import site as sites

ROUNDS = 5
WARM = 2
LONGEST = 90  # seconds for the million requests
SIZE = 100 * 1000 * 1000
GIGABYTE = 1 << 30
SLOW = 64


def resident(site, field="VmRSS"):
    """The largest resident size among httpd's children, in bytes."""
    sizes = []
    for child in site.installation.httpd.children():
        for line in pathlib.Path(f"/proc/{child}/status").read_text().splitlines():
            if line.startswith(f"{field}:"):
                sizes.append(int(line.split()[1]) * 1024)
    return max(sizes)


def file_make(directory):
    file = directory / "large.pdf"
    block = os.urandom(1000 * 1000)
    with file.open("wb") as to:
        to.write(b"%PDF-1.7\n" + block[9:])
        for _ in range(SIZE // len(block) - 1):
            to.write(block)
    return file


def curl(*words, to="-"):
    """(seconds that curl took, its answer), which must be a success."""
    done = run("curl", "-sk", "-o", to, "-w", "\n%{http_code} %{time_total}", "-H", "Expect:", *words)
    answer, _, figures = done.stdout.rpartition("\n")
    status, seconds = figures.split()
    if status[0] != "2":
        raise Failure(f"the request was answered {status}: {answer[:500]}")
    return float(seconds), answer


class Uploads:
    def __init__(self, site):
        self.site, self.file = site, file_make(site.documents)
        self.base = f"https://localhost:{site.tls}"

    def step(self):
        user = Onboarding(self.site.client(), "xyz_bench_upload_sbx_#1.0")
        user.start()
        user.submit("personal_data", {})
        user.client.close()
        return user

    def raw(self, file=None, base=None, *more):
        user = self.step()
        return curl("-T", file or self.file, "-X", "POST", "-H", "Content-Type: application/pdf",
                    "-H", f"X-Finq-Client-Id: {self.site.tenant.client_id}", "-H", f"X-Finq-Nonce: {user.step_nonce}",
                    "-H", "X-Finq-Document: file", *more, f"{base or self.base}/v1/steps/{user.step_id}/upload")

    def form(self):
        user = self.step()
        return curl("-F", f"client_id={self.site.tenant.client_id}", "-F", f"nonce={user.step_nonce}", "-F", "document=file",
                    "-F", f"file=@{self.file};type=application/pdf", f"{self.base}/v1/steps/{user.step_id}/upload")

    def floor(self):
        return curl("-T", self.file, "-X", "POST", f"{self.base}/floor/seal")

    def dav(self):
        return curl("-T", self.file, f"{self.base}/dav/large.pdf")

    def scanned(self):
        return self.raw(None, f"https://{sites.SCANNED}:{self.site.tls}", "--resolve", f"{sites.SCANNED}:{self.site.tls}:127.0.0.1")

    def clamd(self):
        """Alone with the same bytes."""
        began = time.monotonic()
        with socket.socket(socket.AF_UNIX) as line, self.file.open("rb") as file:
            line.connect(str(self.site.scanner.socket))
            line.sendall(b"zINSTREAM\0")
            while piece := file.read(65536):
                line.sendall(len(piece).to_bytes(4, "big") + piece)
            line.sendall(bytes(4))
            said = line.recv(4096)
        if said != b"stream: OK\0":
            raise Failure(f"clamd says {said}")
        return time.monotonic() - began, said

    def read(self, upload_id):
        return curl("-u", ":".join(sites.READER), f"{self.base}/documents/{upload_id}", to="/dev/null")

    def served(self):
        return curl(f"{self.base}/dav/large.pdf", to="/dev/null")


def rates(table, ways):
    """MB/s of each, one after the other in each round."""
    for way in list(ways.values()) * WARM:
        way()
    rounds = [{name: SIZE / 1e6 / way()[0] for name, way in ways.items()} for _ in range(ROUNDS)]
    return {name: table.median([one[name] for one in rounds]) for name in ways}


def beside(table, shown, name, other, target=None):
    table.add(f"{name} / {other}", shown[name] / shown[other], target=target, note=f"{shown[name]:,.0f} and {shown[other]:,.0f} MB/s")


def sealing(table, uploads):
    ways = {"upload, the file as the body": uploads.raw, "upload, multipart": uploads.form, "the least of an upload": uploads.floor, "mod_dav": uploads.dav}
    shown = rates(table, ways)
    for name in list(ways)[:2]:
        beside(table, shown, name, "the least of an upload", 0.9)
        beside(table, shown, name, "mod_dav")


def scanning(table, site, uploads):
    """clamd takes all of a stream before it begins to scan, so a scanned upload costs what the two cost one after the other."""
    site.scanner.start()
    try:
        site.installation.httpd.graceful()
        shown = rates(table, {"upload, scanned": uploads.scanned, "clamd alone": uploads.clamd, "an upload": uploads.raw})
        shown["an upload and clamd alone"] = 1 / (1 / shown["an upload"] + 1 / shown["clamd alone"])
        beside(table, shown, "upload, scanned", "an upload and clamd alone", 0.9)
        beside(table, shown, "upload, scanned", "clamd alone")
    finally:
        site.scanner.stop()


def reading(table, uploads):
    upload_id = uploads.raw()[1].partition('"upload_id":"')[2].partition('"')[0]
    beside(table, rates(table, {"reading back": lambda: uploads.read(upload_id), "httpd's own file": uploads.served}), "reading back", "httpd's own file", 0.6)


def growing(table, site, uploads):
    large = site.documents / "gigabyte.pdf"
    with large.open("wb") as file:
        file.write(b"%PDF-1.7\n")
        file.truncate(GIGABYTE)
    site.load("onboard", seconds=2)  # the children's threads have their memory
    uploads.raw()
    before = resident(site, "VmHWM")
    uploads.raw(large)
    table.add("a child's growth in an upload of 1 GiB", (resident(site, "VmHWM") - before) / 1024, "KiB", target=1024, at_most=True,
              note="peak resident size, after one of 100 MB")
    large.unlink()


def waiting(table, site, uploads):
    """/sessions, while others send some kilobytes now and then."""
    body = site.body("sessions")

    def p99():
        return table.median([site.load("fixed", path="/v1/sessions", body=body, connections=8, seconds=2)["fixed"]["request_p99_us"] / 1000 for _ in range(3)])
    p99()
    idle = p99()
    lines = []
    for _ in range(SLOW):
        user = uploads.step()
        lines.append(connect(user.client))
        lines[-1].sendall(head(user, SIZE, "file", "application/pdf") + b"%PDF-1.7\n")
    busy = 0
    for _ in range(3):
        for line in lines:
            line.sendall(bytes(2000))
        busy = max(busy, p99())
    for line in lines:
        line.close()
    table.add(f"p99 of /sessions under {SLOW} slow uploads / idle", busy / idle, target=1.5, at_most=True, note=f"{busy:.2f} and {idle:.2f} ms, 8 connections")


def measure(table, site, _database):
    uploads = Uploads(site)
    sealing(table, uploads)
    reading(table, uploads)
    scanning(table, site, uploads)
    growing(table, site, uploads)
    waiting(table, site, uploads)
    uploads.file.unlink()


def flat(table, site, _database):
    """A million requests, or what a slow machine makes of them, leave the resident size where it was."""
    requests, ends = 0, time.monotonic() + LONGEST
    forged, sessions = site.body("forged"), site.body("sessions")
    path = "/v1/sessions/01890000-0000-7000-8000-000000000000/steps"

    def some(seconds):
        made = site.load("fixed", path=path, body=forged, status=401, seconds=seconds)["fixed"]["requests"]
        return made + site.load("fixed", path="/v1/sessions", body=sessions, seconds=seconds)["fixed"]["requests"]
    some(2)
    before = resident(site)
    while requests < 1_000_000 and time.monotonic() < ends:
        requests += some(3)
    after = resident(site)
    table.add("growth of a child over many requests", (after - before) / 1024, "KiB", target=1024, at_most=True,
              note=f"{requests:,} requests; resident {before // 1024:,} KiB before, {after // 1024:,} KiB after")
