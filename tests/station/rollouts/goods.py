"""Policies and a station's side of rollouts without a session, for tests."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from inspection.ledger.notes import Signer
from inspection.policy import Policy
from inspection.products import Catalogue
from inspection.rollout import Kind
from inspection.station.capture import Bench
from inspection.station.hub_client import TokenSource
from inspection.station.pictures import PictureStore
from inspection.station.rollouts.desk import RolloutDesk
from inspection.station.rollouts.link import Link
from inspection.station.rollouts.making import Maker
from inspection.station.rollouts.opinions import OpinionBox
from inspection.station.rollouts.running import Running, Side
from inspection.station.rollouts.settings import RolloutsSection
from inspection.station.rollouts.store import Store
from models import signing
from tests.station.rig import ROOT

POLICY = ROOT / "configs" / "policy" / "default.yaml"
SIGNER = signing.signer("qa.example.com", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
STRANGER = signing.signer("somebody.else", Ed25519PrivateKey.from_private_bytes(bytes(32)))
SETTINGS = RolloutsSection.model_validate({"trusted_keys": [str(SIGNER.verifier)], "ask_s": 0.2, "max_mb": 100})


def policy(folder: Path, note: str, signer: Signer | None = SIGNER) -> str:
    """A signed policy in ``folder``, told apart by ``note``; returns its id."""
    folder.mkdir(parents=True)
    text = POLICY.read_bytes() + f"# {note}\n".encode()
    (folder / "policy.yaml").write_bytes(text)
    sha256 = hashlib.sha256(text).hexdigest()
    version = Policy.load(folder / "policy.yaml").version.partition("+")[0]
    name = f"policy@{version}+{sha256[:12]}"
    if signer is not None:
        (folder / "bundle.sig").write_bytes(signing.signed(signing.text_of(name, {"policy.yaml": sha256}), signer))
    return name


def configured(_with_model: bool = True) -> Bench:
    return Bench(Policy.load(POLICY), Catalogue.load(ROOT / "configs" / "products.yaml"))


class Place:
    """A station's rollouts in ``folder``, with a session that exchanges at once."""

    def __init__(self, folder: Path, url: str, step: Callable[[str], None] = lambda _step: None) -> None:
        token = folder / "token"
        folder.mkdir(exist_ok=True)
        token.write_text("token")
        self.store = Store(folder / "rollouts", 0, step)
        self.maker = Maker(self.store, SETTINGS.trusted, configured)
        self.box = OpinionBox(folder / "opinions.sqlite")
        self.desk = RolloutDesk(SETTINGS, self.store, self.maker, Link(url, TokenSource(token), "s-1"), self.box)
        ids = {kind: names[0] for kind, names in self.store.read().runs.items()}
        side = Side(self.maker.bench(ids), ids)
        self.maker.begin(side, PictureStore(folder / "pictures", 0))
        self.running = Running(side)
        self.taken = threading.Event()
        self.desk.attach(self.running, self._session, {})

    def _session(self) -> None:
        self.running.take_over()

    def runs(self) -> str | None:
        return self.running.champion.ids.get(Kind.POLICY)

    def __enter__(self) -> Self:
        self.desk.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.desk.stop()
