"""The project's own bundle, rolled out: it judges; spoiled, its samples refuse it and what ran before goes on."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np

from inspection.rollout import Kind
from inspection.station.capture import Bench
from inspection.station.config import StationConfig, load_config
from inspection.station.rollouts.beginning import FOLDER, begin
from inspection.station.rollouts.store import Store
from inspection.station.snapshot import Fault
from models import signing
from models.bundle import CARD, EXPECTED, SIGNATURES, open_bundle, seal_bundle, signed_text
from tests.station.rig import ROOT, Rig
from tests.station.rollouts.goods import SIGNER, configured

DEFAULT = ROOT / "models" / "bundles" / "default"


def kept(store: Store, note: str, *, spoiled: bool = False) -> str:
    """A signed variant of the project's bundle in the store; returns its id."""
    folder = store.incoming / note
    shutil.copytree(DEFAULT, folder)
    with (folder / CARD).open("a") as stream:
        stream.write(note)
    if spoiled:
        expected = dict(np.load(folder / EXPECTED))
        np.savez(folder / EXPECTED, **{name: 1 - array for name, array in expected.items()})
    seal_bundle(folder, open_bundle(DEFAULT).spec)
    opened = open_bundle(folder)
    (folder / SIGNATURES).write_bytes(signing.signed(signed_text(opened), SIGNER))
    store.show(folder, Kind.BUNDLE, opened.bundle_id)
    return opened.bundle_id


def test_a_station_starts_with_what_ran_before_one_that_does_not_reproduce_its_samples(tmp_path: Path) -> None:
    with Rig(tmp_path) as rig:
        rig.config["rollouts"] = {"trusted_keys": [str(SIGNER.verifier)]}
        config = load_config(rig.write_config())
    store = Store(config.data / FOLDER)
    good, bad = kept(store, "good"), kept(store, "bad", spoiled=True)
    store.switch(Kind.BUNDLE, good)
    store.switch(Kind.BUNDLE, bad)

    def load(_config: StationConfig) -> Bench:
        return configured()

    def load_for_work(_config: StationConfig) -> tuple[Bench, tuple[Fault, ...]]:
        raise AssertionError("what is configured is the last resort")

    begun = begin(config, load, load_for_work)
    assert begun.ids == {Kind.BUNDLE: good}
    assert begun.bench.judge is not None
    assert begun.bench.judge.bundle_id == good
    assert "golden" in str(begun.fallen[bad])
    assert begun.desk is not None
    begun.desk.stop()
