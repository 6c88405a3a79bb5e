"""Catalogs (contract section 10), and skills and servicers as the operator sees them.

Seen red: `p_only` ignored in finq.catalog_of, is_served always or never true in directory.c, PICK(skills) left out of
settings.c (narrowed_by_the_host); catalog_step answering the step as it is (named_members_only); jsonb in the place of json
in catalog_step (order_of_their_definitions); the tenant left out of catalog_of (another_tenants_skill); `retired_at IS
NULL` left out of catalog_of, and of tenant_get (retired_skill…); the key's hash not compared in catalog_claim
(refuses_as_sessions_do); finq_json_compact left out of catalog.c (compact); any text taken for a skill's name in skill.c
(finq_skills_at_configtest).
"""
import json
import secrets
import uuid

import pytest

from finqenv import pages
from finqenv.client import Onboarding
from finqenv.httpd_conf import Site
from finqenv.installation import DEMO_SKILLS, SKILLS
from finqenv.process import until

FORM_DATA = {"value": "100", "currency": "EUR", "period": "12"}
NARROW = "xyz_aisp_sbx_#1.0"


@pytest.fixture
def tenant(server):
    """One that no other test gives skills."""
    return server.create_tenant(f"Catalogs {secrets.token_hex(4)}", DEMO_SKILLS)


def definition_of(name):
    return next(d for d in (json.loads(f.read_text()) for f in SKILLS.glob("*.json")) if d["name"] == name)


def ask(client, what="skills", **more):
    return client.call(f"/catalogs/{what}", {"client_id": client.tenant.client_id,
                                             "client_app_key": client.tenant.client_app_key, **more})


def publish(server, tmp_path, **changes):
    """A skill of a name of its own; returns the name."""
    definition = {**definition_of("xyz_sbx_#3.0"), "name": f"made_{secrets.token_hex(6)}_#1.0", **changes}
    file = tmp_path / "skill.json"
    file.write_text(json.dumps(definition))
    server.finqctl("skill", "publish", file)
    return definition["name"]


def test_skills_are_shown_in_the_order_of_their_definitions(client):
    answer = ask(client)
    assert answer.status == 200 and answer.headers["content-type"] == "application/json"
    assert [skill["name"] for skill in answer.json] == sorted(DEMO_SKILLS)
    for shown in answer.json:
        definition = definition_of(shown["name"])
        assert list(shown) == ["name", "title", "description", "type", "environment", "servicer", "steps"]
        assert shown["servicer"].pop("id")
        assert shown["servicer"] == definition["servicer"]
        for step, defined in zip(shown["steps"], definition["steps"], strict=True):
            assert json.dumps(step["schema"]) == json.dumps(defined["schema"]), "members in the published order"
            assert step["uploads"] == defined.get("uploads", [])
            assert (step.get("title"), step.get("description")) == (defined.get("title"), defined.get("description"))


def test_answer_is_compact(client):
    answer = ask(client)
    assert answer.body == json.dumps(answer.json, separators=(",", ":"), ensure_ascii=False).encode()


def test_servicers(client):
    skills, servicers = ask(client).json, ask(client, "servicers").json
    assert servicers == [dict(s) for s in {tuple(skill["servicer"].items()): None for skill in skills}]
    assert set(servicers[0]) == {"id", "name", "country"}


def test_another_tenants_skill_does_not_show(server, client, other_tenant, tmp_path):
    servicer = {"name": f"Bank {secrets.token_hex(4)}", "country": "Romania"}
    name = publish(server, tmp_path, servicer=servicer)
    server.finqctl("tenant", "allow", other_tenant.client_id, name)
    other = server.client(other_tenant)
    assert name in [skill["name"] for skill in ask(other).json]
    assert servicer["name"] in [s["name"] for s in ask(other, "servicers").json]
    assert name not in ask(client).body.decode()
    assert servicer["name"] not in ask(client, "servicers").body.decode()
    other.close()


