"""Debian's Chromium, for tests that drive it with Selenium."""
from selenium.webdriver.chrome.service import Service

from .process import clean_environ


def driver_service(directory):
    """Its driver. What Chromium keeps for itself goes into `directory`, a new one, and not into the caller's home."""
    directory.mkdir()
    return Service("/usr/bin/chromedriver", service_args=[f"--log-path={directory}/driver.log"],
                   env=clean_environ(HOME=str(directory)))
