"""The rooms of an account: the same on every device, with what is unread and what is muted."""

import urllib.parse

from websockets.sync.client import connect

from browser import *


def register(page, name):
    page.get_by_role("tab", name="Register").click()
    page.get_by_label("Nickname").fill(name)
    page.get_by_label("Password").fill("long enough")
    page.get_by_role("button", name="Create the account").click()
    online(page)


def log_in(page, name):
    page.get_by_role("tab", name="Log in").click()
    page.get_by_label("Nickname").fill(name)
    page.get_by_label("Password").fill("long enough")
    page.get_by_role("button", name="Log in").click()
    online(page)


def go_to(page, room):
    open_room(page, room)


def badge(page, room, words):
    """Waits for what the badge of a room says to screen readers; "" is none."""
    if words:
        expect(unread(page, room)).to_contain_text(words)
    else:
        expect(unread(page, room)).to_have_count(0)


def look(page, is_there, count):
    """Comes back to this device until it knows what happened on the other."""
    for _ in range(PATIENCE // 1000):
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        try:
            return expect(is_there).to_have_count(count, timeout=1000)
        except AssertionError:
            pass
    raise SystemExit(f"not {count}: {is_there}")


class Elsewhere:
    """The account in a client that tells the server nothing of what it shows."""

    def __init__(self, web, name):
        form = urllib.parse.urlencode({"nickname": name, "password": "long enough"}).encode()
        token = json.load(urllib.request.urlopen(f"http://{web}/auth", form))["token"]
        self.socket = connect(f"ws://{web}/ws", subprotocols=[token])

    def send(self, kind, **args):
        self.socket.send(json.dumps({"type": kind, "args": args}))


def answered_elsewhere(where, desk):
    """What one has answered in another client is read: what is new begins after the answer."""
    join(desk, "quiz")
    quin = Telnet(where.telnet, "quin", "quiz")
    other = Elsewhere(where.web, "ada")
    other.send("join", room="quiz")
    go_to(desk, "global")
    quin.send("a question")
    badge(desk, "quiz", "1 unread")
    other.send("message", room="quiz", body="an answer")
    badge(desk, "quiz", "")
    quin.send("thank you")
    badge(desk, "quiz", "1 unread")
    # The same for what came while the page was closed.
    desk.reload()
    online(desk)
    badge(desk, "quiz", "1 unread")
    go_to(desk, "quiz")
    heard(desk, "thank you")
    expect(desk.locator(".entry", has=desk.locator(".new-line"))).to_contain_text("thank you")
    quin.send("/register long enough")
    go_to(desk, "global")
    for text in ("psst", "hm?"):
        quin.send(f"/msg @ada {text}")
    badge(desk, "quin", "2 unread")
    other.send("private", to="quin", body="yes?")
    badge(desk, "quin", "")
    quin.send("/msg @ada nothing")
    badge(desk, "quin", "1 unread")
    desk.reload()
    online(desk)
    go_to(desk, "quin")
    heard(desk, "nothing")
    expect(desk.locator(".entry", has=desk.locator(".new-line"))).to_contain_text("nothing")
    other.socket.close()


def members_who_are_off(browser, where, desk):
    """Accounts stay members of a room when they sign off, and a registered room stays listed."""
    eve = new_page(browser, where.web)
    register(eve, "eve")
    join(eve, "dev")
    join(eve, "club")
    operates(eve)
    eve.get_by_role("button", name="Room actions").click()
    eve.get_by_role("menuitem", name="Room settings…").click()
    eve.get_by_role("button", name="Register this room").click()
    expect(eve.get_by_role("dialog")).to_contain_text("the founder is eve")
    go_to(desk, "dev")
    people = desk.locator("#aside .people li")
    evening = people.filter(has_text="eve")
    expect(evening.locator(".presence.online")).to_have_count(1)
    eve.context.close()
    expect(evening.locator(".presence:not(.online)")).to_have_count(1)
    expect(people.last).to_contain_text("eve")
    expect(desk.locator("#aside h2")).to_contain_text(", 1 off")
    desk.reload()
    online(desk)
    expect(evening.locator(".presence:not(.online)")).to_have_count(1)
    desk.get_by_role("button", name="Browse or create rooms").click()
    expect(desk.get_by_role("dialog").locator("li", has_text="club")).to_contain_text("0 here")
    desk.keyboard.press("Escape")
    composer(desk).press_sequentially("#cl")
    expect(desk.locator("#completion")).to_contain_text("#club")
    composer(desk).fill("")


def direct_messages_read_elsewhere(where, desk, phone):
    dan = Telnet(where.telnet, "dan", "dev")
    dan.send("/register long enough")
    dan.send("/msg @ada psst")
    for page in (desk, phone):
        badge(page, "dan", "1 unread")
    go_to(phone, "dan")
    heard(phone, "psst")
    badge(phone, "dan", "")
    look(desk, unread(desk, "dan"), 0)


def notified_of(page, level, checked):
    """Looks until the menu says so: it is not changed while it is open."""
    for _ in range(PATIENCE // 200):
        page.get_by_role("button", name="Room actions").click()
        now = page.get_by_role("menuitemradio", name=level).get_attribute("aria-checked")
        page.keyboard.press("Escape")
        if now == checked:
            return
        page.wait_for_timeout(200)
    raise SystemExit(f"{level} is not {checked}")


def what_is_notified(desk, phone):
    """It is chosen on one device for all."""
    for page in (desk, phone):
        go_to(page, "dev")
    notified_of(phone, "Mentions", "true")
    desk.get_by_role("button", name="Room actions").click()
    desk.get_by_role("menuitemradio", name="Nothing").click()
    notified_of(phone, "Nothing", "true")
    phone.reload()
    online(phone)
    go_to(phone, "dev")
    notified_of(phone, "Nothing", "true")
    notified_of(phone, "Mentions", "false")


def main():
    where = site()
    with chromium() as browser:
        desk = new_page(browser, where.web)
        register(desk, "ada")
        join(desk, "dev")
        join(desk, "ops")
        go_to(desk, "global")
        bob = Telnet(where.telnet, "bob", "dev")
        bob.send("one")
        bob.send("two for @ada")
        badge(desk, "dev", "2 unread, 1 for you")

        # Another device has the rooms, and the same numbers.
        phone = new_page(browser, where.web, PHONE)
        log_in(phone, "ada")
        badge(phone, "dev", "2 unread, 1 for you")
        badge(phone, "ops", "")
        expect(phone).to_have_title("(1) #global · Chat")
        # What is read on one is read on the other.
        go_to(phone, "dev")
        heard(phone, "two for @ada")
        badge(phone, "dev", "")
        badge(desk, "dev", "")
        go_to(phone, "global")

        # The numbers survive a reload.
        bob.send("three")
        for page in (desk, phone):
            badge(page, "dev", "1 unread")
        for page in (desk, phone):
            page.reload()
            online(page)
            badge(page, "dev", "1 unread")
        # One more comes, and is counted once.
        bob.send("four")
        for page in (desk, phone):
            badge(page, "dev", "2 unread")
        # So does a room that is muted.
        go_to(desk, "dev")
        badge(phone, "dev", "")
        desk.get_by_role("button", name="Room actions").click()
        desk.get_by_role("menuitemcheckbox", name="Mute the room").click()
        muted = row(phone, "dev").and_(phone.locator(".muted"))
        expect(muted).to_have_count(1)
        go_to(desk, "global")
        bob.send("noise")
        bob.send("but @ada")
        for page in (desk, phone):
            badge(page, "dev", "1 unread, 1 for you")
        phone.reload()
        online(phone)
        expect(muted).to_have_count(1)
        badge(phone, "dev", "1 unread, 1 for you")

        # A room that one leaves or joins is so everywhere, as soon as one looks there.
        go_to(phone, "ops")
        say(phone, "/leave")
        expect(row(phone, "ops")).to_have_count(0)
        phone.get_by_role("button", name="All conversations").click()
        join(phone, "tea")
        look(desk, row(desk, "tea"), 1)
        look(desk, row(desk, "ops"), 0)
        go_to(desk, "tea")
        say(desk, "from the desk")
        heard(phone, "from the desk")
        say(phone, "/leave")
        look(desk, row(desk, "tea"), 0)

        answered_elsewhere(where, desk)
        members_who_are_off(browser, where, desk)
        direct_messages_read_elsewhere(where, desk, phone)
        what_is_notified(desk, phone)
        assert desk.mistakes == phone.mistakes == [], desk.mistakes + phone.mistakes


if __name__ == "__main__":
    main()
