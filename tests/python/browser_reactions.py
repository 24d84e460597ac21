"""Reactions, by mouse, keyboard and finger; and two tabs of one account, which show the same."""

import urllib.parse

from accessible import check
from browser import *


def said(page, text):
    """The row of a message that is stored."""
    stored(page, text)
    return page.locator("#stream .row", has_text=text).last


def sign(row, sign):
    return row.locator(f'.sign[data-sign="{sign}"]')


def shows(row, which, count, mine, who):
    """A row shows a sign with its number, and by whom."""
    button = sign(row, which)
    expect(button).to_have_attribute("aria-label", f"{which} {count}: {who}")
    expect(button).to_have_attribute("aria-pressed", "true" if mine else "false")
    expect(button.locator(".count")).to_have_text(str(count))
    expect(button).to_have_attribute("title", who)


def fits(page):
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, f"{wide} pixels too wide"


def choose(page, name):
    """Chooses an emoji in the picker."""
    picker = page.get_by_role("dialog", name="Emoji")
    expect(picker.get_by_role("searchbox")).to_be_focused()
    box = picker.bounding_box()
    assert box["x"] >= 0 and box["y"] >= 0 and box["y"] + box["height"] <= page.viewport_size["height"], box
    picker.get_by_role("searchbox").fill(name)
    expect(picker.locator(".emoji-grid button").first).to_have_attribute("aria-label", name)
    picker.get_by_role("searchbox").press("Enter")
    expect(picker).to_have_count(0)


def by_menu(page, row, touch):
    """The message's menu leads to the picker."""
    if touch:
        box = row.locator(".text").bounding_box()
        finger = page.context.new_cdp_session(page)
        point = {"x": box["x"] + box["width"] / 2, "y": box["y"] + box["height"] / 2}
        finger.send("Input.dispatchTouchEvent", {"type": "touchStart", "touchPoints": [point]})
        expect(page.get_by_role("menu")).to_be_visible()
        finger.send("Input.dispatchTouchEvent", {"type": "touchEnd", "touchPoints": []})
        page.get_by_role("menuitem", name="React…").tap()
    else:
        open_actions(page, row)
        page.get_by_role("menuitem", name="React…").click()


def reacted(page, bob, name, touch):
    text = f"lunch for {name}"
    say(bob, text)
    theirs, own = said(bob, text), said(page, text)
    by_menu(page, own, touch)
    choose(page, "tada")
    shows(own, "🎉", 1, True, "you")
    shows(theirs, "🎉", 1, False, name)
    sign(theirs, "🎉").click()
    shows(theirs, "🎉", 2, True, f"you and {name}")
    shows(own, "🎉", 2, True, "you and bob")
    # By keyboard: Tab leads from the message to what is in it, and the focus stays there.
    own.focus()
    for _ in range(6):
        if page.evaluate("document.activeElement.dataset.sign") == "🎉":
            break
        page.keyboard.press("Tab")
    expect(sign(own, "🎉")).to_be_focused()
    page.keyboard.press("Enter")
    shows(own, "🎉", 1, False, "bob")
    expect(sign(own, "🎉")).to_be_focused()
    shows(theirs, "🎉", 1, True, "you")
    # More beside it.
    own.locator(".sign.add").click()
    choose(page, "heart")
    shows(own, "❤️", 1, True, "you")
    shows(theirs, "❤️", 1, False, name)
    check(page, "reactions")
    fits(page)
    page.emulate_media(forced_colors="active")
    look = "(button) => getComputedStyle(button).backgroundColor"
    assert sign(own, "❤️").evaluate(look) != sign(own, "🎉").evaluate(look), "one's own looks like those of others"
    page.emulate_media(forced_colors="none")
    # They are there after a reload, and stay when the message is edited.
    page.reload()
    online(page)
    open_room(page, "dev")
    own = said(page, text)
    shows(own, "❤️", 1, True, "you")
    shows(own, "🎉", 1, False, "bob")
    sign(theirs, "🎉").click()
    expect(sign(own, "🎉")).to_have_count(0)
    sign(own, "❤️").click()
    expect(own.locator(".signs")).to_have_count(0)
    expect(theirs.locator(".signs")).to_have_count(0)


