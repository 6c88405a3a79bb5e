"""Payments of the example connector: one order an attempt, whatever is asked how often."""

CLOSE_MATCH, NO_MATCH = "Imobiliare S.R.L.", "Nobody"
RIGHT_NAME = "Imobiliare SRL"


class Ledger:
    """`orders` is the truth: {attempt: the order's data}. `says` is how each payment stands that was approved: a state of the protocol, or a
    function of the attempt."""

    def __init__(self):
        self.orders, self.refused, self.approved = {}, set(), set()
        self.says = {"status": "ACSP"}

    def state(self, attempt):
        if attempt not in self.approved:
            return {"status": "RCVD"}
        return self.says(attempt) if callable(self.says) else self.says

    def payee(self, data):
        """Verification of payee."""
        name = data["creditor"]["name"]
        if name == NO_MATCH:
            return {"verdict": "rejected", "details": [{"field": "/creditor/name", "message": "The account is another's."}]}
        if name == CLOSE_MATCH and not data.get("confirmed"):
            return {"verdict": "rejected", "details": [{"field": "/creditor/name", "message": f"The account is {RIGHT_NAME}'s."}]}
        return {"verdict": "accepted", "data": {"vop": "close_match" if name == CLOSE_MATCH else "match"}}

    def order(self, question, redirect):
        """The answer to an order, or to its user's return. `redirect` makes that of a visit."""
        attempt = question["attempt"]
        if attempt in self.refused:
            return {"verdict": "failed", "reasons": ["The order was given up."]}
        self.orders.setdefault(attempt, question["data"])
        if question["event"] == "submit" and question["state"] and attempt not in self.approved:
            return {**redirect(), "payment": self.state(attempt)}
        choice = (question["code"] or "approve").partition("-")[0]
        if choice not in ("approve", "slow", "later"):
            return {"verdict": "failed", "reasons": ["The bank did not confirm."], "payment": {"status": "CANC"}}
        self.approved.add(attempt)
        verdict = {"verdict": "pending"} if choice == "later" else {"verdict": "accepted"}
        return {**verdict, "payment": self.state(attempt), "reference": f"ORDER-{attempt[:8]}"}

    def look(self, question):
        """How a payment stands; one that never came will not be acted on."""
        attempt = question["attempt"]
        if attempt not in self.orders:
            self.refused.add(attempt)
            return {"payment": None}
        return {"payment": self.state(attempt)}
