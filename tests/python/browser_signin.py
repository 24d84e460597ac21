"""Registration with a nickname and a password, staying signed in, signing out
of all tabs, and names in every script."""

from browser import *

LOGIN = "Object.entries(localStorage).find(([key]) => key.endsWith('login'))"


LEFT = "Object.keys(sessionStorage).find((key) => key.endsWith('left'))"


def sign_out(page):
    page.locator("#me").click()
    page.get_by_role("menuitem", name="Sign out").click()


def register(page, name):
    page.get_by_role("tab", name="Register").click()
    page.get_by_label("Nickname").fill(name)
    page.get_by_label("Password").fill("long enough")
    page.get_by_role("button", name="Create the account").click()
    online(page)


def log_in(page, name, password):
    page.get_by_role("tab", name="Log in").click()
    page.get_by_label("Nickname").fill(name)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Log in").click()
    online(page)


def status(where, token):
    request = urllib.request.Request(f"http://{where.web}/auth", headers={"Authorization": f"Bearer {token}"})
    try:
        return urllib.request.urlopen(request).status
    except urllib.error.HTTPError as error:
        return error.code


def kept(page):
    return json.loads(page.evaluate(f"{LOGIN}[1]"))


def out_without_the_server(where, page):
    """Nobody waits for a server that does not answer. It is told when it does, and the user may come back at once."""
    login = kept(page)
    held = []
    page.route("**/auth", lambda route: held.append(route) if route.request.method == "DELETE" else route.continue_())
    # Otherwise a slow machine and a page that waits look the same.
    patient = "AbortSignal.timeout = () => new AbortController().signal"
    page.context.add_init_script(patient)
    page.evaluate(f"{patient}; 0")
    sign_out(page)
    expect(page.get_by_label("Nickname")).to_be_visible()
    expect(page.locator("#sign-in .notice-box")).to_be_empty()
    while not held:
        page.wait_for_timeout(50)
    held[0].abort()
    expect(page.get_by_role("alert")).to_contain_text("could not be told yet")
    assert status(where, login["token"]) == 200
    page.unroute("**/auth")
    page.evaluate("dispatchEvent(new Event('online'))")
    page.wait_for_function(f"() => !({LEFT})")
    expect(page.locator("#sign-in .notice-box")).to_be_empty()
    assert status(where, login["token"]) == 401
    page.get_by_role("tab", name="Log in").click()
    page.get_by_label("Nickname").fill("ada")
    page.get_by_label("Password").fill("long enough")
    page.get_by_role("button", name="Log in").click()
    online(page)


def leaving(browser, where, other):
    """Deleting one's account takes the password, and what was written goes with it."""
    lea = new_page(browser, where.web)
    register(lea, "lea")
    join(lea, "farewell")
    join(other, "farewell")
    say(lea, "remember me")
    heard(other, "remember me")
    lea.locator("#me").click()
    lea.get_by_role("menuitem", name="My account").click()
    lea.get_by_role("dialog").get_by_role("button", name="Delete my account").click()
    dialog = lea.get_by_role("dialog", name="Delete my account")
    dialog.get_by_label("Also delete all that I wrote").check()
    dialog.get_by_label("Password").fill("a wrong guess")
    dialog.get_by_role("button", name="Delete my account").click()
    expect(dialog.get_by_role("alert")).not_to_be_empty()
    dialog.get_by_label("Password").fill("long enough")
    dialog.get_by_role("button", name="Delete my account").click()
    expect(lea.get_by_label("Nickname")).to_be_visible()
    expect(lea.get_by_role("alert")).to_contain_text("deleted")
    expect(other.locator("#stream").get_by_text("remember me")).to_have_count(0)


