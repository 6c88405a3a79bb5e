"""FinqUploadQuota: how much of documents a step, a session and a tenant may store, told before a byte of one is read.

Seen red: see each test.
"""
import uuid

import pytest

from finqenv import documents, draft
from finqenv.client import Client, read_answer
from finqenv.process import until
from finqenv.resumable import Tus, partials
from finqenv.uploads import SKILL, Desk, chunks, connect, head, padded
from finqenv.wire import is_error

KIB = 1024
STEP, SESSION, TENANT = 300 * KIB, 500 * KIB, 700 * KIB
PNG = documents.png()


@pytest.fixture(scope="module")
def desk(server, make_module_server):
    return Desk(make_module_server(cluster=server.postgres, database="quota", children=1, plain=True, directives={
        "FinqUploadQuota": "step 300K session 500K tenant 700K", "FinqJanitorInterval": "1"}))


@pytest.fixture
def tenant(desk):
    return desk.installation.create_tenant(f"Quota {uuid.uuid4()}", (SKILL,))


@pytest.fixture
def client(desk, tenant):
    return plain(desk, tenant)


@pytest.fixture
def user(desk, client):
    return desk.user(client)


def plain(desk, tenant):
    return Client(f"http://localhost:{desk.installation.httpd.settings.plain_port}", tenant)


def stored(desk, tenant):
    return int(desk.installation.psql(f"SELECT coalesce(sum(bytes), 0) FROM finq.stored WHERE client_id = '{tenant.client_id}'"))


def held(desk, tenant):
    """What the counter should say."""
    return int(desk.installation.psql("SELECT coalesce(sum(u.size), 0) FROM finq.session s JOIN finq.step e USING (session_id) JOIN finq.upload u ON u.step_id = e.step_id"
                                      f" WHERE s.client_id = '{tenant.client_id}'"))


def of(desk, user):
    """What is held for a user's step, whatever the janitor takes away of others."""
    return desk.rows(user.step_id), desk.staged()


def refused(answer, what):
    return is_error(answer, 413, "quota_exceeded") and f"for this {what}" in answer["message"]


def last_step(user, size):
    assert user.submit("last", {}).status == 200
    return user.upload("late", padded(size))


# -- each of them

def test_a_step(desk, user):
    """To the byte; what is replaced does not count. Red: upload_room that counts what the document itself has, or v_step without its filter."""
    assert user.upload("paper", padded(90 * KIB)).status == 200
    before = of(desk, user)
    assert refused(user.upload("film", padded(STEP - 90 * KIB + 1)), "step")
    assert of(desk, user) == before
    assert user.upload("film", padded(STEP - 90 * KIB)).status == 200
    assert refused(user.upload("photo", PNG), "step")
    assert user.upload("film", padded(STEP - 90 * KIB, b"%PDF-1.5\n")).status == 200, "instead of the one before"
    assert user.upload("film", padded(100 * KIB)).status == 200
    assert user.upload("photo", PNG).status == 200
    assert user.upload("film", padded(200 * KIB)).status == 200
    assert last_step(user, 90 * KIB).status == 200, "another step has room of its own"


def test_a_session(desk, client):
    """Red: the session's row left out of upload_room."""
    user, other = desk.user(client), desk.user(client)
    assert user.upload("film", padded(STEP)).status == 200
    desk.installation.psql(f"UPDATE finq.upload SET size = {SESSION - 50_000} WHERE step_id = '{user.step_id}'")
    assert refused(last_step(user, 50_001), "session")
    assert user.upload("late", padded(50_000)).status == 200
    assert last_step(other, 50_001).status == 200, "of another session"


def test_a_tenant(desk, tenant, client):
    """With what replacing, erasing and adding together do to the counter. Red: uploads_gone left out of sessions_data_remove; the tenant's row left
    out of upload_room; what was replaced left out of the row in finq.stored."""
    first, second, third = desk.user(client), desk.user(client), desk.user(client)
    assert first.upload("film", padded(STEP)).status == second.upload("film", padded(STEP)).status == 200
    assert refused(third.upload("film", padded(TENANT - 2 * STEP + 1)), "tenant")
    assert third.upload("film", padded(TENANT - 2 * STEP)).status == 200
    assert refused(third.upload("photo", PNG), "tenant")
    assert second.upload("film", padded(STEP - KIB)).status == third.upload("photo", PNG).status == 200
    assert stored(desk, tenant) == held(desk, tenant) == TENANT - KIB + len(PNG.content)
    desk.installation.psql(f"SELECT finq.sessions_remove(ARRAY['{first.session_id}'::uuid])")
    assert stored(desk, tenant) == held(desk, tenant) == TENANT - KIB + len(PNG.content) - STEP
    desk.installation.psql(f"INSERT INTO finq.stored SELECT '{tenant.client_id}', 0 FROM generate_series(1, 150)")
    until(lambda: desk.installation.psql(f"SELECT count(*) FROM finq.stored WHERE client_id = '{tenant.client_id}'") == "1", what="the janitor to add together")
    assert stored(desk, tenant) == held(desk, tenant)
    stranger = desk.user(plain(desk, desk.installation.create_tenant(f"Stranger {uuid.uuid4()}", (SKILL,))))
    assert stranger.upload("film", padded(STEP)).status == 200


