"""Commands that cannot be carried out say so and send nothing, and no click makes a room or asks the
server again and again."""

from browser import *

IN_A_ROOM = [
    "/msg", "/msg ada secret", "/msg @ada two\nlines", "/msg !!! secret", "/msg bob " + "x" * 5000,
    "/mgs bob secret", " /mgs bob secret", "\n/msg ada secret", "/join", "/join one two", "/join a!b", "/leave now", "/rooms all",
    "/topic", "/op", "/op bob now", "/kick", "/ban", "/mute", "/invite", "/whois", "/whois a b", "/nick", "/nick a b",
    "/ignore", "/ignore a b", "/unignore", "/seen", "/seen a b", "/theme purple", "/quit now", "/back soon",
]
IN_A_CONVERSATION = ["/topic secret", "/search secret", "/list", "/leave", "/op bob", "/kick bob", "/ban bob", "/mute bob", "/invite bob"]


def words(page):
    return page.locator("#composer .words")


def refused(page, line):
    """The reason is shown, and the text stays."""
    say(page, line)
    expect(words(page)).not_to_be_empty()
    expect(words(page)).to_be_visible()
    expect(composer(page)).to_have_value(line)


def nothing_is_sent(page, bob):
    for line in IN_A_ROOM:
        refused(page, line)
    # What only the server can know, it says.
    say(page, "/kick nobody-here")
    toasted(page, "Only operators of #dev may do that.")
    say(page, "/ignore nobody-here")
    toasted(page, "Nobody called @nobody-here is here.")
    say(page, "/msg @bob for you:\n  two lines")
    expect(page.get_by_role("heading", name="bob", exact=True)).to_be_visible()
    for line in IN_A_CONVERSATION:
        refused(page, line)
    say(page, "/away at lunch")
    expect(page.locator("#me .status")).to_have_text("Away: at lunch")
    say(page, "/back")
    expect(page.locator("#me .status")).to_have_text("Online")
    open_room(page, "dev")
    say(page, "the end")
    heard(bob, "the end")
    assert "secret" not in " ".join(texts(bob)), texts(bob)
    open_room(bob, "ada")
    heard(bob, "for you:\n  two lines")
    assert texts(bob) == ["for you:\n  two lines"], texts(bob)
    open_room(bob, "dev")


def only_what_is_sent_opens(page, bob):
    """Who begins to type to someone and thinks better of it stays unseen."""
    say(bob, "/msg @pia")
    composer(bob).press_sequentially("hmm")
    open_room(bob, "dev")
    say(bob, "well")
    heard(page, "well")
    expect(row(page, "bob")).to_have_count(0)


def nobody_to_load(page):
    """Guests and unknown names have no kept messages: asked for once, and said without a fuss."""
    asked = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda text: '"thread"' in text and asked.append(text)))
    page.reload()
    online(page)
    for name in ("bob", "nemo"):
        jump(page, f"@{name}")
        expect(page.locator("#stream .top")).to_contain_text(f"{name} has no account")
    say(page, "is anybody there?")
    expect(page.locator(".row.failed")).to_contain_text("Nobody called @nemo is here.")
    page.locator(".row.failed").get_by_role("button", name="Discard").click()
    assert len(asked) == 2, asked
    expect(page.locator(".toast")).to_have_count(0)


def a_departure_before_the_past(page):
    """Someone leaves while the first messages are still being fetched: they are fetched once."""
    asked = []

    def carry(socket):
        server = socket.connect_to_server()

        def pass_on(text):
            if '"history"' in text:
                socket.send(json.dumps({"type": "leave", "from": "system", "body": "", "room": "dev", "user": "someone"}))
            socket.send(text)

        def ask_server(text):
            asked.extend(['"before"' in text] if '"history"' in text and '"dev"' in text else [])
            server.send(text)

        server.on_message(pass_on)
        socket.on_message(ask_server)

    page.route_web_socket("**/ws", carry)
    page.reload()
    online(page)
    open_room(page, "dev")
    heard(page, "well")
    expect(page.locator("#stream .top")).to_contain_text("This is where #dev begins.")
    assert asked in ([False], [False, True]), asked
    expect(page.locator(".toast")).to_have_count(0)


def no_room_by_a_click(page, bob, name):
    """`#include`, and an address with a mistake: the page asks first."""
    say(bob, f"#include and #dev for {name}")
    open_room(page, "dev")
    heard(page, f"#include and #dev for {name}")
    page.locator("#stream .row", has_text=f"for {name}").get_by_role("button", name="#include").click()
    dialog = page.get_by_role("dialog", name="There is no room #include")
    dialog.get_by_role("button", name="Cancel").click()
    page.evaluate("location.hash = '#deev'")
    page.get_by_role("dialog", name="There is no room #deev").get_by_role("button", name="Cancel").click()
    page.evaluate("location.hash = '#global'")
    expect(page.get_by_role("heading", name="global", exact=True)).to_be_visible()
    page.evaluate("location.hash = '#planned'")
    page.get_by_role("dialog").get_by_role("button", name="Create the room").click()
    expect(page.get_by_role("heading", name="planned", exact=True)).to_be_visible()
    bob.get_by_role("button", name="Browse or create rooms").click()
    rooms = bob.get_by_role("dialog").locator(".all-rooms .label")
    expect(rooms.filter(has_text="planned")).to_have_count(1)
    assert sorted(rooms.all_inner_texts()) == ["dev", "global", "planned"], rooms.all_inner_texts()
    bob.keyboard.press("Escape")


def main():
    where = site()
    with chromium() as browser:
        bob = enter(browser, where.web, "bob")
        join(bob, "dev")
        ada = enter(browser, where.web, "ada", size=PHONE, path="/client#dev")
        expect(composer(ada)).to_have_attribute("placeholder", "Message #dev")
        nothing_is_sent(ada, bob)
        pia = new_page(browser, where.web, path="/client#dev")
        pia.get_by_role("tab", name="Register").click()
        pia.get_by_label("Nickname").fill("pia")
        pia.get_by_label("Password").fill("long enough")
        pia.get_by_role("button", name="Create the account").click()
        expect(composer(pia)).to_have_attribute("placeholder", "Message #dev")
        only_what_is_sent_opens(pia, bob)
        nobody_to_load(pia)
        a_departure_before_the_past(pia)
        for page, name in ((pia, "pia"), (ada, "ada")):
            no_room_by_a_click(page, bob, name)
            # The next one finds no such room.
            say(page, "/leave")
            expect(row(page, "planned")).to_have_count(0)
        assert ada.mistakes == bob.mistakes == pia.mistakes == [], ada.mistakes + bob.mistakes + pia.mistakes


if __name__ == "__main__":
    main()