def own_account(browser, where):
    """A new password keeps this page signed in and ends the others; the address is shown and changed."""
    nora = new_page(browser, where.web)
    register(nora, "nora")
    other = new_page(browser, where.web)
    log_in(other, "nora", "long enough")
    old = kept(nora)["token"]
    nora.locator("#me").click()
    nora.get_by_role("menuitem", name="My account").click()
    dialog = nora.get_by_role("dialog")
    password = dialog.locator("section", has=nora.get_by_role("heading", name="Password"))
    change = password.get_by_role("button", name="Change the password")
    password.get_by_label("Present password").fill("a wrong guess")
    password.get_by_label("New password").fill("even longer")
    change.click()
    expect(dialog.get_by_role("alert")).to_contain_text("Wrong username or password")
    password.get_by_label("Present password").fill("long enough")
    password.get_by_label("New password").fill("short")
    change.click()
    expect(password.get_by_label("New password")).to_be_focused()
    password.get_by_label("New password").fill("even longer")
    change.click()
    expect(dialog.get_by_role("alert")).to_contain_text("Your password is changed")
    expect(other.get_by_label("Nickname")).to_be_visible()
    online(nora)
    assert [status(where, token) for token in (old, kept(nora)["token"])] == [401, 200]
    address = dialog.locator("section", has=nora.get_by_role("heading", name="E-mail"))
    address.get_by_label("E-mail").fill("nora@example.org")
    address.get_by_label("Present password").fill("even longer")
    address.get_by_role("button", name="Change the address").click()
    expect(dialog.get_by_role("alert")).to_contain_text("Your address is changed")
    # Where else it is signed in is seen and ended, and this page goes on.
    log_in(other, "nora", "even longer")
    third = new_page(browser, where.web)
    log_in(third, "nora", "even longer")
    nora.reload()
    online(nora)
    nora.locator("#me").click()
    nora.get_by_role("menuitem", name="My account").click()
    rows = dialog.locator("section", has=nora.get_by_role("heading", name="Where you are signed in")).get_by_role("listitem")
    expect(rows).to_have_count(3)
    expect(rows.filter(has_text="this one")).to_have_count(1)
    rows.get_by_role("button", name="Sign out").first.click()
    expect(dialog.get_by_role("alert")).to_contain_text("That is signed out.")
    expect(rows).to_have_count(2)
    dialog.get_by_role("button", name="Sign out everywhere else").click()
    expect(dialog.get_by_role("alert")).to_contain_text("signed out everywhere else")
    expect(rows).to_have_count(1)
    for page in (other, third):
        expect(page.get_by_label("Nickname")).to_be_visible()
    third.context.close()
    online(nora)
    nora.reload()
    online(nora)
    nora.locator("#me").click()
    nora.get_by_role("menuitem", name="My account").click()
    expect(nora.get_by_role("dialog").get_by_label("E-mail")).to_have_value("nora@example.org")
    nora.context.close()
    other.context.close()


def main():
    where = site()
    with chromium() as browser:
        # Neither an address nor a number is needed, for any number of accounts.
        mina = new_page(browser, where.web)
        register(mina, "mina")
        ada = new_page(browser, where.web)
        register(ada, "ada")
        taken = new_page(browser, where.web)
        taken.get_by_role("tab", name="Register").click()
        taken.get_by_label("Nickname").fill("\u041cina")
        taken.get_by_label("Password").fill("long enough")
        taken.get_by_role("button", name="Create the account").click()
        expect(taken.locator("#field-nickname-why")).to_contain_text("taken")

        # A kept sign-in is renewed once a day in the background.
        login = kept(mina)
        mina.evaluate(f"() => {{ const [key, value] = {LOGIN}; "
                      "localStorage.setItem(key, JSON.stringify({ ...JSON.parse(value), renewed: 0 })); }")
        mina.wait_for_timeout(1100)  # A token's end is counted in seconds.
        mina.reload()
        online(mina)
        mina.wait_for_function(f"old => JSON.parse({LOGIN}[1]).token !== old", arg=login["token"])
        renewed = kept(mina)
        assert renewed["renewed"] > 0
        assert [status(where, one["token"]) for one in (login, renewed)] == [200, 200]

        # Signing out ends the other tabs, and the token is no longer valid.
        tab = mina.context.new_page()
        tab.goto("/client")
        online(tab)
        sign_out(mina)
        expect(mina.get_by_label("Nickname")).to_be_visible()
        expect(tab.get_by_label("Nickname")).to_be_visible()
        expect(tab.get_by_role("alert")).to_contain_text("signed out")
        assert mina.evaluate(f"{LOGIN} ?? null") is None
        mina.wait_for_function(f"() => !({LEFT})")
        assert [status(where, one["token"]) for one in (login, renewed)] == [401, 401]
        # Other users are not affected.
        say(ada, "still here")
        heard(ada, "still here")
        ada.reload()
        online(ada)

        # Names keep the marks that their scripts need, and mentions find them.
        poet = enter(browser, where.web, "काव्य")
        join(ada, "கவிதை")
        say(ada, "@काव्य come to #கவிதை")
        expect(ada.locator("#stream .name", has_text="@काव्य")).to_have_text("@काव्य")
        expect(ada.locator("#stream .name", has_text="#கவிதை")).to_have_text("#கவிதை")
        join(poet, "கவிதை")
        expect(poet.locator("#stream .name.me")).to_have_text("@काव्य")
        # Only those whom the page knows are offered.
        expect(ada.locator("#aside .people")).to_contain_text("काव्य")
        composer(ada).fill("@का")
        composer(ada).press("End")
        expect(ada.get_by_role("option", name="काव्य")).to_be_visible()
        composer(ada).press("Enter")
        expect(composer(ada)).to_have_value("@काव्य ")
        out_without_the_server(where, ada)
        leaving(browser, where, ada)
        own_account(browser, where)
        for page in (mina, ada, poet):
            serious = [one for one in page.mistakes if "Failed to load resource" not in one and "WebSocket" not in one]
            assert serious == [], serious


if __name__ == "__main__":
    main()
