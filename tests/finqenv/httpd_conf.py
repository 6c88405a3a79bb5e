"""The text of a private httpd's configuration."""
import dataclasses
import pathlib

# mod_status's page, for a virtual host of a server with modules=("status",).
STATUS = '<Location "/server-status">\nSetHandler server-status\nRequire all granted\n</Location>\n'
MODULES = ["authz_core", "reqtimeout", "socache_shmcb", "ssl", "dbd"]


@dataclasses.dataclass
class Site:
    """A further virtual host on the TLS port. `text` and `location` are httpd.conf lines."""
    name: str
    text: str = ""
    location: str = ""


@dataclasses.dataclass
class Settings:
    """What a test may choose. The freeform texts go where their names say."""
    port: int = 0                     # TLS; 0 takes a free one
    plain: bool = False               # a second port without TLS, for raw bytes and the benchmark
    plain_port: int = 0
    database: str = ""                # conninfo for mod_dbd; empty leaves the module without one
    dbd: tuple = (0, 8, 8)            # DBDMin, DBDKeep, DBDMax
    module: str = ""                  # mod_finq.so; empty leaves httpd without it
    directives: dict = dataclasses.field(default_factory=dict)  # Finq… of the whole server
    mpm: str = "event"
    modules: tuple = ()               # names of further httpd modules
    log_level: str = "info"
    children: int = 2
    threads: int = 16
    server: str = ""
    vhost: str = ""
    location: str = ""
    signed: str = ""                  # further lines of <Location /v1s>, which requires signatures
    hosts: tuple = ()                 # further Sites
    asan: bool = False
    clock: str = ""                   # how far its clock is from this machine's, as libfaketime reads it: +1h; or a file that says so as it runs


def module_directory():
    return pathlib.Path("/usr/lib/apache2/modules")


def _load(names):
    return "".join(f"LoadModule {name}_module {module_directory()}/mod_{name}.so\n" for name in names)


def _mpm(settings):
    return f"""
ServerLimit {settings.children}
StartServers {settings.children}
ThreadsPerChild {settings.threads}
ThreadLimit {settings.threads}
MaxRequestWorkers {settings.children * settings.threads}
MinSpareThreads 1
MaxSpareThreads {settings.children * settings.threads}
"""


def _frame(httpd, settings):
    return f"""
ServerRoot "{httpd.directory}"
ServerName localhost
User {httpd.USER}
Group {httpd.USER}
PidFile "{httpd.pid_file}"
DefaultRuntimeDir "{httpd.runtime}"
Mutex "default:{httpd.runtime}"
ErrorLog "{httpd.directory}/error.log"
LogLevel {settings.log_level}
ServerTokens Prod
Timeout 60
KeepAlive On
MaxKeepAliveRequests 0
KeepAliveTimeout 15
GracefulShutdownTimeout 30
RequestReadTimeout header=5-10,MinRate=1000 body=10-300,MinRate=8192
Protocols http/1.1
SSLSessionCache "shmcb:{httpd.runtime}/ssl(512000)"
DocumentRoot "{httpd.documents}"
<Directory />
    AllowOverride None
    Require all denied
</Directory>
<Directory "{httpd.documents}">
    Require all granted
</Directory>
"""


def _database(settings):
    if not settings.database and not settings.module:
        return ""
    least, keep, most = settings.dbd
    return f"""
DBDriver pgsql
DBDParams "{settings.database or 'host=127.0.0.1 port=9 dbname=nowhere'} connect_timeout=2 tcp_user_timeout=3000 \
options='-c statement_timeout=3000 -c lock_timeout=1000'"
DBDMin {least}
DBDKeep {keep}
DBDMax {most}
"""


def _word(value):
    """A path may hold spaces; another value is a directive's words."""
    return f'"{value}"' if isinstance(value, pathlib.Path) else value


def _finq(settings):
    if not settings.module:
        return ""
    lines = "".join(f"{name} {_word(value)}\n" for name, value in settings.directives.items())
    return f'LoadModule finq_module "{settings.module}"\n{lines}'


def _location(settings, more):
    handler = "SetHandler finq" if settings.module else ""
    signature = "FinqSignature required" if settings.module else ""
    page = "SetHandler finq-page" if settings.module else ""
    return f"""<Location "/v1">
    {handler}
    Require all granted
    {more}
</Location>
<Location "/v1s">
    {handler}
    {signature}
    Require all granted
    {more}
    {settings.signed}
</Location>
<Location "/onboarding">
    {page}
    Require all granted
</Location>"""


def _host(port, name, body):
    return f"""
<VirtualHost *:{port}>
ServerName {name}:{port}
{body}
</VirtualHost>
"""


def _tls(httpd, name):
    certificate, key = httpd.certificate_for(name)
    return f'SSLEngine on\nSSLCertificateFile "{certificate}"\nSSLCertificateKeyFile "{key}"\n'


def render(httpd, settings, addresses):
    """The whole httpd.conf of `httpd`, listening on `addresses`."""
    ports = [settings.port] + ([settings.plain_port] if settings.plain else [])
    listen = "".join(f"Listen {f'[{a}]' if ':' in a else a}:{port}\n" for a in addresses for port in ports)
    main = f"{settings.vhost}\n{_location(settings, settings.location)}"
    hosts = _host(settings.port, "localhost", _tls(httpd, "localhost") + main)
    hosts += _host(settings.plain_port, "localhost", main) if settings.plain else ""
    for site in settings.hosts:
        hosts += _host(settings.port, site.name,
                       f"{_tls(httpd, site.name)}{site.text}\n{_location(settings, site.location)}")
    return "\n".join([_load([f"mpm_{settings.mpm}", *MODULES, *settings.modules]), _mpm(settings), _frame(httpd, settings), listen,
                      _database(settings), _finq(settings), settings.server, hosts])
