"""Users sent to a bank and back: step sca, the example connector, the sandbox bank (contract section 6).

Seen red: see each test.
"""
import json
import urllib.parse

import pytest

from finqenv.banking import Bank
from connector.behaviours import says
from finqenv.load import at_once
from finqenv.process import until
from finqenv.wire import is_error, steady


@pytest.fixture(scope="module")
def bank(make_module_server, run_directory):
    made = Bank(make_module_server, run_directory / "redirects", children=2, threads=64)
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def right_answers(bank):
    yield
    bank.service.behaviour = None


def visit(bank, choice, **more):
    """(user, the return's answer, the link's parameters) of one who chose at the bank."""
    user, answer = bank.at_bank(**more)
    return user, *bank.back(bank.choose(answer["data"]["url"], choice))


def test_a_user_is_sent_to_the_bank(bank):
    """The same request gets the same answer, after the return too. Red without reply_until in finq.submit_step."""
    user, answer = bank.at_bank()
    assert answer["status"] == "SESSION_IN_PROGRESS" and not {"nonce", "temp_token", "next_step"} & set(answer.json)
    assert answer["data"]["method"] == "GET" and answer["data"]["headers"] == {}
    query = dict(urllib.parse.parse_qsl(urllib.parse.urlsplit(answer["data"]["url"]).query))
    assert query["redirect_uri"] == f"{bank.server.httpd.url}/v1/redirects/sca"
    status = bank.status(user)
    assert status["status"] == "SESSION_IN_PROGRESS" and not {"nonce", "next_step"} & set(status.json)
    same = type("S", (), {"session_id": user.session_id, "nonce": user.step_nonce, "skill": user.skill})
    assert user.client.submit(same, "sca", {"psu_redirect_link": "https://app.example/done"}).body == answer.body
    assert "temp_token" in bank.back(bank.choose(answer["data"]["url"], "approve"))[1]
    bank.psql("UPDATE finq.session SET answer_expires_at = answer_expires_at + interval '1 minute'"
              f" WHERE session_id = '{user.session_id}'")
    assert user.client.submit(same, "sca", {"psu_redirect_link": "https://app.example/done"}).body == answer.body


def test_approve(bank):
    user, answer, link = visit(bank, "approve")
    assert answer.status == 302 and answer.headers["location"].startswith("https://app.example/done?temp_token=")
    assert answer.headers["cache-control"] == "no-store" and answer.headers["referrer-policy"] == "no-referrer"
    user.temp_token = link["temp_token"]
    status = bank.status(user)
    assert status["status"] == "SESSION_COMPLETED" and status["temp_token"] == link["temp_token"]
    assert user.exchange().status == 200


def test_what_the_connector_tells_at_the_end(bank):
    """`data` of its answer to the return is told by status and resume, as the description has it."""
    user, answer = bank.at_bank()
    path = bank.choose(answer["data"]["url"], "approve")
    bank.service.behaviours = {**bank.service.behaviours, "tells": says(b'{"verdict":"accepted","data":{"reference":"R-1"}}')}
    bank.service.behaviour = "tells"
    bank.back(path)
    assert bank.status(user)["data"] == {"reference": "R-1"} == bank.resume(user)["data"]


def test_approve_and_go_on(bank):
    user, _, link = visit(bank, "approve", skill="sca_more")
    assert link == {"status": "SESSION_IN_PROGRESS"}
    user.nonce = bank.status(user)["nonce"]
    assert user.submit("last", {})["status"] == "SESSION_COMPLETED"


@pytest.mark.parametrize("choice, error", [("deny", "access_denied"), ("fail", "server_error")])
def test_the_bank_says_no(bank, choice, error):
    """The same step may be sent again, and goes to the bank anew."""
    user, answer, link = visit(bank, choice)
    assert answer.status == 302 and link["error"] == error and link["error_description"]
    status = bank.status(user)
    assert status["next_step"] == "sca" and status["reasons"] == [link["error_description"]]
    user.nonce = status["nonce"]
    again = user.submit("sca", {"psu_redirect_link": "https://app.example/done"})
    _, link = bank.back(bank.choose(again["data"]["url"], "approve"))
    assert link["temp_token"]


