"""What makes the page comfortable: signing in, names and rooms by keyboard, emoji, copying, print, and colours of
the reader's own choice, on a desk and on a phone."""

import urllib.parse
from datetime import datetime

from browser import *


def signing_in(browser, where):
    """The card stays where it is; a mistake keeps what was typed and leads to the field that is wrong."""
    page = new_page(browser, where.web)
    places = []
    for way in ("Guest", "Log in", "Register"):
        page.get_by_role("tab", name=way).click()
        places.append(page.locator(".card h1").bounding_box()["y"])
    assert len(set(places)) == 1, places
    expect(page.get_by_label("Telephone")).to_have_count(0)
    form = urllib.parse.urlencode({"nickname": "dora", "password": "long enough"}).encode()
    urllib.request.urlopen(f"http://{where.web}/auth/register", form)
    page.get_by_role("tab", name="Log in").click()
    page.get_by_label("Nickname").fill("dora")
    page.get_by_label("Password").fill("wrong password")
    page.get_by_role("button", name="Log in").click()
    expect(page.get_by_role("alert")).not_to_be_empty()
    expect(page.get_by_label("Nickname")).to_have_value("dora")
    expect(page.get_by_label("Password")).to_be_focused()
    page.context.close()


def by_keyboard(page):
    """Tab reaches what is in the message that has the focus; Home and End go to the ends."""
    keys = page.keyboard
    page.locator("#stream").focus()
    keys.press("End")
    expect(page.locator(".row:focus")).to_contain_text("last of all")
    keys.press("Home")
    expect(page.locator(".row:focus")).to_contain_text("see #lobby")
    keys.press("Tab")
    expect(page.locator(".author:focus")).to_have_text("bob")
    keys.press("Tab")
    expect(page.locator(".name:focus")).to_have_text("#lobby")
    keys.press("Tab")
    expect(page.locator(".name:focus")).to_have_text("@ada")
    keys.press("Enter")
    expect(page.get_by_role("menu", name="ada")).to_be_visible()
    keys.press("Escape")


def emoji(page, other):
    composer(page).fill("a  b")
    composer(page).evaluate("field => field.setSelectionRange(2, 2)")
    page.get_by_role("button", name="Insert an emoji").click()
    picker = page.get_by_role("dialog", name="Emoji")
    expect(picker.get_by_role("searchbox")).to_be_focused()
    picker.get_by_role("button", name="Food", exact=True).click()
    expect(picker.get_by_role("button", name="grapes", exact=True)).to_be_visible()
    box = picker.bounding_box()
    assert box["x"] >= 0 and box["y"] >= 0 and box["x"] + box["width"] <= page.viewport_size["width"], box
    picker.get_by_role("searchbox").fill("party")
    expect(picker.get_by_role("button", name="partying face")).to_be_visible()
    picker.get_by_role("searchbox").press("ArrowDown")
    page.keyboard.press("ArrowRight")
    expect(picker.get_by_role("searchbox")).not_to_be_focused()
    picker.get_by_role("button", name="partying face").click()
    expect(composer(page)).to_have_value("a 🥳 b")
    # It is the first one the next time.
    page.get_by_role("button", name="Insert an emoji").click()
    expect(picker.locator(".emoji-grid button")).to_have_text(["🥳"])
    page.keyboard.press("Escape")
    composer(page).fill("")


def everything_is_offered(page):
    """The list of completions has all commands; those further down come into view."""
    composer(page).press_sequentially("/")
    options = page.locator("#completion [role=option]")
    expect(options.first).to_be_visible()
    assert options.count() > 15, options.count()
    page.keyboard.press("ArrowUp")
    expect(options.last).to_have_attribute("aria-selected", "true")
    expect(options.last).to_be_in_viewport()
    composer(page).fill("")


def copied(page):
    """Several messages are copied as lines that say who wrote what and when."""
    page.evaluate("""() => {
        const texts = document.querySelectorAll("#stream .text");
        const range = document.createRange();
        range.setStartBefore(texts[0]);
        range.setEndAfter(texts[texts.length - 1]);
        getSelection().removeAllRanges();
        getSelection().addRange(range);
        const data = new DataTransfer();
        texts[0].dispatchEvent(new ClipboardEvent("copy", { clipboardData: data, bubbles: true, cancelable: true }));
        window.copied = data.getData("text/plain");
        getSelection().removeAllRanges();
    }""")
    lines = page.evaluate("copied").splitlines()
    assert lines[0].endswith("] bob: see #lobby and @ada") and lines[0].startswith("["), lines
    assert lines[-1].endswith("] bob: last of all"), lines


def printed(page):
    """On paper are whole names, texts and days of the conversation, or of what was found in it."""
    page.emulate_media(media="print")
    for hidden in ("#side", "#composer", "#aside"):
        expect(page.locator(hidden)).to_be_hidden()
    expect(page.locator("#stream .row", has_text="last of all")).to_be_visible()
    grown = page.locator("#stream").evaluate("box => box.clientHeight >= box.scrollHeight")
    assert grown, "the stream is cut off on paper"
    year = str(datetime.now().year)
    assert year in on_paper(page.locator("#stream .day span").first)
    faint = page.locator("#stream .gutter time").last.evaluate("time => getComputedStyle(time).color")
    assert faint != "rgba(0, 0, 0, 0)", faint
    expect(page.locator(".at-hand").first).to_be_hidden()
    page.emulate_media(media="screen")
    page.get_by_role("button", name="Search this room").click()
    page.get_by_label("Words to find").fill("between")
    page.get_by_label("Words to find").press("Enter")
    found = page.locator("#aside .found li")
    expect(found).to_have_count(1)
    page.emulate_media(media="print")
    expect(page.locator("#talk")).to_be_hidden()
    for hidden in ("#side", "#aside .search", "#aside .everywhere"):
        expect(page.locator(hidden)).to_be_hidden()
    expect(found).to_contain_text("bob")
    assert on_paper(page.locator("#aside h2")) == "Search for \u201cbetween\u201d"
    assert on_paper(found.locator(".excerpt")) == "in between"
    assert year in on_paper(found.locator("time"))
    page.emulate_media(media="screen")
    page.get_by_role("button", name="Close the search").click()