def many(page, bob, name):
    """So many signs that they need several lines."""
    text = f"choose, {name}"
    say(bob, text)
    row = said(page, text)
    words = [f"{name}-word-{number}" for number in range(12)]
    telnet = Telnet(bob.where.telnet, f"many-{name}", "dev")
    for word in words:
        telnet.send(f"/react @bob {word}")
    telnet.hears(f"reacted {words[-1]} to @bob")
    expect(row.locator(".sign")).to_have_count(13)
    heights = row.locator(".sign").evaluate_all("all => all.map((one) => one.getBoundingClientRect().top)")
    assert len(set(heights)) > 1 or page.viewport_size["width"] > 1000, heights
    fits(page)
    telnet.socket.close()


def keeps_the_focus(browser, where):
    """A message that has the focus while it is being sent keeps it when it is stored."""
    held, released = [], []

    def carry(socket):
        server = socket.connect_to_server()

        def on(message):
            if '"type":"message"' in message and not released:
                held.append(lambda: server.send(message))
            else:
                server.send(message)

        socket.on_message(on)

    page = new_page(browser, where.web)
    page.route_web_socket("**/ws", carry)
    page.get_by_label("Nickname").fill("zoe")
    page.get_by_role("button", name="Enter").click()
    online(page)
    join(page, "dev")
    say(page, "on its way")
    row = page.locator("#stream .row.sending", has_text="on its way")
    expect(row).to_be_visible()
    row.focus()
    expect(row).to_be_focused()
    released.append(True)
    for send in held:
        send()
    expect(said(page, "on its way")).to_be_focused()
    # A page that is driven waits for its socket's other end before it closes.
    page.context.close()


def two_tabs(browser, where):
    """What an account does in one tab is seen in the other."""
    form = urllib.parse.urlencode({"nickname": "dora", "password": "long enough"}).encode()
    urllib.request.urlopen(f"http://{where.web}/auth/register", form)
    tabs = []
    for _ in range(2):
        page = new_page(browser, where.web)
        page.get_by_role("tab", name="Log in").click()
        page.get_by_label("Nickname").fill("dora")
        page.get_by_label("Password").fill("long enough")
        page.get_by_role("button", name="Log in").click()
        online(page)
        tabs.append(page)
    one, other = tabs
    join(one, "two-tabs")
    # The room is the account's, so it is in the other tab as well.
    open_room(other, "two-tabs")
    say(one, "teh cat")
    here, there = said(one, "teh cat"), said(other, "teh cat")
    by_menu(one, here, False)
    choose(one, "tada")
    for row in (here, there):
        shows(row, "🎉", 1, True, "you")
    sign(there, "🎉").click()
    for row in (here, there):
        expect(row.locator(".signs")).to_have_count(0)
    composer(other).press("ArrowUp")
    expect(composer(other)).to_have_value("teh cat")
    say(other, "the cat")
    for tab in tabs:
        expect(tab.locator("#stream .row", has_text="the cat")).to_contain_text("(edited)")
        expect(tab.locator("#stream .text", has_text="teh cat")).to_have_count(0)
    open_actions(one, said(one, "the cat"))
    one.get_by_role("menuitem", name="Delete…").click()
    one.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    for tab in tabs:
        expect(tab.locator("#stream")).to_contain_text("A message by dora was deleted")
        assert tab.mistakes == [], tab.mistakes
        tab.context.close()


def main():
    where = site()
    with chromium() as browser:
        bob = enter(browser, where.web, "bob")
        bob.where = where
        join(bob, "dev")
        for size, name, touch in ((DESKTOP, "ada", False), (PHONE, "eve", True)):
            page = enter(browser, where.web, name, size=size, has_touch=touch, is_mobile=touch, bypass_csp=True)
            join(page, "dev")
            reacted(page, bob, name, touch)
            many(page, bob, name)
            assert page.mistakes == [], page.mistakes
            page.context.close()
        keeps_the_focus(browser, where)
        two_tabs(browser, where)


if __name__ == "__main__":
    main()
