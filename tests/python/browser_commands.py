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


# What is filled in for each command: names that are none, too many words, and a line that was not meant for it.
WRONG = ["", " !!!", " a!b c d", "\nsecret"]
# What leads away, or is meant to be said.
RIGHT = {"quit": [""], "leave": [""], "me": WRONG[1:], "msg": ["\nsecret"], "join": ["\nsecret"], "nick": ["\nsecret"]}
# Sets each line and sends it, and says what is in the field and in its words afterwards.
SEND_ALL = """async (lines) => {
    const field = document.getElementById("message");
    const done = [];
    for (const line of lines) {
        field.value = line;
        field.dispatchEvent(new Event("input", { bubbles: true }));
        field.form.requestSubmit();
        done.push([line, field.value, document.querySelector("#composer .words").textContent]);
        await new Promise((resolve) => setTimeout(resolve, 30));
        for (const dialog of document.querySelectorAll("dialog")) dialog.close();
    }
    return done;
}"""


def no_command_is_a_message(page, place):
    """Whatever is written after the name of a command: it is carried out, or stays with the reason, and is never said."""
    said = []
    page.on("websocket", lambda socket: socket.on("framesent", lambda text: json.loads(text).get("type") in ("message", "private") and said.append(text)))
    page.reload()
    online(page)
    jump(page, place)
    names = page.evaluate("""async () => {
        const commands = document.querySelector("script[type=module]").src.replace("app.js", "commands.js");
        return (await import(commands)).COMMANDS.map(({ name }) => name);
    }""")
    assert {"msg", "kick", "seen", "theme"} <= set(names), names
    lines = [f"/{name}{wrong}" for name in names for wrong in WRONG if wrong not in RIGHT.get(name, [])]
    for line, left, words in page.evaluate(SEND_ALL, lines):
        assert (left, bool(words)) in ((line, True), ("", False)), (line, left, words)
    expect(page.locator("#talk-title")).to_have_text(place.removeprefix("@"))
    assert said == [], said
    composer(page).fill("")
    page.reload()
    online(page)
    open_room(page, "dev")


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
    # One that cannot be, and one with letters of its own.
    page.evaluate("location.hash = '#a%21b'")
    toasted(page, "#a!b cannot be the name of a room.")
    page.evaluate("location.hash = '#gr\u00f6\u00dfe'")
    page.get_by_role("dialog", name="There is no room #gr\u00f6\u00dfe").get_by_role("button", name="Cancel").click()
    page.evaluate("location.hash = '#%E0%A4%A'")
    expect(page.get_by_role("dialog")).to_have_count(0)
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
        for page, place in ((pia, "dev"), (pia, "@bob"), (ada, "dev"), (ada, "@bob")):
            no_command_is_a_message(page, place)
        a_departure_before_the_past(pia)
        for page, name in ((pia, "pia"), (ada, "ada")):
            no_room_by_a_click(page, bob, name)
            # The next one finds no such room.
            say(page, "/leave")
            expect(row(page, "planned")).to_have_count(0)
        assert ada.mistakes == bob.mistakes == pia.mistakes == [], ada.mistakes + bob.mistakes + pia.mistakes


if __name__ == "__main__":
    main()
