"""Links to messages, leaving messages unread, and what a room notifies of, on a desk and on a phone."""

from browser import *

QUIETLY = """() => {
    window.told = [];
    const tell = (words) => { document.documentElement.dataset.told = window.told.push(words); };
    OscillatorNode.prototype.start = () => tell("tone");
    window.Notification = class extends EventTarget {
        static permission = "granted";
        static requestPermission = async () => "granted";
        constructor(title, { body }) { super(); tell(`${title}: ${body}`); }
        close() {}
    };
    document.hasFocus = () => false;
}"""


def act(page, text, action):
    """Chooses an action on a message; by keyboard, which is the same on a phone."""
    # One that is still being sent has no actions.
    expect(page.locator("#stream .mark")).to_have_count(0)
    open_actions(page, page.locator("#stream .row", has=page.locator(".text", has_text=text)).last)
    page.get_by_role("menuitem", name=action).click()


def link_to(page, where, text):
    page.evaluate("navigator.clipboard.writeText = async (text) => { window.written = text; }")
    act(page, text, "Copy the link")
    link = page.wait_for_function("window.written").json_value()
    assert link.startswith(f"http://{where.web}/client#dev/"), link
    return link


def followed(browser, where, link, size, touch):
    """A link leads to its message, though far back, for one who is not in the room yet, too."""
    name = f"guest-{size['width']}"
    other = enter(browser, where.web, name, size=size, has_touch=touch, is_mobile=touch, path=link.removeprefix(f"http://{where.web}"))
    expect(other.locator(".entry.found")).to_contain_text("where it began")
    expect(other.locator(".entry.found")).to_be_in_viewport()
    # A link in a message leads there in the same tab.
    say(other, "/join #global")
    expect(other.get_by_role("heading", name="global", exact=True)).to_be_visible()
    say(other, f"see {link} says {name}")
    # A link is not clicked while its message is drawn anew.
    stored(other, f"says {name}")
    other.locator("#stream a", has_text="/client#dev/").last.click()
    expect(other.get_by_role("heading", name="dev", exact=True)).to_be_visible()
    expect(other.locator(".entry.found")).to_be_in_viewport()
    assert other.mistakes == [], other.mistakes
    other.context.close()


def unread_again(page, bob, name):
    """What is left unread stays so while it is in view, also when more comes."""
    say(bob, f"for {name} later")
    heard(page, f"for {name} later")
    act(page, f"for {name} later", "Mark unread from here")
    expect(page.locator("#stream .new-line")).to_be_attached()
    expect(unread(page, "dev")).to_contain_text("1")
    say(bob, "and this")
    expect(unread(page, "dev")).to_contain_text("2")
    # It is read when the room is opened again.
    say(page, "/join #global")
    expect(page.get_by_role("heading", name="global", exact=True)).to_be_visible()
    expect(unread(page, "dev")).to_contain_text("2")
    open_room(page, "dev")
    expect(unread(page, "dev")).to_have_count(0)


def mended(browser, where, page, bob, name):
    """What is edited and deleted is so on every screen, also after a reload and in a second tab."""
    say(page, f"teh cat of {name}")
    heard(bob, f"teh cat of {name}")
    stored(page, f"teh cat of {name}")
    composer(page).press("ArrowUp")
    expect(composer(page)).to_have_value(f"teh cat of {name}")
    expect(page.locator("#composer")).to_contain_text("You are editing a message.")
    composer(page).fill(f"the cat of {name}")
    page.get_by_role("button", name="Send", exact=True).click()
    expect(composer(page)).to_have_value("")
    for screen in (page, bob):
        expect(screen.locator("#stream .row", has_text=f"the cat of {name}")).to_contain_text("(edited)")
        expect(screen.locator("#stream .text", has_text="teh")).to_have_count(0)
    # By the menu, too; what was being written is there again afterwards.
    composer(page).fill("a draft")
    act(page, f"the cat of {name}", "Edit")
    expect(page.locator("#composer")).to_contain_text("You are editing a message.")
    composer(page).press("Escape")
    expect(composer(page)).to_have_value("a draft")
    composer(page).fill("")
    page.reload()
    online(page)
    open_room(page, "dev")
    expect(page.locator("#stream .row", has_text=f"the cat of {name}")).to_contain_text("(edited)")
    act(page, f"the cat of {name}", "Delete…")
    expect(page.get_by_role("dialog").get_by_text(f"the cat of {name}", exact=True)).to_be_visible()
    page.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    for screen in (page, bob):
        expect(screen.locator("#stream")).to_contain_text(f"A message by {name} was deleted")
        expect(screen.locator("#stream .text", has_text=f"cat of {name}")).to_have_count(0)
    # Of others, one may not.
    open_actions(page, page.locator("#stream .row", has_text="later 149").last)
    expect(page.get_by_role("menuitem", name="Quote")).to_be_visible()
    expect(page.get_by_role("menuitem", name="Edit")).to_have_count(0)
    expect(page.get_by_role("menuitem", name="Delete…")).to_have_count(0)
    page.keyboard.press("Escape")


