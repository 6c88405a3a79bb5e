"""Feeds in SQL (sql/functions/feed.sql): what a refresh is claimed with, what its pages may hold, what is stored of them. No bank is
asked: each test tells what one would.

Each test was red before what it says stood in feed.sql.
"""
import json
import time
import uuid

import pytest

from finqenv.flows import AISP, begin, submit, walk
from finqenv.locks import Hold

A, B = ("\\x" + letter * 64 for letter in "ab")


@pytest.fixture(scope="module")
def tenant(server):
    return server.create_tenant("Has feeds", ["xyz_aisp_sbx_#1.0"])


@pytest.fixture
def feed(server, tenant):
    client = server.client(tenant)
    yield Feed(server, client)
    client.close()


class Feed:
    """The feed of a consent that is in force."""

    def __init__(self, server, client):
        self.server, self.client = server, client
        self.held = walk(client).exchange().json
        self.id = self.held["credentials_id"]
        self.psql("INSERT INTO finq.feed (credentials_id, client_id, skill_id, session_id, connector, reference, visited_at) SELECT credentials_id, "
                  f"client_id, skill_id, session_id, 'bank', '\\x00', now() FROM finq.credential WHERE credentials_id = '{self.id}'")

    def psql(self, sql):
        return self.server.psql(sql)

    def is_(self, expression):
        return self.psql(f"SELECT {expression} FROM finq.feed f WHERE f.credentials_id = '{self.id}'")

    def claim(self, is_attended=True):
        """(the refresh's id, since) of one that may be made."""
        refresh_id = str(uuid.uuid4())
        outcome, since = self.psql(f"SELECT outcome, since FROM finq.feed_claim('{self.id}', NULL, '{refresh_id}', false, {is_attended}, 120, -1)").split("|")
        assert outcome == "ok"
        return refresh_id, int(since) if since else None

    def tell(self, refresh_id, place, rows):
        return self.psql(f"SELECT is_held FROM finq.feed_tell('{self.id}', '{refresh_id}', {place}, '{json.dumps(rows)}', 120)") == "t"

    def store(self, claimed, accounts=(A,), balances=(), transactions=(), place=1, adds=False):
        """(outcome, fault)."""
        refresh_id, since = claimed
        told = [json.dumps(list(rows)) for rows in (map(account, accounts), balances, transactions)]
        noted = f"'{told[2]}'::bytea" if place == 1 else "NULL"
        return self.psql(f"SELECT outcome, fault FROM finq.feed_store('{self.id}', '{refresh_id}', {place}, '{told[0]}', '{told[1]}', '{told[2]}', "
                         f"{noted.replace(chr(92), '')}, {adds}, {since or 'NULL'}, 4)").split("|")

    def noted(self, refresh_id):
        return int(self.psql(f"SELECT count(*) FROM finq.feed_told WHERE refresh_id = '{refresh_id}'"))

    def booked(self):
        return int(self.psql(f"SELECT count(*) FROM finq.transaction WHERE credentials_id = '{self.id}' AND superseded_by IS NULL"))


def account(mac):
    return {"mac": mac, "currency": "RON", "account_type": "personal", "account_sub_type": "CurrentAccount", "details": "\\x00"}


def balance(mac, amount, type="Expected"):
    return {"account": mac, "type": type, "amount": amount, "currency": "RON", "is_credit": True, "credit_limit_included": False}


def transaction(mac, booked_at):
    """Those of one account are alike but for the hour: nothing tells them apart."""
    return {"mac": mac.replace("a", "c"), "account": mac, "is_derived": True, "booked_at": booked_at, "amount": "5.00", "is_credit": False,
            "currency": "RON", "info": "\\x00"}


