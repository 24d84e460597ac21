"""A page behind a proxy that names the user is in the chat without a question, and signing out leads
where the settings say. A name that cannot be a nickname gets the reason."""

from browser import *


def visit(browser, where, who, groups="staff", path="/client"):
    context = browser.new_context(base_url=f"http://{where.web}", service_workers="block")
    context.set_default_timeout(PATIENCE)
    told = {"who": who, "groups": groups}
    context.add_cookies([{"name": name, "value": value, "url": f"http://{where.web}"} for name, value in told.items()])
    page = context.new_page()
    page.goto(path)
    return page


def main():
    where = site()
    with chromium() as browser:
        page = visit(browser, where, "mina")
        online(page)
        expect(page.locator("#chat")).to_contain_text("mina")
        page.reload()
        online(page)
        page.locator("#me").click()
        page.get_by_role("menuitem", name="Sign out").click()
        page.wait_for_url("**/gone")
        # A visit later brings the user in again.
        page.goto("/client")
        online(page)

        page = visit(browser, where, "mina@example.org")
        expect(page.get_by_role("alert")).to_contain_text("cannot be a nickname")
        expect(page.get_by_role("button", name="Continue as mina@example.org")).to_be_visible()

        # The administrators' page, for those whose groups say so.
        page = visit(browser, where, "mina", path="/admin/")
        page.get_by_role("button", name="Continue as mina").click()
        expect(page.get_by_role("alert")).to_contain_text("has no role on this server")
        page = visit(browser, where, "boss", "staff,chat-admins", "/admin/")
        page.get_by_role("button", name="Continue as boss").click()
        expect(page.get_by_role("heading", name="Overview")).to_be_attached()
        expect(page.locator("#health")).to_contain_text("boss, administrator")


if __name__ == "__main__":
    main()