def notify(page, level):
    page.get_by_role("button", name="Room actions").click()
    page.get_by_role("menuitemradio", name=level).click()


def notified(page, bob, name):
    """Of mentions, unless something else is chosen for a room; with a sound only if that is switched on."""
    page.evaluate(QUIETLY)
    if not page.locator("#me").is_visible():
        page.get_by_role("button", name="All conversations").click()
    page.locator("#me").click()
    page.get_by_role("menuitemcheckbox", name="Desktop notifications").click()
    open_room(page, "dev")

    def told(*expected):
        expect(page.locator("html")).to_have_attribute("data-told", str(len(expected)))
        assert page.evaluate("window.told") == list(expected), page.evaluate("window.told")
        page.evaluate("window.told = []; delete document.documentElement.dataset.told; 0")

    say(page, "/join #global")
    expect(page.get_by_role("heading", name="global", exact=True)).to_be_visible()
    say(bob, "nothing special")
    say(bob, f"for @{name}")
    told(f"bob in #dev: for @{name}")
    open_room(page, "dev")
    notify(page, "All messages")
    say(page, "/join #global")
    expect(page.get_by_role("heading", name="global", exact=True)).to_be_visible()
    say(bob, "nothing special, too")
    told("bob in #dev: nothing special, too")
    if not page.locator("#me").is_visible():
        page.get_by_role("button", name="All conversations").click()
    page.locator("#me").click()
    page.get_by_role("menuitemcheckbox", name="Sound").click()
    told("tone")
    open_room(page, "dev")
    notify(page, "Nothing")
    say(page, "/join #global")
    expect(page.get_by_role("heading", name="global", exact=True)).to_be_visible()
    say(bob, f"quiet, @{name}")
    expect(unread(page, "dev")).to_contain_text("1 unread, 1 for you")
    say(bob, f"/msg @{name} psst")
    expect(page.locator("html")).to_have_attribute("data-told", "2")
    assert sorted(page.evaluate("window.told")) == ["bob: psst", "tone"], page.evaluate("window.told")
    open_room(bob, "dev")


def answered(page, bob, name):
    """An answer shows what it answers, and leads there."""
    say(bob, f"who is for tea, {name}?")
    heard(page, f"who is for tea, {name}?")
    bar = page.locator("#composer .editing", has_text="Reply to bob")
    act(page, f"who is for tea, {name}?", "Reply")
    expect(bar).to_contain_text(f"who is for tea, {name}?")
    page.keyboard.press("Escape")
    expect(bar).to_be_hidden()
    act(page, f"who is for tea, {name}?", "Reply")
    # A draft is still the answer after a look elsewhere.
    composer(page).fill("not yet")
    open_room(page, "global")
    expect(bar).to_be_hidden()
    open_room(page, "dev")
    expect(composer(page)).to_have_value("not yet")
    expect(bar).to_contain_text(f"who is for tea, {name}?")
    # So is one after a reload.
    page.reload()
    online(page)
    open_room(page, "dev")
    expect(composer(page)).to_have_value("not yet")
    expect(bar).to_contain_text(f"who is for tea, {name}?")
    say(page, f"{name} is")
    expect(bar).to_be_hidden()
    for one in (page, bob):
        row = one.locator("#stream .row", has_text=f"{name} is").last
        expect(row.locator(".answered")).to_contain_text(f"bob who is for tea, {name}?")
    bob.locator("#stream .row", has_text=f"{name} is").last.locator(".answered").click()
    expect(bob.locator(".entry.found")).to_contain_text(f"who is for tea, {name}?")
    # Of a message that is deleted nothing is shown where it was answered.
    act(bob, f"who is for tea, {name}?", "Delete")
    bob.get_by_role("dialog").get_by_role("button", name="Delete", exact=True).click()
    for one in (page, bob):
        expect(one.locator("#stream .row", has_text=f"{name} is").last.locator(".answered")).to_have_text("Reply to bob a message that was deleted")


