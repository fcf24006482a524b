"""The pages: what they link to is there."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")]


def text_of(page):
    """Return the page without its code, in which # and [] mean something else."""
    return re.sub(r"(?ms)^```.*?^```", "", page.read_text())


def anchors(page):
    """Return a page's headings as GitHub names them in links."""
    headings = re.findall(r"(?m)^#+ +(.*?) *$", text_of(page))
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page):
    links = re.findall(r"\]\((?!https?:)([^)\s#]*)(?:#([^)\s]+))?\)", text_of(page))
    lost = []
    for path, anchor in links:
        target = page.parent / path if path else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            lost.append(f"{path}#{anchor}")
    assert not lost


def test_every_page_can_be_found_from_the_first():
    found, waiting = set(), [ROOT / "README.md"]
    while waiting:
        page = waiting.pop()
        if page not in found:
            found.add(page)
            links = re.findall(r"\]\((?!https?:)([^)\s#]+\.md)", text_of(page))
            waiting += [(page.parent / link).resolve() for link in links]
    assert set((ROOT / "docs").glob("*.md")) <= found
