"""A model that is missing or broken is told, and a person goes on grading; its map is shown where there is one."""

from __future__ import annotations

import shutil
import threading
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np
import pytest
import yaml

from inspection.errors import InspectionError
from inspection.report import PicturePart
from inspection.station.config import StationConfig, load_config
from inspection.station.heat import SIDE, HeatMaps, NoHeat
from inspection.station.launch import build_station, load_bench, load_bench_for_work
from inspection.station.pictures import MEDIA_TYPE, PictureStore
from inspection.station.web.languages import Languages
from inspection.station.web.pages import Pages
from inspection.station.web.tabs import Tabs
from tests.station.rig import ROOT

BUNDLE = ROOT / "models" / "bundles" / "default"


def config_with(folder: Path, bundle: Path) -> StationConfig:
    path = folder / "station.yaml"
    path.write_text(
        yaml.safe_dump(
            {
                "station_id": "test",
                "data": str(folder / "data"),
                "cameras": [{"id": "c", "view": "top", "driver": "replay", "path": str(folder)}],
                "policy": str(ROOT / "configs" / "policy" / "default.yaml"),
                "products": str(ROOT / "configs" / "products.yaml"),
                "model": {"bundle": str(bundle)},
                "limits": {"min_free_mb": 0},
            }
        )
    )
    return load_config(path)


def broken(folder: Path, how: str) -> Path:
    bundle = folder / "bundle"
    if how != "missing":
        shutil.copytree(BUNDLE, bundle)
        graph = bundle / "model.onnx"
        graph.write_bytes(graph.read_bytes()[:1000] if how == "cut short" else b"")
    return bundle


@pytest.mark.parametrize("how", ["missing", "cut short", "empty"])
def test_a_station_without_a_usable_model_starts_and_says_so_in_every_language(tmp_path: Path, how: str) -> None:
    config = config_with(tmp_path, broken(tmp_path, how))
    with pytest.raises(InspectionError):
        load_bench(config)  # what `check` tells
    bench, faults = load_bench_for_work(config)
    assert bench.judge is None
    assert [(fault.code, fault.about) for fault in faults] == [("model.broken", "bundle")]
    station, _ = build_station(config, bench, faults)
    station._work.publish()
    languages = Languages.load("en")
    for language in languages.catalogues:
        assert "bundle" in Pages(languages).panel(station.parts.board.latest, language)
    assert [fault.code for fault in station.parts.board.latest.faults if fault.code.startswith("model.")] == [
        "model.broken"
    ]
    station.parts.journal.close()


def test_the_map_is_drawn_over_what_the_model_was_given(tmp_path: Path) -> None:
    config = config_with(tmp_path, BUNDLE)
    store = PictureStore(tmp_path / "pictures")
    stored = store.put(np.full((480, 640, 3), 128, np.uint8))
    picture = PicturePart(
        view="top",
        sha256=stored.sha256,
        media_type=MEDIA_TYPE,
        size_bytes=stored.size_bytes,
        width=640,
        height=480,
        captured_at=datetime.now(UTC),
        camera_id="c",
        sequence=1,
        settings_digest="0" * 16,
        offset_ms=0.0,
    )
    drawn = cv2.imdecode(np.frombuffer(HeatMaps(load_bench(config), store).jpeg(picture), np.uint8), cv2.IMREAD_COLOR)
    assert drawn is not None
    assert drawn.shape == (SIDE, SIDE, 3)
    without = load_bench(config.model_copy(update={"model": None}))
    with pytest.raises(NoHeat):
        HeatMaps(without, store).jpeg(picture)


def test_one_window_works_and_when_it_closes_the_oldest_other_does() -> None:
    changes: list[int] = []
    tabs = Tabs(lambda: changes.append(threading.get_ident()))
    with tabs.open("a"):
        with tabs.open("b"), tabs.open("c"):
            assert [tabs.may_work(tab) for tab in ("a", "b", "c", None)] == [True, False, False, True]
            tabs.take_over("c")
            assert [tabs.may_work(tab) for tab in ("a", "b", "c")] == [False, False, True]
        assert tabs.may_work("a")
    assert len(changes) == 3  # taken over, and closed twice
