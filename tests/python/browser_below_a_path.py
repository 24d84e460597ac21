"""Behind a proxy that serves the chat below a path: the browser requests
nothing outside it, and everything works."""

from urllib.parse import urlsplit

from browser import *


def watched(page, where):
    """Records requests outside the path."""
    page.asked = []
    note = lambda url: page.asked.append(url)
    page.on("request", lambda request: note(request.url))
    page.on("websocket", lambda socket: note(socket.url))
    return page


def astray(page, where):
    paths = {urlsplit(url).path for url in page.asked if not url.startswith(("data:", "blob:"))}
    return {path for path in paths if not path.startswith(where.path)}


def open_page(browser, where, path):
    page = watched(new_page(browser, where.web, path="about:blank"), where)
    page.goto(where.path + path)
    return page


def people_talk(browser, where):
    ada = open_page(browser, where, "")
    assert urlsplit(ada.url).path == where.path + "client", ada.url
    ada.get_by_label("Nickname").fill("ada")
    ada.get_by_role("button", name="Enter").click()
    online(ada)
    bob = open_page(browser, where, "client/")
    assert urlsplit(bob.url).path == where.path + "client", bob.url
    bob.get_by_label("Nickname").fill("bob")
    bob.get_by_role("button", name="Enter").click()
    online(bob)
    for page in (ada, bob):
        join(page, "dev")
    say(ada, "hello below")
    heard(bob, "hello below")
    # The emoji are fetched when first needed.
    with bob.expect_response("**/client/*/emoji.txt") as fetched:
        composer(bob).press_sequentially(":smi")
    assert fetched.value.ok
    # The sign-in is kept, separate from other chats on this host.
    ada.reload()
    online(ada)
    heard(ada, "hello below")
    kept = ada.evaluate("[...Object.keys(sessionStorage), ...Object.keys(localStorage)]")
    assert kept and all(key.startswith(f"chat.{where.path}.") for key in kept), kept
    # The icon is an image.
    favicon = ada.evaluate("fetch(document.getElementById('favicon').href).then((answer) => answer.headers.get('content-type'))")
    assert favicon == "image/svg+xml", favicon
    assert any(url.startswith("ws://") for url in ada.asked), ada.asked
    return ada, bob


def an_account_is_made(browser, where):
    page = open_page(browser, where, "client")
    page.get_by_role("tab", name="Register").click()
    for label, value in [("Nickname", "carol"), ("Password", "long enough")]:
        page.get_by_label(label).fill(value)
    with page.expect_response("**/auth/register") as registered:
        page.get_by_role("button", name="Create the account").click()
    assert urlsplit(registered.value.url).path == where.path + "auth/register"
    online(page)
    return page


def an_administrator_acts(browser, where):
    page = open_page(browser, where, "admin")
    assert urlsplit(page.url).path == where.path + "admin/", page.url
    page.get_by_label("Admin token").fill(where.admin_token)
    page.get_by_role("button", name="Sign in").click()
    expect(page.locator("#console")).to_be_visible()
    page.goto(where.path + "admin/#people")
    expect(page.locator("tbody tr")).to_have_count(2)
    return page


def the_documentation_can_be_tried(browser, where):
    page = open_page(browser, where, "docs")
    # All calls are drawn at once, whenever something is opened: that is much for a slow machine.
    page.set_default_timeout(4 * PATIENCE)
    assert urlsplit(page.url).path == where.path + "docs/", page.url
    page.locator("#operations-status-healthz .opblock-summary").click()
    page.locator("#operations-status-healthz .try-out__btn").click()
    with page.expect_response("**/healthz") as answered:
        page.locator("#operations-status-healthz .execute").click()
    assert urlsplit(answered.value.url).path == where.path + "healthz", answered.value.url
    assert answered.value.status == 200
    return page


def main():
    where = site()
    with chromium() as browser:
        pages = [*people_talk(browser, where), an_administrator_acts(browser, where)]
        pages.append(an_account_is_made(browser, where))
        pages.append(the_documentation_can_be_tried(browser, where))
        for page in pages:
            assert astray(page, where) == set(), (page.url, astray(page, where))
            assert page.mistakes == [], (page.url, page.mistakes)


if __name__ == "__main__":
    main()
