"""axe-core finds no serious problem in any view, light or dark."""

import re

from accessible import check
from browser import *


def governed(page, bob, scheme):
    """A room with an operator, in the operator's view and in that of someone who is removed."""
    name = f"lab-{scheme}"
    join(page, name)
    join(bob, name)
    operates(page)
    page.get_by_role("button", name="Set a topic").click()
    check(page, f"topic being edited, {scheme}")
    page.keyboard.type("Tea at https://example.org/")
    page.keyboard.press("Enter")
    expect(page.locator("#topic p")).to_be_visible()
    page.locator("#aside .people .row-button").filter(has_text="bob").click()
    check(page, f"person's menu, {scheme}")
    page.get_by_role("menuitem", name="Ban…").click()
    expect(page.get_by_role("dialog", name="Ban bob")).to_be_visible()
    check(page, f"ban, {scheme}")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Room actions").click()
    page.get_by_role("menuitem", name="Room settings…").click()
    expect(page.get_by_role("switch", name="Moderated")).to_be_visible()
    check(page, f"room settings, {scheme}")
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Room actions").click()
    page.get_by_role("menuitem", name="Invite someone…").click()
    opened(page, f"Invite to #{name}", scheme)
    page.locator("#aside .people .row-button").filter(has_text="bob").click()
    page.get_by_role("menuitem", name="Remove from the room…").click()
    page.get_by_role("dialog", name="Remove bob").get_by_role("button", name="Remove", exact=True).click()
    expect(bob.locator(".banner.removed").first).to_be_visible()
    open_room(page, "dev")
    open_room(bob, "dev")


def opened(page, name, scheme):
    """A dialog is there, without serious findings, and closes."""
    expect(page.get_by_role("dialog", name=name)).to_be_visible()
    check(page, f"{name}, {scheme}")
    page.keyboard.press("Escape")
    expect(page.get_by_role("dialog")).to_have_count(0)


def dialogs(page, scheme):
    """What commands, menus and links open, and the bars above the message field."""
    for line, name in (("/away", "Away"), ("/whois @bob", "About bob")):
        say(page, line)
        opened(page, name, scheme)
    page.locator("#me").click()
    page.get_by_role("menuitem", name="Change nickname…").click()
    opened(page, "Change nickname", scheme)
    page.evaluate("location.hash = '#nowhere'")
    opened(page, "There is no room #nowhere", scheme)
    stored(page, "own")
    own = page.locator("#stream .row", has_text="own").last
    open_actions(page, own)
    check(page, f"message's menu, {scheme}")
    page.get_by_role("menuitem", name="Delete…").click()
    opened(page, "Delete the message", scheme)
    own.hover()
    own.get_by_role("button", name="Reply").click()
    check(page, f"answering, {scheme}")
    page.keyboard.press("Escape")
    open_actions(page, own)
    page.get_by_role("menuitem", name="Edit").click()
    check(page, f"editing, {scheme}")
    page.keyboard.press("Escape")


def main():
    where = site()
    with chromium() as browser:
        bob = enter(browser, where.web, "bob")
        join(bob, "dev")
        for text in ("> quoted\n@ada `code` https://example.org/ #global", "```\nblock\n```", "🎉", "line and line"):
            say(bob, text)
        for scheme in ("light", "dark"):
            # axe inserts its own script into the page.
            page = new_page(browser, where.web, color_scheme=scheme, bypass_csp=True, reduced_motion="reduce")
            for way in ("Guest", "Log in", "Register"):
                page.get_by_role("tab", name=way).click()
                check(page, f"{way}, {scheme}")
            page.get_by_role("button", name="Create the account").click()
            expect(page.locator("[aria-invalid=true]").first).to_be_visible()
            check(page, f"mistakes, {scheme}")
            page.get_by_role("tab", name="Guest").click()
            page.get_by_label("Nickname").fill("ada" if scheme == "light" else "ada-dark")
            page.get_by_role("button", name="Enter").click()
            online(page)
            page.get_by_role("button", name="Browse or create rooms").click()
            check(page, f"rooms, {scheme}")
            page.get_by_role("button", name="Join #dev", exact=True).click()
            heard(page, "line and line")
            say(page, "own")
            announce(where, "Soup is ready.")
            expect(page.locator(".banner.announcement")).to_be_visible()
            check(page, f"room, {scheme}")
            composer(page).press_sequentially("/")
            expect(page.locator("#completion")).to_be_visible()
            check(page, f"completion, {scheme}")
            composer(page).fill("")
            page.get_by_role("button", name="Insert an emoji").click()
            expect(page.locator(".emoji-grid button").first).to_be_visible()
            check(page, f"emoji, {scheme}")
            page.keyboard.press("Escape")
            for key, name in (("Control+K", "jump"), ("Control+/", "help")):
                page.keyboard.press(key)
                expect(page.get_by_role("dialog")).to_be_visible()
                check(page, f"{name}, {scheme}")
                page.keyboard.press("Escape")
            page.locator("#me").click()
            check(page, f"settings, {scheme}")
            page.keyboard.press("Escape")
            dialogs(page, scheme)
            governed(page, bob, scheme)
            page.get_by_role("button", name="Search this room").click()
            page.get_by_label("Words to find").fill("line")
            page.get_by_label("Words to find").press("Enter")
            expect(page.locator("#aside .found button")).to_have_count(1)
            check(page, f"search, {scheme}")
            say(page, "/msg @bob psst")
            expect(page.get_by_role("heading", name="bob", exact=True)).to_be_visible()
            check(page, f"direct, {scheme}")
            page.get_by_role("button", name="Close the search").click()
            page.set_viewport_size(PHONE)
            check(page, f"phone, {scheme}")
            page.get_by_role("button", name=re.compile("All conversations")).click()
            check(page, f"list, {scheme}")
            # New messages are announced to screen readers.
            open_room(page, "dev")
            say(bob, f"said aloud, {scheme}")
            expect(page.locator("#announcer")).to_contain_text(f"bob: said aloud, {scheme}")
            page.context.close()


if __name__ == "__main__":
    main()
