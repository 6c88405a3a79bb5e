"""A person's data, shown whole and ended: finqctl user export, user erase, receipt verify (contract section 15).

Seen red: see each test.
"""
import base64
import concurrent.futures
import hashlib
import json
import pathlib
import re
import uuid

import pytest

from finqenv import documents, pages, uploads
from finqenv.client import read_answer
from finqenv.ends import client, person, settle  # noqa: F401
from finqenv.flows import AISP, CARD, begin, submit, walk
from finqenv.httpd_conf import Site
from finqenv.locks import Blocker, locked
from finqenv.postgres import OWNER, SERVER
from finqenv.process import run, until
from finqenv.wire import is_error


@pytest.fixture(scope="module")
def own(make_module_server, server):
    made = make_module_server(cluster=server.postgres, database="erasure", children=1, plain=True, directives={"FinqJanitorInterval": "1"})
    made.receipt_key, made.public_key = made.receipt_key_file, made.directory / "receipt.pub"
    run("openssl", "pkey", "-in", made.receipt_key, "-pubout", "-out", made.public_key)
    made.elsewhere = made.httpd.writable("elsewhere")
    made.httpd.settings.hosts = (Site("elsewhere.test", f'FinqUploadDir "{made.elsewhere}"'),)
    made.httpd.restart()
    return settle(made, "Erasure")


def export(own, person):
    return own.finqctl("user", "export", own.tenant.client_id, person)


def erase(own, person, check=True, key=None):
    return own.finqctl("user", "erase", own.tenant.client_id, person, "--receipt-key", key or own.receipt_key, check=check)


def verify(own, receipt, key=None):
    file = own.directory / "receipt.jws"
    file.write_text(receipt + "\n")
    return own.finqctl("receipt", "verify", "--key", key or own.public_key, file, check=False)


def content(file):
    """Of a file that may be on its way out."""
    try:
        return file.read_bytes()
    except FileNotFoundError:
        return b""


def everywhere(own, text):
    """The tables in which a text stands, weeks as their table, and the files."""
    tables = own.psql("SELECT c.oid::regclass FROM pg_class c WHERE c.relnamespace = 'finq'::regnamespace AND c.relkind = 'r'").split()
    found = own.psql("".join(f"SELECT '{table}' WHERE EXISTS (SELECT FROM {table} t WHERE t::text LIKE '%{text}%');" for table in tables)).split()
    files = pathlib.Path(own.httpd.settings.directives["FinqUploadDir"]).glob("2*/*")
    found = [re.sub(r"_\d{4}w\d\d$", "", table) for table in found]
    return found + [file.name for file in files if text.encode() in content(file)]


def lived(client, person):
    """Somebody with a consent, a session under way with a document, and a start."""
    done = walk(client, AISP, tenant_user_id=person)
    credentials = done.exchange().json
    under_way = walk(client, CARD, to=1, tenant_user_id=person)
    started = begin(client, CARD, tenant_user_id=person)
    assert pages.make(client, CARD, tenant_user_id=person, prefill={"personal_data": {"last_name": person}}).status == 200
    return done, credentials, under_way, started


def test_all_that_is_held_is_shown(own, client, person):
    """And of nobody else. Red where finq.person_export leaves one out."""
    done, credentials, under_way, _ = lived(client, person)
    walk(client, AISP, tenant_user_id=f"{person} else").exchange()
    shown = export(own, person)
    assert shown["tenant_user_id"] == person and {one["session_id"] for one in shown["sessions"]} == {done.session_id, under_way.session_id}
    assert [one["credentials_id"] for one in shown["consents"]] == [credentials["credentials_id"]]
    assert [one["prefill"] for one in shown["pages"]] == [{"personal_data": {"last_name": person}}]
    steps = [step for one in shown["sessions"] for step in one["steps"]]
    assert len(steps) >= 2 and any(step["data"] for step in steps) and any(step["uploads"] for step in steps)
    assert {event["data"]["session_id"] for event in shown["events"]} <= {done.session_id, under_way.session_id} and shown["events"]
    nothing = export(own, "nobody")
    assert nothing == {**nothing, "sessions": [], "consents": [], "pages": [], "events": []}


