"""finqctl fsck: what a crash, a restored backup or a stranger left of documents, found and mended while servers run.

Seen red: see each test.
"""
import concurrent.futures
import contextlib
import fcntl
import json
import os
import pathlib
import shutil
import signal
import subprocess
import threading
import time

import pytest

from finqenv import documents
from finqenv.client import read_answer
from finqenv.installation import FINQCTL, SANITIZED
from finqenv.process import clean_environ, send, until
from finqenv.uploads import Desk, connect, head, padded

PNG = documents.png()
FRAME = 65536 + 16
CHILDREN, KILLS = 3, 200


@pytest.fixture(scope="module")
def desk(server, make_module_server):
    return Desk(make_module_server(cluster=server.postgres, database="fsck", children=CHILDREN, plain=True, directives={"FinqJanitorInterval": "1"}))


@pytest.fixture
def user(desk):
    return desk.user(desk.plain)


def fsck(desk, *flags, under=(), **env):
    known = {"FINQ_DB": desk.installation.conninfo(), "FINQ_DATA_KEY_FILE": str(desk.installation.data_key_file), "FINQ_UPLOAD_DIR": str(desk.directory), **env}
    done = subprocess.run([*under, str(FINQCTL), "fsck", *flags], capture_output=True, text=True, env=clean_environ(**{name: value for name, value in known.items() if value}))
    return done.returncode, json.loads(done.stdout) if done.stdout else None, done.stderr


def clean(desk):
    code, said, _ = fsck(desk)
    return code == 0 and said["lost"] == said["left"] == said["altered"] == [] and said["mended"] == 0


def path_of(desk, upload_id):
    return next(desk.directory.glob(f"2*/{upload_id}"))


def beside(upload_id, number):
    """Another id of the same day and directory."""
    return f"{upload_id[:18]}-8000-{number:04x}{upload_id[-8:]}"


def test_all_is_well(desk, user):
    """With an upload under way, one that was replaced, and foreign files beside. Red: day_visit that goes into all that is there;
    finq_blob_store_is_day without its look at the kind."""
    assert user.upload("photo", PNG).status == user.upload("film", padded(200_000)).status == 200
    assert user.upload("photo", documents.png(shade=0x77)).status == 200
    (desk.directory / "a file of somebody's").touch()
    (desk.directory / "20010101").touch()
    os.mkfifo(desk.directory / "20010102")
    with connect(desk.plain) as connection:
        connection.sendall(head(desk.user(desk.plain), 100_000, "paper", "application/pdf") + padded(50_000).content)
        until(desk.staged, what="an upload under way")
        assert clean(desk)
        _, said, _ = fsck(desk, "--quick", FINQ_DATA_KEY_FILE="")
        assert said["documents"] >= 2 and said["files"] >= 2
    until(lambda: not desk.staged(), what="its end")


def test_a_document_without_a_file(desk, user):
    """Mended, it can be sent again, and the quota has its room back. Red: uploads_gone left out of fsck_mend."""
    upload_id = user.upload("photo", PNG)["upload_id"]
    before = desk.installation.psql(f"SELECT sum(bytes) FROM finq.stored WHERE client_id = '{desk.tenant.client_id}'")
    path_of(desk, upload_id).unlink()
    code, said, _ = fsck(desk)
    assert code == 1 and said["lost"] == [{"upload_id": upload_id, "session_id": user.session_id, "document": "photo"}] and said["left"] == []
    assert desk.rows(user.step_id) == {"photo": upload_id}, "nothing was asked to be mended"
    code, said, _ = fsck(desk, "--mend")
    assert (code, said["mended"]) == (0, 1) and desk.rows(user.step_id) == {} and clean(desk)
    assert int(before) - int(desk.installation.psql(f"SELECT sum(bytes) FROM finq.stored WHERE client_id = '{desk.tenant.client_id}'")) == len(PNG.content)
    assert "photo" in desk.installation.psql(f"SELECT detail FROM finq.audit WHERE object = 'upload' AND action = 'DELETE' AND detail ->> 'upload_id' = '{upload_id}'")
    again = user.upload("photo", PNG)
    assert again.status == 200 and again["upload_id"] != upload_id and clean(desk)


def test_a_file_without_a_document(desk, user):
    """As a restored database leaves them. Mended, the next server removes it. Red: fsck_mend without its INSERT."""
    upload_id = user.upload("photo", PNG)["upload_id"]
    kept, lone = path_of(desk, upload_id), beside(upload_id, 1)
    shutil.copy2(kept, kept.with_name(lone))
    shutil.chown(kept.with_name(lone), kept.owner(), kept.group())
    code, said, _ = fsck(desk)
    assert code == 1 and said["left"] == [lone] and said["lost"] == []
    code, said, _ = fsck(desk, "--mend")
    assert (code, said["mended"]) == (0, 1)
    until(lambda: not kept.with_name(lone).exists(), what="a server to remove it")
    assert kept.exists() and clean(desk)