def test_since_is_a_whole_day(feed):
    """What is alike within a day is told whole or not at all, so its ordinals stay: the bank leaves out what was booked earlier, and nothing
    that is stored is lost."""
    day = int(feed.psql("SELECT finq.seconds(date_trunc('day', now() - interval '40 days', 'UTC'))"))
    alike = [transaction(A, day + hour * 3600) for hour in (8, 20)]
    assert feed.store(feed.claim(), transactions=alike)[0] == "ok"
    feed.psql(f"UPDATE finq.feed SET refreshed_at = to_timestamp({day}) + interval '30 days 12 hours' WHERE credentials_id = '{feed.id}'")
    claimed = feed.claim()
    assert claimed[1] == day
    assert feed.store(claimed, transactions=[one for one in alike if one["booked_at"] >= claimed[1]])[0] == "ok"
    assert feed.booked() == 2 and feed.is_("seq") == "2"


def test_an_account_that_is_new_is_asked_for_whole(feed):
    """Be it one that was missing for a night, whose history has gone with it."""
    now = int(feed.psql("SELECT finq.seconds(now())"))
    new, old = (transaction(A, now - days * 86400) for days in (1, 100))
    assert feed.store(feed.claim(), transactions=[new, old])[0] == "ok" and feed.booked() == 2
    assert feed.store(feed.claim(), accounts=[B])[0] == "ok" and feed.booked() == 0
    whole = feed.claim()
    assert whole[1] is None, "an account was new"
    assert feed.store(whole, accounts=[B])[0] == "ok"
    partial = feed.claim()
    assert partial[1] and feed.store(partial, accounts=[A, B], transactions=[new])[0] == "ok" and feed.booked() == 1
    again = feed.claim()
    assert again[1] is None
    assert feed.store(again, accounts=[A, B], transactions=[new, old])[0] == "ok" and feed.booked() == 2
    assert feed.claim()[1], "all accounts were known"


def test_a_refresh_in_pieces(feed):
    """Is nobody's before its end; what nothing tells apart is counted through all of them, and a call that is made again changes nothing.
    Red where feed_transactions counts in one piece alone, and where feed_tell looks at no place."""
    now = int(time.time()) // 86400 * 86400 - 86400
    refresh_id, since = feed.claim()
    for _ in range(2):
        assert feed.tell(refresh_id, 1, [transaction(A, now), transaction(A, now + 60)])
    assert not feed.tell(refresh_id, 3, [transaction(A, now)]), "the second is missing"
    assert feed.store((refresh_id, since), place=3)[0] == "overtaken"
    assert feed.tell(refresh_id, 2, [transaction(A, now + 120)])
    assert feed.is_("f.seq || ' ' || f.numbered") == "0 3" and feed.noted(refresh_id) == 3
    assert feed.store((refresh_id, since), transactions=[transaction(A, now + 180)], place=3) == ["ok", ""]
    assert feed.booked() == 4 and feed.is_("f.seq || ' ' || f.numbered") == "4 4" and feed.noted(refresh_id) == 0
    assert feed.psql(f"SELECT count(DISTINCT ordinal), count(DISTINCT transaction_id) FROM finq.transaction WHERE credentials_id = '{feed.id}'") == "4|4"


def test_who_comes_after_pieces_that_were_left(feed):
    """Asks for all, and doubles nothing. Red where finq.feed_claim does not look at them."""
    now = int(time.time()) // 86400 * 86400 - 86400
    first, second = transaction(A, now), {**transaction(A, now), "mac": "\\x" + "d" * 64}
    assert feed.store(feed.claim(), transactions=[first]) == ["ok", ""]
    left, since = feed.claim()
    assert since and feed.tell(left, 1, [{**first, "amount": "6.00"}, second]) and feed.is_("f.seq") == "1"
    feed.psql(f"UPDATE finq.feed SET refresh_until = NULL WHERE credentials_id = '{feed.id}'")
    claimed = feed.claim()
    assert claimed[1] is None and feed.noted(left) == 0
    assert feed.store(claimed, transactions=[{**first, "amount": "6.00"}]) == ["ok", ""]
    assert feed.psql(f"SELECT amount FROM finq.transaction WHERE credentials_id = '{feed.id}' AND superseded_by IS NULL") == "6.00"
    assert feed.is_("f.seq") == "4" and feed.claim()[1], "two that came, one of them in the place of another, and one that went"


