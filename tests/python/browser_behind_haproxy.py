"""Behind a balancer that keeps administration, metrics and health internal, the
page comes back when the server does, and reports a token that is no longer
valid."""

import urllib.error

from browser import *


def status(web, path):
    try:
        return urllib.request.urlopen(f"http://{web}{path}").status
    except urllib.error.HTTPError as error:
        return error.code


def main():
    where = site()
    for path in ("/healthz", "/readyz", "/metrics", "/admin/", "/docs/"):
        assert status(where.web, path) == 404, path
    with chromium() as browser:
        ada = enter(browser, where.web, "ada")
        bob = enter(browser, where.web, "bob")
        for page in (ada, bob):
            join(page, "dev")
        asked = []
        ada.on("request", lambda request: asked.append(request.url))
        # Refused, the page checks whether its token is still valid and gets no
        # answer.
        with ada.expect_response("**/auth") as answered:
            ask("kill")
        assert answered.value.status == 503, answered.value.status
        expect(ada.locator(".banner.offline")).to_contain_text("The connection was lost")
        say(ada, "while you were away")
        ask("start")
        for page in (ada, bob):
            comes_back(page)
            expect(page.locator(".banner.offline")).to_have_count(0)
        heard(bob, "while you were away")
        # The page requests nothing that the balancer refuses.
        assert all(status(where.web, url.split(where.web)[1]) != 404 for url in asked), asked

        # A server that does not know the page's token.
        ask("kill")
        expect(ada.locator(".banner.offline")).to_contain_text("The connection was lost")
        ask("forget")
        ask("start")
        # It tries now and then, as when it comes back.
        expect(ada.locator("#sign-in").get_by_text("You have been signed out. Please sign in again.")).to_be_visible(timeout=3 * PATIENCE)
        ada.get_by_label("Nickname").fill("ada")
        ada.get_by_role("button", name="Enter").click()
        online(ada)


if __name__ == "__main__":
    main()
