"""No document is ever served, whatever leads to it: FinqUploadDir within what httpd serves is refused at configtest, and what
comes to lead there later finds nothing.

Seen red: finq_served_fixup not hooked (each that asks); place_find without realpath (a_link); collides without its second
is_within (what holds); finq_served_see without AliasMatch's $.
"""
import os
import pathlib
import secrets

import pytest

from finqenv import documents
from finqenv.client import Client
from finqenv.httpd import Httpd
from finqenv.httpd_conf import Site
from finqenv.installation import MODULE
from finqenv.uploads import Desk

DEPTH = {"Depth": "1"}


@pytest.fixture
def draft(server):
    """An httpd that is configured and never started; `uploads` lies in `outer`, and has a `day` within."""
    httpd = Httpd(server.directory / f"served-{secrets.token_hex(4)}", module=str(MODULE), modules=("alias",),
                  database=server.httpd.settings.database, asan=server.httpd.settings.asan)
    httpd.outer = httpd.writable("outer")
    httpd.uploads, httpd.link = httpd.outer / "uploads", httpd.outer.parent / f"link-{secrets.token_hex(4)}"
    (httpd.uploads / "20260101").mkdir(parents=True)
    (httpd.outer / "uploads-beside").mkdir()
    httpd.link.symlink_to(httpd.uploads)
    httpd.settings.directives = {"FinqSecretFile": server.secret_file, "FinqDataKey": server.data_key_file, "FinqUploadDir": httpd.uploads}
    yield httpd
    httpd.link.unlink()


@pytest.mark.parametrize("line", [
    "DocumentRoot {0.outer}", "DocumentRoot {0.uploads}", "DocumentRoot {0.uploads}/20260101", "DocumentRoot {0.link}", "DocumentRoot /",
    "Alias /x {0.uploads}", "Alias /x/ {0.uploads}/", "Alias /x {0.uploads}/20260101", "Alias /x {0.outer}", "Alias /x {0.link}",
    "ScriptAlias /cgi {0.outer}/", "AliasMatch ^/x/(.*)$ {0.uploads}/$1", "ScriptAliasMatch ^/x/(.*) {0.outer}/$1",
    '<Location "/x">\nAlias {0.uploads}\n</Location>', "Alias /x {0.outer}/uploads-beside/../uploads"])
@pytest.mark.parametrize("where", ["server", "vhost", "host"])
def test_a_served_directory_is_no_place_for_documents(draft, line, where):
    line = line.format(draft)
    if where == "host":
        draft.settings.hosts = (Site("other.test", line),)
    else:
        setattr(draft.settings, where, line)
    ok, said = draft.configtest()
    assert not ok and f"finq: FinqUploadDir {draft.uploads} and " in said and "one lies within the other" in said, said


@pytest.mark.parametrize("line", ["DocumentRoot {0.outer}/uploads-beside", "Alias /x {0.outer}/uploads-beside", "Alias /x /nowhere",
                                  "AliasMatch ^/x(.*)$ {0.outer}/uploads-beside/$1"])
def test_a_directory_beside_will_do(draft, line):
    draft.settings.vhost = line.format(draft)
    ok, said = draft.configtest()
    assert ok, said


def test_alias_is_mod_aliass(draft):
    draft.settings.modules, draft.settings.vhost = (), "Alias /x /srv"
    ok, said = draft.configtest()
    assert not ok and "mod_alias is not loaded, whose directive Alias is: a2enmod alias" in " ".join(said.split())


# -- what comes to lead there while it runs

SITE = """
DocumentRoot {site}
Alias /later {site}-later
DavLockDB {locks}/db
<Directory "/">
    Require all granted
    Options +FollowSymLinks +Includes +Indexes
    IndexOptions ShowForbidden
</Directory>
<Location "/dav">
    Dav On
    Options +Indexes
</Location>
<FilesMatch "shtml$">
    SetOutputFilter INCLUDES
    ForceType text/html
</FilesMatch>
"""