def test_approve_later(bank):
    user, _, link = visit(bank, "later")
    assert link == {"status": "SESSION_PENDING"}
    status = bank.status(user)
    assert status["status"] == "SESSION_PENDING" and status["reasons"] == ["The account's holder approves later."]
    assert bank.decide(user.step_id, "accepted").status == 200
    user.temp_token = bank.status(user)["temp_token"]
    assert user.exchange().status == 200


def test_the_connector_fails_it(bank):
    user, answer = bank.at_bank()
    path = bank.choose(answer["data"]["url"], "approve").replace("code=approve", "code=unknown")
    _, link = bank.back(path)
    assert link["error"] == "failed"
    status = bank.status(user)
    assert status["status"] == "SESSION_FAILED" and status["reasons"] == ["The bank did not confirm."]


# -- the state

def test_a_state_works_once(bank):
    """A doubled return changes nothing, gives no token and asks nobody, however late. Red without `waits_for = 'BANK'` in
    finq.redirect_take."""
    user, answer = bank.at_bank()
    path = bank.choose(answer["data"]["url"], "approve")
    _, first = bank.back(path)
    bank.age(user, ["returned_at"], "3 minutes")
    seen = len(bank.service.seen)
    for again in (path, path.replace("code=approve", "code=unknown"), path.partition("&code")[0] + "&error=access_denied"):
        doubled, link = bank.back(again)
        assert doubled.status == 302 and link["error"] == "tpp_redirect_error" and "temp_token" not in link
    assert len(bank.service.seen) == seen
    assert bank.status(user)["temp_token"] == first["temp_token"]


def test_returns_at_once(bank):
    """One effect, and each is told of it. Red without the look at returned_at in finq.redirect_take (the connector would be asked
    more than once), and without 'step_claimed' there."""
    user, answer = bank.at_bank()
    path = bank.choose(answer["data"]["url"], "approve")
    before = len(bank.service.seen)
    clients = [bank.server.client(bank.tenant) for _ in range(16)]
    answers = at_once([lambda c=c: c.request("GET", path) for c in clients])
    for client in clients:
        client.close()
    assert {answer.status for answer in answers} == {302}
    assert len({answer.headers["location"] for answer in answers}) == 1 and "temp_token=" in answers[0].headers["location"]
    assert len(bank.service.seen) == before + 1
    assert bank.status(user)["status"] == "SESSION_COMPLETED"


def test_states_that_are_none(bank):
    """Forged, of another kind, a nonce in its place, missing. Red where finq_token_open does not compare kinds, and where
    state_open does not compare the step with the path."""
    user, answer = bank.at_bank()
    path = bank.choose(answer["data"]["url"], "approve")
    state = urllib.parse.parse_qs(urllib.parse.urlsplit(path).query)["state"][0]
    wrong = [path.replace(state, state[:-2] + ("AA" if state[-2:] != "AA" else "BB")), path.replace(state, user.step_nonce),
             path.replace("redirects/sca", "redirects/payment_intent"), "/v1/redirects/sca", "/v1/redirects/sca?state=",
             path.replace("code=", "code=%00"), path + "%00", path + "&code=x", path + "&state=x", path + "%zz",
             path.replace("code=", "code=%FF"), path.replace("code=", "code=%0A")]
    for one in wrong:
        refused = bank.client.request("GET", one)
        assert is_error(refused, 400, "tpp_redirect_error"), one
    assert bank.client.request("POST", path, b"{}", {"content-type": "application/json"}).status == 405
    assert "temp_token" in bank.back(path)[1], "the true one still works"


