"""The rooms of an account: the same on every device, with what is unread and what is muted."""

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
    row(page, room).click()
    expect(page.get_by_role("heading", name=room, exact=True)).to_be_visible()


def badge(page, room, words):
    """Waits for what the badge of a room says to screen readers; "" is none."""
    if words:
        expect(unread(page, room)).to_contain_text(words)
    else:
        expect(unread(page, room)).to_have_count(0)


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
        phone = new_page(browser, where.web)
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

        # A room that one leaves is gone everywhere, at the latest after a reload.
        go_to(phone, "ops")
        say(phone, "/leave")
        expect(row(phone, "ops")).to_have_count(0)
        desk.reload()
        online(desk)
        expect(row(desk, "dev")).to_have_count(1)
        expect(row(desk, "ops")).to_have_count(0)
        assert desk.mistakes == phone.mistakes == [], desk.mistakes + phone.mistakes


if __name__ == "__main__":
    main()