class Site_:
    """A site that is served, with a document that is uploaded, and links to it that came later."""

    def __init__(self, made):
        self.desk, self.httpd = Desk(made), made.httpd
        user = self.desk.user()
        self.file = documents.png()
        self.upload_id = user.upload("photo", self.file)["upload_id"]
        self.document, = self.desk.directory.glob(f"2*/{self.upload_id}")
        self.day = self.document.parent.name
        self.client = Client(f"http://localhost:{self.httpd.settings.plain_port}", None, base="")


@pytest.fixture(scope="module")
def site(make_module_server, server):
    name = f"served_{secrets.token_hex(4)}"
    made = make_module_server(cluster=server.postgres, database=name, plain=True,
                              modules=("alias", "autoindex", "dir", "include", "dav", "dav_fs"))
    root, locks = made.httpd.writable("site"), made.httpd.writable("locks")
    made.httpd.settings.vhost = SITE.format(site=root, locks=locks)
    made.httpd.restart()
    self = Site_(made)
    self.root = root
    (root / "dav").mkdir()
    os.chown(root / "dav", *(root.stat().st_uid, root.stat().st_gid))
    (root / "index.txt").write_text("served")
    later = pathlib.Path(f"{root}-later")
    later.symlink_to(self.desk.directory)
    for link in (root / "link", root / "dav/link"):
        link.symlink_to(self.desk.directory)
    (root / "file").symlink_to(self.document)
    (root / "day").symlink_to(self.document.parent)
    for kind in ("virtual", "file"):
        (root / f"{kind}.shtml").write_text(f'[<!--#include {kind}="link/{self.day}/{self.upload_id}" -->]')
    yield self
    later.unlink()
    self.client.close()


def held(site):
    """What is in the upload directory."""
    return site.desk.files()


PATHS = ["/link/{day}/{id}", "/link", "/link/", "/link/{day}/", "/link/staging/", "/file", "/day/{id}", "/day/", "/later/{day}/{id}",
         "/later/", "/link/{day}/nothing", "/link/nothing/at/all", "/dav/link/{day}/{id}", "/dav/link/"]


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize("method", ["GET", "HEAD", "POST", "OPTIONS"])
def test_a_link_leads_nowhere(site, method, path):
    site.httpd.log.expect("FINQ09: .* below FinqUploadDir, and is not served")
    answer = site.client.request(method, path.format(day=site.day, id=site.upload_id))
    assert answer.status == 404 and site.upload_id.encode() not in answer.body


def test_what_is_beside_is_served(site):
    assert site.client.request("GET", "/index.txt").body == b"served"


@pytest.mark.parametrize("kind", ["virtual", "file"])
def test_an_include_leads_nowhere(site, kind):
    site.httpd.log.expect("FINQ09")
    site.httpd.log.allow(r"\[include:error\]")
    answer = site.client.request("GET", f"/{kind}.shtml")
    assert answer.status == 200 and b"PNG" not in answer.body and b"error" in answer.body


@pytest.mark.parametrize("method, path, headers", [
    ("PROPFIND", "/dav/link/", DEPTH), ("PROPFIND", "/dav/link/{day}/", DEPTH), ("PUT", "/dav/link/new", {}), ("MKCOL", "/dav/link/new", {}),
    ("DELETE", "/dav/link/{day}/{id}", {}), ("COPY", "/dav/link/{day}/{id}", {"Destination": "/dav/copy"}),
    ("MOVE", "/dav/link/{day}/{id}", {"Destination": "/dav/moved"}), ("COPY", "/dav/own", {"Destination": "/dav/link/new"}),
    ("MOVE", "/dav/own", {"Destination": "/dav/link/new"})])
def test_webdav_leads_nowhere(site, method, path, headers):
    site.httpd.log.expect("FINQ09")
    site.httpd.log.allow(r"\[dav:error\]")
    (site.root / "dav/own").write_text("own")
    before = held(site)
    if "Destination" in headers:
        headers = {"Destination": f"http://localhost:{site.httpd.settings.plain_port}" +
                   headers["Destination"].format(day=site.day, id=site.upload_id)}
    answer = site.client.request(method, path.format(day=site.day, id=site.upload_id), b"", headers)
    assert answer.status >= 400 and site.upload_id.encode() not in answer.body
    assert held(site) == before
    assert not (site.root / "dav/copy").exists() and not (site.root / "dav/moved").exists()