@pytest.mark.parametrize("method, header", [("HEAD", None), ("GET", "Sec-Purpose: prefetch"), ("GET", "Purpose: prefetch"),
                                            ("GET", "Sec-Purpose: prefetch;prerender"), ("GET", "X-Moz: prefetch")])
def test_who_only_looks_leaves_the_state_alone(bank, method, header):
    """Browsers fetch pages that their users may want; mail and chat programs look whether an address is there."""
    user, answer = bank.at_bank()
    path = bank.choose(answer["data"]["url"], "approve")
    seen = len(bank.service.seen)
    looked = bank.client.request(method, path, headers=dict([header.split(": ")]) if header else {})
    assert (looked.status, looked.body) == (204, b"") and "location" not in looked.headers and looked.headers["x-request-id"]
    assert len(bank.service.seen) == seen
    assert bank.psql(f"SELECT returned_at FROM finq.session WHERE session_id = '{user.session_id}'") == ""
    assert "temp_token" in bank.back(path)[1]


@pytest.mark.parametrize("kind", ["aisp", "pisp", "sca"])
def test_banks_know_one_address(bank, kind):
    """A redirect_uri is registered at a bank once, for whatever skill: the state alone tells the visit."""
    user, answer = bank.at_bank()
    path = bank.choose(answer["data"]["url"], "approve").replace("redirects/sca", f"redirects/{kind}")
    assert bank.back(path)[1]["temp_token"] == bank.status(user)["temp_token"]


@pytest.mark.parametrize("sent, told", [("The+user%20refused%2B", "The user refused+"), ("S-a+renun%C8%9Bat", "S-a renunțat"),
                                        ("%F0%9F%90%B2", "🐲"), ("a%C2%9Bb", "a??b")])
def test_a_bank_writes_its_query_as_a_form(bank, sent, told):
    """RFC 6749, appendix B; the link gets %20, which every reader takes for a space."""
    user, answer = bank.at_bank()
    state = urllib.parse.parse_qs(urllib.parse.urlsplit(answer["data"]["url"]).query)["state"][0]
    back, _ = bank.back(f"/v1/redirects/sca?state={state}&error=access_denied&error_description={sent}&session_state=x+y&iss=")
    query = urllib.parse.urlsplit(back.headers["location"]).query
    assert "+" not in query and f"error_description={urllib.parse.quote(told)}".lower() in query.lower()
    assert bank.status(user)["reasons"] == [told]


def test_a_code_with_a_space(bank):
    user, answer = bank.at_bank()
    path = bank.choose(answer["data"]["url"], "approve")
    bank.back(path.replace("code=approve", "code=approve+x%2By"))
    question = next(question for question, _ in reversed(bank.service.seen) if question["session_id"] == user.session_id)
    assert question["code"].startswith("approve x+y")


def test_what_a_bank_says_reaches_the_client_as_plain_text(bank):
    """Red without description_words: bytes that are no UTF-8 have no JSON."""
    user, answer = bank.at_bank()
    state = urllib.parse.parse_qs(urllib.parse.urlsplit(answer["data"]["url"]).query)["state"][0]
    _, link = bank.back(f"/v1/redirects/sca?state={state}&error=a%20b&error_description=%FF%0d%0aX:{'y' * 500}")
    assert link["error"] == "tpp_redirect_error" and link["error_description"].startswith("???X:y")
    assert bank.status(user)["reasons"] == [link["error_description"]] and len(link["error_description"]) == 200


def test_a_state_of_an_older_attempt(bank):
    user, answer = bank.at_bank()
    old = bank.choose(answer["data"]["url"], "approve")
    bank.back(bank.choose(answer["data"]["url"], "deny"))
    user.nonce = bank.status(user)["nonce"]
    user.submit("sca", {"psu_redirect_link": "https://app.example/done", "again": True})
    refused = bank.client.request("GET", old)
    assert is_error(refused, 400, "tpp_redirect_error")
    assert "temp_token" not in bank.status(user).json


