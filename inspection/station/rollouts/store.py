"""Bundles on the station's disk, and the pointer that says which of them run.

``<folder>/pointer.json`` is written whole, synced and renamed; ``<folder>/<kind>/<id>/`` appears by one rename after
its every byte was checked and synced. So whatever instant the power goes, what the pointer names is whole.
"""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import structlog
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from inspection.rollout import Assignment, BundleId, Kind
from inspection.station.rollouts.errors import DiskFull, explained

log = structlog.get_logger()
POINTER = "pointer.json"
INCOMING = "incoming"
MAX_POINTER_BYTES = 100_000
KEPT = 2
"""Of each kind: the one that runs, and the one before."""
MAX_TRIES = 3
"""A bundle that was being loaded when the program ended so often is not loaded again."""


class Pointer(BaseModel):
    """Which bundles run.

    Attributes:
        runs: by kind, the one that runs first, then the one before it.
        assignment: what the hub said last, for a start without it.
        trying: how often a bundle was being loaded when the program ended.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    runs: dict[Kind, Annotated[tuple[BundleId, ...], Field(max_length=KEPT)]] = Field(default_factory=dict)
    assignment: Assignment | None = None
    trying: dict[BundleId, int] = Field(default_factory=dict)


class Store:
    """The bundles of one station.

    Args:
        folder: made when it is not there.
        min_free_bytes: what must stay free on its disk for pictures and journal.
        killed_at: called with the name of each step before and after it; for tests that end the process there.
    """

    def __init__(
        self, folder: Path, min_free_bytes: int = 0, killed_at: Callable[[str], None] = lambda _step: None
    ) -> None:
        self.folder, self._min_free_bytes, self.step = folder, min_free_bytes, killed_at
        try:
            (folder / INCOMING).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise explained(error, f"{folder} cannot be made") from error

    @property
    def incoming(self) -> Path:
        """Where downloads and half-unpacked folders lie."""
        return self.folder / INCOMING

    def place(self, kind: Kind, bundle_id: str) -> Path:
        """Where a bundle lies, or would lie."""
        return self.folder / kind.value / bundle_id

    def has(self, kind: Kind, bundle_id: str) -> bool:
        return self.place(kind, bundle_id).is_dir()

    def read(self) -> Pointer:
        """The pointer; an empty one when there is none, or none that can be read."""
        try:
            data = (self.folder / POINTER).read_bytes()[: MAX_POINTER_BYTES + 1]
            return Pointer.model_validate_json(data)
        except FileNotFoundError:
            return Pointer()
        except (OSError, ValidationError) as error:
            log.error("rollout_pointer_unusable", error=type(error).__name__)
            return Pointer()

    def write(self, pointer: Pointer) -> None:
        """Exchange the pointer, on disk when this returns.

        Raises:
            NotFetched: the disk refuses; the old one stays.
        """
        place, part = self.folder / POINTER, self.folder / f"{POINTER}.part"
        text = json.dumps(pointer.model_dump(mode="json"), indent=1, sort_keys=True).encode()
        try:
            with part.open("wb") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            self.step("pointer-written")
            part.replace(place)
            self.step("pointer-switched")
            sync_folder(self.folder)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise explained(error, f"{place} cannot be written") from error

    def remember(self, assignment: Assignment) -> None:
        """Keep what the hub said for the next start; nothing is written when it is known."""
        known = self.read()
        if known.assignment != assignment:
            self.write(known.model_copy(update={"assignment": assignment}))

    def switch(self, kind: Kind, bundle_id: str | None) -> None:
        """From now on this one runs, the one that did is the one before; ``None``: what the configuration names."""
        known = self.read()
        before = known.runs.get(kind, ())
        runs = dict(known.runs)
        if bundle_id is None:
            runs.pop(kind, None)
        else:
            runs[kind] = (bundle_id, *(each for each in before if each != bundle_id))[:KEPT]
        if runs != known.runs:
            self.write(known.model_copy(update={"runs": runs}))

    @contextmanager
    def trying(self, bundle_id: str) -> Iterator[None]:
        """While a bundle is loaded; when the program ends meanwhile, the next start knows."""
        known = self.read()
        self.write(known.model_copy(update={"trying": {**known.trying, bundle_id: self.tried(bundle_id) + 1}}))
        try:
            yield
        finally:
            known = self.read()
            left = {name: count for name, count in known.trying.items() if name != bundle_id}
            self.write(known.model_copy(update={"trying": left}))

    def tried(self, bundle_id: str) -> int:
        """How often the program ended while it loaded this one."""
        return self.read().trying.get(bundle_id, 0)

    def room_for(self, size: int) -> None:
        """Make sure that ``size`` bytes fit.

        Raises:
            DiskFull: they do not.
        """
        try:
            free = shutil.disk_usage(self.folder).free
        except OSError as error:
            raise explained(error, f"{self.folder}") from error
        if free - size < self._min_free_bytes:
            raise DiskFull(
                f"{size // 1_000_000} MB are needed in {self.folder}, {free // 1_000_000} MB are free",
                hint="free space on the station's disk, or lower limits.min_free_mb",
            )

    def show(self, fresh: Path, kind: Kind, bundle_id: str) -> None:
        """Put a checked folder in its place, by one rename.

        Raises:
            NotFetched: the disk refuses.
        """
        place = self.place(kind, bundle_id)
        try:
            place.parent.mkdir(exist_ok=True)
            self.step("checked")
            fresh.rename(place)
            self.step("shown")
            sync_folder(place.parent)
            sync_folder(self.folder)
        except OSError as error:
            raise explained(error, f"{place} cannot be written") from error

    def prune(self, keep: set[tuple[Kind, str]]) -> None:
        """Remove bundles that neither the pointer nor ``keep`` names."""
        known = self.read()
        named = keep | {(kind, name) for kind, names in known.runs.items() for name in names}
        for kind in Kind:
            for path in (self.folder / kind.value).glob("*"):
                if (kind, path.name) not in named:
                    log.info("rollout_removed", bundle=path.name)
                    remove_folder(path)

    def clear_incoming(self, keep: set[str] = frozenset()) -> None:  # type: ignore[assignment]
        """Remove what is left of downloads, but for the archives of these hashes."""
        for path in self.incoming.glob("*"):
            if path.suffix == ".part" and path.stem in keep:
                continue
            if path.is_dir() and not path.is_symlink():
                remove_folder(path)
            else:
                path.unlink(missing_ok=True)


def sync_folder(folder: Path) -> None:
    """Put the names in a folder on disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def remove_folder(path: Path) -> None:
    """Remove a folder so that what is left when the power goes never looks whole: it is renamed first."""
    gone = path.with_name(f".gone-{path.name}") if not path.name.startswith(".gone-") else path
    try:
        if gone != path:
            path.rename(gone)
        shutil.rmtree(gone, ignore_errors=True)
    except OSError as error:
        log.warning("rollout_not_removed", folder=path.name, error=error.strerror)
