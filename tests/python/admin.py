"""What the tests of the administrators' page share."""

from browser import *


def open_admin(browser, where, size=DESKTOP, **options):
    return new_page(browser, where.web, size, path="/admin", **options)


def sign_in(page, where):
    page.get_by_label("Admin token").fill(where.admin_token)
    page.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("heading", name="Overview")).to_be_attached()


def go(page, view):
    page.get_by_role("navigation", name="Views").get_by_role("link", name=view).click()
    expect(page.get_by_role("heading", name=view, exact=True)).to_be_attached()


def row_of(page, name):
    """The row of a table that names a user."""
    return page.locator("tbody tr").filter(has=page.locator("td.strong", has_text=name))


def tile(page, name):
    return page.locator(".tile").filter(has=page.locator("dt", has_text=name)).locator(".value")


def log_rows(page):
    return page.get_by_role("listbox", name="Log entries").get_by_role("option")


def fits(page):
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0, f"{wide} pixels too wide"


class Line(Telnet):
    """A line client that is refused."""

    def __init__(self, address):
        host, port = address.split(":")
        self.socket = socket.create_connection((host, int(port)), timeout=PATIENCE / 1000)
        self.seen = b""
