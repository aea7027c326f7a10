"""What a reader complains about while it works; pure, with the time handed in."""

from __future__ import annotations

from dataclasses import dataclass, field

from devices.rfid.dialog import Notice

MAX_TROUBLES = 8


@dataclass(slots=True)
class Troubles:
    """Each trouble from its first notice until it is over.

    Attributes:
        silence_ms: a trouble that the reader repeats is over when it did not for this long.
    """

    silence_ms: int = 3000
    _heard_ns: dict[tuple[str, str], int] = field(default_factory=dict)

    @property
    def texts(self) -> tuple[str, ...]:
        """Those that last, in the order in which they came."""
        return tuple(text for _, text in self._heard_ns)

    def note(self, notice: Notice, monotonic_ns: int) -> None:
        """Take in a notice; of more than 8 troubles the oldest is forgotten."""
        said = (notice.about, notice.text)
        if notice.about:
            self._heard_ns = {key: at for key, at in self._heard_ns.items() if key == said or key[0] != notice.about}
        if not notice.trouble:
            self._heard_ns.pop(said, None)
            return
        self._heard_ns[said] = monotonic_ns
        if len(self._heard_ns) > MAX_TROUBLES:
            del self._heard_ns[next(iter(self._heard_ns))]

    def forget_silent(self, monotonic_ns: int) -> None:
        """Those that were to be repeated and were not are over."""
        oldest_ns = monotonic_ns - self.silence_ms * 1_000_000
        self._heard_ns = {key: at for key, at in self._heard_ns.items() if key[0] or at >= oldest_ns}

    def clear(self) -> None:
        """Forget everything; for a reader that was lost."""
        self._heard_ns = {}