def test_a_backup_of_links(desk, user):
    """Hides nothing that is lost or left. Red: is_settled that asks st_nlink alone."""
    upload_id = user.upload("photo", PNG)["upload_id"]
    kept, lone = path_of(desk, upload_id), beside(upload_id, 1)
    shutil.copy2(kept, kept.with_name(lone))
    shutil.chown(kept.with_name(lone), kept.owner(), kept.group())
    backup = desk.directory.with_name("backup")
    shutil.copytree(desk.directory, backup, copy_function=os.link, ignore=shutil.ignore_patterns("2001*"))
    code, said, _ = fsck(desk, "--mend")
    assert (code, said["left"], said["mended"]) == (0, [lone], 1) and said["files"] >= 2
    until(lambda: not kept.with_name(lone).exists(), what="a server to remove it")
    shutil.rmtree(backup)
    assert kept.exists() and clean(desk)


def test_a_day_that_is_a_link(desk, user):
    """Whoever moved it elsewhere is told, and nothing counts as lost. Red: finq_blob_store_is_day that passes over links."""
    user.upload("photo", PNG)
    link = desk.directory / "20010103"
    link.symlink_to(desk.directory / "elsewhere")
    code, said, told = fsck(desk, "--mend")
    link.unlink()
    assert (code, said) == (1, None) and "20010103" in told and desk.rows(user.step_id)


@pytest.mark.parametrize("how", ["a bit of the last frame", "cut", "a frame left out", "another's", "no key"])
def test_a_document_that_does_not_open(desk, user, how):
    """Red: file_problem that looks at the first piece alone; document_problem without finq_blob_open's error; the look at
    finq.upload_removed left out of fsck_unknown."""
    upload_id = user.upload("film", padded(150_000))["upload_id"]
    other = desk.user(desk.plain).upload("film", padded(150_000))["upload_id"]
    path = path_of(desk, upload_id)
    content = path.read_bytes()
    path.write_bytes({"a bit of the last frame": content[:-1] + bytes([content[-1] ^ 1]), "cut": content[:36 + FRAME],
                      "a frame left out": content[:36 + FRAME] + content[36 + 2 * FRAME:], "another's": path_of(desk, other).read_bytes(),
                      "no key": content}[how])
    if how == "no key":
        desk.installation.psql(f"UPDATE finq.session SET data_key = overlay(data_key placing '\\xdeadbeef'::bytea from 2) WHERE session_id = '{user.session_id}'")
    code, said, _ = fsck(desk)
    assert code == 1 and [one["upload_id"] for one in said["altered"]] == [upload_id] and said["altered"][0]["why"]
    assert fsck(desk, "--quick")[0] == 0
    code, said, _ = fsck(desk, "--mend")
    assert (code, said["mended"]) == (1, 0), "nobody mends that but a backup"
    desk.installation.psql(f"SELECT finq.sessions_remove(ARRAY['{user.session_id}'::uuid])")
    assert clean(desk)


def test_many_documents(desk, user):
    """Of more than one batch, by both ways. Red: `next` that is never set."""
    upload_id = user.upload("photo", PNG)["upload_id"]
    kept = path_of(desk, upload_id)
    names = [beside(upload_id, number) for number in range(1, 1102)]
    for name in names:
        kept.with_name(name).hardlink_to(kept)
    kept.unlink()
    for name in names:
        shutil.copyfile(kept.with_name(names[0]), path := kept.with_name(f"{name}.new"))
        path.replace(kept.with_name(name))
    desk.installation.psql("INSERT INTO finq.upload (step_id, document, upload_id, size, sha256, media_type, uploaded_at) SELECT"
                           f" '{user.step_id}', 'd' || n, id, 1, '', 'image/png', now() FROM unnest('{{{','.join(names)}}}'::uuid[]) WITH ORDINALITY AS i (id, n)")
    code, said, told = fsck(desk, "--quick")
    assert code == 1 and said["documents"] >= 1102 and said["files"] >= 1101 and said["left"] == [] and [one["upload_id"] for one in said["lost"]] == [upload_id]
    assert "documents 500\n" in told
    desk.installation.psql(f"SELECT finq.sessions_remove(ARRAY['{user.session_id}'::uuid])")


@pytest.mark.skipif(SANITIZED, reason="what a sanitizer keeps is not finqctl's")
def test_many_files_without_a_document(desk, user):
    """Take no more memory than they have names. Red: ids_list that copies its list for each id."""
    kept = path_of(desk, user.upload("photo", PNG)["upload_id"])
    names = [beside(kept.name, number) for number in range(1, 6001)]
    for name in names:
        kept.with_name(name).touch()
    for flags, mended in ((), 0), (("--mend",), len(names)):
        code, said, told = fsck(desk, "--quick", *flags, under=("prlimit", f"--as={500 << 20}"))
        assert said and said["left"] and sorted(said["left"]) == names, told
        assert (code, said["mended"]) == (0 if flags else 1, mended)
    until(lambda: not any(kept.with_name(name).exists() for name in names), 60, what="a server to remove them")
    assert kept.exists() and clean(desk)