def test_the_counter_follows_the_ways_of_uploads(desk, tenant, user):
    """The same bytes again, a step that is gone back to and an exchange. Red: the counter's INSERT without
    its condition; session_prune without uploads_gone."""
    file = padded(5000)
    for _ in range(2):
        assert user.upload("paper", file).status == 200
    assert desk.installation.psql(f"SELECT count(*) FROM finq.stored WHERE client_id = '{tenant.client_id}'") == "1"
    assert user.upload("photo", PNG).status == 200
    assert stored(desk, tenant) == held(desk, tenant) == 5000 + len(PNG.content)
    assert last_step(user, 7000).status == 200
    assert user.exchange().status == 200
    assert stored(desk, tenant) == held(desk, tenant) == 12000 + len(PNG.content)
    desk.installation.psql(f"UPDATE finq.step SET off_path = true WHERE session_id = '{user.session_id}' AND name = 'papers';"
                           f"SELECT finq.session_prune('{user.session_id}')")
    assert stored(desk, tenant) == held(desk, tenant) == 7000


# -- before the body is read

def test_it_is_told_before_the_body_is_read(desk, user):
    """Red: admit left out of finq_upload_begin (100 Continue is sent)."""
    with connect(user.client) as connection, connection.makefile("rb") as file:
        connection.sendall(head(user, STEP + 1, "film", "application/pdf", Expect="100-continue"))
        assert b"413" in file.readline(), "no 100 Continue"
    with connect(user.client) as connection, connection.makefile("rb") as file:
        connection.sendall(head(user, STEP, "film", "application/pdf", Expect="100-continue"))
        assert b"100" in file.readline() and file.readline() == b"\r\n"
        connection.sendall(padded(STEP).content)
        assert read_answer(file).status == 200


@pytest.mark.parametrize("revoked, status", [("UPDATE finq.tenant SET status = 'DISABLED' WHERE client_id = '{0}'", 401),
                                             ("UPDATE finq.session SET generation = generation + 1 WHERE client_id = '{0}'", 401),
                                             ("UPDATE finq.step SET off_path = true WHERE session_id = '{1}'", 409)], ids=["tenant", "resumed", "gone back"])
def test_rights_are_looked_at_before_the_body_is_read(desk, tenant, user, revoked, status):
    """Red: upload_refusal without the line."""
    desk.installation.psql(revoked.format(tenant.client_id, user.session_id))
    before = of(desk, user)
    with connect(user.client) as connection, connection.makefile("rb") as file:
        connection.sendall(head(user, len(PNG.content), Expect="100-continue"))
        assert b" %d " % status in file.readline(), "no 100 Continue"
    assert of(desk, user) == before


def test_it_is_told_while_a_file_without_a_length_comes(desk, user):
    """Red: room left out of size_check: the database refuses it, at the end, and the connection has taken all of it."""
    before = of(desk, user)
    with connect(user.client) as connection, connection.makefile("rb") as file:
        connection.sendall(head(user, None, "film", "application/pdf") + b"%x\r\n" % (STEP + 1) + padded(STEP + 1).content + b"\r\n")
        answer = read_answer(file)
    assert refused(answer, "step")
    assert of(desk, user) == before


def test_two_at_once_do_not_pass_together(desk, user):
    """What was room for either at its start. Red: v_room left out of upload_record."""
    with connect(user.client) as connection, connection.makefile("rb") as file:
        body = padded(STEP).content
        connection.sendall(head(user, STEP, "film", "application/pdf") + body[:-1])
        until(lambda: len(desk.staged()) == 1, what="the first to be under way")
        assert user.upload("photo", PNG).status == 200
        connection.sendall(body[-1:])
        assert refused(read_answer(file), "step")
    assert set(desk.rows(user.step_id)) == {"photo"} and desk.staged() == []


# -- in pieces

