"""Words for codes, in English; the catalogues say them in other languages."""

from __future__ import annotations

from collections.abc import Mapping


def N_(message: str) -> str:  # noqa: N802 - the name gettext tools look for
    """Mark a message for translation."""
    return message


REASONS: Mapping[str, str] = {
    "made": N_("made of folders"),
    "labels": N_("with the newest labels"),
    "erasure": N_("without erased pictures"),
    "import": N_("from another program"),
}
SPLITS: Mapping[str, str] = {"train": N_("to learn from"), "exam": N_("exam")}
CONSENTS: Mapping[str, str] = {
    "not_needed": N_("shows nothing of a person"),
    "terms": N_("terms of returns"),
    "given": N_("somebody agreed"),
    "unstated": N_("unstated"),
}
