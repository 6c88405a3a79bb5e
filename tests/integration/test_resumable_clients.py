"""Resumable uploads by clients that others publish: tus-js-client 4 and 5 (tus and the IETF's draft), @uppy/tus, in Node and in
Chromium, and curl. Their lines are cut in the midst of pieces, and they go on by their own means.

Seen red: see each test.
"""
import base64
import json
import random
import subprocess

import pytest

from finqenv import walks
from finqenv.browser import chromium
from finqenv.places import ROOT
from finqenv.process import clean_environ
from finqenv.resumable import Tus, partials, stored
from finqenv.uploads import Desk, padded

FILE = padded(200_000)
CUTS = (70_000, 110_000, 130_000)
CLIENTS = ("tus4", "tus5", "draft", "uppy")

needs_npm = pytest.mark.skipif(not all((ROOT / package).exists() for package in walks.PACKAGES),
                               reason="npm could not install them: see what tests/install.sh said")


@pytest.fixture(scope="module")
def desk(server, make_module_server):
    return Desk(make_module_server(cluster=server.postgres, database="resumable_clients", children=1, plain=True,
                                   directives={"FinqAllowOrigin": "*"}))


@pytest.fixture
def bad_line(desk):
    made = []

    def make(cuts=CUTS):
        made.append(walks.BadLine(desk.plain.url.port, cuts))
        return made[-1]
    yield make
    for line in made:
        line.close()


@pytest.fixture(scope="module")
def by_node(run_directory):
    directory = run_directory / "clients"
    directory.mkdir()
    with walks.node(directory) as walk:
        yield walk


@pytest.fixture(scope="module")
def by_chromium(desk, run_directory):
    """The same, by a page of another origin than the line's."""
    desk.installation.httpd.documents.joinpath("page.html").write_text("<!doctype html><script src=/walks.js></script>")
    walks.bundle("walks.mjs", run_directory, "browser").rename(desk.installation.httpd.documents / "walks.js")
    browser = chromium(run_directory / "chromium-clients")
    browser.set_script_timeout(60)
    browser.get(f"http://localhost:{desk.plain.url.port}/page.html")
    yield lambda what: browser.execute_async_script("const [what, done] = arguments; globalThis.walk(what).then(done)", what)
    browser.quit()


def walked(desk, line, walk, client, file=FILE, **more):
    """Demands that the document is there, though its line was cut."""
    user = desk.user(desk.plain)
    came = walk(walks.walk_of(user, line.url, client, file, **more))
    assert "/v1/uploads/" in came.get("url", ""), came
    assert line.cuts == []
    stored(desk, user, "film", file.content)


@needs_npm
@pytest.mark.parametrize("client", CLIENTS)
def test_a_client_in_node_goes_on_by_itself(desk, by_node, bad_line, client):
    """Red where HEAD answers 200 without Upload-Offset, and where a cut keeps nothing."""
    walked(desk, bad_line(), by_node, client)


@needs_npm
def test_a_creation_with_data_is_cut_and_begun_anew(desk, by_node, bad_line):
    walked(desk, bad_line((50_000,)), by_node, "atOnce")


@needs_npm
def test_a_client_takes_its_document_back(desk, by_node, bad_line):
    user = desk.user(desk.plain)
    came = by_node(walks.walk_of(user, bad_line(()).url, "abandoned", FILE))
    assert "/v1/uploads/" in came.get("url", ""), came
    assert partials(desk, user) == {} and desk.rows(user.step_id) == {}


@needs_npm
@pytest.mark.parametrize("client", CLIENTS)
def test_a_page_elsewhere_goes_on_by_itself(desk, by_chromium, bad_line, client):
    """Red where Access-Control-Expose-Headers lacks Upload-Offset, or Access-Control-Allow-Methods PATCH."""
    walked(desk, bad_line(), by_chromium, client)


@needs_npm
@pytest.mark.long
@pytest.mark.parametrize("seed", range(40))
def test_lines_are_cut_anywhere(desk, by_node, by_chromium, bad_line, seed):
    chance = random.Random(seed)
    file = padded(chance.randrange(200_000, 3_000_000))
    cuts = chance.sample(range(1000, len(file.content)), chance.randrange(1, 12))
    walked(desk, bad_line(cuts), chance.choice((by_node, by_chromium)), chance.choice(CLIENTS), file, size=chance.randrange(50_000, 1_000_000))


def curl(*arguments, body=b""):
    """(status, headers) of the last answer."""
    done = subprocess.run(["curl", "-sS", "-o", "/dev/null", "-w", "%{response_code} %{header_json}", *arguments], input=body, check=True,
                          capture_output=True, env=clean_environ())
    status, _, headers = done.stdout.decode().partition(" ")
    return int(status), {name: values[0] for name, values in json.loads(headers).items()}


def test_curl_sends_pieces(desk):
    user = desk.user(desk.plain)
    url, tus = f"http://localhost:{desk.plain.url.port}", ("-H", "Tus-Resumable: 1.0.0")
    names = {"X-Finq-Client-Id": user.client.tenant.client_id, "X-Finq-Nonce": user.step_nonce, "X-Finq-Document": "film",
             "Upload-Length": len(FILE.content), "Upload-Metadata": f"filetype {base64.b64encode(FILE.media_type.encode()).decode()}"}
    status, headers = curl(*tus, *(word for name, value in names.items() for word in ("-H", f"{name}: {value}")), "-X", "POST",
                           f"{url}/v1/steps/{user.step_id}/upload")
    assert status == 201
    address = url + headers["location"]
    for at in (0, 90_000, 180_000):
        assert curl(*tus, "--head", address)[1]["upload-offset"] == str(at)
        status, headers = curl(*tus, "-X", "PATCH", "-H", f"Upload-Offset: {at}", "-H", "Content-Type: application/offset+octet-stream",
                               "--data-binary", "@-", address, body=FILE.content[at:at + 90_000])
        assert status == 204
    assert headers["x-finq-upload-id"] == stored(desk, user, "film", FILE.content)


# -- browsers

def test_a_page_elsewhere_may_ask_and_sees_the_answers(desk):
    user = desk.user()
    created = Tus(user, "film", FILE.content, FILE.media_type).create(origin="https://app.example")
    exposed = {name.strip().lower() for name in created.headers["access-control-expose-headers"].split(",")}
    assert {"location", "upload-offset", "upload-expires", "tus-resumable", "x-finq-upload-id", "x-request-id"} <= exposed
    asked = {"Origin": "https://app.example", "Access-Control-Request-Method": "PATCH"}
    answer = desk.client.request("OPTIONS", created.headers["location"], b"", asked)
    assert answer.status == 204 and {"PATCH", "HEAD", "DELETE"} <= set(answer.headers["access-control-allow-methods"].split(", "))
    allowed = {name.strip().lower() for name in answer.headers["access-control-allow-headers"].split(",")}
    assert {"tus-resumable", "upload-offset", "upload-length", "upload-metadata", "upload-checksum", "content-type"} <= allowed
