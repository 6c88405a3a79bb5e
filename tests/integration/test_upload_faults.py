"""Uploads while something gives out: the disk, a process, the network, a thread (threats 14, 16, 17).

Seen red: code_of without ENOSPC (full_disk); slot_take always 1 (are_counted); finq_child_init without finq_blob_sweep (a
child killed while bytes flow); finq_upload_finish discarding where the outcome is uncertain (never_came); finq_upload_tidy
without finq_blob_remove (a_replaced_file); finq_blob_store_enter without O_NOFOLLOW (leads_elsewhere); PIECE taken from the
pool at each read (memory); brigade_take without its room (gives_more).
"""
import pathlib
import signal
import subprocess
import threading
import time

import pytest

from finqenv import documents, process
from finqenv.client import Document, read_answer
from finqenv.installation import FINQCTL, SANITIZED
from finqenv.load import memory
from finqenv.locks import Blocker, locked
from finqenv.places import reachable
from finqenv.postgres import SERVER
from finqenv.process import clean_environ
from finqenv.proxy import Proxy
from finqenv.resumable import Tus, partials, stored
from finqenv.uploads import Desk, chunks, connect, form, form_head, head, padded, parts_of

PNG = documents.png()
OTHER = documents.png(shade=0x77)
ONE_CHILD = {"children": 1, "threads": 16, "plain": True}
TIDY = {"FinqJanitorInterval": "1"}


@pytest.fixture
def make_desk(server, make_server, request):
    """A desk of its own httpd, on the shared PostgreSQL."""
    def make(**options):
        name = f"faults_{abs(hash(request.node.name)) % 10**9}"
        return Desk(make_server(cluster=server.postgres, database=name, **{**ONE_CHILD, **options}))
    return make


# -- the disk

@pytest.fixture
def small_disk(run_directory, request):
    """A file system of 1 MiB that www-data may write to."""
    place = pathlib.Path(f"/var/tmp/finq-disk-{run_directory.name}")
    place.mkdir(mode=0o711)
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m,mode=0711", "finq-test", place], capture_output=True)
    if mounted.returncode:
        place.rmdir()
        pytest.skip("this machine lets nobody mount a tmpfs")
    reachable(place, "www-data")
    yield place
    subprocess.run(["umount", "-l", place], check=True)
    place.rmdir()


@pytest.mark.parametrize("as_form", [False, True])
def test_a_full_disk(make_desk, small_disk, as_form):
    desk = make_desk(directives={"FinqUploadDir": str(small_disk)})
    user = desk.user()
    log = desk.installation.httpd.log
    before = desk.held(user.step_id)
    log.expect(r"FINQ03: .* 507 insufficient_storage: .*No space left")
    answer = user.upload("film", padded(2_000_000), form=as_form)
    assert (answer.status, answer.code) == (507, "insufficient_storage")
    assert "space" not in answer["message"] and str(small_disk) not in answer["message"]
    assert desk.held(user.step_id) == before
    assert user.upload("film", padded(200_000), form=as_form).status == 200
    full = small_disk / "full"
    with full.open("wb", buffering=0) as file, pytest.raises(OSError):
        while True:
            file.write(bytes(4096))
    before = desk.held(user.step_id)
    answer = user.upload("photo", PNG, form=as_form)
    assert (answer.status, answer.code) == (507, "insufficient_storage")
    assert desk.held(user.step_id) == before
    full.unlink()
    assert user.upload("photo", PNG, form=as_form).status == 200


@pytest.mark.parametrize("as_form", [False, True])
def test_a_disk_that_is_read_only(make_desk, small_disk, as_form):
    """Red where code_of knows nothing of EROFS."""
    desk = make_desk(directives={"FinqUploadDir": str(small_disk)})
    user = desk.user()
    before = desk.held(user.step_id)
    subprocess.run(["mount", "-o", "remount,ro", small_disk], check=True)
    desk.installation.httpd.log.expect("FINQ03: .* 503 service_unavailable: .*Read-only file system")
    answer = user.upload("photo", PNG, form=as_form)
    assert (answer.status, answer.code) == (503, "service_unavailable") and "retry-after" in answer.headers
    subprocess.run(["mount", "-o", "remount,rw", small_disk], check=True)
    assert desk.held(user.step_id) == before
    assert user.upload("photo", PNG, form=as_form).status == 200


def fill(path):
    """Leaves no room on its disk."""
    with path.open("wb", buffering=0) as filler, pytest.raises(OSError):
        while True:
            filler.write(bytes(4096))