def test_a_return_after_expiry(bank):
    """Red without `return_until > clock_timestamp()` in finq.redirect_take."""
    user, answer = bank.at_bank()
    path = bank.choose(answer["data"]["url"], "approve")
    bank.age(user, ["return_until"], "1 hour")
    _, link = bank.back(path)
    assert link["error"] == "tpp_redirect_error"
    status = bank.status(user)
    assert status["next_step"] == "sca" and status["nonce"] and "not finished in time" in status["reasons"][0]
    assert bank.back(path)[1]["error"] == "tpp_redirect_error"
    user.nonce = status["nonce"]
    assert user.submit("sca", {"psu_redirect_link": "https://app.example/done"})["data"]["url"]


def test_a_return_that_a_server_did_not_finish(bank):
    """One that ended between taking the state and concluding keeps no user out."""
    user, answer = bank.at_bank()
    path = bank.choose(answer["data"]["url"], "approve")
    bank.psql(f"UPDATE finq.session SET returned_at = clock_timestamp() WHERE session_id = '{user.session_id}'")
    assert bank.back(path)[1]["error"] == "tpp_redirect_error"
    bank.age(user, ["returned_at"], "3 minutes")
    assert bank.back(path)[1]["temp_token"]


def test_a_visit_is_taken_and_concluded_by_its_tenant_alone(bank):
    """And concluded only once it is taken, whatever a server tells the functions. Red without `s.client_id = p_client_id` in
    either statement of finq.redirect_take, without it in finq.redirect_conclude, and without `s.returned_hash` there."""
    user, _ = bank.at_bank()

    def take(client, session_id=user.session_id):
        return bank.psql(f"SELECT outcome, return_link IS NOT NULL, step_id FROM finq.redirect_take('{client.tenant.client_id}',"
                         f" '{session_id}', 1, '\\x01', gen_random_uuid())")

    def conclude(client, came="\\x01"):
        return bank.psql(f"SELECT outcome, status FROM finq.redirect_conclude('{client.tenant.client_id}', '{user.session_id}',"
                         f" 1, '{came}', 'approve', NULL, NULL, 1800, 1, NULL, NULL)")
    assert conclude(bank.client) == "tpp_redirect_error|", "not taken"
    assert take(bank.other) == take(bank.client, "00000000-0000-4000-8000-000000000000") == "tpp_redirect_error|f|"
    assert bank.psql(f"SELECT returned_at FROM finq.session WHERE session_id = '{user.session_id}'") == ""
    assert take(bank.client) == f"ok|t|{user.step_id}"
    assert conclude(bank.other) == conclude(bank.client, "\\x02") == "tpp_redirect_error|"
    assert conclude(bank.client) == "ok|SESSION_COMPLETED"


def test_a_connector_that_is_down_at_the_return(bank):
    """The same state may be tried again."""
    user, answer = bank.at_bank()
    path = bank.choose(answer["data"]["url"], "approve")
    bank.server.httpd.log.expect("FINQ08|proxy")
    for behaviour, error in (("hangs up", "external_api_connection_error"), ("500", "external_api_invalid_answer"),
                             ("foreign redirect", "external_api_invalid_answer")):
        bank.service.behaviour = behaviour
        _, link = bank.back(path)
        assert link["error"] == error and "temp_token" not in link
    bank.service.behaviour = None
    assert bank.back(path)[1]["temp_token"]
    events = [q for q, _ in bank.service.seen if q["session_id"] == user.session_id and q["event"] == "return"]
    assert len({q["attempt"] for q in events}) == 1


def test_a_return_after_a_resumption_elsewhere(bank):
    user, answer = bank.at_bank()
    resumed = bank.resume(user)
    _, link = bank.back(bank.choose(answer["data"]["url"], "approve"))
    assert bank.status(user, nonce=resumed["nonce"])["temp_token"] and link["temp_token"]