def test_nothing_is_left(own, client, person):
    """Of them, in no row and no file, and all of another. Red without each statement of finq.session_empty, and without the
    DELETE of credentials or of pages."""
    done, credentials, under_way, _ = lived(client, person)
    stays = walk(client, CARD, to=1, tenant_user_id="who stays")
    assert pages.make(client, CARD, tenant_user_id="who stays").status == 200
    names = own.psql(f"SELECT u.upload_id FROM finq.step e JOIN finq.upload u ON u.step_id = e.step_id WHERE e.session_id = '{under_way.session_id}'").split()
    directory = pathlib.Path(own.httpd.settings.directives["FinqUploadDir"])
    assert names and export(own, person)["sessions"] and everywhere(own, credentials["credentials_id"])
    assert everywhere(own, person) == [], "not even now"
    counts = erase(own, person)["erased"]["counts"]
    assert counts["sessions"] == 2 and counts["consents"] == 1 and counts["documents"] == len(names) and counts["steps"] >= 2
    assert everywhere(own, person) == [] and everywhere(own, credentials["credentials_id"]) in (["finq.outbox"], ["finq.audit", "finq.outbox"],
                                                                                               ["finq.outbox", "finq.audit"])
    until(lambda: not any(list(directory.glob(f"2*/{name}")) for name in names), what="the files' end")
    assert own.psql(f"SELECT count(*) FROM finq.step WHERE session_id IN ('{done.session_id}', '{under_way.session_id}')") == "0"
    empty = own.psql(f"SELECT status, num_nonnulls(tenant_user_id, user_mac, data_key, credentials_id, renews, exchange_salt, reply, told, reasons, return_link, returned)"
                     f" FROM finq.session WHERE session_id IN ('{done.session_id}', '{under_way.session_id}')")
    assert empty.splitlines() == ["SESSION_EXPIRED|0"] * 2
    assert submit(stays, 2).status == 200
    left = [own.psql(f"SELECT count(*) FROM finq.page WHERE user_mac = {own.user_mac(own.tenant, who)}") for who in (person, "who stays")]
    assert left == ["0", "1"]


def placed(own):
    """The files in both upload directories."""
    both = (own.httpd.settings.directives["FinqUploadDir"], own.elsewhere)
    return [{file.name for file in pathlib.Path(directory).glob("2*/*")} for directory in both]


def test_files_of_another_directory(own, client, person):
    """Each goes where it is, be it that the other host sees the row first. Red without p_mark in finq.upload_sweep."""
    there = own.client(own.tenant, host="elsewhere.test")
    users = [walk(each, CARD, to=1, tenant_user_id=person) for each in (client, there)]
    ids = [set(own.psql(f"SELECT u.upload_id FROM finq.step e JOIN finq.upload u ON u.step_id = e.step_id WHERE e.session_id = '{user.session_id}'").split())
           for user in users]
    assert all(ids) and all(mine <= files and not other & files for mine, other, files in zip(ids, reversed(ids), placed(own)))
    assert erase(own, person)["erased"]["counts"]["documents"] == len(ids[0] | ids[1])
    until(lambda: not any(mine & files for mine, files in zip(ids, placed(own))), what="the files' end")
    until(lambda: own.psql("SELECT count(*) FROM finq.upload_removed") == "0", what="the rows' end")
    there.close()


def test_a_file_of_another_directory_is_replaced(own, client, person):
    """Red without finq_blob_is_here in replaced_remove."""
    there = own.client(own.tenant, host="elsewhere.test")
    user = walk(client, CARD, to=1, tenant_user_id=person)
    old = user.upload("selfie", documents.png())["upload_id"]
    user.client = there
    new = user.upload("selfie", documents.png(shade=0x77))["upload_id"]
    here, elsewhere = placed(own)
    assert old != new and old in here and new in elsewhere
    until(lambda: old not in placed(own)[0], what="the old file's end")
    erase(own, person)
    there.close()


def test_an_upload_to_an_erased_session(own, client, person):
    """While its bytes come, and before they do: neither file nor row. Red without session_is_erased in finq.upload_refusal: invalid_step_id."""
    before = set.union(*placed(own))
    user = walk(client, CARD, to=1, tenant_user_id=person)
    user.client = uploads.Client(f"http://localhost:{own.httpd.settings.plain_port}", own.tenant)
    directory, file = pathlib.Path(own.httpd.settings.directives["FinqUploadDir"]), documents.png(shade=0x33)
    with uploads.connect(user.client) as connection, connection.makefile("rb") as answers:
        connection.sendall(uploads.head(user, len(file.content), "selfie") + file.content[:-1])
        until(lambda: list((directory / "staging").iterdir()), what="the upload to be under way")
        erase(own, person)
        connection.sendall(file.content[-1:])
        assert is_error(read_answer(answers), 401, "expired_session")
    assert is_error(user.upload("selfie", file), 401, "expired_session")
    assert list((directory / "staging").iterdir()) == []
    until(lambda: set.union(*placed(own)) <= before, what="the end of the files that the session had")
    assert own.psql(f"SELECT count(*) FROM finq.step WHERE session_id = '{user.session_id}'") == "0"