def test_shows_named_members_only(server, client, tenant):
    """What a definition may hold one day, such as a connector's address, does not show by itself."""
    name = f"later_{secrets.token_hex(6)}_#1.0"
    definition = {"name": name, "title": "T", "type": "marketplace", "environment": "sandbox",
                  "connector": "https://canary", "servicer": {"name": "XYZ Bank", "country": "Romania"},
                  "steps": [{"name": "one", "schema": {"type": "object"}, "connector": {"secret": "canary"}}]}
    server.psql(f"SELECT finq.skill_publish('{json.dumps(definition)}')")
    server.finqctl("tenant", "allow", tenant.client_id, name)
    shown = next(skill for skill in ask(client).json if skill["name"] == name)
    assert shown["steps"] == [{"name": "one", "schema": {"type": "object"}, "uploads": [], "connector": True, "next": [None]}]
    assert b"canary" not in ask(client).body + ask(client, "servicers").body
    server.finqctl("skill", "retire", name)


@pytest.mark.parametrize("what", ["skills", "servicers"])
def test_refuses_as_sessions_do(server, client, other_tenant, what):
    assert ask(client, what, client_id=str(uuid.uuid4())).code == "invalid_client_id"
    assert ask(client, what, client_id="x").status == 400
    for key in ("", "wrong", other_tenant.client_app_key, client.tenant.client_secret):
        refused = ask(client, what, client_app_key=key)
        assert (refused.status, refused.code) == (401, "invalid_client_app_key")
    assert ask(client, what, step="x").code == "unknown_fields"
    assert client.call(f"/catalogs/{what}", {}).code == "missing_fields"
    assert client.request("GET", f"/v1/catalogs/{what}").code == "method_not_allowed"
    assert client.call("/catalogs", {}).code == "not_found"
    disabled = server.create_tenant(f"Disabled {secrets.token_hex(4)}")
    server.finqctl("tenant", "disable", disabled.client_id)
    visitor = server.client(disabled)
    assert ask(visitor, what).code == "unauthorized_tenant"
    visitor.close()


def test_hints_for_a_wizard(server, client, tenant, tmp_path):
    """Red without the look at `when` in finq.catalog_next, without either of its halves; with the connector's name shown."""
    when = {"type": "object"}
    link = {"type": "object", "properties": {"psu_redirect_link": {"type": "string", "x-hidden": True}}}
    steps = [{"name": "a", "schema": when, "next": [{"when": when, "step": "c"}, {"when": when, "step": None}, {"when": when, "step": "c"}]},
             {"name": "b", "schema": when, "connector": "bank", "review": "offline", "description": "Why", "x-note": 1},
             {"name": "c", "schema": link, "connector": "bank", "next": [{"step": None}, {"step": "d"}]}, {"name": "d", "schema": True}]
    name = publish(server, tmp_path, steps=steps, translations={}, **{"$schema": "https://x.example/skill.json", "x-owner": "us"})
    server.finqctl("tenant", "allow", tenant.client_id, name)
    shown, = ask(client, skill=name).json
    hints = [{key: value for key, value in step.items() if key not in ("name", "schema", "uploads")} for step in shown["steps"]]
    assert hints == [{"next": ["c", None, "b"]}, {"description": "Why", "connector": True, "review": "offline", "next": ["c"]},
                     {"connector": True, "redirect": True, "next": [None]}, {"next": [None]}]
    assert shown["steps"][2]["schema"] == link and "x-owner" not in shown
    server.finqctl("skill", "retire", name)


def test_one_skill_in_a_language(client):
    """Red where the texts are not put in their places, where they show beside them, without the language alone behind its
    region."""
    name = "xyz_sbx_#3.0"
    plain, = ask(client, skill=name).json
    for language in ("ro", "ro-MD"):
        shown, = ask(client, skill=name, language=language).json
        assert list(shown) == list(plain) and shown["title"] == "Depozit bancar"
        assert shown["steps"][0]["schema"]["properties"]["value"]["title"] == "Suma"
        assert shown["steps"][1]["uploads"][0]["title"] == "Dovada adresei"
    assert ask(client, skill=name, language="xx").json == [plain] == ask(client, skill=name, language=None).json
    assert ask(client, skill="nothing_#1.0").json == []