def test_a_disk_that_is_full_in_a_piece(make_desk, small_disk):
    """What came before it stays, and goes on when there is room. Red: write_all that takes a short write for a whole one."""
    desk = make_desk(directives={"FinqUploadDir": str(small_disk)})
    user, file, full = desk.user(), padded(300_000), small_disk / "full"
    tus = Tus(user, "film", file.content, file.media_type)
    assert tus.create(file.content[:100_000]).status == 201
    fill(full)
    desk.installation.httpd.log.expect(r"FINQ03: .* 507 insufficient_storage: .*No space left")
    answer = tus.patch(100_000, file.content[100_000:])
    assert (answer.status, answer.code) == (507, "insufficient_storage")
    assert 100_000 <= tus.offset() < 200_000
    full.unlink()
    assert tus.send().status == 204
    stored(desk, user, "film", file.content)


def test_a_disk_that_is_full_at_a_creation(make_desk, small_disk):
    """What is under way stays as it is, and goes on. Red where finq_resumable_begin ends it."""
    desk = make_desk(directives={"FinqUploadDir": str(small_disk)})
    user, file, full = desk.user(), padded(300_000), small_disk / "full"
    tus = Tus(user, "film", file.content, file.media_type)
    assert tus.create(file.content[:100_000]).status == 201
    fill(full)
    before = desk.held(user.step_id), partials(desk, user)
    desk.installation.httpd.log.expect(r"FINQ03: .* 507 insufficient_storage: .*No space left")
    assert Tus(user, "film", file.content, file.media_type).create().code == "insufficient_storage"
    assert (desk.held(user.step_id), partials(desk, user)) == before
    full.unlink()
    assert tus.send(offset=100_000).status == 204
    stored(desk, user, "film", file.content)


def test_a_staging_area_that_leads_elsewhere(make_desk, tmp_path):
    desk = make_desk()
    httpd = desk.installation.httpd
    elsewhere = reachable(httpd.directory / "elsewhere", "www-data")
    httpd.stop()
    (desk.directory / "staging").rmdir()
    (desk.directory / "staging").symlink_to(elsewhere)
    httpd.log.expect(r"FINQ02: The upload directory .* cannot be used")
    httpd.log.expect("FINQ03: .*the upload directory could not be opened")
    httpd.start()
    user = desk.user()
    answer = user.upload("photo", PNG)
    assert (answer.status, answer.code) == (503, "service_unavailable") and "retry-after" in answer.headers
    assert list(elsewhere.iterdir()) == []


# -- threads, connections, memory

def test_uploads_under_way_are_counted(make_desk):
    desk = make_desk(directives={"FinqMaxUploads": "1"})
    user = desk.user(desk.plain)
    with connect(desk.plain) as slow, slow.makefile("rb") as file:
        slow.sendall(head(user, len(PNG.content)) + PNG.content[:30])
        process.until(desk.staged, what="the staged file")
        desk.installation.httpd.log.expect("FINQ03: .*FinqMaxUploads")
        answer = user.upload("photo", PNG)
        assert (answer.status, answer.code) == (503, "service_unavailable")
        assert int(answer.headers["retry-after"]) >= 1 and answer.headers["connection"] == "close"
        assert desk.user().step_id, "other calls have their threads"
        slow.sendall(PNG.content[30:])
        assert read_answer(file).status == 200
    for _ in range(3):  # a slot that a refusal had kept would be missed now
        assert user.upload("other", PNG).status == 400
        assert user.upload("photo", PNG).status == 200


def test_no_connection_is_held_while_bytes_flow(make_desk):
    desk = make_desk(dbd=(0, 1, 1))
    user = desk.user(desk.plain)
    slow = []
    for place in range(4):
        slow.append(connect(desk.plain))
        slow[-1].sendall(head(user, len(PNG.content)) + PNG.content[:30])
    process.until(lambda: len(desk.staged()) == 4, what="four uploads under way")
    assert len(desk.installation.postgres.backends(database=desk.installation.database)) == 1
    other = desk.user()
    assert other.upload("photo", OTHER).status == 200
    for connection in slow:
        connection.sendall(PNG.content[30:])
        with connection.makefile("rb") as file:
            assert read_answer(file).status == 200
        connection.close()
    assert desk.staged() == []


def large_body(pieces):
    yield b"%PDF-1.4\n" + bytes(65536 - 9)
    for _ in range(pieces - 1):
        yield bytes(65536)


