"""Signers of requests, each made with a library that is not ours: what a bank's tenant would run."""
import base64
import functools
import hashlib
import json
import subprocess
import time

import google.auth.crypt
import google.auth.jwt
import jwt
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from jwcrypto import jwk, jws

from .places import ROOT
from .process import Failure

AUDIENCE = "api.finqware.com"
JOSE = ROOT / "build/node/node_modules/jose"


def compact(body):
    """The form that a digest covers, by another way than the server's: the tokens of the text, one after another."""
    text, out, inside, escaped = body.decode("utf-8", "surrogateescape"), [], False, False
    for character in text:
        if inside or character not in " \t\r\n":
            out.append(character)
        inside ^= character == '"' and not escaped
        escaped = inside and character == "\\" and not escaped
    return "".join(out).encode("utf-8", "surrogateescape")


def digest(body, is_json=True):
    return base64.b64encode(hashlib.sha256(compact(body) if is_json else body).digest()).decode()


class Key:
    """A key pair with what tests and registrations want of it. OpenSSL checks the primes of each RSA key that it reads, which takes
    thirty times as long as a signature: a key is read once."""

    def __init__(self, private=None):
        self.private = private or rsa.generate_private_key(65537, 2048)
        self.public = self.private.public_key()

    @property
    def pem(self):
        return self.public.public_bytes(serialization.Encoding.PEM,
                                        serialization.PublicFormat.SubjectPublicKeyInfo).decode()

    @functools.cached_property
    def private_pem(self):
        return self.private.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8,
                                          serialization.NoEncryption()).decode()

    @functools.cached_property
    def jwk(self):
        return jwk.JWK.from_pem(self.private_pem.encode())

    def public_jwk(self, **members):
        return json.dumps({**json.loads(self.jwk.export_public()), **members})

    @functools.cached_property
    def thumbprint(self):
        return self.jwk.thumbprint()


def claims_of(issuer, body, is_json=True, **changes):
    now = int(time.time())
    claims = {"iat": now, "exp": now + 300, "iss": issuer, "sub": issuer, "email": issuer, "aud": AUDIENCE,
              "digest": digest(body, is_json), **changes}
    return {name: value for name, value in claims.items() if value is not None}


# -- four libraries, one shape: (key, header, claims) -> compact JWS

def by_pyjwt(key, header, claims):
    return jwt.encode(claims, key.private, algorithm="RS256", headers=header)


def by_jwcrypto(key, header, claims):
    token = jws.JWS(json.dumps(claims))
    token.add_signature(key.jwk, None, json.dumps({"alg": "RS256", **header}))
    return token.serialize(compact=True)


def by_google_auth(key, header, claims):
    signer = google.auth.crypt.RSASigner.from_string(key.private_pem, header.get("kid"))
    return google.auth.jwt.encode(signer, claims).decode()


def by_jose(key, header, claims):
    """npm's jose, in node."""
    program = """import { SignJWT, importPKCS8 } from 'jose';
let text = ''; for await (const piece of process.stdin) text += piece;
const { pem, header, claims } = JSON.parse(text);
const key = await importPKCS8(pem, 'RS256');
process.stdout.write(await new SignJWT(claims).setProtectedHeader({ alg: 'RS256', ...header }).sign(key));
"""
    if not JOSE.exists():
        raise Failure("npm's jose is not there: tests/install.sh test installs it")
    file = JOSE.parents[1] / "sign.mjs"
    file.write_text(program)
    done = subprocess.run(["node", file], input=json.dumps({"pem": key.private_pem, "header": header, "claims": claims}),
                          capture_output=True, text=True, check=True, cwd=file.parent)
    return done.stdout


MAKERS = {"PyJWT": by_pyjwt, "jwcrypto": by_jwcrypto, "google-auth": by_google_auth, "jose": by_jose}


def encoded(data):
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def handmade(key, header, claims, algorithm=hashes.SHA256):
    """A JWS of any header and payload (dicts, or bytes as they are), signed as RS256."""
    first, second = (part if isinstance(part, bytes) else json.dumps(part).encode() for part in (header, claims))
    text = f"{encoded(first)}.{encoded(second)}"
    return f"{text}.{encoded(key.private.sign(text.encode(), padding.PKCS1v15(), algorithm()))}"


class Signer:
    """Signs each request of a client with a JWS: Client(sign=Signer(…))."""

    def __init__(self, key, issuer, kid=None, maker=by_pyjwt, **changes):
        self.key, self.issuer, self.maker, self.changes = key, issuer, maker, changes
        self.kid = kid or key.thumbprint

    def __call__(self, _method, _url, headers, body):
        is_json = headers.get("content-type", "").endswith("json")
        claims = claims_of(self.issuer, body, is_json, **self.changes)
        if "jti" in self.changes and callable(self.changes["jti"]):
            claims["jti"] = self.changes["jti"]()
        return {"authorization": f"Bearer {self.maker(self.key, {'kid': self.kid}, claims)}"}


# -- RFC 9421, by the RFC's text and the cryptography package

def _sign_base(key, algorithm, base):
    if algorithm == "rsa-v1_5-sha256":
        return key.private.sign(base, padding.PKCS1v15(), hashes.SHA256())
    if algorithm == "rsa-pss-sha512":
        return key.private.sign(base, padding.PSS(padding.MGF1(hashes.SHA512()), 64), hashes.SHA512())
    if algorithm == "ecdsa-p256-sha256":
        r, s = decode_dss_signature(key.private.sign(base, ec.ECDSA(hashes.SHA256())))
        return r.to_bytes(32, "big") + s.to_bytes(32, "big")
    return key.private.sign(base)


def key_for(algorithm):
    if algorithm == "ecdsa-p256-sha256":
        return Key(ec.generate_private_key(ec.SECP256R1()))
    return Key(ed25519.Ed25519PrivateKey.generate()) if algorithm == "ed25519" else Key()


class MessageSigner:
    """Signs each request of a client as RFC 9421 says. `covered`, `hash` and the parameters may be changed."""

    def __init__(self, key, algorithm, keyid, covered=("@method", "@target-uri", "content-digest"), hash="sha-256",
                 **parameters):
        self.key, self.algorithm, self.keyid, self.covered = key, algorithm, keyid, covered
        self.hash, self.parameters = hash, parameters

    def __call__(self, method, url, headers, body):
        sums = ", ".join(f"{name}=:{base64.b64encode(hashlib.new(name.replace('-', ''), body).digest()).decode()}:"
                         for name in self.hash.split())
        path = url[url.index("/", 8):]
        values = {**headers, "@method": method, "@target-uri": url, "content-digest": sums, "@path": path.split("?")[0],
                  "@authority": url.split("/")[2], "@scheme": "https", "@request-target": path}
        parameters = {"created": int(time.time()), "keyid": self.keyid, "alg": self.algorithm, **self.parameters}
        shown = "".join(f";{name}={value}" if isinstance(value, int) else f';{name}="{value}"'
                        for name, value in parameters.items() if value is not None)
        listed = "(" + " ".join(f'"{name}"' for name in self.covered) + ")" + shown
        base = "".join(f'"{name}": {values[name]}\n' for name in self.covered) + f'"@signature-params": {listed}'
        signature = base64.b64encode(_sign_base(self.key, self.algorithm, base.encode())).decode()
        return {"content-digest": sums, "signature-input": f"sig={listed}", "signature": f"sig=:{signature}:"}
