"""Batches of calls for statements that make many at once (sql/functions/crowd.sql): members drawn by a seed from all that a call may
meet, and what stands in the database before them."""
import json
import random
import time

SIZE = 32
DATA, OTHER, A_DAY = "account_information", "other", "now() + interval '1 day'"
PLAIN, HOOKED, DISABLED, UNKNOWN = (f"c0000000-0000-4000-8000-00000000000{place}" for place in range(4))
APP, APP_ENDED, SECRET, UNUSED, LONG_UNUSED, SECRET_ENDED = range(9_000_001, 9_000_007)
SECRETS = {SECRET: "now()", UNUSED: "NULL", LONG_UNUSED: "now() - interval '2 minutes'", SECRET_ENDED: "now()"}
MAC, ERASED, LONG_ERASED = "aa" * 32, "bb" * 32, "cc" * 32
RENEWABLE, DELETED = "d0000000-0000-4000-8000-000000000001", "d0000000-0000-4000-8000-000000000002"


def hashed(key_id):
    return f"{key_id:064x}"


def world():
    """Tenants, their keys and consents."""
    tenants = {PLAIN: "ACTIVE", HOOKED: "ACTIVE", DISABLED: "DISABLED"}
    yield "".join(f"INSERT INTO finq.tenant (client_id, name, status) VALUES ('{one}', 'Crowd {one}', '{status}');"
                  f"INSERT INTO finq.tenant_skill VALUES ('{one}', :skill, 1440, 2880);" for one, status in tenants.items())
    for one in tenants:
        yield ("INSERT INTO finq.tenant_key (client_id, key_id, kind, hash, ends_at, last_used_at) OVERRIDING SYSTEM VALUE VALUES "
               + ", ".join([f"('{one}', {key}, 'APP_KEY', decode('{hashed(key)}', 'hex'), {end}, now())"
                            for key, end in ((APP, "'infinity'"), (APP_ENDED, "now()"))]
                           + [f"('{one}', {key}, 'SECRET', decode('{hashed(key)}', 'hex'), {'now()' if key == SECRET_ENDED else quoted('infinity')}, {used})"
                              for key, used in SECRETS.items()]) + ";")
        for mac, ago in ((ERASED, "0"), (LONG_ERASED, "1 hour")):
            yield ("INSERT INTO finq.erasure (erasure_id, client_id, user_mac, erased_at, counts) VALUES "
                   f"(gen_random_uuid(), '{one}', decode('{mac}', 'hex'), now() - interval '{ago}', '{{}}');")
        yield (f"INSERT INTO finq.erased_user SELECT e.client_id, e.user_mac, e.erasure_id, e.erased_at FROM finq.erasure e WHERE e.client_id = '{one}';")
    for type_of_skill in (DATA, OTHER):
        yield (f"INSERT INTO finq.skill (name, servicer_id, definition) SELECT '{type_of_skill}', k.servicer_id, "
               f"jsonb_set(k.definition::jsonb, '{{type}}', '\"{type_of_skill}\"')::json FROM finq.skill k WHERE k.skill_id = :skill;")
    yield f"INSERT INTO finq.brand (client_id, name, colour, dark_colour, logo_id) VALUES ('{HOOKED}', 'Brand', '0b4a6f', '8ccbf2', 'logo');"
    yield f"INSERT INTO finq.webhook (client_id, url, secret_id, salt) VALUES ('{HOOKED}', 'https://hook.example', 1, '\\x00');"
    for consent, deleted in ((RENEWABLE, "NULL"), (DELETED, "now()")):
        yield ("INSERT INTO finq.credential (credentials_id, client_id, skill_id, session_id, access_token_hash, consent_exp, max_data_retention, created_at, updated_at, deleted_at)"
               f" VALUES ('{consent}', '{PLAIN}', :skill, '{consent}', '\\x01', now() + interval '1 day', now() + interval '2 days', now(), now(), {deleted});")


