"""Registration, login, and direct messages that wait for the recipient."""

from browser import *


def register(page, name):
    page.get_by_role("tab", name="Register").click()
    page.get_by_label("Nickname").fill(name)
    page.get_by_label("Password").fill("short")
    page.get_by_label("First name").fill("A")
    page.get_by_label("Last name").fill("B")
    page.get_by_label("E-mail").fill("not an address")
    create = page.get_by_role("button", name="Create the account")
    create.click()
    # Each error stands at its field, and the first has the focus.
    expect(page.locator("#field-password-why")).to_contain_text("8")
    expect(page.locator("#field-email-why")).to_contain_text("not an e-mail")
    expect(page.get_by_label("Password")).to_be_focused()
    page.get_by_label("Password").fill("long enough")
    page.get_by_label("E-mail").fill(f"{name}@example.org")
    create.click()
    online(page)


def log_in(page, name, password="long enough"):
    page.get_by_role("tab", name="Log in").click()
    page.get_by_label("Nickname").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()


def sign_out(page):
    page.locator("#me").click()
    page.get_by_role("menuitem", name="Sign out").click()
    expect(page.get_by_label("Nickname")).to_be_visible()


def before_the_inbox(browser, where, ada):
    """A message that comes before the inbox is one more, and not the only one."""
    held, holds = [], [True]

    def carry(socket):
        server = socket.connect_to_server()
        server.on_message(lambda text: held.append((socket, text)) if holds and '"type":"inbox"' in text else socket.send(text))

    cleo = new_page(browser, where.web)
    register(cleo, "cleo")
    sign_out(cleo)
    cleo.context.close()
    jump(ada, "@cleo")
    for number in range(2):
        say(ada, f"early {number}")
    stored(ada, "early 1")
    cleo = new_page(browser, where.web, path="about:blank")
    cleo.route_web_socket("**/ws", carry)
    cleo.goto("/client")
    log_in(cleo, "cleo")
    online(cleo)
    say(ada, "right now")
    expect(unread(cleo, "ada")).to_contain_text("1 unread")
    holds.clear()
    for socket, text in held:
        socket.send(text)
    expect(unread(cleo, "ada")).to_contain_text("3 unread")
    row(cleo, "ada").click()
    expect(cleo.locator(".new-line + .row .text")).to_have_text("early 0")
    expect(unread(cleo, "ada")).to_have_count(0)
    cleo.context.close()


def main():
    where = site()
    with chromium() as browser:
        ada = new_page(browser, where.web)
        register(ada, "ada")
        bob = new_page(browser, where.web)
        register(bob, "bob")
        sign_out(bob)

        # A guest cannot have the name; the owner is told where to log in.
        bob.get_by_label("Nickname").fill("bob")
        bob.get_by_role("button", name="Enter").click()
        expect(bob.get_by_role("alert")).to_contain_text("If it is yours, log in.")
        log_in(bob, "bob", "wrong word")
        expect(bob.get_by_role("alert")).not_to_contain_text("If it is yours, log in.")
        expect(bob.get_by_role("alert")).to_be_visible()
        expect(bob.get_by_role("alert")).not_to_be_empty()

        # Bob is away: direct messages to him wait.
        jump(ada, "@bob")
        for number in range(3):
            say(ada, f"waiting {number}")
        stored(ada, "waiting 2")
        expect(ada.locator("#talk-head .about")).to_have_text("offline")

        log_in(bob, "bob")
        online(bob)
        expect(unread(bob, "ada")).to_contain_text("3")
        expect(bob).to_have_title("(3) #global · Chat")
        row(bob, "ada").click()
        heard(bob, "waiting 2")
        expect(unread(bob, "ada")).to_have_count(0)
        say(bob, "here now")
        heard(ada, "here now")
        expect(ada.locator("#talk-head .about")).to_have_text("online")

        # After a reload he is still signed in, and what was read is still read.
        bob.reload()
        online(bob)
        expect(row(bob, "ada")).to_be_visible()
        expect(unread(bob, "ada")).to_have_count(0)
        heard(bob, "waiting 0")
        before_the_inbox(browser, where, ada)
        open_room(ada, "bob")
        # A second device has everything as well, and both get every message.
        phone = new_page(browser, where.web, PHONE)
        log_in(phone, "bob")
        online(phone)
        row(phone, "ada").click()
        heard(phone, "waiting 0")
        say(phone, "from my phone")
        heard(bob, "from my phone")
        heard(ada, "from my phone")
        assert texts(bob) == texts(phone) == texts(ada)

        # A user who looks elsewhere is notified, if enabled.
        bob.context.grant_permissions(["notifications"])
        bob.evaluate("""() => {
            document.hasFocus = () => false;
            window.shown = [];
            window.Notification = class extends EventTarget {
                static permission = "granted";
                static requestPermission = async () => "granted";
                constructor(title, { body }) { super(); shown.push(`${title}: ${body}`); }
            };
        }""")
        bob.locator("#me").click()
        bob.get_by_role("menuitemcheckbox", name="Desktop notifications").click()
        row(bob, "global").click()
        expect(bob.get_by_role("heading", name="global", exact=True)).to_be_visible()
        say(ada, "look here")
        expect(unread(bob, "ada")).to_be_visible()
        assert bob.evaluate("shown") == ["ada: look here"], bob.evaluate("shown")

        # Messages of ignored users are hidden, in rooms and in private.
        ada.locator("#talk-head .tools button").last.click()
        ada.get_by_role("menuitem", name="Ignore").click()
        expect(ada.locator(".hidden-row").first).to_contain_text("whom you ignore")
        ada.get_by_role("button", name="Show it").first.click()
        heard(ada, "here now")
        # An invalid token leads back to the sign-in view, with an explanation.
        phone.evaluate("localStorage.setItem('chat.login', localStorage.getItem('chat.login').replace('eyJ', 'eyK'))")
        phone.reload()
        expect(phone.get_by_role("alert")).to_contain_text("You have been signed out")
        expect(phone.get_by_label("Nickname")).to_be_visible()
        serious = [one for page in (ada, bob, phone) for one in page.mistakes if "Failed to load resource" not in one and "WebSocket" not in one]
        assert serious == [], serious


if __name__ == "__main__":
    main()
