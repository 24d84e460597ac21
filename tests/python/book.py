"""The book of the documentation in a browser: its scripts run under the policy that it is served with, and search finds."""

from browser import *


def main():
    where = site()
    with chromium() as browser:
        page = new_page(browser, where.web, path="/docs/book/")
        contents = page.get_by_role("navigation", name="Table of contents")
        expect(contents.get_by_role("link", name="IRC", exact=True)).to_be_visible()
        page.get_by_role("button", name="Toggle Searchbar").click()
        page.get_by_role("searchbox").press_sequentially("reverse proxies")
        page.locator("#mdbook-searchresults a", has_text="TLS").first.click()
        expect(page).to_have_url(re.compile("/docs/book/tls.html"))
        expect(page.get_by_role("heading", level=1, name=re.compile("TLS"))).to_be_attached()
        # Another look is chosen, and is kept by the next page.
        page.get_by_role("button", name="Change theme").click()
        page.locator("#mdbook-theme-ayu").click()
        page.goto("/docs/book/irc.html")
        expect(page.locator("html")).to_have_class(re.compile(r"\bayu\b"))
        assert page.mistakes == [], page.mistakes


if __name__ == "__main__":
    main()