def at_hand(page, bob, name, touch):
    """Replying and reacting are a button away from the mouse and the keyboard; a finger presses for the menu."""
    say(bob, f"at hand for {name}")
    stored(page, f"at hand for {name}")
    row = page.locator("#stream .row", has_text=f"at hand for {name}").last
    buttons = row.locator(".at-hand")
    if touch:
        return expect(buttons).to_be_hidden()
    row.hover()
    expect(buttons).to_have_css("opacity", "1")
    buttons.get_by_role("button", name="Reply").click()
    expect(page.locator("#composer .editing", has_text=f"Reply to bob: at hand for {name}")).to_be_visible()
    expect(composer(page)).to_be_focused()
    page.keyboard.press("Escape")
    row.focus()
    react = buttons.get_by_role("button", name="React…")
    for _ in range(10):
        if react.evaluate("button => button === document.activeElement"):
            break
        page.keyboard.press("Tab")
    expect(react).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog", name="Emoji").get_by_role("searchbox")).to_be_focused()
    page.keyboard.type("tada")
    expect(page.locator(".emoji-grid button").first).to_have_attribute("aria-label", "tada")
    page.keyboard.press("Enter")
    expect(row.locator(".sign[data-sign]")).to_have_attribute("aria-pressed", "true")
    expect(react).to_be_focused()


def refused(where, page, name):
    """The text of a change that is refused is not lost."""
    room = f"held-by-{name}"
    say(page, f"/join #{room}")
    expect(page.get_by_role("heading", name=room, exact=True)).to_be_visible()
    say(page, "as it was")
    stored(page, "as it was")
    headers = {"Authorization": f"Bearer {where.admin_token}", "Content-Type": "application/json"}
    hold = urllib.request.Request(f"http://{where.rest}/admin/channels/{room}/keeping", b'{"hold": true}', headers, method="PUT")
    urllib.request.urlopen(hold)
    act(page, "as it was", "Edit")
    say(page, "as it should be")
    toasted(page, "on hold")
    expect(composer(page)).to_have_value("as it should be")
    expect(page.locator("#composer")).to_contain_text("You are editing a message.")
    composer(page).press("Escape")
    expect(composer(page)).to_have_value("")
    expect(page.locator("#stream .text")).to_have_text("as it was")
    open_room(page, "dev")


def a_bot_is_marked(where, page):
    """What a program says has a mark, and so has the program among the people."""
    headers = {"Authorization": f"Bearer {where.admin_token}"}
    body = json.dumps({"name": "builds", "scopes": ["post:#dev"]}).encode()
    made = urllib.request.urlopen(urllib.request.Request(f"http://{where.rest}/admin/tokens", body, headers))
    headers = {"Authorization": f"Bearer {json.load(made)['token']}"}
    said = urllib.request.Request(f"http://{where.rest}/api/channels/dev/messages", b"build 512 ok", headers)
    assert urllib.request.urlopen(said).status == 201
    heard(page, "build 512 ok")
    expect(page.locator("#stream .row", has_text="build 512 ok").locator(".by .bot")).to_have_text("bot")
    person = page.locator("#aside .people .row-button")
    expect(person.filter(has_text="builds").locator(".bot")).to_have_text("bot")
    expect(person.filter(has_text="bob").locator(".bot")).to_have_count(0)


def main():
    where = site()
    with chromium() as browser:
        bob = enter(browser, where.web, "bob")
        join(bob, "dev")
        say(bob, "where it began")
        heard(bob, "where it began")
        link = link_to(bob, where, "where it began")
        a_bot_is_marked(where, bob)
        carol = Telnet(where.telnet, "carol", "dev")
        for number in range(150):
            carol.send(f"later {number}")
        heard(bob, "later 149")
        for size, name, touch in ((DESKTOP, "ada", False), (PHONE, "eve", True)):
            page = enter(browser, where.web, name, size=size, has_touch=touch, is_mobile=touch)
            join(page, "dev")
            mended(browser, where, page, bob, name)
            answered(page, bob, name)
            at_hand(page, bob, name, touch)
            unread_again(page, bob, name)
            notified(page, bob, name)
            followed(browser, where, link, size, touch)
            refused(where, page, name)
            assert page.mistakes == [], page.mistakes
            page.context.close()


if __name__ == "__main__":
    main()
