"""The sandbox bank, the way to a connector of one's own, and the visit of a user."""
import secrets
import urllib.parse

from .client import Onboarding
from .process import Failure

SKILL, LINK = "xyz_aisp_sbx_#2.0", "https://app.example/done"
MODULES = ("proxy", "proxy_http")
PERSON = {"wait": 5, "psu_ip_address": "192.0.2.1"}  # who is there: the bank is asked whatever its budget says
FORM = {"content-type": "application/x-www-form-urlencoded"}
CONNECTOR = """
ProxyPass /internal/{name} http://127.0.0.1:{port}/ask timeout={timeout} connectiontimeout=1 retry=0
FinqConnector {name} /internal/{name} "{secret}" {limit}
"""
PAGE = """
<Location "/sandbox">
    SetHandler finq-sandbox
    Require all granted
</Location>
"""
# The bank as it stands in the module: its page, and the connector that answers for it.
BANK = PAGE + "FinqConnector bank sandbox /sandbox\n"


def new_secret(file):
    """A file with a secret for a connector and the module."""
    file.touch(mode=0o600)
    file.write_text(secrets.token_hex(32) + "\n")
    return file


def choose(client, url, choice, customer="77", accounts=("current",)):
    """What the user does at the bank's page; returns the path that it sends the browser back to."""
    link = urllib.parse.urlsplit(url)
    form = {**dict(urllib.parse.parse_qsl(link.query)), "customer": customer, "pin": "1234", "choice": choice,
            **{account: "1" for account in accounts}}
    answer = client.request("POST", link.path, urllib.parse.urlencode(form).encode(), FORM)
    if answer.status != 303:
        raise Failure(f"the bank's answer should have been 303, not {answer.status}")
    back = urllib.parse.urlsplit(answer.headers["location"])
    return f"{back.path}?{back.query}"


def come_back(client, path):
    """The browser's return: (answer, parameters of the link that it is sent to)."""
    answer = client.request("GET", path)
    link = urllib.parse.urlsplit(answer.headers.get("location", ""))
    return answer, dict(urllib.parse.parse_qsl(link.query))


def agree(client, customer, renewed=None, accounts=("current", "savings"), **more):
    """The credentials of a customer who has consented at the bank, be it once more."""
    user = Onboarding(client, SKILL)
    if renewed:
        started = client.consent("renew", renewed)
        user.session_id, user.nonce = started["session_id"], started["nonce"]
    else:
        user.start(**more)
    page = user.submit("sca", {"psu_redirect_link": LINK})["data"]["url"]
    _, link = come_back(client, choose(client, page, "approve", customer, accounts))
    user.temp_token = link["temp_token"]
    return user.exchange().json
