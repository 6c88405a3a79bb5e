"""What users would write instead, with the same SQL functions on the same PostgreSQL: Node and PHP."""
import shutil
import socket
import subprocess

from finqenv.places import BUILD, ROOT, reachable
from finqenv.postgres import SERVER
from finqenv.process import clean_environ, free_port, kill_tree, run, until

from .site import CLIENTS, SKILL

NODE_POOL = 16  # connections of its two processes together
SOURCE = ROOT / "tests/bench"
NODE_MODULES = BUILD / "bench/node/node_modules"
PHP_MODULE = BUILD / "bench/php/libphp.so"

# mod_php is not safe in threads, so it has prefork, a process a connection: what is fastest for it.
PHP_CONFIG = """
LoadModule mpm_prefork_module /usr/lib/apache2/modules/mod_mpm_prefork.so
LoadModule authz_core_module /usr/lib/apache2/modules/mod_authz_core.so
LoadModule alias_module /usr/lib/apache2/modules/mod_alias.so
LoadModule env_module /usr/lib/apache2/modules/mod_env.so
LoadModule php_module "{module}"
ServerRoot "{directory}"
ServerName localhost
Listen 127.0.0.1:{port}
User www-data
Group www-data
PidFile "{directory}/httpd.pid"
DefaultRuntimeDir "{directory}"
Mutex "default:{directory}"
ErrorLog "{directory}/error.log"
LogLevel warn
StartServers {connections}
MinSpareServers {connections}
MaxSpareServers {connections}
MaxRequestWorkers {connections}
KeepAlive On
MaxKeepAliveRequests 0
SetEnv DATABASE "{database}"
SetEnv SECRET {secret}
SetEnv SKILL {skill}
SetEnv SKILL_ID {skill_id}
AliasMatch ^/v1 "{document}/api.php"
<Directory "{document}">
    SetHandler application/x-httpd-php
    AllowOverride None
    Require all granted
</Directory>
"""


def listening(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


class Node:
    name = "Node (fastify, pg; 2 processes)"

    @staticmethod
    def missing():
        return "" if shutil.which("node") and NODE_MODULES.is_dir() else "node or its packages are not there"

    def __init__(self, site, database):
        self.port = free_port()
        environ = {"PORT": self.port, "DATABASE": url(site), "SECRET": "bench", "CONNECTIONS": NODE_POOL,
                   "SKILL": (SOURCE / "skill.json").read_text(), "SKILL_ID": database.skill, "NODE_ENV": "production",
                   "NODE_PATH": NODE_MODULES}
        self.log = open(site.directory / "node.log", "w")
        self.process = subprocess.Popen(["node", SOURCE / "node/server.js"], cwd=site.directory, stdout=self.log, stderr=self.log,
                                        env=clean_environ(**{name: str(value) for name, value in environ.items()}))
        until(lambda: listening(self.port), what="Node to listen")

    def stop(self):
        kill_tree(self.process.pid)
        self.process.wait()
        self.log.close()


class Php:
    name = "PHP (mod_php, prefork)"

    @staticmethod
    def missing():
        return "" if PHP_MODULE.exists() else "mod_php is not there"

    def __init__(self, site, database):
        self.port, self.directory = free_port(), reachable(site.directory / "php", "www-data")
        document = reachable(self.directory / "document", "www-data")
        shutil.copy(SOURCE / "php/api.php", document)
        (document / "api.php").chmod(0o644)
        config = self.directory / "httpd.conf"
        config.write_text(PHP_CONFIG.format(
            module=PHP_MODULE, directory=self.directory, port=self.port, connections=CLIENTS, secret="bench", skill=f'"{SKILL}"',
            skill_id=database.skill, document=document, database=site.installation.postgres.conninfo(SERVER)))
        (self.directory / "php.ini").write_text(
            "extension=pgsql\nextension=apcu\nzend_extension=opcache\nopcache.enable=1\nopcache.validate_timestamps=0\n"
            "opcache.jit=tracing\nopcache.jit_buffer_size=32M\nexpose_php=0\ndisplay_errors=0\nvariables_order=S\n")
        environ = clean_environ(PHPRC=str(self.directory), PHP_INI_SCAN_DIR="")
        self.command = ["/usr/sbin/apache2", "-d", self.directory, "-f", config, "-k"]
        run(*self.command, "start", env=environ, cwd="/")
        until(lambda: listening(self.port), what="PHP's httpd to listen")

    def stop(self):
        pid = int((self.directory / "httpd.pid").read_text())
        kill_tree(pid)


def url(site):
    postgres = site.installation.postgres
    return f"postgresql://{SERVER}:{postgres.passwords[SERVER]}@127.0.0.1:{postgres.port}/finq"
