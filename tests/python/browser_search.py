"""Searching a room, all rooms, and direct messages, on a desk and on a phone."""

import re
import urllib.parse

from browser import *

PASSWORD = "long enough"


def account(browser, where, name, **options):
    form = urllib.parse.urlencode({"nickname": name, "password": PASSWORD}).encode()
    urllib.request.urlopen(f"http://{where.web}/auth/register", form)
    page = new_page(browser, where.web, **options)
    page.get_by_role("tab", name="Log in").click()
    page.get_by_label("Nickname").fill(name)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Log in").click()
    online(page)
    return page


def search(page, words):
    field = page.get_by_label("Words to find")
    field.fill(words)
    field.press("Enter")


def many(page):
    """More than come at once are found, and older ones on request."""
    page.get_by_role("button", name="Search this room").click()
    search(page, "tide")
    found = page.locator("#aside .found button")
    expect(found).to_have_count(50)
    page.get_by_role("button", name="Older ones").click()
    expect(found).to_have_count(60)
    expect(found.last).to_contain_text("tide 0 ")
    expect(page.get_by_role("button", name="Older ones")).to_be_hidden()
    # One looks like a result, in two lines beside a picture.
    assert found.first.evaluate("one => getComputedStyle(one).display") == "grid"


def everywhere(page):
    page.get_by_label("In all my rooms").check()
    search(page, "needle")
    found = page.locator("#aside .found button")
    expect(found).to_have_count(2)
    expect(page.locator("#aside .found .where")).to_have_text(["#global", "#dev"])
    expect(page.locator("#aside .summary")).to_contain_text("2 messages in your rooms")
    found.first.click()
    expect(page.get_by_role("heading", name="global", exact=True)).to_be_visible()
    expect(page.locator(".entry.found")).to_contain_text("needle for all")
    # What is found looks as it did before.
    author = page.locator(".entry.found .author")
    assert author.evaluate("one => getComputedStyle(one).display") != "grid"


def direct(page, other):
    """Direct messages by parts of words. What is typed after the key for searching is said to no one."""
    page.keyboard.press("Control+F")
    page.keyboard.type("eedl")
    page.keyboard.press("Enter")
    expect(page.locator("#aside .summary")).to_contain_text(f"your messages with {other}")
    expect(page.locator("#stream .text", has_text=re.compile("^eedl$"))).to_have_count(0)
    expect(page.locator("#aside .found button")).to_have_count(1)
    page.locator("#aside .found button").click()
    expect(page.locator(".entry.found")).to_contain_text("a needle between us")


def main():
    where = site()
    with chromium() as browser:
        bob = account(browser, where, "bob")
        join(bob, "dev")
        carol = Telnet(where.telnet, "carol", "dev")
        say(bob, "needle in dev")
        heard(bob, "needle in dev")
        for number in range(60):
            carol.send(f"tide {number} is high")
        open_room(bob, "global")
        say(bob, "needle for all")
        heard(bob, "needle for all")
        for size, name, touch in ((DESKTOP, "ada", False), (PHONE, "eve", True)):
            page = account(browser, where, name, size=size, has_touch=touch, is_mobile=touch)
            join(page, "dev")
            heard(page, "tide 59")
            many(page)
            everywhere(page)
            say(page, "/msg @bob a needle between us")
            heard(page, "a needle between us")
            expect(page.locator("#stream .row.sending, #stream .row.waiting")).to_have_count(0)
            direct(page, "bob")
            assert page.mistakes == [], page.mistakes
            page.context.close()


if __name__ == "__main__":
    main()
