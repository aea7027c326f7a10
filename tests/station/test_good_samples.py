"""A good sample of the product beside what was photographed, and which picture decided; nothing where there is none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from inspection.station.good_samples import GoodSamples, SampleUnreadable
from tests.station.rig import SOUP, Rig, draw
from tests.station.test_screen import browser, expect_state, page, scan

__all__ = ["browser", "page"]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    folder = tmp_path_factory.mktemp("samples")
    draw(folder / "references" / SOUP / "top" / "1.png", "intact", 7)
    with Rig(folder) as rig:
        rig.config["model"] = {"bundle": str(folder), "references": str(folder / "references")}
        rig.start()
        yield rig


@pytest.mark.browser
def test_one_key_puts_the_good_sample_beside_the_picture(rig: Rig, page: Page) -> None:
    scan(rig, "s1", "minor")
    expect_state(page, "judged")
    expect(page.locator("img.sample")).to_have_count(0)
    page.keyboard.press("b")
    expect(page.locator("figure[data-view=top] img.sample")).to_be_visible()
    expect(page.locator("figure[data-view=front] img.sample")).to_have_count(0)  # no sample of this view
    expect(page.locator("img.sample")).to_have_js_property("naturalWidth", 320)
    sample, shot = (page.locator(f"figure[data-view=top] {each}").bounding_box() for each in ("img.sample", ".shot"))
    assert sample is not None
    assert shot is not None
    assert sample["x"] + sample["width"] <= shot["x"] + 4, "side by side"
    expect(page.locator("figure[data-view=top] .shot .inner").first).to_be_visible()
    found = [one for one in Axe().run(page).response["violations"] if one["impact"] in ("serious", "critical")]
    assert found == []
    page.locator("button[data-look=sample]").click()
    expect(page.locator("img.sample")).to_have_count(0)


@pytest.mark.browser
def test_the_picture_that_decided_is_told_with_its_region(rig: Rig, page: Page) -> None:
    scan(rig, "s2", "minor")
    expect_state(page, "judged")
    expect(page.locator("figure.decides")).to_have_count(1)
    expect(page.locator("figure.decides figcaption")).to_contain_text("this picture decided")
    expect(page.locator("figure.decides .deciding")).to_have_count(1)
    assert rig.state()["assessment"]["decided_by"] in ("top", "front")
    assert page.locator("[data-similar]").count() == 0, "no examples are known, so nothing is said of them"


@pytest.mark.browser
def test_without_a_sample_of_the_product_there_is_no_button(rig: Rig, page: Page) -> None:
    rig.command("start")
    expect_state(page, "judged")
    expect(page.locator("button[data-look=zoom]")).to_be_visible()
    expect(page.locator("button[data-look=sample]")).to_have_count(0)


def test_only_pictures_of_products_and_views_there_are_can_be_asked_for(rig: Rig) -> None:
    assert rig.http is not None
    assert rig.http.get(f"/samples/{SOUP}/top").headers["content-type"] == "image/jpeg"
    for path in (f"{SOUP}/front", f"{SOUP}/..", f"{SOUP}/%2e%2e%2ftop", "..%2f/top", "00000000000000/top", "x/top"):
        assert rig.http.get(f"/samples/{path}").status_code == 404, path


def test_a_sample_that_changes_has_another_address_and_one_that_is_no_picture_is_said(tmp_path: Path) -> None:
    samples, file = GoodSamples(tmp_path), tmp_path / SOUP / "top.png"
    assert samples.find(SOUP, "top") is None
    draw(file, "intact")
    first = samples.find(SOUP, "top")
    assert first is not None
    pixels = cv2.imdecode(np.frombuffer(samples.jpeg(first), np.uint8), cv2.IMREAD_COLOR)
    assert pixels is not None
    assert pixels.shape == (240, 320, 3)
    file.write_bytes(b"no picture")
    second = samples.find(SOUP, "top")
    assert second is not None
    assert second.mark != first.mark
    with pytest.raises(SampleUnreadable, match="no picture"):
        samples.jpeg(second)