def begin(user, size, document="film", **headers):
    """Promises a document of a size; tus of it, and the answer."""
    tus = Tus(user, document, padded(size).content, "application/pdf")
    return tus, tus.create(**headers)


def test_what_is_begun_counts_in_its_step(desk, tenant, user):
    """Before a byte of it has come, and once when all has. Red: partials left out of upload_counted; `stored IS NULL` left out there."""
    film, answer = begin(user, STEP - 90 * KIB)
    assert answer.status == 201
    before = of(desk, user), partials(desk, user)
    assert refused(user.upload("paper", padded(90 * KIB + 1)), "step") and refused(begin(user, 90 * KIB + 1, "paper")[1], "step")
    assert (of(desk, user), partials(desk, user)) == before
    paper, answer = begin(user, 90 * KIB, "paper")
    assert answer.status == 201 and refused(user.upload("photo", PNG), "step")
    assert film.send(offset=0).status == 204 and refused(user.upload("photo", PNG), "step")
    assert paper.send(offset=0).status == 204 and refused(user.upload("photo", PNG), "step")
    assert stored(desk, tenant) == held(desk, tenant) == STEP
    assert user.upload("film", padded(STEP - 90 * KIB - len(PNG.content))).status == user.upload("photo", PNG).status == 200


def test_what_is_promised_is_kept(desk, user):
    """While another document is being replaced, whose old bytes count until its new ones are stored. Red: greatest(c.stored, c.promised) that is their
    sum; without v_promised the end of `paper` alone."""
    assert user.upload("film", padded(STEP - 90 * KIB)).status == 200
    paper, answer = begin(user, 90 * KIB, "paper")
    assert answer.status == 201
    film, answer = begin(user, STEP - 90 * KIB)
    assert answer.status == 201 and refused(begin(user, STEP - 90 * KIB + 1)[1], "step")
    assert user.upload("paper", padded(90 * KIB)).status == 200, "nor is what fits beside it, in one piece"
    paper, answer = begin(user, 90 * KIB, "paper")
    assert answer.status == 201 and paper.send(offset=0).status == film.send(offset=0).status == 204


def test_what_is_promised_is_kept_whatever_another_session_does(desk, tenant, client):
    """Red: v_promised left out of upload_room."""
    first, second, third = desk.user(client), desk.user(client), desk.user(client)
    assert first.upload("film", padded(STEP)).status == second.upload("film", padded(STEP)).status == 200
    film, answer = begin(third, TENANT - 2 * STEP)
    assert answer.status == begin(first, STEP)[1].status == 201
    assert film.send(70 * KIB, 0).status == film.send(offset=70 * KIB).status == 204
    assert stored(desk, tenant) == held(desk, tenant) == TENANT


def cancel(desk, user, film):
    assert film.delete().status == 204


def expire(desk, user, film):
    desk.installation.psql(f"UPDATE finq.partial SET expires_at = now() WHERE step_id = '{user.step_id}'")


def replace(desk, user, film):
    assert begin(user, STEP - len(PNG.content))[1].status == 201


def fail(desk, user, film):
    """Its end is refused."""
    film.content = bytes(STEP)
    assert film.send(offset=0).code == "unsupported_media_type"


@pytest.mark.parametrize("end", [cancel, expire, replace, fail], ids=lambda end: end.__name__)
def test_what_has_ended_counts_no_more(desk, user, end):
    """Red: the expiry left out of upload_counted; upload_room that counts what the document itself was promised (replace)."""
    film, answer = begin(user, STEP)
    assert answer.status == 201 and refused(user.upload("photo", PNG), "step")
    end(desk, user, film)
    assert user.upload("photo", PNG).status == 200


def test_what_is_begun_counts_in_its_session(desk, client):
    user, other = desk.user(client), desk.user(client)
    assert begin(user, STEP)[1].status == 201
    desk.installation.psql(f"UPDATE finq.partial SET bytes = {SESSION - 50_000} WHERE step_id = '{user.step_id}'")
    assert refused(last_step(user, 50_001), "session") and refused(begin(user, 50_001, "late")[1], "session")
    assert user.upload("late", padded(50_000)).status == 200
    assert last_step(other, 50_001).status == 200, "of another session"


