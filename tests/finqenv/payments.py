"""Orders, skills that take them, and what the sandbox bank's ledger holds of them."""
import itertools

from .banking import definition, step

NAMES = itertools.count(1)
LINK, DEBTOR = "https://app.example/done", "RO49AAAA1B31007593840000"
RENT = {"creditor": {"name": "Imobiliare SRL"}, "creditor_account": {"iban": "RO09BCYP0000001234567890"}}


def paying(name, *steps):
    return {**definition(name, *steps), "type": "payment_initiation"}


PAY = paying("pay_sbx_#1.0", step("payment_intent", connector="bank"))
CHECKED = paying("checked_sbx_#1.0", step("payee_check", connector="bank"), step("payment_intent", connector="bank"))


def transfer(end_to_end_id="E-1", amount="1250.01", currency="RON", **more):
    return {"end_to_end_id": end_to_end_id, "instructed_amount": {"amount": amount, "currency": currency}, **RENT, **more}


def order(message_id=None, *transfers, link=None, payment_id="P-1", **more):
    """The data of a payment_intent; `more` goes into its one payment."""
    transfers = transfers or (transfer(),)
    header = {"group_header": {"message_id": message_id, "txs_no": len(transfers)}} if message_id else {}
    return {**header, **({"psu_redirect_link": link} if link else {}),
            "payment_info": [{"payment_information_id": payment_id, "payment_method": "TRF", "credit_transfers": list(transfers), **more}]}


def new_message():
    return f"M-{next(NAMES)}"


def visited(*transfers, debtor=DEBTOR, **more):
    """An order under a message_id of its own, whose user goes to the bank."""
    return order(new_message(), *transfers, link=LINK, **({"debtor_account": {"iban": debtor}} if debtor else {}), **more)


def ledger(installation, data):
    """The sandbox bank's orders of a message_id, newest first."""
    return installation.finqctl("sandbox", "ledger", "--message-id", data["group_header"]["message_id"])
