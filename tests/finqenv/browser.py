"""Debian's Chromium, for tests that drive it with Selenium."""
from selenium.webdriver.chrome.service import Service

from .process import clean_environ


def driver_service(directory):
    """Its driver. What Chromium keeps for itself goes into `directory`, a new one, and not into the caller's home."""
    directory.mkdir()
    return Service("/usr/bin/chromedriver", service_args=[f"--log-path={directory}/driver.log"],
                   env=clean_environ(HOME=str(directory)))


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