def test_what_was_begun_before_is_refused(own, client, person):
    """A start, a step, an exchange and a status, each by who still has its token; the person may come again. Red without
    was_erased in finq.submit_step and finq.step_refusal, and in finq.session_status, and without SESSION_EXPIRED in finq.session_empty."""
    done = walk(client, AISP, tenant_user_id=person)
    _, credentials, under_way, started = lived(client, person)
    erase(own, person)
    for one in (started, under_way):
        asked = client.call(f"/sessions/{one.session_id}/status", {"client_id": own.tenant.client_id, "nonce": one.nonce})
        assert is_error(asked, 401, "expired_session")
    assert is_error(submit(started, 1), 401, "expired_session")
    assert is_error(submit(under_way, 2), 401, "expired_session")
    assert is_error(done.exchange(), 401, "expired_session")
    assert is_error(client.consent("get", credentials), 401, "invalid_credentials_id")
    own.psql("UPDATE finq.erased_user SET erased_at = erased_at - interval '20 seconds'")
    assert walk(client, AISP, tenant_user_id=person).exchange().status == 200
    assert own.psql(f"SELECT count(*) FROM finq.session WHERE user_mac = {own.user_mac(own.tenant, person)}") == "1"


def waits(own, role):
    return own.psql(f"SELECT 1 FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND usename = '{role}' AND datname = current_database()")


def test_an_exchange_meanwhile(own, client, person):
    """While the erasure waits for a consent that somebody holds, another session is exchanged: that consent goes as well. Red
    without the second look at the consents in finq.person_erase."""
    first = walk(client, AISP, tenant_user_id=person).exchange()
    late = walk(client, AISP, tenant_user_id=person)
    holds = f"SELECT FROM finq.credential WHERE credentials_id = '{first['credentials_id']}' FOR UPDATE"
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        with Blocker(own, holds):
            erased = pool.submit(erase, own, person)
            until(lambda: waits(own, OWNER), what="the erasure's wait")
            credentials = late.exchange()
            assert credentials.status == 200
        assert erased.result()["erased"]["counts"]["consents"] == 2
    assert is_error(client.consent("get", credentials.json), 401, "invalid_credentials_id")


def test_a_page_alone(own, client, person):
    """Is an erasure of its own, and counted; behind it there is nothing new. Red where person_erase looks at consents and sessions only."""
    empty = erase(own, person)
    assert pages.make(client, CARD, tenant_user_id=person).status == 200
    done = erase(own, person)
    assert done["receipt"] != empty["receipt"] and done["erased"]["counts"]["pages"] == 1 and erase(own, person) == done


def test_a_page_meanwhile(own, client, person):
    """Who begins a page holds it, and then wants its session: the erasure takes them in this order too. Red where it locks sessions first."""
    user = walk(client, CARD, to=1, tenant_user_id=person)
    page = pages.make(client, CARD, tenant_user_id=person)
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        with Blocker(own, f"SELECT FROM finq.page WHERE page_id = '{page['page_id']}' FOR UPDATE"):
            erased = pool.submit(erase, own, person)
            until(lambda: waits(own, OWNER), what="the erasure's wait")
            assert own.psql(f"SELECT status FROM finq.session WHERE session_id = '{user.session_id}' FOR UPDATE NOWAIT") == "SESSION_IN_PROGRESS"
        assert erased.result()["erased"]["counts"]["pages"] == 1


def test_a_first_step_meanwhile(own, client, person):
    """It waits for the erasure, which has looked for sessions already, and is refused: no row of the person begins behind its back.
    Red without the lock in finq.submit_step, and without that in finq.person_erase."""
    held, started = walk(client, CARD, to=1, tenant_user_id=person), begin(client, CARD, tenant_user_id=person)
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        with Blocker(own, locked(held)):
            erased = pool.submit(erase, own, person)
            until(lambda: waits(own, OWNER), what="the erasure's wait")
            step = pool.submit(submit, started, 1)
            until(lambda: step.done() or waits(own, SERVER), what="the step's wait")
        assert erased.result()["erased"]["counts"]["sessions"] == 1
        assert is_error(step.result(), 401, "expired_session")
    assert own.psql(f"SELECT count(*) FROM finq.session WHERE session_id = '{started.session_id}'") == "0"


def test_what_a_refresh_has_noted(own, client, person):
    """Goes too, though nobody ends that refresh any more. Red without feed_told in finq.feed_remove."""
    user = walk(client, AISP, tenant_user_id=person)
    credentials_id = user.exchange()["credentials_id"]
    own.psql(f"INSERT INTO finq.feed (credentials_id, client_id, skill_id, session_id, connector, reference, visited_at, refresh_id)"
             f" SELECT '{credentials_id}', client_id, skill_id, session_id, 'bank', '\\x00', clock_timestamp(), gen_random_uuid() FROM finq.session"
             f" WHERE session_id = '{user.session_id}' ON CONFLICT (credentials_id) DO UPDATE SET refresh_id = gen_random_uuid()")
    own.psql(f"INSERT INTO finq.feed_told SELECT refresh_id, '\\x01', 0 FROM finq.feed WHERE credentials_id = '{credentials_id}'")
    erase(own, person)
    assert own.psql("SELECT count(*) FROM finq.feed_told") == "0"


