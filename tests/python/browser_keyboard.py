"""Everything works with the keyboard alone."""

from browser import *


def main():
    where = site()
    with chromium() as browser:
        other = enter(browser, where.web, "bob")
        join(other, "dev")
        say(other, "first")
        page = new_page(browser, where.web)
        keys = page.keyboard
        # The field already has the focus.
        keys.type("ada")
        keys.press("Enter")
        online(page)

        # Opens a room by a few letters, and goes back.
        keys.press("Control+K")
        expect(page.get_by_role("option", name="dev")).to_be_visible()
        expect(page.get_by_role("combobox", name="Jump to a room or person")).to_be_focused()
        keys.type("de")
        keys.press("Enter")
        expect(page.get_by_role("heading", name="dev", exact=True)).to_be_visible()
        keys.press("Alt+ArrowDown")
        expect(page.get_by_role("heading", name="global", exact=True)).to_be_visible()
        keys.press("Alt+ArrowUp")
        expect(page.get_by_role("heading", name="dev", exact=True)).to_be_visible()

        # Completes names, emoji and commands; enters lines; recalls sent
        # messages.
        expect(composer(page)).to_be_focused()
        expect(page.locator("#aside")).to_contain_text("bob")
        keys.type("hi @b")
        expect(page.get_by_role("option", name="bob")).to_be_visible()
        keys.press("Tab")
        keys.type(":tad")
        expect(page.get_by_role("option").first).to_contain_text(":tada:")
        keys.press("Enter")
        expect(composer(page)).to_have_value("hi @bob 🎉 ")
        keys.press("Shift+Enter")
        keys.type("line two")
        keys.press("Enter")
        heard(other, "hi @bob 🎉 \nline two")
        keys.press("ArrowUp")
        expect(composer(page)).to_have_value("hi @bob 🎉 \nline two")
        keys.press("ArrowDown")
        expect(composer(page)).to_have_value("")
        keys.type("/he")
        expect(page.get_by_role("option").first).to_contain_text("/help")
        keys.press("Tab")
        keys.press("Enter")
        expect(page.get_by_role("dialog")).to_contain_text("Keys and commands")
        keys.press("Escape")
        expect(page.get_by_role("dialog")).to_have_count(0)
        expect(composer(page)).to_be_focused()
        # A command that the page has no code for is asked of the server.
        keys.type("/se")
        expect(page.get_by_role("option", name="/seen")).to_be_visible()
        page.get_by_role("option", name="/seen").click()
        keys.type("@bob")
        keys.press("Escape")
        keys.press("Enter")
        toasted(page, "@bob is here now.")
        keys.type("/seen")
        keys.press("Escape")
        keys.press("Enter")
        expect(page.locator("#composer")).to_contain_text("How it is written: /seen @name")
        composer(page).fill("")

        # Goes through the messages and to the actions on one.
        keys.press("Shift+Tab")
        while not page.evaluate("document.activeElement.id === 'stream'"):
            keys.press("Shift+Tab")
        keys.press("ArrowUp")
        keys.press("ArrowUp")
        expect(page.locator(".row:focus")).to_contain_text("first")
        keys.press("?")
        expect(page.get_by_role("dialog")).to_be_visible()
        keys.press("Escape")
        expect(page.locator(".row:focus")).to_contain_text("first")
        keys.press("Enter")
        expect(page.get_by_role("menuitem", name="Reply")).to_be_focused()
        keys.press("ArrowDown")
        keys.press("ArrowDown")
        expect(page.get_by_role("menuitem", name="Quote")).to_be_focused()
        keys.press("Enter")
        expect(composer(page)).to_have_value("> first\n@bob ")
        composer(page).fill("")

        # Opens a user and goes back; searches; lists members; signs out.
        jump(page, "@bob")
        expect(composer(page)).to_be_focused()
        keys.type("psst")
        keys.press("Enter")
        expect(unread(other, "ada")).to_be_visible()
        for room in ("global", "dev"):
            keys.press("Alt+ArrowUp")
            expect(page.get_by_role("heading", name=room, exact=True)).to_be_visible()
        keys.press("Control+F")
        expect(page.get_by_label("Words to find")).to_be_focused()
        keys.type("first")
        keys.press("Enter")
        expect(page.locator("#aside .found button")).to_have_count(1)
        keys.press("Tab")
        if page.locator("#aside .found button:focus").count():
            keys.press("Enter")
            # The message takes the focus in the next frame.
            expect(page.get_by_role("log").locator(".row:focus")).to_have_count(1)
        else:
            keys.press("Tab")
        keys.press("Escape")
        keys.press("Escape")
        expect(composer(page)).to_be_focused()
        keys.type("/rooms")
        keys.press("Enter")
        dialog = page.get_by_role("dialog")
        expect(dialog.get_by_role("textbox")).to_be_focused()
        keys.type("made-by-key")
        keys.press("Enter")
        expect(page.get_by_role("heading", name="made-by-key", exact=True)).to_be_visible()
        expect(composer(page)).to_be_focused()
        keys.type("/leave")
        keys.press("Enter")
        keys.press("Enter")
        expect(row(page, "made-by-key")).to_have_count(0)
        expect(composer(page)).to_be_focused()
        expect(composer(page)).to_have_value("")
        keys.type("/nick ada-two")
        keys.press("Enter")
        expect(page.locator("#me .nickname")).to_have_text("ada-two")
        keys.type("/theme dark")
        keys.press("Enter")
        expect(page.locator("html")).to_have_attribute("data-theme", "dark")
        # Every element shows when it has the focus.
        for _ in range(12):
            keys.press("Tab")
            assert page.evaluate(SHOWN), page.evaluate("document.activeElement.outerHTML")
        keys.press("Escape")
        keys.type("/quit")
        keys.press("Enter")
        keys.press("Enter")
        expect(page.get_by_label("Nickname")).to_be_focused()
        assert page.mistakes == other.mistakes == [], page.mistakes + other.mistakes


SHOWN = """() => {
    const style = getComputedStyle(document.activeElement);
    const box = getComputedStyle(document.activeElement.closest('.box') ?? document.activeElement);
    return document.activeElement === document.body || style.outlineStyle !== 'none' || box.boxShadow !== 'none';
}"""

if __name__ == "__main__":
    main()