@pytest.mark.parametrize("pointer", ["/nothing/title", "title", "/name", "/steps/0/schema", "/steps/7/title", "/translations/ro/~1title"])
def test_a_translation_leads_to_words(server, tmp_path, pointer):
    """Red without either condition of holder_find."""
    file = tmp_path / "skill.json"
    file.write_text(json.dumps({**definition_of("xyz_sbx_#3.0"), "name": f"made_{secrets.token_hex(6)}_#1.0",
                                "translations": {"de": {"/title": "Festgeld", pointer: "X"}}}))
    done = server.finqctl("skill", "publish", file, check=False)
    assert done.returncode and "JSON Pointer to a title or a description" in done.stderr


def test_what_a_translation_lacks_is_listed(server, tmp_path):
    file = tmp_path / "skill.json"
    file.write_text(json.dumps({**definition_of(NARROW), "name": f"made_{secrets.token_hex(6)}_#1.0", "translations": {"de": {"/title": "Konten"}}}))
    done = server.finqctl("skill", "publish", file, check=False)
    assert done.returncode == 0 and done.stderr == "translations: de lacks /description, /steps/0/title\n"


def test_the_demonstration_skills_are_for_people():
    """Each of their members has a title; their choices have words, and their translations lack nothing."""
    def members(schema):
        for member in schema.get("properties", {}).values():
            yield member
            yield from members(member)
    for definition in map(definition_of, DEMO_SKILLS):
        for step in definition["steps"]:
            assert all(member.get("title") and "enum" not in member for member in members(step["schema"]))
            assert all(upload["title"] and upload["description"] for upload in step.get("uploads", []))


def test_a_tenant_without_skills_gets_empty_lists(server):
    bare = server.client(server.create_tenant(f"Bare {secrets.token_hex(4)}", ()))
    assert ask(bare).body == b"[]" and ask(bare, "servicers").body == b"[]"
    bare.close()


# ---- FinqSkills

@pytest.fixture(scope="module")
def narrowed(make_module_server):
    """localhost may start all, narrow.test one skill, none.test one that nobody published, two.test two."""
    hosts = (Site("narrow.test", f"FinqSkills {NARROW}"), Site("none.test", "FinqSkills other_#1.0"),
             Site("two.test", f"FinqSkills {NARROW}\nFinqSkills xyz_sbx_#3.0"))
    return make_module_server(hosts=hosts, plain=True)


def on(installation, host, tenant):
    """A client that speaks to a host of the installation by name."""
    return installation.client(tenant, host=host)


def test_narrowed_by_the_host(narrowed):
    tenant = narrowed.create_tenant(f"Tenant {secrets.token_hex(4)}")
    wide, narrow, none, two = (on(narrowed, host, tenant)
                               for host in ("localhost", "narrow.test", "none.test", "two.test"))
    assert [s["name"] for s in ask(narrow).json] == [NARROW]
    assert ask(none).json == [] and ask(none, "servicers").json == []
    assert [s["name"] for s in ask(two).json] == [NARROW, "xyz_sbx_#3.0"]
    assert narrow.start_session(NARROW).status == 200
    refused = narrow.start_session("xyz_sbx_#3.0")
    ungranted = on(narrowed, "localhost", narrowed.create_tenant(f"U {secrets.token_hex(4)}", ())).start_session(NARROW)
    assert (refused.status, refused.code) == (401, "unauthorized_tenant")
    assert {**refused.json, "id": 0} == {**ungranted.json, "id": 0}, "as if it were not granted"
    assert narrow.start_session("nobodys_#1.0").code == "invalid_skill_name"
    # what has started goes on wherever its nonce is good
    session = Onboarding(wide, "xyz_sbx_#3.0")
    session.start()
    session.client = narrow
    assert session.submit("product_form", FORM_DATA).status == 200
    for client in (wide, narrow, none, two):
        client.close()