@pytest.mark.parametrize("skill, choice, told", [
    ("sca", "approve", "temp_token"), ("sca_more", "approve", "status"), ("sca", "later", "status"), ("sca", "deny", "error")])
def test_the_same_return_within_two_minutes(bank, skill, choice, told):
    """A double click, a page loaded again, a scanner of links: the same answer, and nobody asked. Red without `returned` in
    finq.redirect_conclude."""
    user, answer = bank.at_bank(skill)
    path = bank.choose(answer["data"]["url"], choice)
    first, link = bank.back(path)
    assert set(link) - {"error_description"} == {told}
    before = len(bank.service.seen), bank.psql(f"SELECT md5(s::text) FROM finq.session s WHERE session_id = '{user.session_id}'")
    again, _ = bank.back(path)
    assert again.status == 302 and again.headers["location"] == first.headers["location"]
    other, link = bank.back(path + "x")
    assert other.status == 302 and link["error"] == "tpp_redirect_error", "another return is another one"
    assert before == (len(bank.service.seen),
                      bank.psql(f"SELECT md5(s::text) FROM finq.session s WHERE session_id = '{user.session_id}'"))
    bank.age(user, ["returned_at"], "121 seconds")
    assert bank.back(path)[1]["error"] == "tpp_redirect_error"


def test_the_same_return_after_the_exchange(bank):
    """The token is the one that was given, and stands nowhere."""
    user, answer = bank.at_bank()
    path = bank.choose(answer["data"]["url"], "approve")
    _, first = bank.back(path)
    whole = bank.psql(f"SELECT s::text FROM finq.session s WHERE session_id = '{user.session_id}'")
    assert first["temp_token"] not in whole
    user.temp_token = first["temp_token"]
    assert user.exchange().status == 200
    assert bank.back(path)[1] == first


def while_it_thinks(bank, how):
    """The connector answers as always, after `how`."""
    def behaviour(handler, message_id, answer):
        from connector import protocol
        how()
        service = handler.server.service
        handler.send(200, answer, protocol.sign(service.secrets, "answer", service.name, message_id, answer))
    bank.service.behaviours = {**bank.service.behaviours, "meanwhile": behaviour}
    bank.service.behaviour = "meanwhile"


def fresh(bank, path):
    """The status that a new connection gets, whichever child takes it."""
    client = bank.server.client(bank.tenant)
    status = client.request("GET", path).status
    client.close()
    return status


def test_a_return_while_the_database_is_away(bank):
    """Before it is taken, and before it is concluded: it is sent again until it is."""
    user, answer = bank.at_bank()
    path = bank.choose(answer["data"]["url"], "approve")
    bank.server.httpd.log.expect("FINQ03: .* 503 service_unavailable")
    bank.server.httpd.log.allow("FINQ0|dbd|pgsql")
    try:
        while_it_thinks(bank, bank.server.postgres.pause)
        assert bank.client.request("GET", path, timeout=60).status == 503
        bank.service.behaviour = None
        assert bank.client.request("GET", path, timeout=60).status == 503
    finally:
        bank.server.postgres.resume()
    until(lambda: all(fresh(bank, path) == 302 for _ in range(20)), what="the return to be concluded, and told by both children")
    again, link = bank.back(path)
    assert again.status == 302 and link["temp_token"]
    assert bank.status(user)["temp_token"] == link["temp_token"]