def send_large(desk, user, pieces, as_form):
    edges = form("XX", parts_of(user, Document("f", "application/pdf", b"@@"), "film")).split(b"@@") if as_form else (b"", b"")
    size = pieces * 65536 + sum(map(len, edges))
    start = form_head(user, "XX", size) if as_form else head(user, size, "film", "application/pdf")
    with connect(desk.plain, 120) as connection, connection.makefile("rb") as file:
        connection.sendall(start + edges[0])
        for piece in large_body(pieces):
            connection.sendall(piece)
        connection.sendall(edges[1])
        return read_answer(file)


@pytest.mark.parametrize("as_form", [False, True])
def test_memory_stays_as_it_is_while_a_large_file_passes(make_desk, as_form):
    desk = make_desk(directives={"FinqUploadQuota": "step off"})
    user = desk.user(desk.plain)
    (child,) = desk.installation.httpd.children()
    for _ in range(20):  # every thread has its own first time
        assert send_large(desk, user, 4, as_form).status == 200
    before, most, end = memory(child), [0], threading.Event()

    def watch():
        while not end.wait(0.01):
            most[0] = max(most[0], memory(child))
    watcher = threading.Thread(target=watch)
    watcher.start()
    answer = send_large(desk, user, 2000, as_form)
    end.set()
    watcher.join()
    assert answer.status == 200 and answer["size"] == 2000 * 65536 > 100 * 2**20
    assert SANITIZED or most[0] - before < 2**20, f"{before} grew to {most[0]}"


def test_a_million_chunks_of_a_byte(make_desk):
    """Threat 17. The first is a file, the second a JSON body, which ends at FinqMaxBody."""
    desk = make_desk()
    user = desk.user(desk.plain)
    (child,) = desk.installation.httpd.children()
    for _ in range(20):
        assert send_large(desk, user, 4, False).status == 200
    before = memory(child)
    many = b"1\r\nx\r\n" * 10_000
    with connect(desk.plain, 120) as connection, connection.makefile("rb") as file:
        connection.sendall(head(user, None, "film", "application/pdf") + chunks(b"%PDF-1.4\n", end=False))
        for _ in range(100):
            connection.sendall(many)
        process.until(lambda: desk.staged(), what="the staged file")
        peak = memory(child)
        connection.sendall(b"0\r\n\r\n")
        assert read_answer(file)["size"] == 1_000_009
    assert SANITIZED or max(peak, memory(child)) - before < 2**20
    with connect(desk.plain, 120) as connection, connection.makefile("rb") as file:
        connection.sendall(b"POST /v1/sessions HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n")
        try:
            for _ in range(100):
                connection.sendall(many)
        except ConnectionError:
            pass  # it is cut off, as it should be
        try:
            assert read_answer(file).status == 413
        except ConnectionError:
            pass
    assert SANITIZED or memory(child) - before < 2**20


def test_a_filter_that_gives_more_than_it_was_asked_for(make_desk):
    """mod_ext_filter's input filters do."""
    module = pathlib.Path("/usr/lib/apache2/modules/mod_ext_filter.so")
    assert module.exists()
    desk = make_desk(modules=("ext_filter",), location="SetInputFilter more",
                     server='ExtFilterDefine more mode=input cmd="/bin/sed s/@/#@@@@@@@@@/g"')
    user = desk.user(desk.plain)
    content = b"%PDF-1.4\n" + b"@" * 200_000
    answer = user.upload("film", Document("x", "application/octet-stream", content))
    assert answer.status == 200 and answer["size"] == 2_000_009
    (file,) = desk.placed()
    got = subprocess.run([FINQCTL, "upload", "get", file, "--upload-dir", desk.directory, "--data-key-file", desk.installation.data_key_file],
                         capture_output=True, env=clean_environ(FINQ_DB=desk.installation.conninfo()))
    assert got.stdout == content.replace(b"@", b"#@@@@@@@@@")


# -- processes

def kill_child(desk):
    """Kills the only child while its parent looks on; it has another soon."""
    (child,) = desk.installation.httpd.children()  # its parent logs no SIGKILL
    process.send(child, signal.SIGKILL)
    process.until(lambda: child not in desk.installation.httpd.children(), what="the child's end")


def test_a_child_killed_while_bytes_flow(make_desk):
    desk = make_desk()
    user = desk.user(desk.plain)
    before = desk.held(user.step_id)
    with connect(desk.plain) as slow:
        slow.sendall(head(user, len(PNG.content)) + PNG.content[:30])
        process.until(desk.staged, what="the staged file")
        kill_child(desk)
    process.until(lambda: desk.installation.httpd.children(), what="a new child")
    desk.wait_unchanged(user.step_id, before)
    assert desk.user(desk.plain).upload("photo", PNG).status == 200


