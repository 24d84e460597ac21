"""More new messages than a page fetches at once: it says so, and leads to the first one."""

import urllib.parse

from browser import *

MANY = 3_300
BATCH = 300


def log_in(page, name, password):
    page.get_by_role("tab", name="Log in").click()
    page.get_by_label("Nickname").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    online(page)


def top(page):
    return page.locator("#stream .top")


def scroll_up_to(page, wanted):
    """Scrolls up until this comes: what is fetched is put above what is in view, by steps."""
    for _ in range(PATIENCE // 1000):
        page.locator("#stream").evaluate("box => (box.scrollTop = 0)")
        try:
            return expect(wanted).to_be_visible(timeout=1000)
        except AssertionError:
            pass
    expect(wanted).to_be_visible()


def in_view(page, text):
    expect(page.locator("#stream .text").get_by_text(text, exact=True)).to_be_in_viewport()


def main():
    where = site()
    form = urllib.parse.urlencode({"nickname": "ann", "password": "long enough"}).encode()
    urllib.request.urlopen(f"http://{where.web}/auth/register", form)
    with chromium() as browser:
        page = new_page(browser, where.web)
        log_in(page, "ann", "long enough")
        join(page, "dev")
        say(page, "the last one that I have read")
        heard(page, "the last one that I have read")
        join(page, "ops")
        page.context.close()
        tom = Telnet(where.telnet, "tom", "dev")
        for first in range(0, MANY, BATCH):
            tom.send("\r\n".join(f"new {number}" for number in range(first, first + BATCH)))
            tom.hears(f"new {first + BATCH - 1}")
        page = new_page(browser, where.web)
        log_in(page, "ann", "long enough")
        open_room(page, "dev")
        expect(top(page)).to_contain_text("There are more than 3,000 new messages")
        # Nothing is fetched unasked.
        assert page.locator("#stream .text", has_text="new 0").count() == 0
        earlier = top(page).get_by_role("button", name="Show earlier ones")
        earlier.click()
        expect(top(page).get_by_role("button")).to_have_count(0)
        scroll_up_to(page, earlier)
        top(page).get_by_role("button", name="Go to the first new one").click()
        in_view(page, "new 0")
        expect(page.locator("#stream .new-line")).to_be_in_viewport()
        in_view(page, "the last one that I have read")
        # There is no hole between it and the newest.
        page.locator("#below .button").first.click()
        in_view(page, f"new {MANY - 1}")
        assert page.mistakes == [], page.mistakes


main()
