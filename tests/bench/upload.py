"""A body of 100 MB: both forms of the upload beside mod_dav's PUT in the same httpd, and the memory of the children."""
import os
import pathlib
import time

from finqenv.client import Onboarding
from finqenv.process import Failure, run

ROUNDS = 3
WARM = 3
LONGEST = 90  # seconds for the million requests
SIZE = 100 * 1000 * 1000


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


def curl(*words):
    """Seconds that curl took; its answer must be a success."""
    done = run("curl", "-s", "-o", "-", "-w", "\n%{http_code} %{time_total}", "-H", "Expect:", *words)
    answer, _, figures = done.stdout.rpartition("\n")
    status, seconds = figures.split()
    if status[0] != "2":
        raise Failure(f"the upload was answered {status}: {answer[:500]}")
    return float(seconds)


class Uploads:
    def __init__(self, site):
        self.site, self.file = site, file_make(site.directory)
        self.base = f"http://localhost:{site.plain}"

    def _step(self):
        user = Onboarding(self.site.client(), "xyz_bench_upload_sbx_#1.0")
        user.start()
        user.submit("personal_data", {})
        user.client.close()
        return user

    def raw(self):
        user = self._step()
        return curl("-T", self.file, "-X", "POST", "-H", "Content-Type: application/pdf",
                    "-H", f"X-Finq-Client-Id: {self.site.tenant.client_id}", "-H", f"X-Finq-Nonce: {user.step_nonce}",
                    "-H", "X-Finq-Document: file", f"{self.base}/v1/steps/{user.step_id}/upload")

    def form(self):
        user = self._step()
        return curl("-F", f"client_id={self.site.tenant.client_id}", "-F", f"nonce={user.step_nonce}", "-F", "document=file",
                    "-F", f"file=@{self.file};type=application/pdf", f"{self.base}/v1/steps/{user.step_id}/upload")

    def dav(self):
        return curl("-T", self.file, f"{self.base}/dav/large.pdf")


def measure(table, site, _database):
    uploads = Uploads(site)
    ways = {"the file as the body": uploads.raw, "multipart": uploads.form, "mod_dav": uploads.dav}
    site.load("onboard", seconds=2)  # the children's threads have their memory
    for _ in range(WARM):
        for way in ways.values():
            way()
    grown = {}
    rounds = {name: [] for name in ways}
    for _ in range(ROUNDS):
        for name, way in ways.items():
            before = resident(site, "VmHWM")
            rounds[name].append(SIZE / 1e6 / way())
            grown[name] = max(grown.get(name, 0), resident(site, "VmHWM") - before)
    rates = {name: table.median(values) for name, values in rounds.items()}
    for name in list(ways)[:2]:
        table.add(f"upload, {name} / mod_dav", rates[name] / rates["mod_dav"], target=0.7,
                  note=f"{rates[name]:,.0f} and {rates['mod_dav']:,.0f} MB/s")
        table.add(f"a child's growth meanwhile, {name}", grown[name] / 1024, "KiB", target=1024, at_most=True,
                  note="peak resident size, after one upload")
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