def test_no_page_is_made_of_what_the_host_leaves_out(narrowed):
    """And no row. Red where the page is made before the host is asked."""
    tenant = narrowed.create_tenant(f"Tenant {secrets.token_hex(4)}")
    narrow = on(narrowed, "narrow.test", tenant)
    refused = pages.make(narrow, "xyz_sbx_#3.0")
    assert (refused.status, refused.code) == (401, "unauthorized_tenant")
    assert narrowed.psql(f"SELECT count(*) FROM finq.page WHERE client_id = '{tenant.client_id}'") == "0"
    assert pages.make(narrow, "nobodys_#1.0").code == "invalid_skill_name" and pages.make(narrow, NARROW).status == 200
    narrow.close()


@pytest.mark.parametrize("value, right", [
    ("xyz_sbx_#3.0", True), ("a_#1.0 b_#2.0", True), ("all", True), ("xyz", False), ("xyz_sbx_#3.0,b_#1.0", False),
    ("XYZ_#1.0", False), ('""', False), ('"x_#1.0\\" , \\"y_#1.0"', False), ("", False)])
def test_finq_skills_at_configtest(narrowed, value, right):
    ok, words = narrowed.httpd.configtest(server=f"FinqSkills {value}")
    assert ok == right and (right or "FinqSkills" in words)


# ---- retiring, showing, servicers

def test_retired_skill_starts_nothing_but_finishes(server, client, tenant, tmp_path):
    name = publish(server, tmp_path)
    server.finqctl("tenant", "allow", tenant.client_id, name)
    begun, running = Onboarding(client, name), Onboarding(client, name)
    assert begun.start().status == running.start().status == 200
    assert running.submit("product_form", FORM_DATA).status == 200
    assert server.finqctl("skill", "retire", name)["retired_at"]
    assert name not in ask(client).body.decode()
    # a server may remember the grant for FinqCacheTTL; a refusal is never older than the question
    until(lambda: client.start_session(name).code == "unauthorized_tenant", what="the directory to forget")
    assert begun.submit("product_form", FORM_DATA).status == 200, "a session that was started goes on, its first step too"
    again = server.finqctl("skill", "retire", name)
    assert again == server.finqctl("skill", "retire", name), "repeated, it changes nothing"
    assert next(s for s in server.finqctl("skill", "list") if s["name"] == name)["retired_at"]
    assert server.finqctl("skill", "publish", tmp_path / "skill.json") == {"name": name, "published": False}
    assert client.start_session(name).code == "unauthorized_tenant", "publishing again does not bring it back"
    assert server.finqctl("skill", "retire", name, "--undo") == {"name": name, "retired_at": None}
    assert client.start_session(name).status == 200
    assert server.finqctl("skill", "retire", "nobodys_#1.0", check=False).returncode == 3


def test_a_grant_of_a_skill_that_is_new_to_the_server_works_at_once(server, client, tenant, tmp_path):
    """Red where the tenant, remembered from before, is not asked for again once the skill is known."""
    for _ in range(4):
        assert client.start_session(NARROW).status == 200
        name = publish(server, tmp_path)
        server.finqctl("tenant", "allow", tenant.client_id, name)
        assert client.start_session(name).status == 200


def test_skill_show(server, tmp_path):
    name = publish(server, tmp_path)
    shown = server.finqctl("skill", "show", name)
    assert json.dumps(shown["definition"]) == json.dumps(json.loads((tmp_path / "skill.json").read_text()))
    assert shown["retired_at"] is None and shown["tenants"] == []
    done = server.finqctl("skill", "show", "nobodys_#1.0", check=False)
    assert done.returncode == 3 and "nobodys_#1.0" in done.stderr and not done.stdout


def test_servicer_create_and_list(server, tmp_path):
    name = f"Bank {secrets.token_hex(4)}"
    made = server.finqctl("servicer", "create", "--name", name, "--country", "Malta")
    assert made["created"]
    assert server.finqctl("servicer", "create", "--name", name, "--country", "Malta") == {**made, "created": False}
    done = server.finqctl("servicer", "create", "--name", name, "--country", "Greece", check=False)
    assert done.returncode == 4 and "Malta" in done.stderr
    skill = publish(server, tmp_path, servicer={"name": name, "country": "Malta"})
    listed = next(s for s in server.finqctl("servicer", "list") if s["name"] == name)
    assert (listed["servicer_id"], listed["skills"]) == (made["servicer_id"], [skill])