def test_what_is_begun_counts_for_its_tenant(desk, tenant, client):
    """Red: partials left out of upload_counted_of; `stored IS NULL` or the expiry left out there."""
    first, second, third = desk.user(client), desk.user(client), desk.user(client)
    film, answer = begin(first, STEP)
    assert answer.status == begin(second, STEP)[1].status == 201
    assert refused(third.upload("film", padded(TENANT - 2 * STEP + 1)), "tenant") and refused(begin(third, TENANT - 2 * STEP + 1)[1], "tenant")
    assert film.send(offset=0).status == 204
    assert refused(third.upload("film", padded(TENANT - 2 * STEP + 1)), "tenant"), "once, not twice and not never"
    assert begin(third, TENANT - 2 * STEP)[1].status == 201
    expire(desk, second, None)
    assert third.upload("film", padded(STEP)).status == 200
    assert stored(desk, tenant) == held(desk, tenant) == 2 * STEP
    stranger = desk.user(plain(desk, desk.installation.create_tenant(f"Stranger {uuid.uuid4()}", (SKILL,))))
    assert begin(stranger, STEP)[1].status == 201


def test_pieces_of_what_has_no_length_count_as_they_come(desk, user):
    """Red: take_piece without finq_resumable_promise; partial_promise without its UPDATE; room left out of room_check."""
    interim, answer = draft.begin(user, padded(100).content, Upload_Complete="?0")
    address = interim.headers["location"]
    assert answer.status == 201 and user.upload("paper", padded(90 * KIB)).status == 200
    room = STEP - 90 * KIB
    assert refused(draft.append(user, address, 100, bytes(room - 99), "?0"), "step")
    assert draft.ask(user, "HEAD", address).headers["upload-offset"] == "100", "it was told before it was read"
    assert draft.append(user, address, 100, bytes(room - 200), "?0").status == 201
    assert refused(user.upload("photo", documents.png(width=900, height=900)), "step")
    at = room - 100
    assert refused(draft.append(user, address, at, iter([bytes(50), bytes(51)]), "?0"), "step")
    at = int(draft.ask(user, "HEAD", address).headers["upload-offset"])
    assert room - 100 <= at <= room, "what came before may stay"
    assert draft.append(user, address, at, iter([bytes(room - at)]), "?0").status == 201
    assert refused(user.upload("photo", PNG), "step")
    last = draft.append(user, address, room, b"", "?1")
    assert last.status == 200 and last["size"] == room


def test_a_creation_without_a_length_counts(desk, user):
    """With what it brings; of a body that does not say how long it is, whatever there is room for. Red: body_end that is 0."""
    assert user.upload("paper", padded(90 * KIB)).status == 200
    room = STEP - 90 * KIB
    answer, = draft.begin(user, padded(room + 1).content, Upload_Complete="?0")
    assert refused(answer, "step") and partials(desk, user) == {}
    _, answer = draft.begin(user, padded(room).content, Upload_Complete="?0")
    assert answer.status == 201 and refused(user.upload("photo", PNG), "step")


def test_a_body_without_a_length_leaves_the_rest_to_others(desk, user):
    """Once it is over, or cut: then what has come counts, and comes to its end. Red: take_piece without its second finq_resumable_promise; one that
    an error keeps from it."""
    held = f"SELECT bytes FROM finq.partial WHERE step_id = '{user.step_id}'"
    body = padded(1000).content
    with connect(user.client) as line:
        line.sendall(draft.head_of(user, None, Upload_Complete="?0", Transfer_Encoding="chunked").replace(b"Content-Length: None\r\n", b"") + chunks(body))
        until(lambda: desk.installation.psql(held) == "1000", what="the creation's end")
        address = next(line for line in line.recv(4096).decode().splitlines() if line.startswith("Location: ")).removeprefix("Location: ")
    with connect(user.client) as line:
        line.sendall((f"PATCH {address} HTTP/1.1\r\nHost: localhost\r\nUpload-Draft-Interop-Version: 8\r\nContent-Type: {draft.PIECE}\r\n"
                      "Upload-Offset: 1000\r\nUpload-Complete: ?0\r\nTransfer-Encoding: chunked\r\n\r\n").encode() + chunks(bytes(500), end=False))
        until(lambda: desk.installation.psql(held) == str(STEP), what="the piece to be under way")
        assert refused(user.upload("photo", PNG), "step")
    until(lambda: desk.installation.psql(held) == "1500", what="the cut")
    assert user.upload("paper", padded(90 * KIB)).status == user.upload("photo", PNG).status == 200
    assert draft.append(user, address, 1500, iter([bytes(500)]), "?1")["size"] == 2000


# -- the directive

@pytest.mark.parametrize("value", ["step", "step 1M session", "steps 1M", "step 1X", "step 1MB", "step 0", "step -1", "step 9999999G", "step off session", ""])
def test_wrong_values(desk, value):
    sound, said = desk.installation.httpd.configtest({"FinqUploadQuota": value})
    assert not sound and "FinqUploadQuota" in said
