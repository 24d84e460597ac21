"""What is followed, and what counts as read: the end of a conversation is left only by scrolling
up, and only what was seen is marked read."""

from browser import *

ROUNDS = 8
MANY = 120


def at_end(page):
    return page.locator("#stream").evaluate("box => box.scrollHeight - box.scrollTop - box.clientHeight < 2")


# As on an old machine: what is to be painted, and the news that something was scrolled, come late.
LATE = """
const soon = requestAnimationFrame.bind(window);
window.requestAnimationFrame = (paint) => latePaint ? setTimeout(() => soon(paint), latePaint) : soon(paint);
addEventListener("scroll", (event) => {
  if (!lateScroll || !event.isTrusted) return;
  event.stopImmediatePropagation();
  setTimeout(() => event.target.dispatchEvent(new Event("scroll")), lateScroll);
}, true);
"""


def be_late(page, paint, scroll):
    """By so many milliseconds."""
    page.evaluate("([paint, scroll]) => Object.assign(window, { latePaint: paint, lateScroll: scroll })", [paint, scroll])


def scroll(page, by):
    box = page.locator("#stream").bounding_box()
    page.mouse.move(box["x"] + 200, box["y"] + 200)
    page.mouse.wheel(0, by)


def the_end_is_followed(page, telnet):
    """Each answer is in sight; scrolling up by a little ends that, and scrolling down to the end begins it."""
    for number in range(ROUNDS):
        say(page, f"ping {number}.\n" + "on several lines\n" * (number % 4))
        telnet.hears(f"ping {number}.")
        telnet.send(f"pong {number}.")
        heard(page, f"pong {number}.")
        expect(page.locator("#stream .text", has_text=f"pong {number}.")).to_be_in_viewport(ratio=1)
    expect(page.locator("#below .button")).to_have_count(0)
    scroll(page, -20)
    expect(page.locator("#below .button").first).to_be_visible()
    telnet.send("not in sight")
    expect(page.locator("#below")).to_contain_text("1 new message")
    assert not at_end(page)
    scroll(page, 4000)
    expect(page.locator("#below .button")).to_have_count(0)
    telnet.send("in sight again")
    expect(page.locator("#stream .text", has_text="in sight again")).to_be_in_viewport(ratio=1)


def scrolling_up_is_not_undone(page, telnet):
    """What comes before the page has learnt that it was scrolled does not bring it back to the end."""
    be_late(page, 0, 2000)
    page.locator("#stream").evaluate("box => box.scrollBy(0, -100)")
    telnet.send("just then")
    expect(page.locator("#stream .text", has_text="just then")).to_be_attached()
    expect(below(page, "Jump to newest")).to_be_visible()
    be_late(page, 0, 0)
    assert not at_end(page)
    below(page, "Jump to newest").click()
    expect(page.locator("#below .button")).to_have_count(0)
    expect(page.locator("#stream .text", has_text="just then")).to_be_in_viewport(ratio=1)


def new_line(page):
    return page.locator("#stream .new-line")


def message(page, text):
    return page.locator("#stream .text").get_by_text(text, exact=True)


def below(page, name):
    return page.locator("#below").get_by_role("button", name=name)


def count(page, name):
    """What the badge of a conversation says; 0 without one."""
    badge = unread(page, name)
    return int(badge.locator(".unseen").inner_text().split()[0]) if badge.count() else 0


def opens_at_the_first_new(page, name, text):
    open_room(page, name)
    expect(message(page, text)).to_be_in_viewport()
    expect(new_line(page)).to_be_in_viewport()
    expect(below(page, "Jump to newest")).to_be_visible()


