"""Debian's Chromium, for tests that drive it with Selenium."""
import base64
import contextlib
import hashlib
import re
import ssl

from selenium import webdriver
from selenium.common.exceptions import NoSuchElementException, StaleElementReferenceException, WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By
from selenium.webdriver.support.ui import WebDriverWait

from .places import ROOT
from .process import clean_environ, run

PATIENCE = 60  # seconds; a browser is slow where the machine has much else to do
AXE = ROOT / "build/node/node_modules/axe-core/axe.min.js"  # where npm could bring it


def driver_service(directory):
    """Its driver. What Chromium keeps for itself goes into `directory`, a new one, and not into the caller's home."""
    directory.mkdir()
    return Service("/usr/bin/chromedriver", service_args=[f"--log-path={directory}/driver.log"],
                   env=clean_environ(HOME=str(directory), TMPDIR=str(directory)))


def chromium(directory, script=True, logs=("browser",), certificates="--ignore-certificate-errors", **more):
    """A browser that goes to this machine alone, with script or without; `directory`, a new one, is its home. `more` are
    Chromium's own options, such as mobileEmulation. It is Chromium's shell without windows, which costs a third of the
    processor's time; the driver makes the profile, since this shell opens no first page in one that it is given."""
    options = webdriver.ChromeOptions()
    for name, value in more.items():
        options.add_experimental_option(name, value)
    options.binary_location = "/usr/lib/chromium/chromium-headless-shell"  # the program: a driver would end the script around it alone
    for argument in ("--no-sandbox", "--disable-dev-shm-usage", "--disable-gpu", "--no-proxy-server", certificates,
                     "--host-resolver-rules=MAP * 127.0.0.1"):
        options.add_argument(argument)
    if not script:
        options.add_argument("--blink-settings=scriptEnabled=false")
    options.set_capability("goog:loggingPrefs", {log: "ALL" for log in logs})
    driver = webdriver.Chrome(service=driver_service(directory), options=options)
    driver.set_page_load_timeout(PATIENCE)
    return driver


def trusting(certificate):
    """What has Chromium take this certificate for a good one: of a server whose errors it ignores it keeps no page."""
    key = ssl.PEM_cert_to_DER_cert(run("openssl", "x509", "-in", certificate, "-noout", "-pubkey").stdout.replace("PUBLIC KEY", "CERTIFICATE"))
    return "--ignore-certificate-errors-spki-list=" + base64.b64encode(hashlib.sha256(key).digest()).decode()


def to_be_drawn(browser, width, height, scheme):
    """The window's size and colour scheme of a picture. Nothing moves any more, so that none is taken of a change under way."""
    browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": [
        {"name": "prefers-color-scheme", "value": scheme}, {"name": "prefers-reduced-motion", "value": "reduce"}]})
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False})


def picture(browser, file):
    """Of what is shown, as a PNG. The driver's own call may wait too long for a page that was just loaded."""
    file.write_bytes(base64.b64decode(browser.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})["data"]))


# What the driver says, in whichever class, of what was found or run on a page that was drawn anew meanwhile.
MOVED = re.compile("does not belong to the document|document unloaded|aborted by navigation|context was destroyed|Cannot find context")


class _Waiting(WebDriverWait):
    """While a page is drawn anew, what was found on the one before is no more, and a condition does not hold."""

    def until(self, condition, message=""):
        def holds(browser):
            try:
                return condition(browser)
            except (NoSuchElementException, StaleElementReferenceException):
                return False
            except WebDriverException as failure:
                if not MOVED.search(str(failure)):
                    raise
                return False
        return super().until(holds, message)


def waiting(browser):
    return _Waiting(browser, PATIENCE)


def gone(element):
    try:
        element.is_enabled()
        return False
    except Exception:  # stale, or of a document that is being replaced
        return True


@contextlib.contextmanager
def next_page(browser, what="the next page"):
    """Around what leads to another page: waits for that."""
    old = browser.find_element(By.TAG_NAME, "html")
    yield
    waiting(browser).until(lambda _: gone(old), what)


def silent(browser):
    """Nothing that a page did was against its own policy. Addresses hold sealed texts, which may have any letters."""
    complaints = [re.sub(r"https?://\S+", "", line["message"]) for line in browser.get_log("browser") if "favicon" not in line["message"]]
    assert not [line for line in complaints if "Content Security" in line or "Trusted" in line or "JS" in line], complaints


def accessible(browser):
    """axe-core finds nothing on the page that is shown."""
    found, = waiting(browser).until(lambda _: [browser.execute_async_script(
        f"{AXE.read_text()}; const done = arguments[0]; axe.run().then(told => done(told.violations))")], "axe-core")
    assert not [(one["id"], [node["html"] for node in one["nodes"]]) for one in found]


# A script that answers the elements whose text has a contrast below 4.5 (WCAG 2.2 AA).
CONTRAST = """
const light = c => { const [r, g, b] = c.match(/\\d+/g).map(Number).map(v => v / 255)
    .map(v => v <= .04045 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4); return .2126 * r + .7152 * g + .0722 * b }
const ground = e => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor
    if (c !== 'rgba(0, 0, 0, 0)') return c } return 'rgb(255, 255, 255)' }
return [...document.querySelectorAll('body *')]
    .filter(e => [...e.childNodes].some(n => n.nodeType === 3 && n.data.trim()))
    .filter(e => { const [a, b] = [light(getComputedStyle(e).color), light(ground(e))].sort((x, y) => y - x)
        return (a + .05) / (b + .05) < 4.5 }).map(e => e.outerHTML)
"""