def test_events_tell_of_the_ends(own, client, person):
    _, credentials, under_way, _ = lived(client, person)
    own.psql("DELETE FROM finq.outbox")
    erase(own, person)
    told = own.psql("SELECT type, coalesce(payload #>> '{data,credentials_id}', session_id::text) FROM finq.outbox ORDER BY 1").splitlines()
    assert told == [f"consent.deleted|{credentials['credentials_id']}", f"session.expired|{under_way.session_id}"]


def test_the_receipt(own, client, person, tmp_path):
    """It verifies, says nothing of the person, and is the same for as long as there is nothing new. Red where
    finq_receipt_verify does not ask finq_key_verify."""
    lived(client, person)
    answer = erase(own, person)
    receipt = answer["receipt"]
    done = verify(own, receipt)
    claims = json.loads(done.stdout)
    assert done.returncode == 0 and claims == answer["erased"] and set(claims) == {"id", "user", "at", "counts"}
    assert verify(own, json.dumps(answer, indent=4)).stdout == done.stdout, "what user erase printed will do"
    assert person not in done.stdout and claims["user"] != hashlib.sha256(person.encode()).hexdigest()
    header = json.loads(base64.urlsafe_b64decode(receipt.split(".")[0] + "=="))
    assert header["alg"] == "EdDSA" and len(header["kid"]) == 43
    assert erase(own, person)["receipt"] == receipt
    first, second, third = receipt.split(".")
    forged = base64.urlsafe_b64encode(json.dumps({**claims, "at": 0}).encode()).decode().rstrip("=")
    other = tmp_path / "other.pem"
    run("openssl", "genpkey", "-algorithm", "ed25519", "-out", other)
    run("openssl", "pkey", "-in", other, "-pubout", "-out", tmp_path / "other.pub")
    for text, key, words in ((f"{first}.{forged}.{third}", None, "its signature is not"), (f"{first}.{second}", None, "three parts"),
                             (receipt, tmp_path / "other.pub", "none of the keys"), (f"{first}.{second}.{'A' * 86}", None, "signature"),
                             (f"{first}.{second}.{third}.", None, "three parts")):
        done = verify(own, text, key)
        assert done.returncode == 1 and words in done.stderr and done.stdout == "", text
    own.psql("UPDATE finq.erased_user SET erased_at = erased_at - interval '20 seconds'")
    walk(client, AISP, tenant_user_id=person)
    assert erase(own, person)["receipt"] != receipt, "something new was erased"


def test_receipts_are_forgotten(own, person):
    """After thirty days. Red without finq.janitor_remove_erasures."""
    first = erase(own, person)
    assert first["erased"]["counts"] == {"sessions": 0, "steps": 0, "documents": 0, "consents": 0, "accounts": 0, "transactions": 0, "payments": 0, "pages": 0}
    own.psql("UPDATE finq.erasure SET erased_at = erased_at - interval '31 days'")
    until(lambda: own.psql("SELECT count(*) FROM finq.erasure") == "0", what="the run")
    assert own.psql("SELECT count(*) FROM finq.erased_user") == "0" and erase(own, person)["receipt"] != first["receipt"]


def test_the_trail_keeps_that_it_happened(own, client, person):
    lived(client, person)
    erasure = erase(own, person)["erased"]
    line = next(one for one in own.finqctl("audit", "--tenant", own.tenant.client_id) if one["object"] == "person")
    assert line["action"] == "DELETE" and line["detail"] == {"erasure_id": erasure["id"], "counts": erasure["counts"]}
    assert person not in own.psql("SELECT string_agg(a::text, ' ') FROM finq.audit a")


def test_nothing_is_erased_that_could_not_be_signed(own, client, person):
    """Red where ctl_user_erase calls the database first."""
    lived(client, person)
    before = export(own, person)
    assert erase(own, person, check=False, key=own.public_key).returncode == 1
    assert own.finqctl("user", "erase", str(uuid.uuid4()), person, "--receipt-key", own.receipt_key, check=False).returncode == 3
    assert {**export(own, person), "exported_at": 0} == {**before, "exported_at": 0}


def test_another_tenants_person_stays(own, client, person):
    """Of the same id. Red without client_id in finq.person_sessions."""
    other = own.client(own.create_tenant(f"Other {uuid.uuid4()}"))
    user = walk(other, CARD, to=1, tenant_user_id=person)
    lived(client, person)
    assert erase(own, person)["erased"]["counts"]["sessions"] == 2 and submit(user, 2).status == 200
    other.close()
