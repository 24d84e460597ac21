"""What axe-core says of a page. It inserts its own script, which the page has to allow (`bypass_csp`)."""

from axe_playwright_python.base import AXE_SCRIPT

SERIOUS = ("serious", "critical")


def check(page, view):
    """Fails if axe finds something serious in a view."""
    # Once for each document: reading the script takes longer than using it.
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE_SCRIPT)
    found = page.evaluate("axe.run(document, { resultTypes: ['violations'] }).then(({ violations }) => violations)")
    serious = [one for one in found if one["impact"] in SERIOUS]
    words = [(one["id"], [node["html"][:200] for node in one["nodes"]], one["nodes"][0]["failureSummary"]) for one in serious]
    assert not words, f"{view}: {words}"
