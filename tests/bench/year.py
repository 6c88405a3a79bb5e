"""A simulated year: sessions, their steps, and consents in force, as a database holds them that was never tidied. Loaded by SQL, a
week at a time; ids tell the time, as the server's do. What would be sealed is as long as that, and opens nowhere."""
import time

from .site import SKILL, STEPS

WEEKS = 52
SHARE = 10  # of so many sessions one has a consent

# Weeks of long ago are made by hand: none of them would be missing to a janitor.
WEEK = """SELECT finq.week_add(t.name, w.starts) FROM finq.week_tables() t,
    LATERAL (SELECT finq.week_start(clock_timestamp()) - interval '{ago} weeks') AS w (starts)
  WHERE t.name <> 'outbox' AND to_regclass('finq.' || finq.week_name(t.name, w.starts)) IS NULL"""
IDS = """(lpad(to_hex(t.at), 12, '0') || '7' || substr(t.h, 1, 3) || '8' || substr(t.h, 4, 15))::uuid AS session_id,
    (lpad(to_hex(t.at), 12, '0') || '7' || substr(t.h, 19, 3) || '9' || substr(t.h, 4, 15))::uuid AS step_1,
    (lpad(to_hex(t.at), 12, '0') || '7' || substr(t.h, 22, 3) || 'a' || substr(t.h, 4, 15))::uuid AS step_2,
    (lpad(to_hex(t.at), 12, '0') || '7' || substr(t.h, 25, 3) || 'b' || substr(t.h, 4, 15))::uuid AS credentials_id"""
LOAD = """
CREATE TEMP TABLE one AS SELECT i.*, to_timestamp(i.at / 1000.0) AS began, i.n % {share} = 0 AS consents,
    convert_to('user ' || i.n % 1000000 || ' and what sealing adds, 28', 'UTF8') AS person, sha256(('user ' || i.n % 1000000)::bytea) AS user_mac,
    sha256(i.session_id::text::bytea) || sha256(i.step_1::text::bytea) || '\x0102030405060708090a0b0c'::bytea AS data_key FROM (
    SELECT t.n, t.at, {ids} FROM (
        SELECT n, md5('{ago} ' || n) AS h, {first} + n * ({length} / {count}) AS at FROM generate_series(0, {count} - 1) n) t) i;
INSERT INTO finq.step (step_id, session_id, ordinal, name, data, submitted_at, place, decided)
SELECT CASE p WHEN 1 THEN o.step_1 ELSE o.step_2 END, o.session_id, p, CASE p WHEN 1 THEN '{step_1}' ELSE '{step_2}' END,
       sha256(o.session_id::text::bytea) || convert_to(json_build_object(
           'first_name', 'Ana', 'last_name', 'Popescu', 'email', 'ana.' || o.n || '@example.com', 'birth_date', '1990-04-17')::text, 'UTF8'),
       o.began, p, false FROM one o, generate_series(1, 2) p;
INSERT INTO finq.session (session_id, client_id, skill_id, tenant_user_id, user_mac, data_key, status, is_over, started_at, updated_at, expires_at, step_ordinal, step_id,
    step_body_hash, answer_expires_at, answer_secret_id, exchanged_at, exchange_key_id, exchange_secret_id, exchange_salt, credentials_id,
    step_place, next_place, reply_until)
SELECT o.session_id, '{tenant}', {skill}, o.person, o.user_mac, o.data_key, CASE WHEN o.consents THEN 'SESSION_COMPLETED' ELSE 'SESSION_EXPIRED' END::finq.session_status,
       NOT o.consents, o.began, o.began, o.began + interval '1 day', 2, o.step_2, sha256('body'), o.began + interval '30 minutes', 1,
       CASE WHEN o.consents THEN o.began END, 1, 1, CASE WHEN o.consents THEN '\\x000102030405060708090a0b0c0d0e0f'::bytea END,
       CASE WHEN o.consents THEN o.credentials_id END, 2, 0, o.began
  FROM one o;
INSERT INTO finq.credential (credentials_id, client_id, skill_id, session_id, tenant_user_id, user_mac, data_key, access_token_hash, consent_exp, max_data_retention,
    created_at, updated_at)
SELECT o.credentials_id, '{tenant}', {skill}, o.session_id, o.person, o.user_mac, o.data_key, sha256(o.n::text::bytea), now() + interval '1 year',
       now() + interval '1 year', o.began, o.began FROM one o WHERE o.consents;
DROP TABLE one"""
LENGTH = 7 * 24 * 3600 * 1000


def load(site, sessions):
    """So many, spread evenly over the year that ends with this week."""
    skill = site.psql(f"SELECT skill_id FROM finq.skill WHERE name = '{SKILL}'")
    for ago in range(WEEKS, 0, -1):
        week(site, ago, sessions // WEEKS, SHARE, skill)
    site.psql("VACUUM ANALYZE")


def week(site, ago, count, share=SHARE, skill=None):
    """A week of so many sessions; none has a consent where share is more than count."""
    site.psql(WEEK.format(ago=ago))
    first = int(site.psql(f"SELECT floor(extract(epoch FROM finq.week_start(clock_timestamp()) - interval '{ago} weeks') * 1000)::bigint"))
    _span(site, ago, count, share, first, LENGTH, skill)


def _span(site, name, count, share, first, length, skill=None):
    skill = skill or site.psql(f"SELECT skill_id FROM finq.skill WHERE name = '{SKILL}'")
    site.psql(LOAD.format(ids=IDS, ago=name, first=first, length=f"{length}::bigint", count=count, share=share, tenant=site.tenant.client_id, skill=skill,
                          step_1=STEPS[0], step_2=STEPS[1]))


def today(site):
    """How many sessions there are of the last days."""
    return int(site.psql("SELECT count(*) FROM finq.session WHERE session_id >= finq.first_id(clock_timestamp() - interval '2 days')"))


def fill_today(site, count):
    """As many more sessions of the last hour, each with a consent: as a load leaves them."""
    _span(site, "today", count, 1, int((time.time() - 3600) * 1000), 3600 * 1000)


def size(site):
    """Of the database, in bytes."""
    site.psql("CHECKPOINT")
    return int(site.psql("SELECT pg_database_size(current_database())"))
