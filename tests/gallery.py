#!/usr/bin/python3
"""The gallery of `make up`: gallery.py PORT ENVIRONMENT_FILE. Its page at / opens an onboarding for each demonstration skill, and at
/done it does what a tenant's server does with the temp_token. SIGTERM ends it."""
import html
import http.server
import json
import pathlib
import re
import shlex
import ssl
import sys
import urllib.error
import urllib.parse
import urllib.request

LANGUAGES = {"en": "English", "ro": "Română", "de": "Deutsch", "fr": "Français", "ar": "العربية"}
FRAME = """<!DOCTYPE html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><title>{title}</title>
<link rel="icon" href="data:,"><style>
:root{{color-scheme:light dark;--ink:#17202b;--quiet:#4d5968;--ground:#f3f5f8;--card:#fff;--edge:#dbe1e8;--brand:#0b4a6f}}
@media(prefers-color-scheme:dark){{:root{{--ink:#e9edf2;--quiet:#aeb9c6;--ground:#10151b;--card:#1a2129;--edge:#303a46;--brand:#8ccbf2}}}}
*{{box-sizing:border-box}}body{{margin:0;font:1.0625rem/1.55 system-ui,sans-serif;color:var(--ink);background:var(--ground)}}
main{{max-width:64rem;margin:auto;padding:2.5rem 1.25rem}}h1{{font-size:2.25rem;line-height:1.2;margin:0 0 .5rem;letter-spacing:-.02em}}
h2{{font-size:1.25rem;margin:0 0 .25rem}}p{{margin:0 0 .75rem}}.quiet{{color:var(--quiet)}}a{{color:var(--brand)}}
.cards{{display:grid;grid-template-columns:repeat(auto-fill,minmax(18rem,1fr));gap:1.25rem;margin:2rem 0;padding:0;list-style:none}}
.cards li{{display:flex;flex-direction:column;padding:1.5rem;background:var(--card);border:1px solid var(--edge);border-radius:1rem}}
table{{border-collapse:collapse;margin:0 0 2rem}}th,td{{padding:.5rem 1rem .5rem 0;text-align:start;vertical-align:top;border-bottom:1px solid var(--edge)}}
.cards .button{{margin-top:auto}}.button{{display:inline-block;align-self:flex-start;padding:.625rem 1.25rem;border-radius:.625rem;font-weight:650;
text-decoration:none;color:var(--card);background:var(--brand)}}pre{{padding:1.25rem;overflow:auto;background:var(--card);border:1px solid var(--edge);
border-radius:.625rem}}</style></head><body><main>{content}</main></body></html>"""


def environment():
    lines = pathlib.Path(sys.argv[2]).read_text().splitlines()
    return dict(shlex.split(line.removeprefix("export "))[0].split("=", 1) for line in lines if "=" in line)


def call(path, **body):
    """An answer of the API to the demo tenant's server."""
    known = environment()
    body = {"client_id": known["FINQ_CLIENT_ID"], "client_secret": known["FINQ_CLIENT_SECRET"], **body}
    if path.startswith("/catalogs"):
        body["client_app_key"] = known["FINQ_CLIENT_APP_KEY"]
        del body["client_secret"]
    request = urllib.request.Request(f"{known['FINQ_URL']}/v1{path}", json.dumps(body).encode(), {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=20, context=ssl.create_default_context(cafile=known["FINQ_CA"])) as answer:
            return json.load(answer)
    except urllib.error.HTTPError as refused:
        return json.load(refused)


def card(skill):
    name = urllib.parse.quote(skill["name"])
    others = " · ".join(f'<a lang="{code}" href="/try?skill={name}&amp;language={code}">{word}</a>' for code, word in LANGUAGES.items())
    return (f"<li><h2>{html.escape(skill['title'])}</h2><p class=quiet>{html.escape(skill.get('description', ''))}</p>"
            f"<p>{others}</p><a class=button href='/try?skill={name}'>Try it</a></li>")


def customers():
    """As the manual lists them."""
    told = (pathlib.Path(__file__).parents[1] / "conf/manual/accounts.md").read_text()
    rows = re.findall(r"^\| (1\d{3}) \| (.+) \|$", told, re.MULTILINE)
    return "".join(f"<tr><th scope=row>{number}</th><td>{html.escape(what).replace('`', '')}</td></tr>" for number, what in rows)


def index():
    skills = "".join(card(skill) for skill in call("/catalogs/skills"))
    return FRAME.format(title="mod_finq", content=f"""<h1>Onboardings to click through</h1>
<p class=quiet>Each opens a page that mod_finq itself serves, as POST /v1/pages makes it. Any answer and any picture will do; at the
sandbox bank, any customer number and PIN.</p><ul class=cards>{skills}</ul>
<h2>The sandbox bank's customers</h2><p class=quiet>Some have a bank that is difficult: sign in with their number to see how account
data of theirs are taken.</p><table>{customers()}</table>
<p><a href="/v1/openapi.json">The API's description</a> · <a href="/finq/metrics">Metrics</a> · <a href="/finq/health/ready">Health</a></p>""")


def done(query):
    told = call("/token", temp_token=query["temp_token"]) if "temp_token" in query else query
    shown = html.escape(re.sub(r'("access_token": ")[^"]+', r"\1…", json.dumps(told, indent=2, ensure_ascii=False)))
    return FRAME.format(title="Back at the tenant", content=f"""<h1>Back at the tenant</h1>
<p class=quiet>The person is here again. This is what the tenant's server now has:</p><pre>{shown}</pre><p><a href="/">Another one</a></p>""")


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        link = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(link.query))
        if link.path == "/try" and "skill" in query:
            return self._begin(query)
        page = index() if link.path == "/" else done(query) if link.path == "/done" else None
        return self._send(200 if page else 404, (page or FRAME.format(title="Nothing", content="<h1>Nothing is here</h1>")).encode())

    def _begin(self, query):
        wanted = {name: query[name] for name in ("skill", "language") if name in query}
        made = call("/pages", return_link=environment()["FINQ_URL"] + "/done", **wanted)
        return self._send(303, b"", Location=made["url"]) if "url" in made else self._send(400, json.dumps(made).encode())

    def _send(self, status, body, **headers):
        self.send_response(status)
        for name, value in {"Content-Type": "text/html; charset=utf-8", "Content-Length": str(len(body)), "Cache-Control": "no-store",
                            **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    http.server.ThreadingHTTPServer(("127.0.0.1", int(sys.argv[1])), _Handler).serve_forever()
