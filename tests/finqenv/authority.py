"""A private certificate authority and the server's certificate, made with openssl's command."""
import pathlib

from .process import run


def _key():
    return ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-noenc"]


class Authority:
    """Files under `directory`: ca.pem (for clients), ca.key, and NAME.pem with NAME.key per server. A process makes one authority:
    later directories get copies of what it has issued, since making keys takes longer than starting a server."""

    _made = {}  # by the names of files

    def __init__(self, directory):
        self.directory = pathlib.Path(directory)
        self.certificate = self.directory / "ca.pem"
        self._key_file = self.directory / "ca.key"

    def create(self):
        """Makes the authority unless it is there."""
        self.directory.mkdir(parents=True, exist_ok=True)
        if not self.certificate.exists() and not self._copied(self.certificate, self._key_file):
            run("openssl", "req", "-x509", *_key(), "-days", 3650, "-subj", "/CN=mod_finq private test authority",
                "-addext", "basicConstraints=critical,CA:TRUE,pathlen:0", "-addext", "keyUsage=critical,keyCertSign",
                "-keyout", self._key_file, "-out", self.certificate)
            self._keep(self.certificate, self._key_file)
        return self

    def _copied(self, *files):
        """Whether this process has made such files, which are here now."""
        if not all(file.name in self._made for file in files):
            return False
        for file in files:
            file.touch(mode=0o600 if file.suffix == ".key" else 0o644)
            file.write_bytes(self._made[file.name])
        return True

    def _keep(self, *files):
        self._made.update({file.name: file.read_bytes() for file in files})

    def issue(self, name, hosts=()):
        """A certificate for localhost, the loopback addresses and `hosts`. Returns (certificate, key)."""
        self.create()
        certificate, key = self.directory / f"{name}.pem", self.directory / f"{name}.key"
        shared = self.certificate.read_bytes() == self._made.get(self.certificate.name)
        if not certificate.exists() and not (shared and self._copied(certificate, key)):
            request = self.directory / f"{name}.csr"
            names = ",".join(["DNS:localhost", "IP:127.0.0.1", "IP:::1", *(f"DNS:{host}" for host in hosts)])
            run("openssl", "req", "-new", *_key(), "-subj", f"/CN={name}", "-addext", f"subjectAltName={names}",
                "-addext", "basicConstraints=critical,CA:FALSE", "-addext", "extendedKeyUsage=serverAuth",
                "-keyout", key, "-out", request)
            run("openssl", "x509", "-req", "-in", request, "-CA", self.certificate, "-CAkey", self._key_file,
                "-CAcreateserial", "-days", 825, "-copy_extensions", "copy", "-out", certificate)
            request.unlink()
            if shared:
                self._keep(certificate, key)
        return certificate, key
