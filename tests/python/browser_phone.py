"""On a phone: one pane at a time, nothing too wide, targets large enough for
fingers."""

from browser import *


def fits(page):
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, f"{wide} pixels too wide"


def main():
    where = site()
    with chromium() as browser:
        desk = enter(browser, where.web, "bob")
        join(desk, "dev")
        say(desk, "a very_" + "long_" * 60 + "word and ```" + "code " * 60 + "```")
        page = new_page(browser, where.web, PHONE, has_touch=True, is_mobile=True)
        fits(page)
        page.get_by_label("Nickname").fill("ada")
        page.get_by_role("button", name="Enter").tap()
        online(page)
        fits(page)
        # First the list of conversations, then one of them.
        expect(page.locator("#side")).to_be_visible()
        expect(page.locator("#talk")).to_be_hidden()
        page.get_by_role("button", name="Browse or create rooms").tap()
        fits(page)
        page.get_by_role("button", name="Join #dev", exact=True).tap()
        expect(page.locator("#side")).to_be_hidden()
        heard(page, "a very_long")
        fits(page)
        assert composer(page).bounding_box()["height"] > 30, "the composer is squeezed"
        say(page, "from a phone")
        heard(desk, "from a phone")
        page.get_by_role("button", name="People", exact=True).tap()
        expect(page.locator("#aside")).to_contain_text("bob")
        fits(page)
        page.get_by_role("button", name="Close", exact=True).tap()
        page.locator("#stream .author", has_text="bob").tap()
        expect(page.get_by_role("menu")).to_be_in_viewport()
        fits(page)
        page.get_by_role("menuitem", name="Write to bob").tap()
        expect(page.get_by_role("heading", name="bob", exact=True)).to_be_visible()
        say(page, "psst")
        expect(unread(desk, "ada")).to_be_visible()
        # Back to the list, which marks the conversation with something new.
        say(desk, "for @ada")
        back = page.get_by_role("button", name="All conversations, 1 unread")
        back.tap()
        expect(unread(page, "dev")).to_be_visible()
        for target in page.locator("#side button:visible").all():
            assert target.bounding_box()["height"] >= 40, target.inner_text()
        page.locator("#me").tap()
        page.get_by_role("menuitemradio", name="Dark").tap()
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        fits(page)
        assert page.mistakes == [], page.mistakes


if __name__ == "__main__":
    main()