def test_the_files_of_another_directory(desk, user, tmp_path):
    """Are neither lost here, where only their row is, nor left, where only their file is. Red: fsck_rows without p_mark, file_seen without
    finq_blob_is_here."""
    upload_id = user.upload("photo", PNG)["upload_id"]
    path = path_of(desk, upload_id)
    other = tmp_path / path.parent.name
    other.mkdir()
    (tmp_path / "id").write_text("0a0b0c0d\n")
    shutil.copy(path, other)
    code, said, _ = fsck(desk, "--mend", FINQ_UPLOAD_DIR=str(tmp_path))
    assert code == 0 and said == {"documents": 0, "files": 0, "lost": [], "left": [], "altered": [], "foreign": 1, "mended": 0}
    assert clean(desk) and fsck(desk)[1]["foreign"] == 0


def test_an_upload_that_is_just_being_recorded(desk, user):
    """Its file is in its place and the database does not know it yet. Red: file_look that calls settled what has two names."""
    kept = path_of(desk, upload_id := user.upload("photo", PNG)["upload_id"])
    young = desk.directory / "staging" / beside(upload_id, 1)
    with open(kept.parent.parent / "young", "wb") as owned:
        shutil.copystat(kept, owned.name)
        shutil.chown(owned.name, kept.owner(), kept.group())
        fcntl.flock(owned, fcntl.LOCK_EX)
        pathlib.Path(owned.name).rename(young)
        kept.with_name(young.name).hardlink_to(young)
        code, said, _ = fsck(desk, "--mend")
        assert (code, said["lost"], said["left"], said["mended"]) == (0, [], [], 0)
        assert desk.staged() == [young.name] and kept.with_name(young.name).exists()
    until(lambda: not young.exists() and not kept.with_name(young.name).exists(), what="the sweep, which finds that nobody owns it any more")
    assert clean(desk)


def test_servers_go_on_meanwhile(desk, user):
    """Documents are replaced all the time, and nothing is there to mend. Red: row_stands left out of row_check."""
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        looks = pool.submit(lambda: [fsck(desk, "--mend") for _ in range(5)])
        shade = 0
        while not looks.done():
            shade = shade % 255 + 1
            assert user.upload("photo", documents.png(shade=shade)).status == 200
    assert [(code, said["lost"], said["left"], said["mended"]) for code, said, _ in looks.result()] == [(0, [], [], 0)] * 5
    assert clean(desk)


def send_on(desk, user, ended, told):
    """Sends another document in place of the last, time and again. Tells each answer's upload_id, None where none came."""
    number = 0
    while not ended.is_set():
        number += 1
        file = padded(300_000, b"%%PDF-1.4\n%d\n" % number)
        answer = None
        with contextlib.suppress(OSError), connect(desk.plain) as connection, connection.makefile("rb") as answers:
            connection.sendall(head(user, len(file.content), "film", file.media_type) + file.content)
            answer = read_answer(answers)
        assert answer is None or answer.status == 200, answer.body
        told.append(answer and answer["upload_id"])


def kill_one(desk, number):
    """While something is under way, a moment later each time."""
    until(desk.staged, what="an upload under way")
    time.sleep(number % 10 / 500)
    children = desk.installation.httpd.children()
    send(children[number % len(children)], signal.SIGKILL)
    until(lambda: len(desk.installation.httpd.children()) == CHILDREN, what="a child in its place")


@pytest.mark.long
def test_children_are_killed_while_uploads_come(desk):
    """What was answered is there, what was not is there or not, and nothing is lost or left. Red: finq_blob_sweep left out of
    finq_upload_tidy."""
    users = [desk.user(desk.plain) for _ in range(4)]
    ended, told = threading.Event(), [[] for _ in users]
    with concurrent.futures.ThreadPoolExecutor(len(users)) as pool:
        senders = [pool.submit(send_on, desk, user, ended, of) for user, of in zip(users, told)]
        try:
            for number in range(KILLS):
                kill_one(desk, number)
        finally:
            ended.set()
    for sender in senders:
        sender.result()
    until(lambda: desk.staged() == [] and set(desk.placed()) == set(desk.installation.psql("SELECT upload_id FROM finq.upload").split()), 60, "the sweep")
    assert clean(desk)
    for user, of in zip(users, told):
        last = next(upload_id for upload_id in reversed(of) if upload_id)
        assert desk.rows(user.step_id)["film"] == last or of[-1] is None and desk.rows(user.step_id)["film"] not in of


def test_what_it_lacks(desk, tmp_path):
    for env, why in (({"FINQ_UPLOAD_DIR": ""}, "which directory? Give --upload-dir PATH"), ({"FINQ_DATA_KEY_FILE": ""}, "which data-key file?")):
        code, said, told = fsck(desk, **env)
        assert (code, said) == (2, None) and why in told
    for directory, why in (("/nowhere", "/nowhere"), (tmp_path, f"{tmp_path}/./id: No such file or directory: no server keeps documents there")):
        code, said, told = fsck(desk, FINQ_UPLOAD_DIR=str(directory))
        assert (code, said) == (1, None) and why in told
