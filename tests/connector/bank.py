"""What the example connector decides. A pure function of the question: the same attempt gets the same answer."""
import time
import urllib.parse

# What a step's data may ask for by its member `scenario`, without a bank's page between.
SCENARIOS = {
    "accept": {"verdict": "accepted", "data": {"reference": "XYZ-1"}},
    "reject": {"verdict": "rejected",
               "details": [{"field": "/scenario", "message": "The bank does not know this user."}]},
    "pend": {"verdict": "pending", "reasons": ["A clerk looks at it."]},
    "fail": {"verdict": "failed", "reasons": ["The bank declined."]},
}
REDIRECT_SECONDS = 600
# The sandbox page's code is "<choice>-<random>", and then "-<account>" for each that the user shares.
RETURNS = {
    "approve": {"verdict": "accepted"},
    "slow": {"verdict": "accepted"},
    "later": {"verdict": "pending", "reasons": ["The account's holder approves later."]},
}
DECLINED = {"verdict": "failed", "reasons": ["The bank did not confirm."]}


def choice_of(question):
    """What the user chose on the sandbox page; empty before the return."""
    return (question.get("code") or "").partition("-")[0]


def _visit(question):
    """What the page is told of the visit. Who asks is known by where the user goes afterwards."""
    told = {"state": question["state"], "redirect_uri": question["redirect_uri"]}
    link = urllib.parse.urlsplit(question["data"].get("psu_redirect_link", ""))
    if link.scheme:
        told |= {"asker": link.hostname or link.scheme,
                 "purpose": "payment" if question["step"] == "payment_intent" else "accounts"}
    return told


def _redirect(question, page):
    until = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + REDIRECT_SECONDS))
    return {"verdict": "redirect", "method": "GET", "url": f"{page}?{urllib.parse.urlencode(_visit(question))}", "headers": {},
            "expires_at": until}


def decide(question, page, ledger):
    """The answer to a question. `page` is the sandbox bank's address."""
    if question["event"] == "revoke":
        return {"revoked": True}
    if question["event"] == "payment":
        return ledger.look(question)
    if question.get("step") == "payee_check" and "creditor" in question["data"]:
        return ledger.payee(question["data"])
    if "payment_id" in question:
        return ledger.order(question, lambda: _redirect(question, page))
    if question["event"] == "return":
        answer, shared = RETURNS.get(choice_of(question), DECLINED), (question["code"] or "").split("-")[2:]
        return {**answer, "data": {"accounts": shared}} if shared and answer["verdict"] == "accepted" else answer
    scenario = question["data"].get("scenario")
    if scenario in SCENARIOS:
        return SCENARIOS[scenario]
    return _redirect(question, page) if question["state"] else SCENARIOS["accept"]
