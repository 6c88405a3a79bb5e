"""Payment orders, and what the sandbox bank's ledger holds of them."""
import copy
import secrets

from . import sandbox

DEBTOR, PAYEE = "RO49AAAA1B31007593840000", "DE89370400440532013000"


def transfer(amount="12.50", number=1, name="Imobiliare SRL", iban=PAYEE, currency="EUR"):
    return {"end_to_end_id": f"E{number}", "instructed_amount": {"amount": amount, "currency": currency}, "creditor": {"name": name},
            "creditor_account": {"iban": iban}, "remittance_information": {"unstructured": "Rent of March"}}


def order(*transfers, message_id=None, debtor=DEBTOR, **more):
    """A step's data; `more` goes into its one payment."""
    transfers = transfers or (transfer(),)
    payment = {"payment_information_id": "P1", "payment_method": "TRF", "credit_transfers": copy.deepcopy(list(transfers)), **more}
    if debtor:
        payment["debtor_account"] = {"iban": debtor}
    return {"psu_redirect_link": sandbox.LINK, "payment_info": [payment],
            "group_header": {"message_id": message_id or f"M-{secrets.token_hex(6)}", "txs_no": len(transfers)}}


def message_id(data):
    return data["group_header"]["message_id"]


def ledger(installation, data):
    """The orders of the message_id of a step's data, newest first."""
    return installation.finqctl("sandbox", "ledger", "--message-id", message_id(data))
