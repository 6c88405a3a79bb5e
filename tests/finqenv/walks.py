"""Other people's clients of resumable uploads, from npm, on lines that are cut: tests/clients."""
import base64
import contextlib
import json
import os
import subprocess

from .places import ROOT
from .process import clean_environ
from .proxy import Proxy

PACKAGES = ("build/node/node_modules/esbuild", "build/node/node_modules/tus-js-client", "build/node/node_modules/tus-js-client-5",
            "build/node/node_modules/@uppy/core", "build/node/node_modules/@uppy/tus")
SOURCES = ROOT / "tests/clients"
# What packages of the older form expect to find, in a module.
REQUIRE = "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url)"
BUNDLER = ROOT / PACKAGES[0] / "bin/esbuild"


def bundle(name, directory, platform):
    """A program of tests/clients with all that it imports, in one file."""
    made = directory / f"{platform}-{name}"
    options = ("--format=esm", f"--banner:js={REQUIRE}") if platform == "node" else ("--format=iife",)
    subprocess.run(["node", BUNDLER, SOURCES / name, "--bundle", f"--platform={platform}", *options, "--log-level=error", f"--outfile={made}"],
                   check=True, env=clean_environ(HOME=str(directory), NODE_PATH=str(ROOT / "build/node/node_modules")))
    return made


class BadLine(Proxy):
    """A line to a server that is cut each time that its clients, all together, have sent so many bytes."""

    def __init__(self, target, cuts):
        self.cuts, self.sent = sorted(cuts), 0
        super().__init__(target)

    def _pass(self, data, client, server, is_question):
        is_cut = is_question and bool(self.cuts) and self.sent + len(data) >= self.cuts[0]
        if is_cut:
            data = data[:self.cuts.pop(0) - self.sent]
        self.sent += len(data) if is_question else 0
        super()._pass(data, client, server, is_question)
        if is_cut:
            raise ConnectionError("the line is cut")

    @property
    def url(self):
        return f"http://127.0.0.1:{self.port}"


def walk_of(user, url, client, file, document="film", size=100_000):
    """One walk: a document of a user, by a client, in pieces of a size."""
    headers = {"X-Finq-Client-Id": user.client.tenant.client_id, "X-Finq-Nonce": user.step_nonce, "X-Finq-Document": document}
    return {"client": client, "endpoint": f"{url}/v1/steps/{user.step_id}/upload", "headers": headers, "size": size, "type": file.media_type,
            "content": base64.b64encode(file.content).decode()}


@contextlib.contextmanager
def node(directory, **env):
    """walk(a walk) → what came of it, by one process of Node."""
    with subprocess.Popen(["node", bundle("node.mjs", directory, "node")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
                          env=clean_environ(HOME=str(directory), PATH=os.environ["PATH"], **env)) as process:
        def walk(what):
            process.stdin.write(json.dumps(what) + "\n")
            process.stdin.flush()
            return json.loads(process.stdout.readline())
        yield walk
        process.stdin.close()
