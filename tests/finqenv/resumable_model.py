"""Documents that are sent in every way that chance knows, beside a model that says where they must stand."""
import os
import random
import signal

from .client import Client
from .process import until
from .resumable import Tus, checksum, partials, stored
from .uploads import connect, padded

FRAME = 65536
WEIGHTS = {"begin": 1, "append": 6, "append_by_the_draft": 2, "append_nothing": 1, "claim_another_offset": 2, "claim_another_checksum": 1, "cut": 4,
           "overtake": 2, "change_servers": 3, "abandon": 1}


class Schedule:
    """One document of a new user. `installations` have database, secrets and directory in common; `kills` is the weight of killed children."""

    def __init__(self, desk, installations, seed, kills):
        self.desk, self.installations, self.chance, self.happened = desk, list(installations), random.Random(seed), []
        self.names = random.Random(f"what happens {seed}")  # apart: how much else is drawn depends on how much had come before a cut
        self.weights = {**WEIGHTS, "kill": kills}
        self.user = desk.user(desk.plain)
        self.content = padded(self._edge(1, 3 * FRAME) + 20, b"%%PDF-1.4\n%d\n" % self.chance.randrange(100)).content
        self.tus = Tus(self.user, "film", self.content, "application/pdf")
        self.change_servers()
        self.least = self.most = 0   # where it may stand
        self.is_open = False         # whether its address leads anywhere
        self.is_stored = False       # whether the document is there, whatever came of its address

    # -- chance

    def _edge(self, least, most):
        """A number, often one at the end of a frame."""
        near = [n for frame in range(4) for n in (frame * FRAME - 1, frame * FRAME, frame * FRAME + 1) if least <= n <= most]
        return self.chance.choice(near) if near and self.chance.random() < .4 else self.chance.randint(least, most)

    # -- what must be true

    @property
    def is_whole(self):
        return self.is_open and self.least == len(self.content)

    def _stands(self, offset):
        assert self.least <= offset <= self.most, (self.happened, offset, self.least, self.most)
        self.least = self.most = offset
        self.is_stored |= self.is_whole
        return offset

    def _where(self):
        return self._stands(self.tus.offset())

    def _came(self, answer, status, offset):
        """A piece was taken."""
        assert (answer.status, answer.headers["upload-offset"]) == (status, str(offset)), (self.happened, answer)
        self.least = self.most = offset
        self.is_stored |= self.is_whole
        assert self.is_whole is ("x-finq-upload-id" in answer.headers or b"upload_id" in answer.body), self.happened

    # -- what may happen

    def begin(self):
        before = self.tus.address if self.is_open else None
        body = self.content[:self.chance.choice((0, 0, self._edge(1, len(self.content))))]
        answer = self.tus.create(body)
        self.is_open, self.most = True, len(body)
        self._came(answer, 201, len(body))
        assert before is None or self.tus._request("HEAD", before).status == 404, self.happened

    def append(self):
        at = self._where()
        end = self._edge(at, len(self.content))
        piece = self.content[at:end]
        proof = self.chance.choice((None, checksum(piece), checksum(piece, "sha256")))
        self._came(self.tus.patch(at, piece, upload_checksum=proof), 204, end)

    def append_by_the_draft(self):
        at = self._where()
        end = self._edge(at, len(self.content))
        is_last = end == len(self.content)
        answer = self.tus.client.request("PATCH", self.tus.address, self.content[at:end], {
            "Upload-Draft-Interop-Version": "8", "Upload-Offset": str(at), "Upload-Complete": f"?{int(is_last)}", "Content-Type": "application/partial-upload"})
        self._came(answer, 200 if is_last else 201, end)

    def append_nothing(self):
        at = self._where()
        self._came(self.tus.patch(at, b""), 204, at)

    def claim_another_offset(self):
        at = self._where()
        other = self.chance.choice([n for n in (0, at - 1, at + 1, self._edge(0, len(self.content) - 1)) if 0 <= n < len(self.content) and n != at])
        answer = self.tus.patch(other, b"x")
        assert (answer.status, answer.code, answer.headers["upload-offset"]) == (409, "offset_mismatch", str(at)), (self.happened, answer)

    def claim_another_checksum(self):
        at = self._where()
        if not self.is_whole:
            answer = self.tus.patch(at, self.content[at:self._edge(at + 1, len(self.content))], upload_checksum=checksum(b"other"))
            assert (answer.status, answer.code) == (460, "checksum_mismatch"), (self.happened, answer)

    def _begin_piece(self, line):
        """Sends a part of a piece, whose checksum, if it has one, is right, and waits until a server has begun with it: before that it may
        come at any time, also behind what is asked next."""
        at = self._where()
        file, = self.desk.directory.glob(f"2*/{partials(self.desk, self.user)['film'][0]}")
        before = file.read_bytes()
        end = self._edge(at, max(at, len(self.content) - 1))
        proof = {"Upload-Checksum": checksum(self.content[at:])} if self.chance.random() < .3 else {}
        line.sendall(self.tus.head_of(at, len(self.content) - at, **proof) + self.content[at:end])
        self.most = at if proof else end
        until(lambda: file.read_bytes() != before, what="a server that goes on")

    def cut(self):
        if self._where() < len(self.content):
            with connect(self.tus.client) as line:
                self._begin_piece(line)

    def kill(self):
        if self._where() == len(self.content):
            return
        httpd = self.installations[0].httpd
        with connect(self.tus.client) as line:
            self._begin_piece(line)
            before = httpd.children()
            for child in before:
                os.kill(child, signal.SIGKILL)
            until(lambda: httpd.children() and not set(httpd.children()) & set(before), what="a new child")
        self.tus.client.close()

    def overtake(self):
        """Who had begun before cannot add anything."""
        if self._where() == len(self.content):
            return
        with connect(self.tus.client) as line:
            self._begin_piece(line)
            begun, before = self.least, self.most
            self.change_servers()
            at = self._where()
            assert at <= before
            self.append()
            line.sendall(self.content[begun:])
            said = line.recv(4096)
            assert b" 409 " in said or b" 413 " in said or b" 404 " in said, (self.happened, said)

    def change_servers(self):
        self.installations.reverse()
        self.tus.client = Client(f"http://localhost:{self.installations[0].httpd.settings.plain_port}", self.desk.tenant)

    def abandon(self):
        assert self.tus.delete().status == 204 and self.tus.head().status == 404, self.happened
        self.is_open, self.least, self.most = False, 0, 0

    # -- one after the other

    def go(self, steps):
        for _ in range(steps):
            name = self.names.choices(list(self.weights), self.weights.values())[0]
            if not self.is_open:
                name = "begin"
            self.happened.append(name)
            getattr(self, name)()
        if self.is_open:
            self._where()
        return self.check()

    def check(self):
        """What database and directory hold in the end; the names of the files."""
        held = partials(self.desk, self.user)
        files = [held["film"][0]] if self.is_open and not self.is_whole else []
        assert self.is_open is ("film" in held), self.happened
        if self.is_stored:
            files.append(stored(self.desk, self.user, "film", self.content))
        assert self.is_stored is ("film" in self.desk.rows(self.user.step_id)), self.happened
        return files
