#!/usr/bin/python3
"""make pictures: writes conf/pictures/*.png, which README.md shows: the module's pages in Debian's Chromium."""
from selenium.webdriver.common.by import By

from finqenv import flows, pages
from finqenv.browser import chromium, to_be_drawn
from finqenv.installation import Installation
from finqenv.places import ROOT
from finqenv.process import main
from finqenv.runs import Run

FOLDER = ROOT / "conf/pictures"


def picture(driver, name, width, height, scheme):
    to_be_drawn(driver, width, height, scheme)
    driver.execute_cdp_cmd("Emulation.setScrollbarsHidden", {"hidden": True})
    driver.save_screenshot(str(FOLDER / f"{name}.png"))
    print(f"conf/pictures/{name}.png is written")


def show(driver, installation):
    tenant = installation.create_tenant("Aurora")
    client = installation.client(tenant)
    driver.get(pages.make(client, flows.CARD, language="en")["url"])
    picture(driver, "start", 760, 880, "light")
    driver.find_element(By.CSS_SELECTOR, "form button").click()
    driver.find_element(By.NAME, "/first_name").send_keys("Ana")
    driver.find_element(By.NAME, "/last_name").send_keys("Popescu")
    picture(driver, "step", 760, 880, "dark")
    client.close()


def draw():
    with Run("pictures") as run:
        installation = Installation(run.directory)
        driver = chromium(run.directory / "chromium")
        try:
            installation.start()
            installation.publish_skills()
            FOLDER.mkdir(exist_ok=True)
            show(driver, installation)
        finally:
            driver.quit()
            installation.stop()


main(draw, "make pictures")