def quoted(value):
    return "NULL" if value is None else "'" + str(value) + "'"


class Batch:
    """Members of one call, what stands in the database before it, and which of them need no more than the usual."""

    def __init__(self, call, seed, skill):
        self.call, self.draw, self.skill = call, random.Random(f"{call} {seed}"), skill
        self.now = int(time.time())
        self.setup, self.members, self.sessions, self.usual = [], [], [], set()
        makers = {"submit_step": (self.first, self.later), "exchange_token": (self.exchange,),
                  "session_status": (self.question,), "consent_get": (self.consent,),
                  "accounts_get": (self.data,), "balances_get": (self.data,), "page_look": (self.page,)}[call]
        while len(self.members) < SIZE:
            self.draw.choice(makers)()
        order = sorted(range(len(self.members)), key=lambda i: (self.members[i].get("p_session_id") or "f" * 36))
        self.usual = {order.index(i) + 1 for i in self.usual}
        self.members = [self.members[i] for i in order]

    def new_id(self):
        return f"{self.now * 1000 - 5000:012x}"[:8] + f"-{f'{self.now * 1000 - 5000:012x}'[8:]}-7000-8000-{self.draw.getrandbits(48):012x}"

    def add(self, member, is_usual=False):
        if is_usual:
            self.usual.add(len(self.members))
        self.members.append(member)

    def twin(self, member, changes):
        """The same session again, now and then."""
        if self.draw.random() < 0.2:
            self.add({**member, **self.draw.choice(changes)})

    # -- steps

    def step(self, session, ordinal):
        last = self.draw.random() < 0.3
        return {
            "p_client_id": PLAIN, "p_session_id": session, "p_skill_id": self.skill, "p_ordinal": ordinal, "p_app_key_id": APP,
            "p_tenant_user_id": None, "p_started_at": self.now - 5, "p_nonce_expires_at": self.now + 1800, "p_step_id": self.new_id(),
            "p_step_name": f"step {ordinal}", "p_body_hash": f"{self.draw.getrandbits(256):064x}", "p_data": "0102", "p_required": "{}",
            "p_status": "SESSION_COMPLETED" if last else "SESSION_IN_PROGRESS", "p_secret_id": 7, "p_answer_ttl": 1800,
            "p_session_ttl": 86400, "p_generation": 0, "p_place": ordinal, "p_next_place": 0 if last else ordinal + 1, "p_waits_for": None,
            "p_reply": self.draw.choice([None, "03"]), "p_return_link": None, "p_return_until": None, "p_reasons": None,
            "p_attempt": None, "p_renews": None, "p_user_mac": None, "p_data_key": "04"}

    USUAL = [{}, {}, {}, {"p_status": "SESSION_FAILED", "p_reasons": "05", "p_next_place": 0},
             {"p_status": "SESSION_PENDING", "p_waits_for": "DECISION"},
             {"p_status": "SESSION_IN_PROGRESS", "p_waits_for": "BANK", "p_return_link": "06", "p_return_until": 1},
             {"p_client_id": HOOKED, "p_status": "SESSION_IN_PROGRESS", "p_next_place": 9}]
    OTHERS = [{"p_client_id": DISABLED}, {"p_client_id": UNKNOWN}, {"p_client_id": HOOKED, "p_status": "SESSION_COMPLETED"},
              {"p_nonce_expires_at": 1}, {"p_generation": 1}, {"p_attempt": "a0000000-0000-4000-8000-000000000001"}]

    def first(self):
        member = self.step(self.new_id(), 1)
        changes, usual = self.draw.choice(
            [(self.draw.choice(self.USUAL), True)] * 3 + [({"p_user_mac": self.draw.choice([MAC, LONG_ERASED]), "p_tenant_user_id": "07"}, True)]
            + [(one, False) for one in self.OTHERS + [
                {"p_app_key_id": APP_ENDED}, {"p_app_key_id": SECRET + 100}, {"p_skill_id": 999_999}, {"p_started_at": self.now - 90_000},
                {"p_renews": RENEWABLE}, {"p_renews": DELETED}, {"p_user_mac": ERASED},
                {"p_user_mac": LONG_ERASED, "p_started_at": self.now + 3600}]])
        member.update(changes)
        if member["p_return_until"]:
            member["p_return_until"] = self.now + 600
        self.add(member, usual)
        self.twin(member, [{}, {"p_body_hash": "00" * 32}, {"p_nonce_expires_at": 1}])
        if self.draw.random() < 0.15:  # it has been submitted before
            self.row(member, step_ordinal=1, body_hash=self.draw.choice([member["p_body_hash"], "ff" * 32]), client_id=member["p_client_id"])
            self.usual.discard(self.members.index(member))

    def row(self, member, step_ordinal, body_hash="ff" * 32, **columns):
        """The member's session as it stands."""
        standing = {"client_id": member["p_client_id"], "skill_id": self.skill, "status": "SESSION_IN_PROGRESS", "step_ordinal": step_ordinal,
                    "step_id": self.new_id(), "answer_secret_id": 6, "generation": 0, "data_key": "\\x08", "next_place": 2, "step_place": 1, **columns}
        times = {"started_at": "now()", "updated_at": "now() - interval '3 minutes'", "expires_at": standing.pop("expires_at", "now() + interval '1 day'"),
                 "answer_expires_at": "now() + interval '20 minutes'", "reply_until": "now() + interval '20 minutes'", "told": "'\\x09'",
                 "is_over": f"finq.session_is_over('{standing['status']}')"}
        times.update({name: standing.pop(name) for name in ("exchanged_at", "waits_since", "return_until", "answer_expires_at", "told") if name in standing})
        names = ["session_id", "step_body_hash", *standing, *times]
        values = [quoted(member["p_session_id"]), quoted("\\x" + body_hash), *map(quoted, standing.values()), *times.values()]
        self.setup.append(f"INSERT INTO finq.session ({', '.join(names)}) VALUES ({', '.join(values)});")
        self.setup.append("INSERT INTO finq.step (step_id, session_id, ordinal, name, data, submitted_at, place, decided, off_path, kept) VALUES "
                          f"('{standing['step_id']}', '{member['p_session_id']}', {step_ordinal}, 'before', '', now(), 1, false, false, {standing.get('kept', False)});")
        return standing

    def document(self, step_id, document, kept=False):
        self.setup.append("INSERT INTO finq.upload (step_id, document, upload_id, size, sha256, media_type, uploaded_at, kept) VALUES "
                          f"('{step_id}', '{document}', '{self.new_id()}', 1, '', 'image/png', now(), {kept});")

    def later(self):
        member = self.step(self.new_id(), 2)
        member.update(self.draw.choice(self.USUAL))
        if member["p_return_until"]:
            member["p_return_until"] = self.now + 600
        kind = self.draw.choice(["usual"] * 5 + ["call"] * 2 + ["row"] * 4 + ["kept", "documents", "documents", "back", "absent"])
        columns = {}
        if kind == "call":
            member.update(self.draw.choice(self.OTHERS))
        elif kind == "row":
            columns = self.draw.choice([
                {"expires_at": "now() - interval '1 minute'"}, {"waits_for": "DECISION", "waits_since": "now()"}, {"generation": 1},
                {"status": "SESSION_COMPLETED"}, {"status": "SESSION_FAILED"}, {"renews": RENEWABLE}, {"renews": DELETED}, {"went_back": True},
                {"client_id": HOOKED if member["p_client_id"] == PLAIN else PLAIN}, {"step_ordinal": 2}, {"step_ordinal": 3},
                {"step_ordinal": 2, "body_hash": member["p_body_hash"]}])
        elif kind == "kept":
            columns = {"kept": True}
        if kind != "absent":
            standing = self.row(member, **{"step_ordinal": 1, **columns})
            if kind == "documents":
                member["p_required"] = "{one,two}"
                there = self.draw.choice([["one", "two"], ["one"], []])
                for document in there:
                    self.document(standing["step_id"], document)
                kind = "usual" if len(there) == 2 else kind
            elif kind == "back" or columns.get("went_back"):
                self.setup.append(f"UPDATE finq.session s SET went_back = true WHERE s.session_id = '{member['p_session_id']}';")
                off = self.new_id()
                self.setup.append("INSERT INTO finq.step (step_id, session_id, ordinal, name, data, submitted_at, place, decided, off_path) VALUES "
                                  f"('{off}', '{member['p_session_id']}', 0, 'off', '', now(), {member['p_place']}, false, true);")
                self.document(off, "one")
        self.add(member, kind == "usual")
        self.twin(member, [{}, {"p_body_hash": "00" * 32}, {"p_generation": 1}])

    # -- exchanges

    def exchange(self):
        session, secret = self.new_id(), SECRET
        member = {"p_client_id": PLAIN, "p_secret_hash": hashed(secret), "p_session_id": session, "p_token_expires_at": self.now + 600,
                  "p_required": "{}", "p_credentials_id": self.new_id(), "p_access_token_hash": f"{self.draw.getrandbits(256):064x}", "p_salt": "0a",
                  "p_secret_id": 7, "p_repeat_within": 120}
        kind = self.draw.choice(["usual"] * 5 + ["call"] * 3 + ["row"] * 3 + ["kept", "feed", "documents", "documents", "absent", "back"])
        columns = {"status": "SESSION_COMPLETED", "step_ordinal": 2, "user_mac": "\\x" + MAC, "tenant_user_id": "\\x0b"}
        if kind == "call":
            member.update(self.draw.choice(
                [{"p_client_id": DISABLED}, {"p_client_id": UNKNOWN}, {"p_session_id": None}, {"p_token_expires_at": 1}, {"p_secret_hash": "00" * 32}]
                + [{"p_secret_hash": hashed(key)} for key in (UNUSED, LONG_UNUSED, SECRET_ENDED, APP)]))
        elif kind == "row":
            done = {"exchanged_at": "now()", "exchange_key_id": SECRET, "exchange_secret_id": 6, "exchange_salt": "\\x0c", "credentials_id": RENEWABLE}
            columns.update(self.draw.choice([{"status": "SESSION_IN_PROGRESS"}, {"status": "SESSION_FAILED"}, done, {"renews": RENEWABLE}, {"renews": DELETED},
                                             {**done, "exchanged_at": "now() - interval '10 minutes'"}, {"client_id": HOOKED},
                                             {"status": "SESSION_EXPIRED", "data_key": None}]))
        elif kind == "kept":
            columns["kept"] = True
        if kind != "absent":
            standing = self.row({**member, "p_session_id": session}, **columns)
            if kind == "documents":
                member["p_required"] = "{one}"
                if self.draw.random() < 0.5:
                    self.document(standing["step_id"], "one")
                    kind = "usual"
            elif kind == "feed":
                self.setup.append(f"INSERT INTO finq.feed (credentials_id, client_id, skill_id, session_id, connector, visited_at) VALUES "
                                  f"('{self.new_id()}', '{PLAIN}', :skill, '{session}', 'bank', now());")
            elif kind == "back":
                self.setup.append(f"UPDATE finq.session s SET went_back = true WHERE s.session_id = '{session}';"
                                  f"UPDATE finq.step e SET off_path = true WHERE e.session_id = '{session}';")
        self.sessions.append(session)
        self.add(member, kind in ("usual", "feed"))
        self.twin(member, [{}, {"p_salt": "0d"}, {"p_token_expires_at": 1}])

    # -- questions

    def question(self):
        """How a session stands."""
        session, ordinal = self.new_id(), self.draw.choice([1, 2])
        member = {"p_client_id": PLAIN, "p_session_id": session, "p_ordinal": ordinal, "p_generation": 0, "p_nonce_expires_at": self.now + 600,
                  "p_nonce_ttl": 1800, "p_temp_token_ttl": 600, "p_secret_id": 7, "p_started_at": self.now - 5,
                  "p_user_mac": self.draw.choice([None, MAC, ERASED]) if ordinal == 1 else None}
        kind = self.draw.choice(["usual"] * 6 + ["call"] * 3 + ["row"] * 3 + ["late", "documents", "absent", "absent"])
        waits = {"status": "SESSION_PENDING", "waits_for": "DECISION", "waits_since": "now() - interval '1 minute'"}
        bank = {**waits, "status": "SESSION_IN_PROGRESS", "waits_for": "BANK", "return_until": "now() + interval '1 minute'", "reply": "\\x0e"}
        decided = {"waits_since": "now() - interval '2 minutes'", "reasons": "\\x0f", "told": "'\\x10'"}
        completed = {"status": "SESSION_COMPLETED", "next_place": 0}
        over = "now() - interval '1 minute'"
        columns = {}
        if kind == "usual":
            columns = self.draw.choice([
                {}, {"resubmit": True, "own_reasons": '["so"]'}, {"step_place": None, "next_place": None}, completed, {**completed, "exchanged_at": "now()"},
                waits, bank, decided, {**decided, **completed}, {**decided, "status": "SESSION_FAILED", "answer_expires_at": "'-infinity'"},
                {"status": "SESSION_FAILED", "expires_at": over}, {"status": "SESSION_EXPIRED", "expires_at": over, "answer_expires_at": over, "waits_since": over},
                {"kept": True}, {"client_id": HOOKED}, {"tenant_user_id": "\\x0b"}, {"answer_expires_at": over}, {**waits, "return_until": over}])
            member["p_client_id"] = columns.get("client_id", PLAIN)
        elif kind == "call":
            member.update(self.draw.choice([{"p_client_id": DISABLED}, {"p_client_id": UNKNOWN}, {"p_client_id": HOOKED}, {"p_ordinal": 0}, {"p_generation": 1},
                                            {"p_nonce_expires_at": 1}]))
            columns = self.draw.choice([{}, waits]) if member["p_nonce_expires_at"] > 1 else {}
        elif kind == "row":
            columns = self.draw.choice([
                {"expires_at": over}, {**waits, "expires_at": over}, {**bank, "return_until": over}, {**decided, "answer_expires_at": over}, {"generation": 1},
                {**decided, **completed, "answer_expires_at": over}, {**completed, "expires_at": over, "answer_expires_at": over},
                {"status": "SESSION_EXPIRED", "data_key": None}, {"client_id": DISABLED}])
            member["p_client_id"] = columns.get("client_id", PLAIN)
        elif kind == "late":
            member["p_nonce_expires_at"], columns = 1, self.draw.choice([waits, bank, decided])
        else:
            member["p_nonce_expires_at"] = self.draw.choice([1, self.now + 600, self.now + 600])
        if kind != "absent":
            standing = self.row({"p_client_id": PLAIN, **member}, **{"step_ordinal": 1, "client_id": PLAIN, **columns})
            if kind == "documents":
                member["p_nonce_expires_at"] = self.now + 600
                self.document(standing["step_id"], "one")
        self.add(member, kind in ("usual", "documents") or kind == "late" and ordinal == 1)
        self.twin(member, [{}, {"p_generation": 1}, {"p_nonce_expires_at": 1}])

    def data(self):
        """Account data. What a consent that is known answers is not told of one that has ended, or of another type of skill."""
        first = len(self.members)
        columns = self.consent()
        its, accounts, currencies = self.members[first:], [self.new_id() for _ in range(self.draw.randint(0, 3))], ("EUR", "RON")
        consent = its[0]["p_credentials_id"]
        for member in its:
            del member["p_user_macs"]
        skill = self.draw.choice([DATA] * 6 + [OTHER])
        self.setup.append(f"UPDATE finq.credential c SET skill_id = (SELECT k.skill_id FROM finq.skill k WHERE k.name = '{skill}') WHERE c.credentials_id = '{consent}';")
        if self.draw.random() < 0.8:
            self.setup.append(f"INSERT INTO finq.feed (credentials_id, client_id, skill_id, session_id, connector, visited_at, refreshed_at) VALUES "
                              f"('{consent}', '{PLAIN}', :skill, '{self.new_id()}', 'bank', now(), {self.draw.choice(['NULL', quoted('2026-01-02 03:04:05.678+00')])});")
        for account in accounts:
            self.setup.append("INSERT INTO finq.account (credentials_id, account_id, mac, currency, account_type, account_sub_type, details) VALUES "
                              f"('{consent}', '{account}', '\\x11', '{self.draw.choice(currencies)}', 'a', '{self.draw.choice('bc')}', '\\x12');")
            for kind in self.draw.sample(["closingBooked", "expected", "interimAvailable"], 2):
                self.setup.append("INSERT INTO finq.balance (credentials_id, balance_id, account_id, type, amount, currency, is_credit, credit_limit_included, native_date) "
                                  f"VALUES ('{consent}', '{self.new_id()}', '{account}', '{kind}', {self.draw.randint(0, 999)}.50, '{self.draw.choice(currencies)}', "
                                  f"{self.draw.choice(['true', 'false'])}, false, {self.draw.choice(['NULL', quoted('2026-01-02')])});")
        for member in its if self.call == "balances_get" else ():
            member.update({"p_account_id": self.draw.choice([None, None, *accounts]), "p_type": self.draw.choice([None, None, "expected"]),
                           "p_currency": self.draw.choice([None, None, "RON"])})
        if skill == OTHER or columns.get("status") != "ACTIVE" or columns["consent_exp"] != A_DAY:
            self.usual.discard(first)

    def consent(self):
        """What is known of a consent. Answers its columns, none where there is none."""
        consent, session, token = self.new_id(), self.new_id(), f"{self.draw.getrandbits(256):064x}"
        member = {"p_client_id": PLAIN, "p_secret_hash": hashed(SECRET), "p_credentials_id": consent, "p_access_token_hash": token, "p_user_macs": None}
        kind = self.draw.choice(["usual"] * 6 + ["call"] * 4 + ["row"] * 3 + ["absent"])
        whose, other = '{"\\\\x' + MAC + '"}', '{"\\\\x' + ERASED + '"}'
        columns = {"client_id": PLAIN, "access_token_hash": "\\x" + token, "status": "ACTIVE", "user_mac": "\\x" + MAC}
        times = {"consent_exp": A_DAY, "max_data_retention": "now() + interval '2 days'"}
        ended = {"consent_exp": "now() - interval '1 day'"}
        if kind == "usual":
            these, its = self.draw.choice([
                ({}, {}), ({"tenant_user_id": "\\x0b"}, {}), ({"status": "DELETED"}, {"deleted_at": "now()"}), ({}, ended), ({"status": "EXPIRED"}, ended),
                ({}, {**ended, "max_data_retention": "now() - interval '1 hour'"}), ({"user_mac": None}, {})])
            columns.update(these)
            times.update(its)
            member["p_user_macs"] = self.draw.choice([None, None, whose] if columns["user_mac"] else [None, other])
        elif kind == "call":
            member.update(self.draw.choice(
                [{"p_client_id": DISABLED}, {"p_client_id": UNKNOWN}, {"p_secret_hash": "00" * 32}, {"p_access_token_hash": "00" * 32}, {"p_user_macs": other}]
                + [{"p_secret_hash": hashed(key)} for key in (UNUSED, LONG_UNUSED, SECRET_ENDED, APP)]))
        elif kind == "row":
            older, newest = "{" + f'"\\\\x{token}"' + "}", "{" + f'"\\\\x{"11" * 32}"' + "}"
            these, its = self.draw.choice([
                ({"client_id": HOOKED}, {}), ({}, {"consent_exp": "now() - interval '3 years'", "max_data_retention": "now() - interval '2 years'"}),
                ({"older_token_hashes": newest}, {}), ({"older_token_hashes": older, "access_token_hash": "\\x" + "22" * 32}, {}), ({"client_id": DISABLED}, {})])
            columns.update(these)
            times.update(its)
            member["p_client_id"] = DISABLED if columns["client_id"] == DISABLED else PLAIN
        if kind != "absent":
            times = {"created_at": "now() - interval '3 minutes'", "updated_at": "now()", **times}
            self.setup.append(f"INSERT INTO finq.credential (credentials_id, session_id, skill_id, {', '.join([*columns, *times])}) VALUES "
                              f"('{consent}', '{session}', :skill, {', '.join([*map(quoted, columns.values()), *times.values()])});")
        if self.call == "consent_get" and self.draw.random() < 0.7:
            self.setup.append("INSERT INTO finq.feed (credentials_id, client_id, skill_id, session_id, connector, visited_at, refreshed_at, refreshes, error, error_at) "
                              f"VALUES ('{consent}', '{PLAIN}', :skill, '{session}', 'bank', now(), now() - interval '1 hour', "
                              f"array_fill(now() - interval '2 hours', ARRAY[{self.draw.randint(0, 4)}]), {self.draw.choice(['NULL, NULL', quoted('timeout') + ', now()'])});")
        self.sessions.append(session)
        self.add(member, kind == "usual")
        self.twin(member, [{}, {"p_access_token_hash": "00" * 32}, {"p_secret_hash": "00" * 32}])
        return {**columns, **times} if kind != "absent" else {}

    def page(self):
        """What is known of a page."""
        page, session = self.new_id(), self.new_id()
        member = {"p_client_id": PLAIN, "p_page_id": page, "p_generation": 0}
        kind = self.draw.choice(["usual"] * 6 + ["call"] * 2 + ["row"] * 4 + ["absent"])
        columns, until, over = {"client_id": PLAIN, "generation": 0, "key_id": SECRET}, "now() + interval '1 day'", "now() - interval '1 second'"
        if kind == "usual":
            columns.update(self.draw.choice([{}, {"client_id": HOOKED}, {"language": "ro", "data_key": "\\x01", "tenant_user_id": "\\x02", "prefill": "\\x03",
                                                                         "return_link": "\\x04"}]))
            member["p_client_id"] = columns["client_id"]
        elif kind == "call":
            member.update(self.draw.choice([{"p_client_id": UNKNOWN}, {"p_client_id": HOOKED}, {"p_generation": 1}]))
        elif kind == "row":
            these, until = self.draw.choice([({"generation": 1}, until), ({"client_id": DISABLED}, until), ({"session_id": session}, until), ({}, over)])
            columns.update(these)
            member["p_client_id"] = columns["client_id"]
            if "session_id" in columns:
                self.row({"p_client_id": PLAIN, "p_session_id": session, "p_generation": 0}, step_ordinal=1, client_id=PLAIN)
        if kind != "absent":
            self.setup.append(f"INSERT INTO finq.page (page_id, skill_id, expires_at, {', '.join(columns)}) VALUES "
                              f"('{page}', :skill, {until}, {', '.join(map(quoted, columns.values()))});")
        self.add(member, kind == "usual")
        self.twin(member, [{}, {"p_generation": 1}])

    def script(self, how):
        setup = "".join(self.setup).replace(":skill", str(self.skill))
        sessions = ",".join(sorted({member["p_session_id"] for member in self.members if member.get("p_session_id")} | set(self.sessions)))
        return f"SAVEPOINT before; {setup} SELECT pg_temp.{how}_{self.call}('{json.dumps(self.members)}'), pg_temp.rows('{{{sessions}}}'); ROLLBACK TO before;\n"
