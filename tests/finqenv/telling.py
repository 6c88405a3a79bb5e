"""A connector of the tests that tells account data."""
import threading
import time

ACCOUNT = {"account": "1", "account_schemes": [{"identification": "RO49AAAA1B31007593840000", "scheme_name": "IBAN"}], "currency": "RON"}


def booked(amount, **more):
    return {"account": "1", "amount": amount, "currency": "RON", "credit_debit_indicator": "debit", "status": "booked",
            "booking_date_time": "2026-02-02T00:00:00Z", **more}


class Telling:
    """`told` are the questions for data, in order; `amounts` what was booked; `thinks` how long it takes. The question of kind `hold` is
    `held`, and not answered until `go`. `says` may answer a question in the place of all that, None where it does not."""

    def __init__(self):
        self.told, self.amounts, self.thinks, self.hold = [], ["12.50"], 0, None
        self.held, self.go = threading.Event(), threading.Event()
        self.says = lambda question: None

    def answer(self, question, headers, connection):
        if question["event"] not in ("data", "revoke"):
            return {"verdict": "accepted", "reference": "r-1"}
        self.told.append(question)
        time.sleep(self.thinks)
        if self.hold and question.get("ask") == self.hold:
            self.held.set()
            self.go.wait(30)
        answer = self.says(question)
        if answer or question["event"] == "revoke":
            return answer or {"revoked": True}
        rows = {"accounts": [ACCOUNT], "balances": [], "transactions": [booked(amount) for amount in self.amounts]}
        return {question["ask"]: rows[question["ask"]]}