def test_what_is_gone_is_looked_for_in_pieces(feed):
    """However much is stored. Red where finq.feed_walk begins anew at each call, or where it stops after the first."""
    many = ("(SELECT json_agg(json_build_object('mac', sha256(n::text::bytea), 'account', '{}'::bytea, 'is_derived', false, 'booked_at', n * 3600, 'amount', n, "
            "'is_credit', true, 'currency', 'RON', 'info', '\\x00'::bytea)) FROM generate_series(1, 2100) n)").format(A)
    refresh_id, _ = feed.claim()
    assert feed.psql(f"SELECT is_held FROM finq.feed_tell('{feed.id}', '{refresh_id}', 1, {many}, 120)") == "t"
    outcomes = [feed.store((refresh_id, None), place=2)[0] for _ in range(2)]
    assert outcomes == ["more", "ok"] and feed.booked() == 2100
    feed.psql(f"UPDATE finq.feed SET is_partial = false WHERE credentials_id = '{feed.id}'")
    claimed = feed.claim()
    assert [feed.store(claimed)[0] for _ in range(2)] == ["more", "ok"]
    assert feed.booked() == 0 and feed.is_("f.seq") == "4200"
    feed.psql(f"DELETE FROM finq.transaction WHERE credentials_id = '{feed.id}'")  # others read the table too


def test_a_refresh_that_tells_the_same_writes_nothing(feed):
    """But that there was one. Red without told_hash."""
    def versions():
        return feed.psql(f"SELECT array_agg(ctid::text || xmin) FROM finq.balance WHERE credentials_id = '{feed.id}'")
    told = {"balances": [balance(A, "1.00")], "transactions": [transaction(A, int(time.time()) - 3600)]}
    feed.store(feed.claim(), **told)
    assert feed.store(feed.claim(), **told) == ["ok", ""]
    before, at = versions(), feed.is_("f.refreshed_at")
    feed.psql(f"DELETE FROM finq.account WHERE credentials_id = '{feed.id}'")  # nobody looks
    assert feed.store(feed.claim(), **told) == ["ok", ""]
    assert versions() == before and feed.is_("f.refreshed_at") > at
    assert feed.psql(f"SELECT count(*) FROM finq.account WHERE credentials_id = '{feed.id}'") == "0"
    assert feed.store(feed.claim(), **{**told, "balances": [balance(A, "2.00")]}) == ["ok", ""] and versions() != before


def test_a_refresh_reads_no_more_than_it_is_told(feed):
    """Of all that is stored, whatever the planner knew of the table: here two that have changed, and one that is new. Red where feed_apply
    joins all that the consent has, or names what it ends by its consent, and where feed_prune does."""
    now = int(time.time()) // 86400 * 86400
    told = [transaction(A, now - 40 * 86400 - 60 * number) | {"mac": f"\\x{number:064x}"} for number in range(500)]
    assert feed.store(feed.claim(), transactions=told) == ["ok", ""]
    refresh_id, since = feed.claim()
    told = [transaction(A, now - 60 * number) | {"mac": f"\\x{number:064x}", "is_derived": False} for number in (7, 8, 500)]
    read = feed.psql(f"""BEGIN;
        CREATE TEMPORARY TABLE before AS SELECT seq_tup_read + idx_tup_fetch AS number FROM pg_stat_xact_user_tables WHERE relname = 'transaction';
        SELECT FROM finq.feed_store('{feed.id}', '{refresh_id}', 1, '{json.dumps([account(A)])}', '[]', '{json.dumps(told)}', NULL, false, {since}, 4);
        SELECT s.seq_tup_read + s.idx_tup_fetch - b.number FROM pg_stat_xact_user_tables s, before b WHERE s.relname = 'transaction';
        COMMIT""").split()
    assert int(read[-1]) < 50, read
    assert feed.booked() == 501 and feed.is_("f.seq") == "503"


