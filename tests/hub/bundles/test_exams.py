"""An exam is a folder of the configuration, or what a data version holds back; whole, or none."""

from __future__ import annotations

from pathlib import Path

import pytest

from datasets.versions import making
from datasets.versions.entry import Split
from datasets.versions.store import VersionStore
from datasets.versions.version import Splitting
from inspection.hub.bundles import exams
from inspection.hub.bundles.settings import BundlesSection
from inspection.hub.datasets import service
from inspection.hub.hub import Hub
from inspection.hub.problems import Problem
from models.evaluation.gate_exam import Exam
from tests.hub.conftest import RunningHub
from tests.models.exams import small_exam


def test_what_a_data_version_holds_back_is_an_exam(running: RunningHub, tmp_path: Path) -> None:
    store = VersionStore(tmp_path / "store")
    folder = small_exam(
        tmp_path / "pictures", [f"{goods}-0{n}" for goods in ("can", "carton") for n in range(1, 7)]
    ).parent
    entries = making.from_folders(store, [folder], making.Origin())
    version = making.make("demo", entries, splitting=Splitting(exam_share=0.6))
    store.write(version)
    service.bring_in(running.hub, running.merchant, store, version, "test")
    held_back = {entry.sha256: entry for entry in version.entries if entry.split is Split.EXAM}
    assert 0 < len(held_back) < len(version.entries)
    with running.hub.database.transaction() as connection:
        assert exams.names(running.hub, connection, running.merchant) == (version.id,)
    laid_out = exams.laid_out(running.hub, running.merchant, version.id, tmp_path / "exam")
    exam = Exam.read(laid_out / exams.MANIFEST, laid_out)
    assert sorted(exam.hashes.values()) == sorted(held_back)
    for photograph in exam.photographs:
        entry = held_back[exam.hashes[photograph.file]]
        assert (photograph.condition, photograph.goods) == (entry.condition, entry.goods)
        assert photograph.labels["station"] == entry.station


def test_a_named_folder_is_an_exam_and_what_nobody_named_is_none(running: RunningHub, tmp_path: Path) -> None:
    section = BundlesSection(exams={"spring": tmp_path})
    config = running.hub.config.model_copy(update={"bundles": section})
    hub = Hub(config, running.hub.database, running.hub.images, running.hub.metrics)
    with hub.database.transaction() as connection:
        assert exams.names(hub, connection, running.merchant)[0] == "spring"
    assert exams.laid_out(hub, running.merchant, "spring", tmp_path / "never") == tmp_path
    for unknown, code in (("autumn", "gate.refused"), ("demo@000000000000", "dataset.unknown")):
        with pytest.raises(Problem) as caught:
            exams.laid_out(hub, running.merchant, unknown, tmp_path / "never")
        assert caught.value.code == code