def test_a_return_whose_conclusion_failed(bank):
    """The connector is asked about the same attempt again. Red where a return waits for two minutes whatever it brings."""
    user, answer = bank.at_bank()
    path = bank.choose(answer["data"]["url"], "approve")
    bank.server.httpd.log.expect("FINQ03: .* 500 internal_server_error: .*redirect_conclude")
    try:
        while_it_thinks(bank, lambda: bank.psql("ALTER FUNCTION finq.redirect_conclude RENAME TO away"))
        assert bank.client.request("GET", path).status == 500
    finally:
        bank.psql("ALTER FUNCTION finq.away RENAME TO redirect_conclude")
        bank.service.behaviour = None
    again, link = bank.back(path)
    assert again.status == 302 and link["temp_token"]
    events = [q for q, _ in bank.service.seen if q["session_id"] == user.session_id and q["event"] == "return"]
    assert len(events) == 2 and len({q["attempt"] for q in events}) == 1


def test_another_return_concludes_nothing_of_this_one(bank):
    """Who was overtaken discards what he holds. Red without `s.returned_hash = p_return_hash` in finq.redirect_conclude."""
    user, answer = bank.at_bank()
    path = bank.choose(answer["data"]["url"], "approve")
    while_it_thinks(bank, lambda: bank.psql(f"UPDATE finq.session SET returned_hash = '\\x02' WHERE session_id = '{user.session_id}'"))
    assert is_error(bank.client.request("GET", path), 400, "tpp_redirect_error")
    assert bank.psql(f"SELECT waits_for, returned FROM finq.session WHERE session_id = '{user.session_id}'") == "BANK|"


# -- links

@pytest.mark.parametrize("link, sent", [
    ("https://app.example", "https://app.example?T"), ("https://app.example/a?b=c&d", "https://app.example/a?b=c&d&T"),
    ("https://app.example/a?", "https://app.example/a?T"), ("https://app.example/a?b&", "https://app.example/a?b&T"),
    ("https://app.example/#/route?x=y", "https://app.example/?T#/route?x=y"),
    ("https://app.example/a?b=c#d", "https://app.example/a?b=c&T#d"), ("myapp://back", "myapp://back?T"),
    ("myapp://back/x?y=z#w", "myapp://back/x?y=z&T#w"), ("com.example.app:/done", "com.example.app:/done?T"),
    ("Com.Example.App:/done/x#y", "Com.Example.App:/done/x?T#y"), ("HTTPS://App.Example/a", "HTTPS://App.Example/a?T"),
    ("MyApp://Back", "MyApp://Back?T"), ("https://app.example/.well-known/x", "https://app.example/.well-known/x?T")])
def test_links(bank, link, sent):
    _, answer = bank.at_bank(link=link)
    back, _ = bank.back(bank.choose(answer["data"]["url"], "approve"))
    front, _, end = sent.rpartition("T")
    location = back.headers["location"]
    assert location.startswith(front + "temp_token=") and location.endswith(end)


@pytest.mark.parametrize("link", [
    "https://app.example.evil", "https://app.example.evil/done", "https://app.example:8443/", "https://app.examplex",
    "https://app.example@evil.example/", "https://user:pass@app.example/", "http://app.example/", "https://evil.example/",
    "https://evil.example/https://app.example", "javascript:alert(1)", "javascript://app.example/%0aalert(1)",
    "data:text/html,x", "data://text/html,x", "vbscript://x", "file:///etc/passwd", "blob://x", "//app.example", "/done", "",
    "https:app.example", "https:///app.example", "https://app.example\\@evil.example", "https://app.example/\r\nX: y",
    "https://app.example/ x", "https://app.example/\u00e9", "otherapp://x", "HTTPS://APP.EXAMPLE.evil/", "https://",
    "com.example.app:/other", "com.example.app:done", "com.example.app://done", "com.example.app:/done/../other", "https:/app.example",
    "HTTPS://APP.EXAMPLE/../x", "https://app.example/../x", "https://app.example/a/%2e%2E/x", "https://app.example/" + "x" * 2000, "javascript:x://",
    "myapp:back"])
