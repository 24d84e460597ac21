"""On a phone: one pane at a time, nothing too wide, targets large enough for
fingers."""

import re

from browser import *


def fits(page):
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, f"{wide} pixels too wide"


def press_long(page, target, meanwhile=lambda: None):
    """Holds a finger on an element until its menu is there, and lifts it. The choice below the finger is not chosen by
    that, nor the one to begin with."""
    box = target.bounding_box()
    touch = page.context.new_cdp_session(page)
    point = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
    touch.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
    meanwhile()
    expect(page.get_by_role("menu")).to_be_visible()
    touch.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
    expect(page.get_by_role("menuitem").first).to_be_focused()


def a_message_is_pressed(page):
    target = page.locator("#stream .row", has_text="from a phone")
    press_long(page, target)
    # It stays when the finger is lifted, and closes at a touch beside it.
    expect(page.get_by_role("menuitem", name="Copy the text")).to_be_visible()
    page.locator("#talk-title").tap()
    expect(page.get_by_role("menu")).to_have_count(0)
    press_long(page, page.locator("#stream .row", has_text="a very_long"))
    page.get_by_role("menuitem", name="Reply").tap()
    bar = page.locator("#composer .editing", has_text="Reply to bob")
    expect(bar).to_be_visible()
    bar.get_by_role("button").tap()
    expect(bar).to_be_hidden()


def a_message_is_pressed_that_changes(page):
    """It is drawn anew and moves while the finger is down, before the press is long enough."""
    target = page.locator("#stream .row", has_text="from a phone")
    page.clock.install()
    old = target.element_handle()

    def meanwhile():
        page.evaluate("""row => {
            const { item } = row.closest(".entry");
            item.version = (item.version ?? 0) + 1;
        }""", old)
        composer(page).evaluate("field => { field.value = 'while pressed'; field.form.requestSubmit(); }")
        page.clock.run_for(100)
        heard(page, "while pressed")
        assert not old.evaluate("row => row.isConnected"), "it was not drawn anew"
        page.clock.run_for(1000)

    press_long(page, target, meanwhile)
    page.clock.resume()
    expect(page.get_by_role("menuitem", name="Edit")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.get_by_role("menu")).to_have_count(0)


def back_goes_back(page):
    """Through rooms, the column at the side, and to the list."""
    page.get_by_role("button", name="People", exact=True).tap()
    expect(page.locator("#aside")).to_be_visible()
    page.go_back()
    expect(page.locator("#aside")).to_be_hidden()
    expect(page.get_by_role("heading", name="dev", exact=True)).to_be_visible()
    page.locator("#stream .author", has_text="bob").first.tap()
    page.get_by_role("menuitem", name="Write to bob").tap()
    expect(page.get_by_role("heading", name="bob", exact=True)).to_be_visible()
    page.go_back()
    expect(page.get_by_role("heading", name="dev", exact=True)).to_be_visible()
    page.go_back()
    expect(page.locator("#side")).to_be_visible()
    page.go_forward()
    expect(page.get_by_role("heading", name="dev", exact=True)).to_be_visible()
    # The arrow leads to the same entry for the list as Back does.
    page.get_by_role("button", name="All conversations").tap()
    expect(page.locator("#side")).to_be_visible()
    page.go_forward()
    expect(page.locator("#talk")).to_be_visible()


def nothing_is_too_wide(page):
    """On the smallest phones."""
    page.set_viewport_size({"width": 320, "height": 568})
    fits(page)
    page.get_by_role("button", name="Room actions").tap()
    fits(page)
    page.get_by_role("menuitem", name=re.compile("Room settings|Rules of the room")).tap()
    expect(page.get_by_role("switch", name="Moderated")).to_be_visible()
    fits(page)
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Search this room").tap()
    fits(page)
    page.go_back()
    composer(page).fill("/help")
    page.get_by_role("button", name="Send", exact=True).tap()
    expect(page.get_by_role("dialog")).to_be_visible()
    fits(page)
    page.keyboard.press("Escape")
    for element in page.locator("#talk-head, #composer, #stream").all():
        box = element.bounding_box()
        assert box["x"] >= 0 and box["x"] + box["width"] <= 320, box
    page.get_by_role("button", name="All conversations").tap()
    fits(page)
    page.set_viewport_size(PHONE)


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
        stored(page, "from a phone")
        page.get_by_role("button", name="People", exact=True).tap()
        expect(page.locator("#aside")).to_contain_text("bob")
        fits(page)
        page.get_by_role("button", name="Close", exact=True).tap()
        a_message_is_pressed(page)
        a_message_is_pressed_that_changes(page)
        back_goes_back(page)
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
        # What concerns everybody stands above the list, too.
        announce(where, "closed on Monday")
        banner = page.get_by_role("alert").filter(has_text="closed on Monday")
        expect(banner).to_be_in_viewport(ratio=1)
        expect(page.locator("#me")).to_be_in_viewport(ratio=1)
        fits(page)
        banner.get_by_role("button", name="Dismiss").tap()
        expect(banner).to_have_count(0)
        expect(unread(page, "dev")).to_be_visible()
        for target in page.locator("#side button:visible").all():
            assert target.bounding_box()["height"] >= 40, target.inner_text()
        page.locator("#me").tap()
        page.get_by_role("menuitemradio", name="Dark").tap()
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        fits(page)
        # On a desk, Back goes through rooms as well.
        open_room(desk, "global")
        desk.go_back()
        expect(desk.get_by_role("heading", name="dev", exact=True)).to_be_visible()
        row(page, "dev").tap()
        expect(page.get_by_role("heading", name="dev", exact=True)).to_be_visible()
        nothing_is_too_wide(page)
        assert page.mistakes == [], page.mistakes


if __name__ == "__main__":
    main()
