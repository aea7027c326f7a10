"""Words for codes, in English; the catalogues say them in other languages."""

from __future__ import annotations

from collections.abc import Mapping


def N_(message: str) -> str:  # noqa: N802 - the name gettext tools look for
    """Mark a message for translation."""
    return message


KINDS: Mapping[str, str] = {"refresh": N_("refresh (minutes)"), "full": N_("full (about an hour)")}
STATES: Mapping[str, str] = {
    "queued": N_("waits"),
    "running": N_("runs"),
    "publishing": N_("is being published"),
    "done": N_("done"),
    "failed": N_("failed"),
    "cancelled": N_("cancelled"),
}
STAGES: Mapping[str, str] = {
    "learning to find items": N_("learning to find items"),
    "finding items": N_("finding items"),
    "features": N_("computing features"),
    "fine-tuning": N_("fine-tuning"),
}