def on_paper(part):
    """What stands on paper in the place of a part of the page."""
    return json.loads(part.evaluate("part => getComputedStyle(part, '::after').content"))


def forced_colours(page):
    """What is selected, and who is here, is seen without colours of ours."""
    page.emulate_media(forced_colors="active")
    look = """(selector) => { const style = getComputedStyle(document.querySelector(selector));
        return [style.backgroundColor, style.color, style.borderTopStyle]; }"""
    current = page.evaluate(look, "#rooms [aria-current=true]")
    other = page.evaluate(look, "#rooms .row-button:not([aria-current])")
    assert current[0] != other[0], (current, other)
    assert page.evaluate(look, "#stream .avatar")[2] == "solid"
    if page.viewport_size == PHONE:
        return page.emulate_media(forced_colors="none")
    # A dot with a ring is a person who is away, a full one a person who is here.
    expect(page.locator("#aside .presence.online").first).to_be_attached()
    dot = page.evaluate("getComputedStyle(document.querySelector('#aside .presence.online')).backgroundColor")
    assert dot != page.evaluate("getComputedStyle(document.body).backgroundColor"), dot
    page.emulate_media(forced_colors="none")


def press(page, target, meanwhile):
    """Presses something, and lets it go when something has happened."""
    box = target.bounding_box()
    page.mouse.move(box["x"] + box["width"] / 2, box["y"] + box["height"] / 2)
    page.mouse.down()
    meanwhile()
    page.mouse.up()


def nothing_is_taken_away(page, where):
    """A button keeps the focus, and is pressed, while others come and write."""
    join(page, "gossip")
    open_room(page, "dev")
    guest = Telnet(where.telnet, "gus", "gossip")
    hal = Telnet(where.telnet, "hal", "lobby")

    def says(count):
        guest.send("psst, @ada")
        expect(unread(page, "gossip")).to_contain_text(f"{count} unread")

    button = page.get_by_role("button", name="Room actions")
    here = page.locator("#talk-head .about")
    before = here.inner_text()
    button.focus()
    says(1)
    ivy = Telnet(where.telnet, "ivy", "dev")
    expect(here).not_to_have_text(before)
    expect(button).to_be_focused()
    press(page, unread(page, "gossip"), lambda: says(2))
    expect(page.get_by_role("heading", name="gossip", exact=True)).to_be_visible()
    open_room(page, "dev")
    expect(unread(page, "gossip")).to_have_count(0)
    press(page, page.locator("#me .nickname"), lambda: says(1))
    expect(page.get_by_role("menu", name="Settings")).to_be_visible()
    page.keyboard.press("Escape")
    page.get_by_role("button", name="Browse or create rooms").click()
    press(page, page.get_by_role("button", name="Join #lobby", exact=True), lambda: says(2))
    expect(page.get_by_role("heading", name="lobby", exact=True)).to_be_visible()
    for client in (guest, hal, ivy):
        client.send("/quit")


def hours(browser, where):
    """The times beside grouped messages fit, also those with AM and PM."""
    page = enter(browser, where.web, "carol", locale="en-US")
    open_room(page, "dev") if row(page, "dev").count() else join(page, "dev")
    say(page, "one")
    say(page, "two")
    time = page.locator("#stream .row.grouped .gutter time").last
    expect(time).to_be_attached()
    assert time.evaluate("time => time.scrollWidth <= time.parentElement.clientWidth"), time.inner_text()
    assert "M" not in time.inner_text(), time.inner_text()
    # Letters with marks stay together.
    initials = page.evaluate("""async () => {
        const names = document.querySelector("script[type=module]").src.replace("app.js", "model/names.js");
        return (await import(names)).initials("e\\u0301mile_o\\u0308zil"); }""")
    assert initials == "E\u0301O\u0308", initials
    page.context.close()


def main():
    where = site()
    with chromium() as browser:
        signing_in(browser, where)
        bob = enter(browser, where.web, "bob")
        join(bob, "dev")
        ada = enter(browser, where.web, "ada")
        join(ada, "dev")
        for text in ("see #lobby and @ada", "in between", "last of all"):
            say(bob, text)
        heard(ada, "last of all")
        by_keyboard(ada)
        emoji(ada, bob)
        everything_is_offered(ada)
        copied(ada)
        printed(ada)
        forced_colours(ada)
        nothing_is_taken_away(ada, where)
        hours(browser, where)
        eve = enter(browser, where.web, "eve", size=PHONE, has_touch=True, is_mobile=True)
        join(eve, "dev")
        emoji(eve, bob)
        printed(eve)
        forced_colours(eve)
        assert ada.mistakes == eve.mistakes == [], ada.mistakes + eve.mistakes


if __name__ == "__main__":
    main()
