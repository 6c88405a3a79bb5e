"""How the database knows a person without their name: HKDF and HMAC by the documents, not by the module's own code."""
import hashlib
import hmac
import uuid


def derived(secret, purpose, length=32):
    """HKDF-SHA-256 (RFC 5869), without a salt."""
    key, block, made = hmac.digest(bytes(32), secret, "sha256"), b"", b""
    while len(made) < length:
        block = hmac.digest(key, block + purpose + bytes([len(made) // 32 + 1]), "sha256")
        made += block
    return made[:length]


def user_mac(data_key_file, client_id, tenant_user_id):
    """In the first key's words, as SQL takes it."""
    first = bytes.fromhex(data_key_file.read_text().split()[0])
    said = uuid.UUID(client_id).bytes + tenant_user_id.encode()
    return f"'\\x{hmac.new(derived(first, b'mod_finq data key person'), said, hashlib.sha256).hexdigest()}'"
