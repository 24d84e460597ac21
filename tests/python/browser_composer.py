"""Writing a message: drafts, quotes, keys of input methods, recalled and too long texts, on a desk and on a
phone."""

from browser import *

IME_ENTER = """(field) => field.dispatchEvent(new KeyboardEvent(
    "keydown", { key: "Enter", keyCode: 229, bubbles: true, cancelable: true }))"""


def on_a_desk(page, other):
    keys = page.keyboard
    # An input method ends its word with an Enter that is not for the page.
    composer(page).fill("日本")
    composer(page).evaluate(IME_ENTER)
    expect(composer(page)).to_have_value("日本")
    # A question mark and a bare at sign are characters like others.
    composer(page).fill("")
    keys.type("?")
    expect(composer(page)).to_have_value("?")
    keys.type(" noon @")
    keys.press("Enter")
    heard(other, "? noon @")
    keys.press("Control+/")
    expect(page.get_by_role("dialog", name="Keys and commands")).to_be_visible()
    keys.press("Escape")

    # What was recalled and then changed is not recalled away.
    say(page, "first of mine")
    say(page, "second of mine")
    stored(page, "second of mine")
    keys.press("ArrowUp")
    expect(composer(page)).to_have_value("second of mine")
    keys.type(", edited")
    keys.press("ArrowUp")
    expect(composer(page)).to_have_value("second of mine, edited")
    expect(page.locator("#composer")).to_contain_text("You are editing a message.")
    keys.press("Escape")
    expect(composer(page)).to_have_value("")
    # A quote has lines of its own, wherever the caret is.
    composer(page).fill("I think so")
    page.locator(".row", has_text="to be quoted").hover()
    page.locator(".row", has_text="to be quoted").get_by_role("button", name="Message actions").click()
    page.get_by_role("menuitem", name="Quote").click()
    expect(composer(page)).to_have_value("I think so\n> to be quoted\n@bob ")


def drafts_stay(page):
    """Each room has its own, also after a reload, and what the counter says is said of that."""
    counter = page.locator("#composer .counter")
    composer(page).fill("long " * 790)
    expect(counter).not_to_be_empty()
    open_room(page, "global")
    expect(counter).to_be_empty()
    open_room(page, "dev")
    expect(counter).not_to_be_empty()
    composer(page).fill("")
    composer(page).press_sequentially("for dev")
    open_room(page, "global")
    expect(composer(page)).to_have_value("")
    composer(page).press_sequentially("for all")
    page.reload()
    online(page)
    expect(composer(page)).to_have_value("for all")
    open_room(page, "dev")
    expect(composer(page)).to_have_value("for dev")
    # A command that opens another room is no draft of this one, and leaves the other's alone.
    say(page, "/join #global")
    expect(page.get_by_role("heading", name="global", exact=True)).to_be_visible()
    expect(composer(page)).to_have_value("for all")
    open_room(page, "dev")
    expect(composer(page)).to_have_value("")
    page.reload()
    online(page)
    expect(page.get_by_role("heading", name="dev", exact=True)).to_be_visible()
    expect(composer(page)).to_have_value("")


def too_long(page, other, fence, parts):
    """A text over the limit is sent as several messages, if the user wants that; `parts` of them in all so far."""
    lines = [f"line {number} " + "word " * 20 for number in range(70)]
    composer(page).fill(f"{fence}\n" + "\n".join(lines) + f"\n{fence}" if fence else "\n".join(lines))
    page.get_by_role("button", name="Send", exact=True).click()
    page.get_by_role("button", name="Send as 2 messages").click()
    expect(composer(page)).to_have_value("")
    expect(other.locator("#stream .text", has_text="line ")).to_have_count(parts)
    bodies = texts(other)[-2:]
    assert [line.strip() for body in bodies for line in body.splitlines()] == [line.strip() for line in lines], bodies
    if fence:
        expect(other.locator("#stream .text pre")).to_have_count(2)


def announcements(page, where):
    """Their lines and times are shown, and only the last one takes space."""
    for words in ("one\ntwo", "three"):
        announce(where, words)
    banner = page.locator(".banner.announcement")
    expect(banner).to_contain_text("three")
    expect(banner).to_have_count(1)
    expect(banner.locator("time")).to_be_visible()
    banner.get_by_role("button", name="Dismiss").click()
    expect(banner).to_contain_text("one")
    assert banner.locator("p").inner_text().splitlines()[-1].strip() == "two", banner.locator("p").inner_text()
    banner.get_by_role("button", name="Dismiss").click()
    expect(banner).to_have_count(0)


def on_a_phone(page, other):
    """There is no Shift for a new line; the button sends."""
    composer(page).click()
    page.keyboard.type("upper")
    page.keyboard.press("Enter")
    page.keyboard.type("lower")
    expect(composer(page)).to_have_value("upper\nlower")
    expect(composer(page)).to_have_attribute("enterkeyhint", "enter")
    page.get_by_role("button", name="Send", exact=True).tap()
    heard(other, "upper\nlower")


def main():
    where = site()
    with chromium() as browser:
        bob = enter(browser, where.web, "bob")
        join(bob, "dev")
        say(bob, "to be quoted")
        ada = enter(browser, where.web, "ada")
        join(ada, "dev")
        on_a_desk(ada, bob)
        drafts_stay(ada)
        too_long(ada, bob, "```", 2)
        announcements(ada, where)
        eve = enter(browser, where.web, "eve", size=PHONE, has_touch=True, is_mobile=True)
        join(eve, "dev")
        on_a_phone(eve, bob)
        drafts_stay(eve)
        too_long(eve, bob, "", 4)
        announcements(eve, where)
        assert ada.mistakes == eve.mistakes == [], ada.mistakes + eve.mistakes


if __name__ == "__main__":
    main()