def many_unread(page, room, say_there, me):
    """They are read as they are seen, not before; the same after a reload."""
    open_room(page, "global")
    for number in range(MANY):
        say_there(f"line {number}." + (f" for @{me}" if number == MANY - 5 else ""))
    expect(unread(page, room)).to_contain_text(f"{MANY} unread, 1 for you")
    opens_at_the_first_new(page, room, "line 0.")
    expect(unread(page, room)).to_contain_text("1 for you")
    # What is in view has been read once the badge is painted.
    expect(unread(page, room)).not_to_contain_text(f"{MANY} unread")
    left = count(page, room)
    assert MANY - 60 < left < MANY, left
    # Scrolling on reads on.
    scroll(page, 1000)
    expect(unread(page, room)).not_to_contain_text(f"{left} unread")
    # Elsewhere nothing more of it is read.
    open_room(page, "global")
    left = count(page, room)
    assert 0 < left < MANY - 10, left
    # Coming back, and after a reload, new is what was not seen.
    opens_at_the_first_new(page, room, f"line {MANY - left}.")
    open_room(page, "global")
    left = count(page, room)
    page.reload()
    online(page)
    expect(unread(page, room)).to_contain_text(f"{left} unread, 1 for you")
    opens_at_the_first_new(page, room, f"line {MANY - left}.")
    below(page, "Mark as read").click()
    expect(unread(page, room)).to_have_count(0)
    expect(new_line(page)).to_have_count(0)
    expect(below(page, "Mark as read")).to_be_hidden()
    assert not at_end(page)
    below(page, "Jump to newest").click()
    expect(page.locator("#stream .text").last).to_be_in_viewport()
    expect(page.locator("#below .button")).to_have_count(0)


def many_direct(page, telnet, me):
    """Direct messages, too: those that come while the page is open, and those from before."""
    for reloads in (False, True):
        open_room(page, "global")
        for number in range(MANY):
            telnet.send(f"/msg @{me} psst {reloads} {number}.")
        expect(unread(page, f"{me}s-friend")).to_contain_text(f"{MANY} unread")
        if reloads:
            page.reload()
            online(page)
            expect(unread(page, f"{me}s-friend")).to_contain_text(f"{MANY} unread")
        opens_at_the_first_new(page, f"{me}s-friend", f"psst {reloads} 0.")
        expect(unread(page, f"{me}s-friend")).not_to_contain_text(f"{MANY} unread")
        assert 0 < count(page, f"{me}s-friend") < MANY
        below(page, "Jump to newest").click()
        expect(unread(page, f"{me}s-friend")).to_have_count(0)


def not_seen_is_not_read(page, room, telnet):
    """What comes while the page is hidden is new when it is looked at again."""
    open_room(page, room)
    turn = """state => {
        Object.defineProperty(document, 'visibilityState', { value: state, configurable: true });
        document.dispatchEvent(new Event('visibilitychange'));
    }"""
    page.evaluate(turn, "hidden")
    for number in range(40):
        telnet.send(f"hidden {number}.")
    expect(unread(page, room)).to_contain_text("40 unread")
    page.evaluate(turn, "visible")
    expect(message(page, "hidden 0.")).to_be_in_viewport()
    expect(new_line(page)).to_be_in_viewport()
    expect(unread(page, room)).not_to_contain_text("40 unread")
    assert 0 < count(page, room) < 40
    below(page, "Jump to newest").click()
    expect(unread(page, room)).to_have_count(0)


def a_list_in_front(page, room, telnet):
    """On a phone, a conversation behind the list is not being read."""
    page.locator(".back").click()
    expect(page.locator("#stream")).to_be_hidden()
    # The page learns of it with the next frame.
    for _ in range(2):
        page.evaluate("() => new Promise(requestAnimationFrame)")
    telnet.send("behind the list")
    expect(unread(page, room)).to_contain_text("1 unread")
    row(page, room).click()
    expect(message(page, "behind the list")).to_be_in_viewport()
    expect(unread(page, room)).to_have_count(0)


def register(page, name):
    page.get_by_role("tab", name="Register").click()
    page.get_by_label("Nickname").fill(name)
    page.get_by_label("Password").fill("long enough")
    page.get_by_role("button", name="Create the account").click()
    online(page)


def main():
    where = site()
    with chromium() as browser:
        for size, name, room in ((DESKTOP, "ada", "dev"), (PHONE, "pia", "ops")):
            page = new_page(browser, where.web, size)
            register(page, name)
            join(page, room)
            bob = Telnet(where.telnet, f"{name}s-friend", room)
            bob.send("/register long enough")
            be_late(page, 70, 70)
            page.evaluate(LATE)
            the_end_is_followed(page, bob)
            scrolling_up_is_not_undone(page, bob)
            many_unread(page, room, bob.send, name)
            not_seen_is_not_read(page, room, bob)
            if size == PHONE:
                a_list_in_front(page, room, bob)
            many_direct(page, bob, name)
            assert page.mistakes == [], page.mistakes


if __name__ == "__main__":
    main()