def test_what_is_new_beside_what_was_told(feed):
    """Is stored, and nothing else has gone; who claims the feed is told what the one before has noted. Red where feed_store walks in spite of
    p_adds, or leaves balances out; and where a claim gives notes that pieces have overtaken."""
    lately = int(time.time()) - 3600
    told = [transaction(A, lately), transaction(B, lately)]

    def noted(refresh_id):
        return feed.psql(f"SELECT told FROM finq.feed_claim('{feed.id}', NULL, '{refresh_id}', false, true, 120, -1)")
    first = feed.claim()
    assert noted(first[0]) == ""
    assert feed.store(first, (A, B), [balance(A, "1.00")], told) == ["ok", ""]
    claimed = feed.claim()
    assert bytes.fromhex(noted(claimed[0])[2:]) == json.dumps(told).replace("\\", "").encode()
    new = [transaction(A, lately) | {"mac": B.replace("b", "d")}]
    assert feed.store(claimed, (A, B), [balance(A, "2.00")], new, adds=True) == ["ok", ""]
    assert feed.booked() == 3 and feed.is_("f.seq || ' ' || f.is_partial") == "3 true"
    assert feed.psql(f"SELECT amount FROM finq.balance WHERE credentials_id = '{feed.id}'") == "2.00"
    left, _ = feed.claim()
    assert noted(left) != "" and feed.tell(left, 1, [transaction(A, lately) | {"amount": "9.00"}])
    feed.psql(f"UPDATE finq.feed SET refresh_until = now() WHERE credentials_id = '{feed.id}'")
    assert noted(feed.claim()[0]) == ""


@pytest.mark.parametrize("second, fault", [
    (balance(A, "2.00"), "it tells of a balance twice"), (balance(A, "1.00", "ClosingBooked"), "")])
def test_a_balance_comes_once(feed, second, fault):
    outcome = "refused" if fault else "ok"
    assert feed.store(feed.claim(), balances=[balance(A, "1.00"), second]) == [outcome, fault]


def test_a_bank_that_gives_all_new_references(feed):
    """Each transaction became the one that looks like it, of hundreds that do, in the order of their telling. Red where finq.feed_match is not
    called, or takes one that had a version before for new."""
    lately = int(time.time()) - 3600

    def told(night, count=300):
        return [{**transaction(A, lately), "is_derived": False, "mac": f"\\x{night * 1000 + number:064x}", "balance": f"{number}.00"} for number in range(count)]
    assert feed.store(feed.claim(), transactions=told(1)) == ["ok", ""]
    kept = told(1)[0] | {"balance": "7.77"}
    assert feed.store(feed.claim(), transactions=[kept, *told(2)[1:]]) == ["ok", ""]
    of = f"FROM finq.transaction WHERE credentials_id = '{feed.id}' AND superseded_by"
    assert feed.psql("SELECT coalesce(removed_for, 'a version'), count(*), count(DISTINCT replaced_by), bool_and(replaced_by IN (SELECT transaction_id "
                     f"{of} IS NULL AND seq NOT IN (SELECT superseded_by {of} IS NOT NULL))) {of} IS NOT NULL GROUP BY 1 ORDER BY 1"
                     ).split() == ["a", "version|1|0|", "corrected|299|299|t"]
    assert feed.booked() == 300