def test_links_that_are_refused(bank, link):
    """And nothing is spent. Red without finq.link_fits' boundary, without climbs."""
    user = bank.user("sca")
    seen = len(bank.service.seen)
    assert is_error(user.submit("sca", {"psu_redirect_link": link}), 400, "invalid_field")
    assert len(bank.service.seen) == seen
    assert user.submit("sca", {"psu_redirect_link": "https://app.example"}).status == 200


@pytest.mark.parametrize("prefix, link", [("javascript://", "javascript://%0aalert(1)"), ("data://", "data://text/html,x"),
                                          ("http://", "http://app.example/"), ("https://", "https://user:pass@app.example/")])
def test_links_that_no_prefix_allows(bank, prefix, link):
    """Not even one that got into the table by other ways. Red without scheme_allowed."""
    bank.psql(f"INSERT INTO finq.redirect_link (client_id, prefix) VALUES ('{bank.tenant.client_id}', '{prefix}')")
    user = bank.user("sca")
    answer = user.submit("sca", {"psu_redirect_link": link})
    bank.psql(f"DELETE FROM finq.redirect_link WHERE prefix = '{prefix}'")
    assert is_error(answer, 400, "invalid_field")


def test_links_are_a_tenants_own(bank):
    """Red without `l.client_id = p_client_id` in finq.step_context."""
    user = bank.user("sca")
    user.client = bank.other
    assert user.start().status == 200
    assert is_error(user.submit("sca", {"psu_redirect_link": "https://app.example/done"}), 400, "invalid_field")


@pytest.mark.parametrize("prefix", ["javascript://", "javascript:/", "https:/app.example", "com.example.app:", "http://app.example", "https://", "app.example", "https://u@app.example"])
def test_prefixes_that_are_refused(bank, prefix):
    done = bank.ctl("tenant", "redirect-allow", bank.tenant.client_id, prefix, check=False)
    assert done.returncode == 1


def test_redirect_allow(bank):
    shown = bank.ctl("tenant", "redirect-allow", bank.tenant.client_id, "http://localhost/dev")
    assert set(shown["prefixes"]) >= {"https://app.example", "myapp://", "http://localhost/dev"}
    line = bank.ctl("audit", "--limit", "1")[0]
    assert line["object"] == "redirect_link" and line["detail"]["prefix"] == "http://localhost/dev"
    assert bank.ctl("tenant", "redirect-allow", "00000000-0000-4000-8000-000000000000", "https://x.example",
                    check=False).returncode == 3


def test_prefixes_have_no_case_where_links_have_none(bank):
    shown = bank.ctl("tenant", "redirect-allow", bank.tenant.client_id, "HTTP://LocalHost/Dev")
    assert "http://localhost/Dev" in shown["prefixes"]


def test_a_bank_without_a_link(bank):
    """Without a link nobody is sent to a bank; a connector that asks for it all the same is at fault."""
    user = bank.user("sca")
    bank.service.behaviours = {**bank.service.behaviours, "sends away": lambda handler, message_id, _: handler.send(
        200, *signed(handler, message_id))}
    bank.service.behaviour = "sends away"
    bank.server.httpd.log.allow("FINQ0")
    assert is_error_external(user.submit("sca", {}), "external_api_invalid_answer")


def signed(handler, message_id):
    from connector import protocol
    service = handler.server.service
    body = json.dumps({"verdict": "redirect", "method": "GET", "url": "https://bank.example/", "headers": {},
                       "expires_at": "2099-01-01T00:00:00Z"}).encode()
    return body, protocol.sign(service.secrets, "answer", service.name, message_id, body)


def is_error_external(answer, code):
    assert (answer.status, answer.code, answer["type"]) == (400, code, "external_api_error"), answer.body
    return True


def test_equal_answers(bank):
    """A state whose session is another tenant's does not exist either: all that is not known answers alike."""
    one = bank.client.request("GET", "/v1/redirects/sca?state=AAAA")
    other = bank.client.request("GET", "/v1/redirects/nosuch?state=" + "A" * 140)
    assert steady(one) == steady(other)
