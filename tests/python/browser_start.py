"""The page's files are fetched once, the open room comes first, and the page opens without the server."""

from browser import *


def until(page, is_so):
    """Waits for what the browser's events tell."""
    for _ in range(PATIENCE // 50):
        if is_so():
            return
        page.wait_for_timeout(50)
    raise SystemExit("what was waited for has not come")


def fetched(page, act):
    """What the browser asked the server for, by itself or in doubt, while `act` was done."""
    asked, cached, ended = {}, set(), set()
    watch = page.context.new_cdp_session(page)
    watch.send("Network.enable")
    watch.on("Network.requestWillBeSent", lambda event: asked.update({event["requestId"]: event["request"]["url"]}))
    watch.on("Network.requestServedFromCache", lambda event: cached.add(event["requestId"]))
    watch.on("Network.responseReceived", lambda event: event["response"].get("fromDiskCache") and cached.add(event["requestId"]))
    for event in ("Network.loadingFinished", "Network.loadingFailed"):
        watch.on(event, lambda event: ended.add(event["requestId"]))
    act()
    until(page, lambda: asked.keys() <= ended | cached)
    watch.detach()
    return [url for request, url in asked.items() if request not in cached and not url.startswith(("data:", "ws:"))]


def a_reload_asks_once(browser, where):
    page = new_page(browser, where.web)
    files = set()
    # Who may register is asked each time, and is no file.
    page.on("requestfinished", lambda request: "/client" in request.url and files.add(request.url))

    def again():
        page.reload()
        page.get_by_role("button", name="Enter").wait_for()

    fetched(page, again)
    before = set(files)
    assert len(before) > 20, before
    asked = [url for url in fetched(page, again) if url in before]
    assert asked == [f"http://{where.web}/client"], asked
    assert page.mistakes == [], page.mistakes


def the_open_room_comes_first(browser, where):
    """Of many rooms, that which is shown is entered first."""
    for size in (DESKTOP, PHONE):
        page = enter(browser, where.web, f"carol-{size['width']}", size=size)
        join(page, "alpha")
        for name in ("mid", "zoo"):
            say(page, f"/join #{name}")
            expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
        entered = []

        def sent(payload):
            frame = json.loads(payload)
            if frame["type"] in ("join", "resume"):
                entered.append(frame["args"]["room"])

        page.on("websocket", lambda socket: socket.on("framesent", sent))
        page.reload()
        expect(page.get_by_role("heading", name="zoo", exact=True)).to_be_visible()
        expect(row(page, "alpha")).to_be_attached()
        until(page, lambda: len(entered) >= 4)
        # What is sent comes after all that was to be asked.
        say(page, "here")
        stored(page, "here")
        assert entered[0] == "zoo" and sorted(entered) == ["alpha", "global", "mid", "zoo"], entered
        page.context.close()


def all_of_many_rooms_are_entered(browser, where):
    """The one that is shown first; it has its people, and so has the next one that is opened."""
    bob = enter(browser, where.web, "bob")
    page = enter(browser, where.web, "dora")
    rooms = [f"busy-{number:02}" for number in range(25)]
    for name in ("alpha", "zoo"):
        join(bob, name)
        say(bob, f"in {name}")
        heard(bob, f"in {name}")
    for name in [*rooms, "zoo", "alpha"]:
        say(page, f"/join #{name}")
        # What is written before the room is shown stays in the one before.
        expect(page.get_by_role("heading", name=name, exact=True)).to_be_visible()
    expect(page.locator("#rooms li")).to_have_count(len(rooms) + 3)
    open_room(page, "alpha")
    heard(page, "in alpha")
    entered = []

    def sent(payload):
        frame = json.loads(payload)
        entered.extend(frame["args"]["room"] for _ in range(frame["type"] in ("join", "resume")))

    page.on("websocket", lambda socket: socket.on("framesent", sent))
    page.reload()
    people = page.locator("#aside .people")
    for name in ("alpha", "zoo"):
        if name == "zoo":
            open_room(page, name)
        heard(page, f"in {name}")
        expect(people).to_contain_text("bob")
    until(page, lambda: len(entered) >= len(rooms) + 3)
    assert entered[0] == "alpha", entered
    assert sorted(set(entered)) == sorted([*rooms, "alpha", "global", "zoo"]), entered
    # So many rooms make the list longer, and not the page, also with words for screen readers in it.
    open_room(page, "alpha")
    say(bob, "more in zoo")
    expect(unread(page, "zoo")).to_be_attached()
    long = page.evaluate("document.documentElement.scrollHeight - innerHeight")
    assert long <= 0, f"the page is {long} pixels too long"
    for one in (page, bob):
        one.context.close()


def the_open_room_may_come_late(browser, where):
    """Another is shown meanwhile; whoever has begun to write there stays."""
    for name, writes in (("lea", False), ("leo", True)):
        page = new_page(browser, where.web, path="about:blank")
        held, holds = [], []

        def carry(socket):
            server = socket.connect_to_server()
            server.on_message(lambda text: held.append((socket, text)) if holds and '"room":"late"' in text else socket.send(text))

        page.route_web_socket("**/ws", carry)
        page.goto("/client")
        page.get_by_label("Nickname").fill(name)
        page.get_by_role("button", name="Enter").click()
        online(page)
        join(page, "late")
        holds.append(True)
        page.reload()
        expect(page.get_by_role("heading", name="global", exact=True)).to_be_visible()
        if writes:
            composer(page).press_sequentially("hm")
        holds.clear()
        for socket, text in held:
            socket.send(text)
        if writes:
            page.get_by_role("button", name="Browse or create rooms").click()
            expect(page.get_by_role("button", name="Leave #late")).to_be_visible()
            page.keyboard.press("Escape")
            expect(composer(page)).to_have_value("hm")
        expect(page.get_by_role("heading", name="global" if writes else "late", exact=True)).to_be_visible()
        page.context.close()


def it_can_be_installed(page, where):
    manifest = page.evaluate("fetch(document.querySelector('link[rel=manifest]').href).then((answer) => answer.json())")
    start = page.evaluate("""(start) => new URL(start, document.querySelector('link[rel=manifest]').href).href""", manifest["start_url"])
    assert start == f"http://{where.web}/client", start
    found = page.context.new_cdp_session(page).send("Page.getInstallabilityErrors")["installabilityErrors"]
    assert [one for one in found if one["errorId"] != "in-incognito"] == [], found


def it_opens_without_the_server(browser, where):
    for size in (DESKTOP, PHONE):
        page = enter(browser, where.web, f"bob-{size['width']}", size=size, service_workers="allow")
        page.evaluate("navigator.serviceWorker.ready.then((it) => it.active.state)")
        it_can_be_installed(page, where)
        # Dialogs, too, whose files were not needed yet.
        page.context.set_offline(True)
        page.reload()
        expect(page.locator("#me .status.waiting")).to_be_attached()
        page.keyboard.press("Control+K")
        expect(page.get_by_role("dialog")).to_be_visible()
        page.keyboard.press("Escape")
        page.context.set_offline(False)
        online(page)
        page.context.close()


def main():
    where = site()
    with chromium() as browser:
        a_reload_asks_once(browser, where)
        the_open_room_comes_first(browser, where)
        all_of_many_rooms_are_entered(browser, where)
        the_open_room_may_come_late(browser, where)
        it_opens_without_the_server(browser, where)


if __name__ == "__main__":
    main()
