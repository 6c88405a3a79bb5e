"""A private certificate authority and the server's certificate, made with openssl's command."""
import pathlib

from .process import run


def _key():
    return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"]


class Authority:
    """Files under `directory`: ca.pem (for clients), ca.key, and NAME.pem with NAME.key per server."""

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.certificate = self.directory / "ca.pem"
        self._key_file = self.directory / "ca.key"

    def create(self):
        """Makes the authority unless it is there."""
        self.directory.mkdir(parents=True, exist_ok=True)
        if not self.certificate.exists():
            run("openssl", "req", "-x509", *_key(), "-days", 3650, "-subj", "/CN=mod_finq private test authority",
                "-addext", "basicConstraints=critical,CA:TRUE,pathlen:0", "-addext", "keyUsage=critical,keyCertSign",
                "-keyout", self._key_file, "-out", self.certificate)
        return self

    def issue(self, name, hosts=()):
        """A certificate for localhost, the loopback addresses and `hosts`. Returns (certificate, key)."""
        self.create()
        certificate, key = self.directory / f"{name}.pem", self.directory / f"{name}.key"
        if not certificate.exists():
            request = self.directory / f"{name}.csr"
            names = ",".join(["DNS:localhost", "IP:127.0.0.1", "IP:::1", *(f"DNS:{host}" for host in hosts)])
            run("openssl", "req", "-new", *_key(), "-subj", f"/CN={name}", "-addext", f"subjectAltName={names}",
                "-addext", "basicConstraints=critical,CA:FALSE", "-addext", "extendedKeyUsage=serverAuth",
                "-keyout", key, "-out", request)
            run("openssl", "x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._key_file,
                "-CAcreateserial", "-days", 825, "-copy_extensions", "copy", "-out", certificate)
            request.unlink()
        return certificate, key
