#!/usr/bin/python3
"""make demo: a user is onboarded by xyz_card_sbx_#1.0, of whose documents one comes in pieces, one is refused and one read by the back office, another by xyz_aisp_sbx_#2.0 and a bank's page, whose consent is then read,
used, renewed and deleted, and whose accounts are read and kept up with; a third orders two payments, of which one is settled and one rejected; the first is erased, with
a receipt. Every request and answer is shown. Stops all that it starts."""
import base64
import json
import socket
import sys
import time
import urllib.parse
from pathlib import Path

from finqenv import documents, sandbox
from finqenv.client import Document, Onboarding
from finqenv.httpd import Httpd
from finqenv.installation import DEMO_SKILLS, Installation
from finqenv.places import reachable
from finqenv.process import Failure, main, run, until
from finqenv.resumable import Tus
from finqenv.runs import Run
from finqenv.scanner import EICAR, Clamd
from finqenv.uploads import connect

CARD_SKILL, BANK_SKILL, PAYMENT_SKILL = "xyz_card_sbx_#1.0", "xyz_aisp_sbx_#2.0", "xyz_pisp_sbx_#1.0"
APP = "https://app.example.com"
PERSONAL_DATA = {"first_name": "Ana", "last_name": "Popescu", "email": "ana.popescu@example.com",
                 "phone": "+40712345678", "birth_date": "1990-04-17"}
PRODUCT_FORM = {"card": "gold", "limit": 5000, "currency": "RON", "monthly_income": "6500.00", "employment": "employed",
                "employer": "Example SRL", "iban": "RO49AAAA1B31007593840000"}
PAYEE = {"creditor": {"name": "Imobiliare"}, "creditor_account": {"iban": "RO09BCYP0000001234567890"}}
SHOWN_HEADERS = ("content-type", "authorization", "x-finq-client-id", "x-finq-client-secret", "x-finq-credentials-id", "x-finq-nonce",
                 "x-finq-document", "tus-resumable", "upload-length", "upload-offset")
TOLD_HEADERS = ("location", "upload-offset", "upload-length", "x-finq-upload-id")
# Where the back office reads documents: who it is, Apache says.
OFFICER, PASSWORD = "maria", "correct horse"
OFFICE = """
<Location "/documents">
    SetHandler finq-documents
    AuthType Basic
    AuthName "Documents"
    AuthUserFile "{passwords}"
    Require user maria
</Location>
"""
# A Location of the tenant's own, and how long a consent that opens it is remembered.
ACCOUNT = """
<Location "/account">
    AuthType finq
    Require finq-consent xyz_aisp_sbx_#2.0
</Location>
"""
REMEMBERED = 1
DAYS = 30
COLOURS = {"title": "1;36", "request": "1", "good": "1;32", "bad": "1;31", "quiet": "2"}


def paint(text, colour):
    return f"\033[{COLOURS[colour]}m{text}\033[0m" if sys.stdout.isatty() else text


def say(text, colour="title"):
    print(f"\n{paint(text, colour)}", flush=True)


def readable(body, headers):
    """JSON in lines; a web form as it is; of a file or a page, the size."""
    if headers.get("content-type") == sandbox.FORM["content-type"]:
        return body.decode()
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return paint(f"({len(body)} bytes)", "quiet")


def show(method, path, headers, body, answer):
    """Prints one request with its answer."""
    print(f"{paint('>', 'quiet')} {paint(f'{method} {path}', 'request')}")
    for name, value in headers.items():
        if name.lower() in SHOWN_HEADERS and value != "application/json":
            print(paint(f"> {name}: {value}", "quiet"))
    if body:
        print(readable(body, headers))
    print(f"{paint('<', 'quiet')} {paint(answer.status, 'good' if answer.status < 400 else 'bad')}"
          f" {paint('X-Request-Id: ' + answer.headers.get('x-request-id', 'none'), 'quiet')}")
    for name in TOLD_HEADERS:
        if name in answer.headers:
            print(f"{paint(f'< {name}:', 'quiet')} {answer.headers[name]}")
    print(readable(answer.body, answer.headers) if answer.body else "", flush=True)


