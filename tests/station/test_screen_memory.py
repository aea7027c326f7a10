"""A tab stays as large as it is, item after item: the page keeps no node and no listener of what it showed before."""

from __future__ import annotations

import pytest
from playwright.sync_api import CDPSession, Page, expect

from tests.station.rig import Rig
from tests.station.test_screen import browser, expect_state, page

__all__ = ["browser", "page"]
pytestmark = pytest.mark.browser
FIRST, MORE = 3, 20


def taken_again(rig: Rig, page: Page, times: int) -> None:
    """New pictures of the item on the table, looked at closely: each is a panel with pictures, findings and verdict."""
    for _ in range(times):
        take = rig.state()["takes"] + 1
        page.keyboard.press("z")
        page.keyboard.press("h")
        page.keyboard.press("r")
        expect(page.locator("#station")).to_have_attribute("data-take", str(take), timeout=60_000)
        expect_state(page, "judged")


def counted(session: CDPSession) -> tuple[int, int]:
    """DOM nodes and listeners that live in the tab, after its garbage was collected."""
    session.send("HeapProfiler.collectGarbage")
    told = {one["name"]: int(one["value"]) for one in session.send("Performance.getMetrics")["metrics"]}
    return told["Nodes"], told["JSEventListeners"]


def test_twenty_panels_later_the_tab_holds_no_more_nodes_and_listeners(rig: Rig, page: Page) -> None:
    session = page.context.new_cdp_session(page)
    session.send("Performance.enable")
    rig.put("minor")
    rig.command("start")
    expect_state(page, "judged")
    taken_again(rig, page, FIRST)
    nodes, listeners = counted(session)
    taken_again(rig, page, MORE)
    nodes_later, listeners_later = counted(session)
    assert nodes_later - nodes < MORE, "less than one node for each panel"
    assert listeners_later - listeners < MORE / 2