def test_a_child_killed_between_place_and_record(make_desk):
    """The row's lock holds the statement up. The file is in its place, the database has not been told."""
    desk = make_desk(directives=TIDY)
    user = desk.user(desk.plain)
    with Blocker(desk.installation, locked(user)), connect(desk.plain) as waiting:
        waiting.sendall(head(user, len(PNG.content)) + PNG.content)
        process.until(desk.placed, what="the placed file")
        kill_child(desk)
        desk.installation.postgres.wait_idle()
    process.until(lambda: desk.installation.httpd.children(), what="a new child")
    assert desk.rows(user.step_id) == {}
    kept = desk.user(desk.plain).upload("photo", OTHER)["upload_id"]
    process.until(lambda: desk.staged() == [] and desk.placed() == [kept], what="the dead upload's end")
    assert user.upload("photo", PNG).status == 200, "and its nonce still works"


def tidy(desk):
    """From here on the janitor runs each second."""
    desk.installation.httpd.settings.directives.update(TIDY)
    desk.installation.httpd.restart()


def removed(desk, condition="true"):
    """How many files the database says are to be removed, or were."""
    return int(desk.installation.psql(f"SELECT count(*) FROM finq.upload_removed WHERE {condition}"))


def test_a_replaced_file_that_is_gone_leaves_no_row(make_desk):
    """Red: replaced_remove that tells the database nothing."""
    desk = make_desk()
    user = desk.user()
    ids = [user.upload("photo", file)["upload_id"] for file in (PNG, OTHER) * 5]
    assert len(set(ids)) == 10 and desk.placed() == ids[-1:] and removed(desk) == 0


def test_a_replaced_file_that_stayed(make_desk):
    """As where the child dies after the answer of the database: the file is still there, and nothing points to it."""
    desk = make_desk()
    user = desk.user()
    old = user.upload("photo", PNG)["upload_id"]
    file = next(desk.directory.glob(f"2*/{old}"))
    content = file.read_bytes()
    new = user.upload("photo", OTHER)["upload_id"]
    file.write_bytes(content)
    desk.installation.psql(f"INSERT INTO finq.upload_removed VALUES ('{old}', clock_timestamp(), false)")
    assert desk.placed() == sorted([old, new])
    tidy(desk)
    process.until(lambda: desk.placed() == [new], what="the old file's end")
    process.until(lambda: removed(desk) == 0, what="the database's knowledge of it")


def test_a_file_that_cannot_be_removed_is_tried_again(make_desk):
    """Its row stays, and by it the file is found."""
    desk = make_desk()
    user = desk.user()
    old = user.upload("photo", PNG)["upload_id"]
    file = next(desk.directory.glob(f"2*/{old}"))
    file.unlink()
    file.mkdir()  # nothing that unlink() takes
    new = user.upload("photo", OTHER)["upload_id"]
    assert removed(desk, f"upload_id = '{old}' AND gone_at IS NULL") == 1
    file.rmdir()
    file.write_bytes(PNG.content)
    tidy(desk)
    process.until(lambda: desk.placed() == [new] and removed(desk) == 0, what="the old file's end")


def test_a_sweep_keeps_up(make_desk):
    """Thousands at once, in one run; what was decided is remembered for a week. Red without is_done's loop in files_tidy."""
    desk = make_desk()
    desk.installation.psql(
        "INSERT INTO finq.upload_removed"
        f" SELECT (left(gen_random_uuid()::text, 28) || '{desk.mark()}')::uuid, clock_timestamp() - n * interval '1 second', n % 2 = 0 FROM generate_series(1, 5000) n;"
        "INSERT INTO finq.upload_removed SELECT gen_random_uuid(), clock_timestamp() - interval '9 days', true,"
        " clock_timestamp() - n * interval '1 day' FROM unnest(ARRAY[6, 8]) n")
    tidy(desk)
    process.until(lambda: removed(desk, "gone_at IS NULL") == 0, what="the run")
    assert removed(desk, "NOT decided") == 0 and removed(desk) == 2501