def demand(answer, status=200):
    if answer.status != status:
        raise Failure(f"the answer should have been {status}, not {answer.status}")
    return answer


def send_in_pieces(installation, client, user):
    """By tus 1.0, as tus-js-client and Uppy do."""
    say("6. A photograph comes in three pieces; in the second the line is cut, and the third goes on where that has come to")
    file = documents.png("selfie.png", 2400, 3200)
    tus = Tus(user, "selfie", file.content, file.media_type)
    third = len(file.content) // 3
    demand(tus.create(), 201)
    demand(tus.send(third, 0), 204)
    held, sent = bytes_held(installation), file.content[third:third + third // 2]
    with connect(client) as line:
        line.sendall(tus.head_of(third, third) + sent)
        line.shutdown(socket.SHUT_WR)  # cut behind what was sent: to close it might take that along
        until(lambda: bytes_held(installation) > held + len(sent), what="what came before the cut")
    print(paint(f"> PATCH {tus.address}: the line was cut after {len(sent)} of {third} bytes", "request"))
    at = int(demand(tus.head(), 204).headers["upload-offset"])
    if not demand(tus.send(offset=at), 204).headers["x-finq-upload-id"]:
        raise Failure("the photograph was not stored")


def bytes_held(installation):
    """By the upload directory."""
    return sum(file.stat().st_size for file in Path(installation.httpd.settings.directives["FinqUploadDir"]).glob("2*/*"))


def refuse_harmful(user):
    say("7. A document that the scanner finds something in is refused, and nothing of it is kept; the one from before stands")
    harmful = Document("id_front.pdf", "application/pdf", documents.pdf().content + EICAR)
    refused = demand(user.upload("id_front", harmful), 415)
    if refused.code != "unsafe_document":
        raise Failure(f"it should have been unsafe_document, not {refused.code}")


def onboard(installation, client):
    """The card: the whole flow, with one refusal and one repetition."""
    user = Onboarding(client, CARD_SKILL)
    say("1. A session starts: client_id and client_app_key may live in a browser")
    demand(user.start(tenant_user_id="user-1"))
    say("2. A wrong nonce is refused, and spends nothing")
    good, user.nonce = user.nonce, user.nonce[:-4] + ("AAAA" if user.nonce[-4:] != "AAAA" else "BBBB")
    demand(user.submit("personal_data", PERSONAL_DATA), 401)
    user.nonce = good
    say("3. The first step: personal data")
    first = demand(user.submit("personal_data", PERSONAL_DATA))
    next_nonce = user.nonce
    say("4. The same request again, as after a lost answer: the same answer")
    user.nonce = good
    if demand(user.submit("personal_data", PERSONAL_DATA)).body != first.body:
        raise Failure("the repeated request got another answer")
    user.nonce = next_nonce
    say("5. Its documents: one as the body itself, one as a form")
    demand(user.upload("id_front", documents.png("id_front.png", 86, 54)))
    demand(user.upload("selfie", documents.png("selfie.png", 48, 64, 0xA0), form=True))
    send_in_pieces(installation, client, user)
    refuse_harmful(user)
    say("8. The last step: the product. Its answer holds the temp_token")
    demand(user.submit("product_form", PRODUCT_FORM))
    say("9. The last step's document, after the temp_token was issued")
    demand(user.upload("income_proof", documents.pdf("income_proof.pdf"), form=True))
    say("10. The tenant's server exchanges the temp_token: client_secret stays on servers")
    demand(user.exchange("/token"))
    return user


def show_file(path, sent):
    """What who has the disk alone would see."""
    content = path.read_bytes()
    for at in range(0, 64, 16):
        print(paint(" ".join(f"{byte:02x}" for byte in content[at:at + 16]), "quiet"))
    if any(sent[at:at + 8] in content for at in range(0, len(sent) - 8, 8)):
        raise Failure(f"{path} can be read")


def read_document(installation, client, user):
    """The back office, which Apache has authenticated; what lies on the disk is sealed."""
    officer = {"Authorization": "Basic " + base64.b64encode(f"{OFFICER}:{PASSWORD}".encode()).decode()}
    say("11. The tenant's back office asks which documents the session has")
    listed = demand(client.request("GET", f"/documents/sessions/{user.session_id}", b"", officer)).json
    upload_id = next(one["upload_id"] for one in listed if one["document"] == "income_proof")
    say("12. On the disk they are sealed: the first bytes of one")
    sent = documents.pdf("income_proof.pdf").content
    show_file(next(Path(installation.httpd.settings.directives["FinqUploadDir"]).glob(f"2*/{upload_id}")), sent)
    say("13. It reads the document, as it was sent; the audit trail has a line of that")
    if demand(client.request("GET", f"/documents/{upload_id}", b"", officer)).body != sent:
        raise Failure("the document is another than the one that was sent")
    say("14. Nobody else does")
    demand(client.request("GET", f"/documents/{upload_id}", b"", {}), 401)


def submit_sca(user):
    """The step whose connector answers with the bank's page. Returns the page's address."""
    return demand(user.submit("sca", {"psu_redirect_link": f"{APP}/done?from=bank"}))["data"]["url"]


def return_with_token(client, user, path):
    answer, parameters = sandbox.come_back(client, path)
    demand(answer, 302)
    user.temp_token = parameters["temp_token"]


def visit_bank(client):
    """The account: a connector decides, after the user has been at the bank. Returns the consent's credentials."""
    user = Onboarding(client, BANK_SKILL)
    say("15. Another user, another skill: its step sends the user to the bank first")
    demand(user.start(tenant_user_id="user-2"))
    say("16. The step says where the user comes back to. Its connector answers with the bank's page")
    page = submit_sca(user)
    say("17. The browser opens the page")
    link = urllib.parse.urlsplit(page)
    demand(client.request("GET", f"{link.path}?{link.query}"))
    say("18. The user logs in and approves: the bank sends the browser back to the API")
    path = sandbox.choose(client, page, "approve", "1000", ("current", "savings"))
    say("19. The API asks the connector again, and sends the browser to the app, with the temp_token")
    return_with_token(client, user, path)
    say("20. The tenant's server exchanges it, as before")
    return demand(user.exchange("/token")).json


def open_account(client, credentials):
    """A request to the tenant's own Location."""
    return client.request("GET", "/account/balance.json", b"", {
        "Authorization": f"Bearer {credentials['access_token']}", "X-Finq-Credentials-Id": credentials["credentials_id"],
        "X-Finq-Client-Id": client.tenant.client_id, "X-Finq-Client-Secret": client.tenant.client_secret})


def renew(client, credentials):
    """The user goes to the bank once more. Returns the consent's new credentials."""
    user = Onboarding(client, BANK_SKILL)
    started = demand(client.consent("renew", credentials))
    user.session_id, user.nonce = started["session_id"], started["nonce"]
    return_with_token(client, user, sandbox.choose(client, submit_sca(user), "approve"))
    return demand(user.exchange("/token")).json


def read_accounts(client, installation, credentials):
    """What the bank tells of the accounts that the user shares: two of them, the last transactions, and what a day more brings."""
    say("21. The bank was asked when the user came back: the tenant's server reads the accounts, with their balances")
    accounts = demand(client.data("/accounts/get", credentials)).json
    if len(accounts) != 2:
        raise Failure(f"there should be two accounts, not {len(accounts)}")
    say("22. The closing balances alone")
    demand(client.data("/balances/get", credentials, filter={"type": "ClosingBooked"}))
    say(f"23. Transactions of the last {DAYS} days, newest first, by pages")
    since = time.strftime("%Y-%m-%dT00:00:00Z", time.gmtime(time.time() - DAYS * 86400))
    demand(client.data("/transactions/get", credentials, count=3, filter={"booking_date_gte": since, "credit_debit_indicator": "debit"}))
    say("24. The tenant keeps a copy: all of it once, by pages, of which this is the first, and a cursor for what comes")
    round_end = rest_of_round(client, credentials, demand(client.data("/transactions/sync", credentials, count=2)).json)
    say("25. A week passes at the sandbox bank. The server asks it by itself, a few times a day (its hour is now, here): the copy is told what is new")
    installation.finqctl("sandbox", "date", "--days", "7")
    installation.psql("UPDATE finq.feed SET due_at = now()")
    quietly(client, lambda: until(lambda: client.data("/transactions/sync", credentials, cursor=round_end, count=1)["access"]["used"], what="the refresh"))
    demand(client.data("/transactions/sync", credentials, cursor=round_end, count=2))
    say("26. A day later it is asked at once, since a person waits: what is new comes first")
    installation.finqctl("sandbox", "date", "--days", "1")
    demand(client.data("/transactions/get", credentials, count=3, wait=10, psu_ip_address="192.0.2.7"))


def quietly(client, call):
    """What it returns; its requests are not shown."""
    shown, client.seen = client.seen, None
    result = call()
    client.seen = shown
    return result


def rest_of_round(client, credentials, page):
    """The cursor behind all changes."""
    while page["has_more"]:
        cursor = page["next_cursor"]
        page = quietly(client, lambda: client.data("/transactions/sync", credentials, cursor=cursor, count=500).json)
    return page["next_cursor"]


def use_consent(client, installation, credentials):
    """The life of a consent."""
    say("27. The tenant's server reads the consent")
    demand(client.consent("get", credentials))
    say("28. A Location of Apache's, of files or behind a proxy, is opened by it: Require finq-consent")
    demand(open_account(client, credentials))
    say("29. The consent is renewed: another visit to the bank, the same credentials_id, a new access_token and a later end")
    renewed = renew(client, credentials)
    say("30. The new access_token opens the Location as well")
    demand(open_account(client, renewed))
    say("31. The consent is deleted")
    demand(client.consent("delete", renewed))
    say(f"32. Once it is no longer remembered ({REMEMBERED} s here), it opens nothing")
    quietly(client, lambda: until(lambda: open_account(client, renewed).status == 401, what="the deletion to be seen"))
    demand(open_account(client, renewed), 401)
    say("33. By itself the server has asked the bank to take back what it gave for the consent: nothing of that is left to do")
    left = "SELECT count(*) FROM finq.revocation"
    until(lambda: installation.psql(left) == "0", what="the bank's word")
    print(f"{paint('>', 'quiet')} {left}\n0", flush=True)


def order(number, amount, payee):
    """What is ordered; the cents tell the sandbox bank what is to become of it."""
    transfer = {"end_to_end_id": f"RENT-{number}", "instructed_amount": {"amount": amount, "currency": "RON"}, **payee,
                "remittance_information": {"unstructured": "Rent"}}
    return {"psu_redirect_link": f"{APP}/done?from=bank", "group_header": {"message_id": f"DEMO-{number}", "txs_no": 1},
            "payment_info": [{"payment_information_id": "RENT", "payment_method": "TRF", "credit_transfers": [transfer],
                              "debtor_account": {"iban": "RO49AAAA1B31007593840000"}}]}


def agree(client, user, data):
    """Orders a payment, and agrees at the bank. Returns the credentials that read it."""
    page = demand(user.submit("payment_intent", data))["data"]["url"]
    return_with_token(client, user, sandbox.choose(client, page, "approve"))
    return demand(user.exchange("/token")).json


def standing(client, credentials, phase):
    """How a payment stands, as is expected."""
    payment = demand(client.data("/payments/get", credentials)).json
    if payment["phase"] != phase:
        raise Failure(f"the payment should be {phase}, not {payment['phase']}")


def pay(client, installation):
    """A payment that is settled, and one that is rejected."""
    user = Onboarding(client, PAYMENT_SKILL)
    say("34. A third user pays. The bank knows the payee's account under a name that is close to this one, and says so")
    demand(user.start(tenant_user_id="user-3"))
    demand(user.submit("payee_check", {**PAYEE, "instructed_amount": {"amount": "1250.04", "currency": "RON"}}), 400)
    say("35. Under that name the account is the payee's (vop)")
    payee = {**PAYEE, "creditor": {"name": "Imobiliare SRL"}}
    demand(user.submit("payee_check", payee))
    say("36. The order is written down, and the user agrees at the bank")
    credentials = agree(client, user, order(1, "1250.02", payee))
    say("37. How it stands: in the bank's own code, and in a word. The bank has accepted it")
    standing(client, credentials, "accepted")
    say("38. A day passes at the sandbox bank. The servers ask it by themselves, at most once a minute, which is over here: it is settled")
    installation.finqctl("sandbox", "date", "--days", "1")
    installation.psql("UPDATE finq.payment SET next_at = now()")
    quietly(client, lambda: until(lambda: client.data("/payments/get", credentials)["phase"] == "settled", what="the payment to be settled"))
    standing(client, credentials, "settled")
    say("39. Its references are used: no second order is made with them, in whatever session")
    user = Onboarding(client, PAYMENT_SKILL)
    demand(user.start(tenant_user_id="user-3"))
    demand(user.submit("payee_check", payee))
    demand(user.submit("payment_intent", order(1, "1250.02", payee)), 400)
    say("40. Another order, for which there is not enough money: the user agrees, and the bank rejects it")
    credentials = agree(client, user, order(2, "9999.03", payee))
    standing(client, credentials, "rejected")
    say("41. What an operator sees of them")
    print(json.dumps(installation.finqctl("payment", "list"), indent=2), flush=True)


def erase_user(client, installation):
    """The card's user: all that is held, its end, and what proves it."""
    say("42. The tenant's server asks for all that is held of the first user, as that user may")
    demand(client.user("export", tenant_user_id="user-1"))
    say("43. The user is erased. The receipt says how much it was, and to nobody who")
    receipt = demand(client.user("erase", tenant_user_id="user-1"))["receipt"]
    say("44. Nothing is held any more")
    shown = demand(client.user("export", tenant_user_id="user-1")).json
    if any(shown[part] for part in shown if isinstance(shown[part], list)):
        raise Failure("something of the user is left")
    say("45. The receipt verifies with the public keys that anybody may have, on any machine")
    files = installation.directory / "keys.json", installation.directory / "receipt"
    files[0].write_bytes(demand(client.request("GET", "/v1/keys")).body)
    files[1].write_text(receipt)
    print(json.dumps(installation.finqctl("receipt", "verify", "--key", *files), indent=2), flush=True)


def prepare(installation, clamd):
    """Starts them, with a tenant. Returns the tenant's client."""
    say("Starting a private PostgreSQL, a private clamd that knows one signature, and a private httpd with TLS, which has a sandbox bank")
    clamd.start()
    installation.start()
    installation.publish_skills()
    tenant = installation.create_tenant("Demo tenant", (*DEMO_SKILLS, BANK_SKILL, PAYMENT_SKILL))
    installation.finqctl("tenant", "redirect-allow", tenant.client_id, APP)
    page = installation.httpd.documents / "account/balance.json"
    page.parent.mkdir()
    page.parent.chmod(0o755)
    page.write_text('{"balance": "1250.00", "currency": "RON"}')
    page.chmod(0o644)
    print(f"{installation.httpd.url}/v1, files in {installation.directory}")
    return installation.client(tenant, seen=show)


def walk(directory):
    passwords = reachable(directory / "office", Httpd.USER) / "passwords"
    passwords.write_text(f"{OFFICER}:{run('openssl', 'passwd', '-apr1', PASSWORD).stdout}")
    # larger than the largest document that a skill asks for
    clamd = Clamd(directory / "clamd", StreamMaxLength="16M", MaxFileSize="16M", MaxScanSize="32M")
    installation = Installation(directory, modules=("authn_core", "auth_basic", "authn_file", "authz_user"),
                                vhost=sandbox.BANK + ACCOUNT + OFFICE.format(passwords=passwords),
                                directives={"FinqCacheTTL": REMEMBERED, "FinqJanitorInterval": 1, "FinqScan": clamd.directive})
    try:
        client = prepare(installation, clamd)
        read_document(installation, client, onboard(installation, client))
        credentials = visit_bank(client)
        read_accounts(client, installation, credentials)
        use_consent(client, installation, credentials)
        pay(client, installation)
        erase_user(client, installation)
        client.close()
    except Failure:
        print("\n".join(installation.httpd.log.lines()[-20:]), file=sys.stderr)
        raise
    finally:
        installation.stop()
        clamd.stop()


def demo():
    with Run("demo") as run:
        walk(run.directory)
    say("All users are onboarded. Everything that was started has been stopped.", "good")


main(demo, "make demo")
