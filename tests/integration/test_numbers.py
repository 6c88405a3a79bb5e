"""Numbers are kept with the digits that came: in the database, to connectors, in replies, for the operator; and what was
accepted can be read again (contract sections 1 and 3).

Seen red: each with `data` as jsonb, or written by jansson.
"""
import json
import secrets

import pytest

from finqenv.banking import Bank, definition, step
from finqenv.flows import publish
from finqenv.client import Onboarding
from finqenv.wire import is_error
from connector.behaviours import says

DIGITS = ["19.99", "0.1", "12345678901234567.89", "-0.0", "-0", "1e2", "1E+02", "1.10", "9223372036854775807", "9223372036854775808",
          "-9223372036854775809", "123456789012345678901234567890", "1e30", "1e-400", "1e400", "0.10000000000000000000000000001"]
DATA = '{"numbers":[' + ",".join(DIGITS) + "]}"


@pytest.fixture(scope="module")
def bank(make_module_server, run_directory):
    made = Bank(make_module_server, run_directory / "numbers", children=1, threads=16)
    yield made
    made.stop()


@pytest.fixture(autouse=True)
def right_answers(bank):
    yield
    bank.service.behaviour = None


def submit(user, name, data, nonce=None):
    """As text: what a client of this language would write is not what came."""
    head = json.dumps({"client_id": user.client.tenant.client_id, "nonce": nonce or user.nonce, "skill": user.skill, "step": name})
    return user.client.call(f"/sessions/{user.session_id}/steps", f'{head[:-1]},"data":{data}}}')


def advance(user, answer):
    assert answer.status == 200, answer.body
    user.step_nonce, user.nonce = user.nonce, answer.json.get("nonce")
    return answer


def test_the_database_and_the_operator_see_what_came(bank):
    user = bank.user("plain")
    answer = submit(user, "form", DATA)
    assert answer.status == 200
    assert DATA in bank.server.finqctl("session", "show", user.session_id, "--data", check=False).stdout


def test_a_connector_is_asked_with_what_came_and_its_own_digits_are_told(bank):
    told = b'{"verdict":"accepted","data":{"rate":4.10,"sum":12345678901234567.89}}'
    raw = []

    def tells(handler, message_id, answer):
        raw.append(handler.server.service.bodies[-1])
        says(told)(handler, message_id, answer)
    bank.service.behaviours = {**bank.service.behaviours, "tells": tells}
    bank.service.behaviour = "tells"
    user = bank.user("sca")
    answer = submit(user, "sca", DATA)
    assert f'"data":{DATA}'.encode() in raw[0]
    assert b'"data":{"rate":4.10,"sum":12345678901234567.89}' in answer.body
    assert submit(user, "sca", DATA).body == answer.body, "again, from the database"


def test_the_status_tells_a_connectors_digits(bank):
    user, answer = bank.at_bank()
    path = bank.choose(answer["data"]["url"], "approve")
    bank.service.behaviours = {**bank.service.behaviours, "tells": says(b'{"verdict":"accepted","data":{"sum":19.990}}')}
    bank.service.behaviour = "tells"
    bank.back(path)
    assert b'"data":{"sum":19.990}' in bank.status(user).body and b'"data":{"sum":19.990}' in bank.resume(user).body


def deep(levels):
    return '{"a":' * levels + "{}" + "}" * levels


BRANCHES = [{"when": {"required": ["form"]}, "step": "last"}]


@pytest.mark.parametrize("data", [DATA, deep(30), '{"amount":1e30}'], ids=["numbers", "deepest", "1e30"])
@pytest.mark.parametrize("kind", ["branch", "connector", "return"])
def test_what_was_accepted_can_be_read(bank, data, kind):
    """Data of any size and depth that was accepted stops no later step."""
    name = f"read_{kind}_sbx_#1.0"
    later = {"branch": step("second", next=BRANCHES),
             "connector": step("second", connector="bank"), "return": step("second", connector="bank")}[kind]
    bank.allow(definition(name, step("form"), later, step("last")))
    user = bank.user(name)
    advance(user, submit(user, "form", data))
    if kind == "return":
        members = f'{data[:-1]},"psu_redirect_link":"https://app.example/done"}}'
        answer = submit(user, "second", members)
        assert answer.status == 200, answer.body
        _, link = bank.back(bank.choose(answer["data"]["url"], "approve"))
        assert link == {"status": "SESSION_IN_PROGRESS"}
    else:
        answer = advance(user, submit(user, "second", data))
        assert answer["next_step"] == "last"


@pytest.mark.parametrize("schema, value, keyword", [
    ({"type": "integer"}, "123456789012345678901234567890", None), ({"type": "integer"}, "123456789012345678901234567890.5", "type"),
    ({"maximum": 100}, "123456789012345678901234567890", "maximum"), ({"multipleOf": 0.01}, "19.99", None),
    ({"multipleOf": 0.01}, "12345678901234567.891", "multipleOf"), ({"multipleOf": 0.01}, "12345678901234567.89", None),
    ({"enum": [0.1]}, "0.10", None), ({"enum": [0.1]}, "0.1000000000000000000001", "enum"), ({"const": 100}, "1e2", None),
    ({"minimum": 0}, "-1e-400", "minimum"), ({"maximum": 1}, "1e400", "maximum"), ({"type": "string"}, "9223372036854775808", "type")])
def test_digits_are_checked_as_sent(server, own_client, schema, value, keyword):
    skill = publish(server, own_client.tenant, {
        "name": f"digits{secrets.token_hex(6)}_sbx_#1.0", "title": "Digits", "type": "marketplace", "environment": "sandbox",
        "servicer": {"name": "Digits", "country": "Romania"},
        "steps": [{"name": "form", "title": "Form", "schema": {"type": "object", "properties": {"n": schema}}}]})
    user = Onboarding(own_client, skill)
    assert user.start().status == 200
    answer = submit(user, "form", f'{{"n":{value}}}')
    if keyword:
        assert is_error(answer, 400, "invalid_input") and [detail["field"] for detail in answer["details"]] == ["/n"]
    else:
        assert answer.status == 200
        assert f'"data":{{"n":{value}}}' in server.finqctl("session", "show", user.session_id, "--data", check=False).stdout


def test_members_in_another_order_are_the_same_request(bank):
    """Swift and Go write them in another order each time. The digits count: another spelling is another body."""
    user = bank.user("plain")
    first = submit(user, "form", '{"b":{"y":1.50,"x":"\\u00e9"},"a":[1,2]}')
    assert first.status == 200
    assert submit(user, "form", '{"a": [1, 2], "b": {"x": "é", "y": 1.50}}').body == first.body
    turned = {"step": "form", "data": None, "skill": user.skill, "nonce": user.nonce, "client_id": user.client.tenant.client_id}
    text = json.dumps(turned).replace("null", '{"a":[1,2],"b":{"x":"é","y":1.50}}')
    assert user.client.call(f"/sessions/{user.session_id}/steps", text).body == first.body
    for other in ('{"a":[1,2],"b":{"x":"é","y":1.5}}', '{"a":[2,1],"b":{"x":"é","y":1.50}}'):
        assert is_error(submit(user, "form", other), 409, "step_already_submitted")


@pytest.mark.parametrize("number", ["01", "1.", ".5", "1e", "+1", "--1", "1.5.5", "0x10", "NaN", "Infinity", "1\0", "true\0"])
def test_what_is_no_number_is_no_json(bank, number):
    user = bank.user("plain")
    assert is_error(submit(user, "form", f'{{"n":{number}}}'), 400, "invalid_body")
    assert submit(user, "form", "{}").status == 200
