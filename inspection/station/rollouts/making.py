"""From bundles on disk to a side that can judge: loaded, its golden samples judged, its references beside it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from inspection.ledger.notes import VerifierKey
from inspection.pipeline import Judge
from inspection.policy import Policy
from inspection.rollout import Kind
from inspection.station.capture import Bench
from inspection.station.pictures import PictureStore
from inspection.station.rollouts.errors import RolloutRefused, explained
from inspection.station.rollouts.opening import banks_of, policy_file
from inspection.station.rollouts.running import Side
from inspection.station.rollouts.store import MAX_TRIES, Store
from inspection.station.similar import KnownExamples

if TYPE_CHECKING:
    from models.runtime import Judge as BundleJudge

log = structlog.get_logger()
BANKS = "banks"


def load_judge(folder: Path, threads: int, trusted: Sequence[VerifierKey]) -> Judge:
    """The judge of a bundle; its bytes, signature and golden samples are checked.

    Raises:
        BundleError: it is damaged, not signed by a trusted key, or does not reproduce a golden sample here.
    """
    from models.runtime import Judge as BundleJudge  # noqa: PLC0415

    return BundleJudge.load(folder, threads=threads, trusted=trusted)


class Maker:
    """Makes sides; remembers the judges of those in use.

    Args:
        configured: makes what the configuration names, with its model or without.
        threads: processor threads of whoever makes verdicts.
        references: the configured folder of reference banks and pictures of good samples.
        load: makes a judge of a bundle's folder.
    """

    def __init__(
        self,
        store: Store,
        trusted: Sequence[VerifierKey],
        configured: Callable[[bool], Bench],
        *,
        threads: int = 2,
        references: Path | None = None,
        load: Callable[[Path, int, Sequence[VerifierKey]], Judge] = load_judge,
    ) -> None:
        self._store, self._trusted, self._make_configured = store, tuple(trusted), configured
        self._threads, self._references, self._load = threads, references, load
        self._judges: dict[tuple[str, int], Judge] = {}
        self._configured: Bench | None = None
        self._like: Bench | None = None
        self._pictures: PictureStore | None = None

    def begin(self, running: Side, pictures: PictureStore) -> None:
        """Say what judges from the start, with the station's calibrations, and where its pictures lie."""
        self._like, self._pictures = running.bench, pictures
        if not running.ids:
            self._configured = running.bench

    def side(self, ids: Mapping[Kind, str], *, threads: int | None = None) -> Side:
        """The side of these bundles; see :meth:`bench`."""
        bench = self.bench(ids, threads=threads)
        return Side(bench, dict(ids), self.examples(ids, bench))

    def examples(self, ids: Mapping[Kind, str], bench: Bench) -> KnownExamples | None:
        """Known examples of the bundle among ``ids``, if it has any."""
        if Kind.BUNDLE not in ids or self._pictures is None:
            return None
        return KnownExamples.of(self._store.place(Kind.BUNDLE, ids[Kind.BUNDLE]), bench, self._pictures)

    def bench(self, ids: Mapping[Kind, str], *, threads: int | None = None) -> Bench:
        """What judges with these bundles, all of which are in the store, and else as the configuration says.

        Raises:
            InspectionError: one cannot be used.
        """
        bench = self._base(ids)
        if self._like is not None:
            bench = replace(bench, correct=self._like.correct, examine=self._like.examine)
        if Kind.BUNDLE in ids:
            folder = self._store.place(Kind.BUNDLE, ids[Kind.BUNDLE])
            judge = self._judge(ids[Kind.BUNDLE], folder, threads or self._threads)
            bench = replace(bench, judge=judge, beside=self._beside(judge, ids))
        elif Kind.REFERENCES in ids and bench.judge is not None:
            bench = replace(bench, beside=self._beside(bench.judge, ids))
        if Kind.POLICY in ids:
            bench = replace(bench, policy=Policy.load(policy_file(self._store.place(Kind.POLICY, ids[Kind.POLICY]))))
        return bench

    def forget_others(self, *sides: Side) -> None:
        """Let go of judges that none of these needs."""
        used = {id(side.bench.judge) for side in sides}
        self._judges = {key: judge for key, judge in self._judges.items() if id(judge) in used}

    def _base(self, ids: Mapping[Kind, str]) -> Bench:
        """What the configuration says; its model is not loaded for a side that has one of its own."""
        if self._configured is None and Kind.BUNDLE not in ids:
            self._configured = self._make_configured(True)
        return self._configured or self._make_configured(False)

    def _judge(self, bundle_id: str, folder: Path, threads: int) -> Judge:
        known = self._judges.get((bundle_id, threads))
        if known is not None:
            return known
        if self._store.tried(bundle_id) >= MAX_TRIES:
            raise RolloutRefused(
                f"the station ended {MAX_TRIES} times while it loaded {bundle_id}", hint="look at the station's log"
            )
        with self._store.trying(bundle_id):
            self._store.step("loading")
            judge = self._load(folder, threads, self._trusted)
        self._judges[bundle_id, threads] = judge
        return judge

    def _beside(self, judge: Judge, ids: Mapping[Kind, str]) -> Callable[[str | None], Judge] | None:
        from models.runtime import Judge as BundleJudge  # noqa: PLC0415
        from models.shelf import Shelf  # noqa: PLC0415

        if not isinstance(judge, BundleJudge):
            return None
        if Kind.REFERENCES in ids:
            folder = self._store.place(Kind.REFERENCES, ids[Kind.REFERENCES])
            if (made_by := banks_of(folder)) != judge.bundle_id:
                raise RolloutRefused(
                    f"{ids[Kind.REFERENCES]} was made with {made_by}, not with {judge.bundle_id}",
                    hint="roll out references of this bundle with it, or take them back",
                )
            return Shelf(judge, folder).judge_for
        if self._references is None:
            return None
        shelf = Shelf(judge, _banks(self._store.folder / BANKS / judge.bundle_id, self._references, judge))
        refused = shelf.refresh(lambda product: log.info("reference_built", product=product))
        if refused:
            raise RolloutRefused(f"no reference of {', '.join(sorted(refused)[:5])} can be built with it")
        return shelf.judge_for


def _banks(folder: Path, references: Path, judge: BundleJudge) -> Path:
    """A folder for banks of another bundle than the configured one, over the same pictures of good samples.

    The judge that works now has the banks in ``references``; they must stay its own until it is replaced.

    Raises:
        RolloutRefused: a bank there has no pictures to build one for this bundle of.
    """
    from models.reference_file import read_bank  # noqa: PLC0415

    try:
        folder.mkdir(parents=True, exist_ok=True)
        for path in sorted(references.iterdir()):
            link = folder / path.name
            if path.is_dir() and path.name.isdigit() and not link.exists():
                link.unlink(missing_ok=True)
                link.symlink_to(path.resolve(), target_is_directory=True)
            elif path.suffix == ".ref" and not (references / path.stem).is_dir():
                if read_bank(path).bundle_id != judge.bundle_id:
                    raise RolloutRefused(
                        f"the references of {path.stem} have no pictures to be built anew with {judge.bundle_id}",
                        hint="roll out references of this bundle, or put the pictures beside them",
                    )
                link.unlink(missing_ok=True)
                link.symlink_to(path.resolve())
    except OSError as error:
        raise explained(error, f"{folder}") from error
    return folder