def test_files_that_cannot_be_removed_hold_up_no_other(make_desk):
    """More of them than are listed at once, and older. A run tells of them in one line, and the next tries again. Red where
    finq_upload_tidy leaves `behind` as it is."""
    desk = make_desk()
    log, user = desk.installation.httpd.log, desk.user()
    user.upload("photo", PNG)
    later = next(desk.directory.glob("2*/*"))
    kept = user.upload("photo", OTHER)["upload_id"]
    later.touch()
    day = desk.directory / "20240610"  # of the ids that begin with 0x01900000
    day.touch()  # and no directory
    desk.installation.psql(
        "INSERT INTO finq.upload_removed"
        f" SELECT ('01900000-0000-7000-8000-' || lpad(n::text, 4, '0') || '{desk.mark()}')::uuid, clock_timestamp() - interval '1 day', false"
        f" FROM generate_series(1, 2001) n; INSERT INTO finq.upload_removed VALUES ('{later.name}', clock_timestamp(), false)")
    log.expect(r"FINQ11: janitor: \d+ files could not be removed: .*20240610/01900000-0000-7000-8000-0001.*; the next run tries again")
    tidy(desk)
    process.until(lambda: removed(desk) == 2001, what="the later file's end")
    assert not later.exists()
    log.wait_for("FINQ11: janitor: 2001 files")
    day.unlink()
    process.until(lambda: removed(desk) == 0, what="a run that finds nothing in the way")
    assert desk.placed() == [kept]


# -- the network

@pytest.fixture
def proxied(server, make_desk):
    """A desk whose database is behind a proxy."""
    desk = make_desk(directives={"FinqDatabaseTimeout": "1"})
    proxy = Proxy(server.postgres.port)
    httpd = desk.installation.httpd
    httpd.settings.database = proxy.conninfo(server.postgres.conninfo(SERVER, desk.installation.database))
    httpd.restart()
    httpd.log.allow(r"\[dbd:error\]|FINQ11: janitor: the database")
    yield desk, proxy
    proxy.close()


@pytest.mark.parametrize("lost", ["answers", "questions"])
def test_an_answer_that_never_came(proxied, lost):
    """Nobody knows whether it was recorded: the file stays until the database has been asked."""
    desk, proxy = proxied
    httpd = desk.installation.httpd
    user = desk.user(desk.plain)
    assert user.upload("paper", documents.pdf()).status == 200
    paper = desk.rows(user.step_id)["paper"]
    httpd.log.expect("FINQ03: .*503 service_unavailable: database: finq_upload_record got no answer in time")
    httpd.log.allow("FINQ03: .*503 service_unavailable: database: no connection or no answer was to be had a moment ago")
    with connect(desk.plain) as connection, connection.makefile("rb") as file:
        connection.sendall(head(user, len(PNG.content)) + PNG.content[:-1])
        process.until(desk.staged, what="the upload to be admitted")
        proxy.lose = lost
        connection.sendall(PNG.content[-1:])
        answer = read_answer(file)
    assert (answer.status, answer.code) == (503, "service_unavailable") and "retry-after" in answer.headers
    assert proxy.lost.is_set() and len(desk.staged()) == 1 and len(desk.placed()) == 2
    proxy.cut()
    proxy.lose = None
    recorded = desk.rows(user.step_id).get("photo")
    assert (recorded is not None) == (lost == "answers")
    again = process.until(lambda: (a := user.upload("photo", PNG)).status == 200 and a, what="the database's return")
    assert recorded in (None, again["upload_id"]), "the repeated upload is answered with the one that stands"
    assert desk.rows(user.step_id) == {"paper": paper, "photo": again["upload_id"]}
    tidy(desk)
    process.until(lambda: desk.staged() == [], what="the settling")
    assert desk.placed() == sorted([paper, again["upload_id"]])


@pytest.mark.parametrize("in_mid_call", [False, True])
def test_a_connection_that_is_cut(proxied, in_mid_call):
    """With the row locked, in the middle of the call; else before it, which costs nothing but a new connection."""
    desk, proxy = proxied
    user = desk.user(desk.plain)
    if not in_mid_call:
        proxy.cut()
        assert user.upload("photo", PNG).status == 200 and desk.staged() == []
        return
    desk.installation.httpd.log.expect("FINQ03: .*503 service_unavailable: database: ")
    with Blocker(desk.installation, locked(user)), connect(desk.plain) as waiting, waiting.makefile("rb") as file:
        waiting.sendall(head(user, len(PNG.content)) + PNG.content)
        process.until(desk.placed, what="the placed file")
        process.until(lambda: desk.installation.psql("SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND"
                                                     f" datname = '{desk.installation.database}'"), what="the call")
        proxy.cut()
        assert read_answer(file).status == 503
    desk.installation.postgres.wait_idle()
    kept = process.until(lambda: (a := user.upload("photo", OTHER)).status == 200 and a, what="the database")["upload_id"]
    tidy(desk)
    process.until(lambda: desk.staged() == [] and desk.placed() == [kept], what="the settling")
