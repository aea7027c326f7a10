"""Renders the screen: one page, and the panel in it that changes with every snapshot."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from inspection.station.snapshot import Fault, HubState, ShownView, Snapshot
from inspection.station.web import calibration_words, words
from inspection.station.web.drawing import Label, groups, labels
from inspection.station.web.languages import TITLES, Languages

HERE = Path(__file__).parent
STATIC = HERE / "static"
MAX_DRAWN = 12
"""Findings drawn in one picture; the strongest come first."""
CERTAIN = 0.99
MAX_FAULTS = 3
QUIET = (
    "disk.low",
    *(f"calibration.{code}" for code in calibration_words.PROBLEMS if not code.startswith(("moved_", "check_"))),
)
"""Faults that stand until a technician comes; what has just changed is told loudly."""
FOR_THE_TECHNICIAN = frozenset({"model.broken", "config.refused", "disk.low"})
"""Faults that are looked into at the set-up page."""
CHECKED_WITH_CARD = frozenset({f"calibration.check_{standing}" for standing in ("due", "overdue", "failed")})
"""Faults that a worker cures with the reference card."""
TO_BE_CALIBRATED = frozenset({"calibration.missing", "calibration.incomplete", "calibration.expired"})
"""Faults whose cure is the next step of the view's calibration."""


class Pages:
    """Templates by language.

    Args:
        languages: the catalogues.
        calibrates: whether the station has a page for its calibration.
    """

    def __init__(self, languages: Languages, *, calibrates: bool = False) -> None:
        self.languages, self._calibrates = languages, calibrates
        self._environments = {tag: _environment(languages, tag) for tag in languages.catalogues}
        self._version = _static_version()

    def page(self, snapshot: Snapshot, language: str) -> str:
        """The whole page."""
        template = self._environment(language).get_template("page.html")
        return template.render(
            **self._context(snapshot, language), titles=TITLES, version=self._version, notices=words.NOTICES
        )

    def panel(self, snapshot: Snapshot, language: str) -> str:
        """The part of the page that follows the station."""
        return self._environment(language).get_template("panel.html").render(**self._context(snapshot, language))

    def render(self, name: str, language: str, shown: Mapping[str, Any]) -> str:
        """Another whole page from its template, with what it shows."""
        tag = language if language in self._environments else self.languages.default
        template = self._environment(tag).get_template(name)
        return template.render(**shown, lang=tag, titles=TITLES, version=self._version)

    def _page_of(self, fault: Fault) -> str:
        """Where something is done about it; empty where there is nothing to do."""
        if fault.code in FOR_THE_TECHNICIAN:
            return "/setup"
        if not self._calibrates or fault.code not in CHECKED_WITH_CARD | TO_BE_CALIBRATED:
            return ""
        shown = {"view": fault.about.split(", ")[0]}
        if fault.code in CHECKED_WITH_CARD:
            shown["part"] = "check"
        return f"/calibration?{urlencode(shown)}"

    def _environment(self, language: str) -> Environment:
        return self._environments.get(language) or self._environments[self.languages.default]

    def _context(self, snapshot: Snapshot, language: str) -> dict[str, Any]:
        tag = language if language in self._environments else self.languages.default
        say = self.languages.catalogues[tag].gettext
        return {
            "snapshot": snapshot,
            "lang": tag,
            "words": words,
            "calibrates": self._calibrates,
            "groups": groups(snapshot.findings),
            "labels": lambda view: _labels(snapshot, view, say),
            "faults": [
                (_sentence(fault, say), fault.code.startswith(QUIET), self._page_of(fault))
                for fault in snapshot.faults[:MAX_FAULTS]
            ],
            "more_faults": max(0, len(snapshot.faults) - MAX_FAULTS),
            "camera_trouble": _camera_trouble(snapshot),
            "retake": _retake(snapshot, say),
            "hub_sentence": _hub_sentence(snapshot.hub, say),
            "second_words": words.SECOND_WORD["en" if tag == "en" else "other"],
            "in_language": lambda texts: _in_language(texts, tag),
        }


def _environment(languages: Languages, tag: str) -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        extensions=["jinja2.ext.i18n"],
    )
    environment.install_gettext_translations(languages.catalogues[tag], newstyle=True)  # type: ignore[attr-defined]
    say = languages.catalogues[tag].gettext
    environment.filters["word"] = lambda code, table: _word(say, str(code), table)
    environment.filters["percent"] = _percent
    environment.filters["short"] = _short
    return environment


def _short(person_id: str) -> str:
    """Enough of the hub's id of a person to tell colleagues apart; what the configuration calls people stays whole."""
    return person_id[:8] if len(person_id) == len(str(UUID(int=0))) else person_id


def _percent(share: float) -> str:
    """Whole per cent, never rounded up to certainty."""
    return ">99%" if share > CERTAIN else f"{share:.0%}"


def _labels(snapshot: Snapshot, view: ShownView, say: Callable[[str], str]) -> list[Label]:
    """Labels of about the same height on the screen, whether one picture fills it or several share it."""
    share = 0.034 if len(snapshot.views) == 1 else 0.067
    found = sorted((f for f in snapshot.findings if f.view == view.view), key=lambda f: -f.probability)[:MAX_DRAWN]
    named = [(f, f"{_word(say, f.defect.value, words.DEFECTS)} {_percent(f.probability)}") for f in found]
    return labels(named, view.width, view.height, view.height * share)


def _word(say: Callable[[str], str], code: str, table: Mapping[str, str]) -> str:
    """The translated word of a code; a code nobody gave words to, such as a configured reason, speaks for itself."""
    return say(table[code]) if code in table else code.replace("_", " ")


def _sentence(fault: Fault, say: Callable[[str], str]) -> str:
    return say(words.FAULTS.get(fault.code, words.FAULT_OTHERWISE)) % {"about": fault.about, "code": fault.code}


def _retake(snapshot: Snapshot, say: Callable[[str], str]) -> str:
    """The one thing to put right before new pictures are taken; empty when they are good."""
    problems = snapshot.capture_problems
    codes = [code for found in problems.values() for code in found]
    first = min(codes, key=lambda code: _ORDER.get(code, len(_ORDER)), default="")
    return _word(say, first, words.CAPTURE_PROBLEMS) if first else ""


_ORDER = {code: place for place, code in enumerate(words.CAPTURE_PROBLEMS)}


def _hub_sentence(hub: HubState, say: Callable[[str], str]) -> str:
    return say(words.HUB_TROUBLE.get(hub.trouble, words.HUB_OTHERWISE)) if hub.trouble else ""


def _camera_trouble(snapshot: Snapshot) -> bool:
    """Whether a view has no picture to give now."""
    lost = any(device.view is not None and not device.connected for device in snapshot.devices)
    return lost or any(
        fault.about in snapshot.live_views and not fault.code.startswith(("calibration.", "picture."))
        for fault in snapshot.faults
    )


def _in_language(texts: Mapping[str, str], tag: str) -> str:
    """The text in the worker's language, else English, else any."""
    return texts.get(tag) or texts.get("en") or next(iter(texts.values()), "")


def _static_version() -> str:
    """Part of the static files' addresses, so that a new version is never mixed with a cached old one."""
    digest = hashlib.sha256()
    for path in sorted(STATIC.iterdir()):
        if re.fullmatch(r"[a-z]+\.(css|js|svg)", path.name):
            digest.update(path.read_bytes())
    return digest.hexdigest()[:12]
