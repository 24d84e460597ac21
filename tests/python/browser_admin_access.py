"""The administrators' page with the keyboard alone, with ten thousand entries, light and dark, and under
axe."""

from pathlib import Path

from accessible import check
from admin import *

VIEWS = ["Overview", "People", "Accounts", "Channels", "Bans", "Tokens", "Hooks", "Log", "Messages", "Announce"]
PICTURES = Path(__file__).parents[2] / "target/screenshots"
MANY = 10_000


def tab_to(page, wanted, most=80):
    """Presses Tab until the element with this name has the focus."""
    for _ in range(most):
        page.keyboard.press("Tab")
        name = page.evaluate("document.activeElement.getAttribute('aria-label') ?? document.activeElement.textContent.trim()")
        if name == wanted:
            return
    raise AssertionError(f"Tab never came to {wanted!r}")


def keyboard(browser, where, ada):
    page = open_admin(browser, where)
    expect(page.get_by_label("Admin token")).to_be_focused()
    page.keyboard.insert_text(where.admin_token)
    page.keyboard.press("Enter")
    expect(tile(page, "People on")).to_have_text("2")
    slider = page.get_by_role("slider", name="Connections, value by time")
    expect(slider).not_to_have_attribute("aria-valuemax", "0")
    tab_to(page, "Connections, value by time")
    page.keyboard.press("Home")
    expect(slider).to_have_attribute("aria-valuenow", "0")
    page.keyboard.press("ArrowRight")
    expect(slider).to_have_attribute("aria-valuenow", "1")
    page.keyboard.press("Escape")
    tab_to(page, "People")
    page.keyboard.press("Enter")
    expect(row_of(page, "bob")).to_be_visible()
    tab_to(page, "Ban bob")
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_label("Reason")).to_be_focused()
    page.keyboard.press("Escape")
    expect(dialog).to_have_count(0)
    expect(page.get_by_role("button", name="Ban bob")).to_be_focused()
    tab_to(page, "Log")
    page.keyboard.press("Enter")
    ada.send("chosen with the arrows")
    expect(log_rows(page).last).to_contain_text("chosen with the arrows")
    tab_to(page, "Log entries, newest last")
    page.keyboard.press("ArrowUp")
    expect(page.locator(".details")).to_contain_text("chosen with the arrows")
    page.keyboard.press("Escape")
    expect(page.locator(".details")).to_be_hidden()
    assert page.mistakes == [], page.mistakes
    page.context.close()


def assistive(browser, where):
    PICTURES.mkdir(parents=True, exist_ok=True)
    grounds = set()
    for scheme in ("light", "dark"):
        # axe inserts its own script into the page.
        page = open_admin(browser, where, color_scheme=scheme, bypass_csp=True, reduced_motion="reduce")
        check(page, f"sign-in, {scheme}")
        sign_in(page, where)
        for view in VIEWS:
            go(page, view)
            if view in ("People", "Channels"):
                expect(page.locator("tbody tr").first).to_be_visible()
            if view == "Overview":
                expect(tile(page, "People on")).to_have_text("2")
            if view == "Log":
                log_rows(page).last.click()
            check(page, f"{view}, {scheme}")
            page.screenshot(path=PICTURES / f"admin-{view.lower()}-{scheme}.png")
        go(page, "People")
        page.get_by_role("button", name="Ban bob").click()
        check(page, f"ban, {scheme}")
        page.keyboard.press("Escape")
        go(page, "Overview")
        page.get_by_role("button", name="As a table").click()
        check(page, f"table, {scheme}")
        page.set_viewport_size(PHONE)
        for view in ("Overview", "People", "Log"):
            go(page, view)
            check(page, f"{view} on a phone, {scheme}")
            page.screenshot(path=PICTURES / f"admin-{view.lower()}-phone-{scheme}.png")
        grounds.add(page.evaluate("getComputedStyle(document.body).backgroundColor"))
        page.context.close()
    assert len(grounds) == 2, grounds


def many(browser, where, ada):
    page = open_admin(browser, where)
    sign_in(page, where)
    go(page, "Log")
    expect(page.locator(".live")).to_have_text("Live")
    for batch in range(0, MANY + 1000, 1000):
        ada.send("\r\n".join(f"entry {number}" for number in range(batch, batch + 1000)))
        ada.hears(f"entry {batch + 999}")
        expect(log_rows(page).last).to_contain_text(f"entry {batch + 999}")
    expect(page.locator(".tail-head")).to_contain_text(f"{MANY:,} entries")
    # Only visible rows are in the document.
    assert log_rows(page).count() < 100
    box = page.get_by_role("listbox", name="Log entries")
    for number in (5, 3):
        box.evaluate("(box, part) => (box.scrollTop = box.scrollHeight / part)", number)
        expect(page.get_by_role("button", name="Jump to newest")).to_be_visible()
    # New entries do not move what is being read.
    before = middle(box)
    ada.send("one more")
    expect(page.locator(".newest")).to_contain_text("1 new")
    assert middle(box) == before
    page.locator(".newest").click()
    expect(log_rows(page).last).to_contain_text("one more")
    box.evaluate("box => (box.scrollTop = 0)")
    expect(log_rows(page).first).to_contain_text("entry 1001")
    page.context.close()


def middle(box):
    """The entry in the middle of the list, once it is drawn."""
    look = """box => {
        const { left, top } = box.getBoundingClientRect();
        return document.elementFromPoint(left + 400, top + 200)?.closest('[role=option]')?.textContent;
    }"""
    for _ in range(PATIENCE // 50):
        if found := box.evaluate(look):
            return found
        box.page.wait_for_timeout(50)
    raise AssertionError("no entry is drawn")


def main():
    where = site()
    with chromium() as browser:
        ada = Telnet(where.telnet, "ada", "dev")
        bob = Telnet(where.telnet, "bob", "dev")
        keyboard(browser, where, ada)
        assistive(browser, where)
        bob.socket.close()
        many(browser, where, ada)


main()
