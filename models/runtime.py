"""The judge: a bundle on ONNX Runtime. All views of an item go through the graph in one batch."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from inspection.errors import BundleError, InspectionError
from inspection.finding import Assessment, Box, Defect, Finding
from inspection.frame import Pixels, ViewPicture
from inspection.ledger.notes import VerifierKey
from models.bundle import EXPECTED, GRAPH, REFERENCE, SPEC, Bundle, open_bundle
from models.contract import OUTPUTS, BundleSpec
from models.finder import FINDER, Finder
from models.fusion import fused
from models.inner import PATCHES, has_tensor, with_output
from models.novelty import Reference
from models.pixels import Letterbox, fit, quality, regions
from models.placing import Laid, Place, place_of
from models.reference import Bank, Comparison, ReferenceRefused

Floats = npt.NDArray[np.float32]
MAX_VIEWS = 32
MAX_REGIONS_PER_DEFECT = 12


@dataclass(frozen=True, slots=True)
class Raw:
    """What the graph says of a batch of N pictures.

    Attributes:
        defects: (N, D) calibrated probabilities, order of ``spec.defects``.
        conditions: (N, 4) calibrated probabilities, order of ``spec.conditions``, rows sum to 1.
        maps: (N, D, h, w) probabilities per cell.
        embedding: (N, E).
    """

    defects: Floats
    conditions: Floats
    maps: Floats
    embedding: Floats


class NotFinite(InspectionError):
    """The graph gave NaN or infinity; nothing can be said of the item."""

    code = "judge.not_finite"


class Judge:
    """A loaded bundle. Thread-safe for :meth:`assess`."""

    def __init__(self, bundle: Bundle, session: ort.InferenceSession, finder: Finder | None = None) -> None:
        self._bundle = bundle
        self._session = session
        self._finder = finder
        self._reference = Reference(**_arrays(bundle, REFERENCE))
        if bundle.spec.kinds and len(bundle.spec.kinds) != len(self._reference.centres):
            raise BundleError(f"{bundle.folder}: {SPEC} names other kinds of goods than {REFERENCE} holds")
        self._has_patches = PATCHES in {output.name for output in session.get_outputs()}

    @classmethod
    def load(cls, path: Path, *, threads: int = 2, trusted: Sequence[VerifierKey] = ()) -> Judge:
        """Open the bundle at ``path``, warm up, and let it judge its golden samples.

        Args:
            path: folder of the bundle.
            threads: processor threads of one call.
            trusted: keys one of which must have signed the bundle; none: a signature is not asked for.

        Raises:
            BundleError: the bundle is damaged, not signed by a trusted key, or does not reproduce a golden sample on
                this machine.
            ValueError: ``threads`` is less than 1.
        """
        if threads < 1:
            raise ValueError(f"at least 1 thread, found {threads}")
        bundle = open_bundle(path, trusted)
        options = ort.SessionOptions()
        options.intra_op_num_threads = threads
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        try:
            graph = bundle.contents[GRAPH]
            known = has_tensor(graph, PATCHES)
            session = ort.InferenceSession(
                with_output(graph, PATCHES) if known else graph, options, providers=["CPUExecutionProvider"]
            )
            names = tuple(output.name for output in session.get_outputs() if output.name != PATCHES)
        except Exception as error:  # ONNX Runtime raises classes of its own, not exported
            raise BundleError(f"{path / GRAPH} is not a graph ONNX Runtime can run: {error}") from error
        if names != OUTPUTS:
            raise BundleError(f"{path / GRAPH} has outputs {names}, {OUTPUTS} expected")
        try:
            judge = cls(bundle, session, _finder(bundle, options))
            judge._check_golden()
        except InspectionError:
            raise
        except Exception as error:  # among others ONNX Runtime's own
            raise BundleError(f"{path}: its parts do not fit together: {error}") from error
        return judge

    @property
    def bundle_id(self) -> str:
        return self._bundle.bundle_id

    @property
    def signed_by(self) -> tuple[str, ...]:
        """Names of the trusted keys that signed the bundle."""
        return self._bundle.signed_by

    @property
    def spec(self) -> BundleSpec:
        return self._bundle.spec

    def preprocess(self, pictures: Sequence[ViewPicture], *, whole: bool = False) -> Pixels:
        """The graph's input for these views: uint8 (N, S, S, 3) BGR; ``whole``: nothing is cut out."""
        return self._fit(pictures, self._crops(pictures, whole=whole))[0]

    def run_raw(self, batch: Pixels) -> Raw:
        """The bare graph on a batch made by :meth:`preprocess`."""
        return Raw(*self._run(batch, OUTPUTS))

    def patches(self, batch: Pixels) -> Floats:
        """Patches (N, h, w, C) of a batch, for a reference of good samples.

        Raises:
            ReferenceRefused: the bundle's graph does not have them.
        """
        self._require_patches()
        return _channels_last(self._run(batch, (PATCHES,))[0])

    def place_of(self, pictures: Sequence[Pixels]) -> Place:
        """Where pictures of good samples of one view show the item."""
        return place_of(pictures, self._where(pictures), self.spec.input.size)

    def laid(self, pictures: Sequence[Pixels], places: Sequence[Place]) -> list[Laid]:
        """Each picture laid over the good samples of its place."""
        follows = any(place.cut is not None and place.cut.follows for place in places)
        crops = self._where(pictures) if follows else [None] * len(pictures)
        size = self.spec.input.size
        return [place.lay(pixels, size, crop) for pixels, place, crop in zip(pictures, places, crops, strict=True)]

    def assess(self, pictures: Sequence[ViewPicture], goods: str | None = None) -> Assessment:
        """Judge one item from all its views; see :meth:`assess_beside`."""
        return self.assess_beside(pictures, None, goods)[0]

    def assess_beside(
        self, pictures: Sequence[ViewPicture], bank: Bank | None, goods: str | None = None
    ) -> tuple[Assessment, tuple[Comparison | None, ...]]:
        """Judge one item from all its views, and beside the good samples of its product where there are any.

        A view that differs from them gives a finding ``novel`` with the place. The comparisons come in the order of the
        views, ``None`` for one without samples.

        One clear defect in one view suffices, and one bad view does not veto; see :mod:`models.fusion`.

        Args:
            pictures: 1 to 32 views.
            bank: of the good samples.
            goods: what kind the item is said to be, as in the product catalogue; it decides how sure is sure enough.
                ``None``: nobody says; then it is the kind that the item clearly looks like, if there is one.

        Raises:
            PictureRefused: an array is no picture.
            NotFinite: the graph computes nonsense on this machine.
            ReferenceRefused: the bank was made with another bundle.
            ValueError: no picture, more than 32, or two of one view.
        """
        if not 1 <= len(pictures) <= MAX_VIEWS:
            raise ValueError(f"1 to {MAX_VIEWS} pictures expected, found {len(pictures)}")
        if len({picture.view for picture in pictures}) != len(pictures):
            raise ValueError("two pictures of one view")
        crops = self._crops(pictures, whole=False)
        batch, letterboxes = self._fit(pictures, crops)
        raw = self.run_raw(batch)
        compared, places = self._beside(pictures, bank)
        spec = self.spec
        capture = tuple(quality(picture.view, fitted) for picture, fitted in zip(pictures, batch, strict=True))
        distances = self._reference.distances(raw.embedding)
        kind = goods if goods is not None else self._looks_like(raw.embedding)
        item = fused(raw.defects, raw.conditions, distances, [v.ok for v in capture], spec.thresholds.lines(kind))
        other = self._of_other_kind(raw.embedding[list(item.views)], goods)
        strange = max(item.distance / spec.thresholds.novelty, other)
        counting = {pictures[place].view for place in item.views}
        found = self._findings(pictures, raw, letterboxes) + self._differences(pictures, compared, places)
        assessment = Assessment(
            bundle_id=self.bundle_id,
            findings=tuple(sorted((f for f in found if f.view in counting), key=lambda finding: -finding.probability)),
            p_defect={name: float(p) for name, p in zip(spec.defects, item.p_defect, strict=True)},
            p_condition={name: float(p) for name, p in zip(spec.conditions, item.p_condition, strict=True)},
            novelty=float(1 - 0.5 ** (strange**2)),
            novel=strange > 1,
            confident=item.confident,
            capture=capture,
            decided_by=pictures[item.deciding].view,
            trials=spec.thresholds.trials(kind),
        )
        return assessment, compared

    def _run(self, batch: Pixels, names: Sequence[str]) -> list[Floats]:
        outputs: list[Floats] = self._session.run(list(names), {"pictures": batch})
        if not all(np.isfinite(output).all() for output in outputs):
            raise NotFinite("the graph gave a value that is not a number")
        return outputs

    def _beside(
        self, pictures: Sequence[ViewPicture], bank: Bank | None
    ) -> tuple[tuple[Comparison | None, ...], list[Letterbox | None]]:
        """Each view compared with its good samples, where there are any, and where the cells lie in the picture."""
        compared: list[Comparison | None] = [None] * len(pictures)
        places: list[Letterbox | None] = [None] * len(pictures)
        if bank is None:
            return tuple(compared), places
        samples = [bank.require(self.bundle_id).view(picture.view) for picture in pictures]
        with_samples = [(row, view, view.place) for row, view in enumerate(samples) if view and view.place]
        if with_samples:
            pixels = [pictures[row].pixels for row, _, _ in with_samples]
            laid = self.laid(pixels, [place for *_, place in with_samples])
            patches = self.patches(np.stack([one.fitted for one in laid]))
            for (row, view, _), one, grid in zip(with_samples, laid, patches, strict=True):
                found = view.compare(grid, one.seen(grid.shape[0]))
                compared[row], places[row] = replace(found, cells=one.back(found.cells)), one.letterbox
        return tuple(compared), places

    def _require_patches(self) -> None:
        if not self._has_patches:
            raise ReferenceRefused(
                f"the graph of {self.bundle_id} has no inner tensor {PATCHES}",
                hint="references need a bundle made by python -m models train",
            )

    def _crops(self, pictures: Sequence[ViewPicture], *, whole: bool) -> list[Box | None]:
        """What is cut out of each picture; ``None`` for a picture that is judged whole."""
        if whole or self._finder is None:
            return [None] * len(pictures)
        return list(self._finder.crops([picture.pixels for picture in pictures]))

    def _where(self, pictures: Sequence[Pixels]) -> list[Box | None]:
        """Where each picture shows the item, when it is to be compared with good samples that were cut out, too."""
        return [None] * len(pictures) if self._finder is None else list(self._finder.lenient().crops(pictures))

    def _fit(self, pictures: Sequence[ViewPicture], crops: Sequence[Box | None]) -> tuple[Pixels, list[Letterbox]]:
        size = self.spec.input.size
        fitted = [fit(picture.pixels, size, crop) for picture, crop in zip(pictures, crops, strict=True)]
        return np.stack([pixels for pixels, _ in fitted]), [letterbox for _, letterbox in fitted]

    def _looks_like(self, embedding: Floats) -> str | None:
        """The kind of goods whose centre is clearly the nearest to the views (N, E): of what nobody named."""
        limit = self.spec.thresholds.other_kind
        if limit is None or len(self.spec.kinds) < 2:  # noqa: PLR2004 -- of one kind nothing is nearer
            return None
        away = self._reference.to_centres(embedding).mean(axis=0)
        nearest, second = (int(place) for place in np.argsort(away)[:2])
        return self.spec.kinds[nearest] if away[second] - away[nearest] > limit else None

    def _of_other_kind(self, embedding: Floats, goods: str | None) -> float:
        """How much the views (N, E) look like another kind of goods than the item is said to be; over 1 it is one."""
        limit = self.spec.thresholds.other_kind
        if limit is None or goods not in self.spec.kinds:
            return 0.0
        kind = self.spec.kinds.index(goods)
        return float(self._reference.nearer_to_others(embedding, kind).mean()) / limit

    def _findings(self, pictures: Sequence[ViewPicture], raw: Raw, letterboxes: list[Letterbox]) -> tuple[Finding, ...]:
        found = []
        for row, picture in enumerate(pictures):
            for column, defect in enumerate(self.spec.defects):
                probability = float(raw.defects[row, column])
                if probability >= self.spec.thresholds.defects[defect]:
                    found += self._regions(defect, probability, picture.view, raw.maps[row, column], letterboxes[row])
        return tuple(found)

    def _differences(
        self, pictures: Sequence[ViewPicture], compared: Sequence[Comparison | None], places: list[Letterbox | None]
    ) -> tuple[Finding, ...]:
        found: list[Finding] = []
        for picture, comparison, letterbox in zip(pictures, compared, places, strict=True):
            if comparison is not None and letterbox is not None and comparison.anomalous:
                probability, cells, size = comparison.score, comparison.cells, self.spec.input.size
                areas = regions(cells, max(0.5, 0.9 * float(cells.max())), size, letterbox)[:MAX_REGIONS_PER_DEFECT]
                located = [Finding(Defect.NOVEL, probability, picture.view, box, region=area) for box, area in areas]
                found += located or [Finding(Defect.NOVEL, probability, picture.view)]
        return tuple(found)

    def _regions(
        self, defect: Defect, probability: float, view: str, cells: Floats, letterbox: Letterbox
    ) -> list[Finding]:
        """Where the map shows it; relative to its own peak, since one number decides whether and the map only where."""
        threshold = max(self.spec.thresholds.maps, 0.6 * float(cells.max()))
        found = regions(cells, threshold, self.spec.input.size, letterbox)[:MAX_REGIONS_PER_DEFECT]
        located = [Finding(defect, probability, view, box, region=region) for box, region in found]
        return located or [Finding(defect, probability, view)]

    def _check_golden(self) -> None:
        names = self._bundle.golden_pictures
        if not names:
            raise BundleError(f"{self._bundle.folder} has no golden samples")
        views = [ViewPicture(name, _decode(self._bundle, name)) for name in names]
        raw = self.run_raw(self.preprocess(views))
        shapes = raw.defects.shape[1], raw.conditions.shape[1], raw.maps.shape[1]
        if shapes != (len(self.spec.defects), len(self.spec.conditions), len(self.spec.defects)):
            raise BundleError(f"{self._bundle.folder}: the graph's outputs are not those that {SPEC} names")
        expected = _arrays(self._bundle, EXPECTED)
        for output in OUTPUTS:
            wanted, found = expected[output], getattr(raw, output)
            tolerance = self.spec.golden_tolerance * max(1.0, float(np.abs(wanted).max()))
            if wanted.shape != found.shape or not np.allclose(found, wanted, rtol=0, atol=tolerance):
                off = (
                    "another shape" if wanted.shape != found.shape else f"{float(np.abs(found - wanted).max()):.4g} off"
                )
                raise BundleError(
                    f"{self._bundle.folder} does not reproduce its golden samples: {output} is {off}",
                    hint="use the onnxruntime version of the lock, or choose another bundle with model.bundle",
                )
        self.assess(views[:1])  # sets up what the first item would wait for


def _finder(bundle: Bundle, options: ort.SessionOptions) -> Finder | None:
    if bundle.spec.finder is None:
        return None
    session = ort.InferenceSession(bundle.contents[FINDER], options, providers=["CPUExecutionProvider"])
    return Finder(session, bundle.spec.finder)


def _channels_last(patches: Floats) -> Floats:
    return np.ascontiguousarray(patches.transpose(0, 2, 3, 1))


def _arrays(bundle: Bundle, name: str) -> dict[str, Floats]:
    try:
        with np.load(io.BytesIO(bundle.contents[name]), allow_pickle=False) as file:
            return {key: file[key] for key in file.files}
    except (ValueError, OSError, zipfile.BadZipFile) as error:
        raise BundleError(f"{bundle.folder / name} holds no arrays: {error}") from error


def _decode(bundle: Bundle, name: str) -> Pixels:
    pixels = cv2.imdecode(np.frombuffer(bundle.contents[name], np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise BundleError(f"{bundle.folder / name} is not a picture")
    return np.asarray(pixels, np.uint8)