def test_a_renewal_ends_a_refresh(feed):
    """Its claim and its pages go, and what went wrong before: the bank may be asked at once."""
    old, _ = feed.claim()
    assert feed.tell(old, 1, [transaction(A, 86400)]) and feed.noted(old) == 1
    renewal = str(uuid.uuid4())
    feed.psql(f"UPDATE finq.feed SET error = 'external_api_timeout', error_at = now() WHERE credentials_id = '{feed.id}';"
              f"SELECT finq.feed_keep('{renewal}', client_id, '{uuid.uuid4()}', skill_id, 'bank', '\\x01', '\\x02') FROM finq.feed WHERE credentials_id = '{feed.id}';"
              f"SELECT finq.feed_renew('{feed.id}', '{renewal}')")
    assert feed.is_("num_nulls(f.refresh_id, f.refresh_until, f.error, f.error_at)") == "4" and feed.is_("f.session_id") == renewal
    assert feed.noted(old) == 0 and not feed.tell(old, 2, [])
    assert feed.claim()[1] is None


def test_another_reference_ends_a_refresh(feed):
    """One with what the bank gave before it, to the same session: all is asked for with the new one, and what the old one has told is none of
    it. Red where finq.feed_keep leaves the claim, or the pieces."""
    old, _ = feed.claim()
    assert feed.tell(old, 1, [transaction(A, 86400)])
    feed.psql(f"SELECT finq.feed_keep(session_id, client_id, '{uuid.uuid4()}', skill_id, 'bank', '\\x01', '\\x02') FROM finq.feed WHERE credentials_id = '{feed.id}'")
    assert feed.is_("num_nulls(f.refresh_id, f.refresh_until)") == "2" and feed.noted(old) == 0
    assert not feed.tell(old, 2, []) and feed.store((old, None), place=2)[0] == "overtaken"
    assert feed.claim()[1] is None


def test_a_consent_that_ends_takes_no_more_pieces(feed):
    refresh_id, _ = feed.claim()
    assert feed.tell(refresh_id, 1, [transaction(A, 86400)])
    feed.client.consent("delete", feed.held)
    assert not feed.tell(refresh_id, 2, [transaction(A, 2 * 86400)]) and feed.noted(refresh_id) == 0
    assert feed.store((refresh_id, None), place=2)[0] == "overtaken"


@pytest.mark.parametrize("is_attended, used", [(False, "1"), (True, "1")])
def test_a_refresh_that_was_not_made_is_not_counted(feed, is_attended, used):
    """Those before stay counted, and so do those that came to nothing at the bank."""
    def fail(claimed, gives_back):
        assert feed.psql(f"SELECT was_held FROM finq.feed_fail('{feed.id}', '{claimed[0]}', 'service_unavailable', false, {gives_back})") == "t"
    fail(feed.claim(is_attended=False), False)
    assert feed.is_("cardinality(f.refreshes)") == "1"
    fail(feed.claim(is_attended), not is_attended)
    assert feed.is_("cardinality(f.refreshes)") == used


@pytest.mark.parametrize("frequency, refreshes, told", [(4, "", "0"), (4, "20 10 5 2", "4"), (2, "20 10 5 2", "19"), (2, "30 29", "0"), (0, "5", "")])
def test_when_the_next_is_allowed(feed, frequency, refreshes, told):
    """In hours, also where the bank allowed more before. Red where feed_access goes by the oldest of them."""
    made = ", ".join(f"now() - interval '{hours} hours'" for hours in refreshes.split())
    feed.psql(f"UPDATE finq.feed SET frequency = {frequency}, refreshes = ARRAY[{made}]::timestamptz[] WHERE credentials_id = '{feed.id}'")
    assert feed.is_("round(extract(epoch FROM (finq.feed_access(f)->>'next_allowed')::timestamptz - now()) / 3600)") == told


@pytest.mark.parametrize("frequency, least, most", [(4, "8 hours", "10 hours"), (2, "24 hours", "30 hours"), (1, "24 hours", "30 hours"), (25, "60 minutes", "75 minutes")])
def test_banks_are_asked_spread_over_the_day(server, frequency, least, most):
    """By the consents' ids, so that of any 24 hours' refreshes one is left: no id may come sooner than the day divided by the others. Red where
    feed_next counts all, spreads downwards, or spreads nothing."""
    within, distinct = server.psql(
        f"SELECT bool_and(n.next BETWEEN now() + interval '{least}' AND now() + interval '{most} 5 seconds'), count(DISTINCT date_trunc('minute', n.next)) "
        f"FROM (SELECT finq.feed_next(md5(i::text)::uuid, {frequency}) AS next FROM generate_series(1, 500) i) n").split("|")
    assert within == "t" and int(distinct) > 10


def test_a_bank_that_takes_none_is_not_asked_again(server):
    assert server.psql("SELECT finq.feed_next(md5('1')::uuid, 0) IS NULL") == "t"


def test_a_feed_that_nobody_has_exchanged_is_put_off(server):
    """Until it is. Red where feed_due takes what has no consent."""
    server.psql("INSERT INTO finq.feed (credentials_id, client_id, skill_id, session_id, connector, reference, visited_at, due_at) SELECT gen_random_uuid(), "
                "gen_random_uuid(), 1, gen_random_uuid(), 'not_exchanged', '\\x00', now(), now()")
    assert server.psql("SELECT credentials_id IS NULL, oldest >= 0, behind >= 0 FROM finq.feed_due('other not_exchanged', 120)") == "t|t|t"
    assert server.psql("DELETE FROM finq.feed WHERE connector = 'not_exchanged' RETURNING due_at > now()").splitlines()[0] == "t"


def test_what_is_withdrawn_before_its_exchange(feed):
    """The bank must be asked once more when the consent is there, to end it: the reference stays until then."""
    claimed = feed.claim()
    feed.psql(f"UPDATE finq.feed SET reference_key = '\\x01' WHERE credentials_id = '{feed.id}'")
    feed.psql(f"UPDATE finq.credential SET credentials_id = gen_random_uuid() WHERE credentials_id = '{feed.id}'")
    withdrawn = f"SELECT was_held FROM finq.feed_fail('{feed.id}', '{{}}', 'consent_withdrawn', true, false)"
    assert feed.psql(withdrawn.format(claimed[0])) == "t"
    assert feed.is_("num_nonnulls(reference, reference_key)") == "2" and feed.is_("error") == "consent_withdrawn"
    feed.psql(f"UPDATE finq.credential SET credentials_id = '{feed.id}' WHERE session_id = '{feed.held['session_id']}'")
    assert feed.psql(withdrawn.format(feed.claim()[0])) == "t"
    assert feed.is_("num_nonnulls(reference, reference_key)") == "0"
    assert feed.client.consent("get", feed.held)["result"]["status"] == "DELETED"


def test_what_is_withdrawn_while_it_is_renewed(feed):
    """The bank spoke of what was before: the consent and its new reference stay. Red where feed_fail looks whether the refresh is still
    held only before it waits for the consent."""
    refresh_id, _ = feed.claim()
    renewal, started = begin(feed.client, AISP), feed.client.consent("renew", feed.held)
    renewal.session_id, renewal.nonce = started["session_id"], started["nonce"]
    assert submit(renewal, 1).status == 200
    session = f"FROM finq.session s WHERE s.session_id = '{renewal.session_id}'"
    feed.psql(f"SELECT finq.feed_keep(s.session_id, s.client_id, gen_random_uuid(), s.skill_id, 'bank', '\\x02', '\\x03') {session}")
    exchange = Hold(feed.server, f"finq.exchange_renewal(s, 1, sha256('new'), '\\x00', 1) {session}", 1)
    assert feed.psql(f"SELECT was_held FROM finq.feed_fail('{feed.id}', '{refresh_id}', 'consent_withdrawn', true, false)") == "f"
    exchange.join()
    assert feed.is_("f.reference, f.reference_key, f.error IS NULL") == "\\x02|\\x03|t"
    assert feed.psql(f"SELECT status FROM finq.credential WHERE credentials_id = '{feed.id}'") == "ACTIVE"
