"""What is attached to this machine and by which entry of the configuration it is used."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from devices.tools import listing
from devices.tools.listing import Attached
from inspection.station.setup.roles import place_text


@dataclass(frozen=True, slots=True)
class FoundThing:
    """One port or camera.

    Attributes:
        kind: ``serial`` or ``camera``.
        path: where it is now.
        place: what names it for good, as the page calls it: ``usb:0c2e:0b6a:19`` or a path.
        what: vendor, model and serial number in words.
        driver: where its vendor makes only one kind of thing; otherwise empty.
        remark: what to know about it.
        used_by: id of the device that is configured to be it; empty for none.
    """

    kind: str
    path: str
    place: str
    what: str
    driver: str
    remark: str
    used_by: str

    def as_json(self) -> dict[str, str]:
        return {name: getattr(self, name) for name in self.__slots__}


def found_things(
    devices: Sequence[Mapping[str, Any]],
    cameras: Sequence[Mapping[str, Any]],
    *,
    serial: Callable[[], list[Attached]] = listing.serial_devices,
    video: Callable[[], list[Attached]] = listing.cameras,
) -> list[FoundThing]:
    """Serial ports and cameras, those that nothing uses first.

    Args:
        devices, cameras: the entries of the configuration.
    """
    things = [_thing("serial", attached, devices) for attached in serial()]
    things += [_thing("camera", attached, cameras) for attached in video()]
    return sorted(things, key=lambda thing: bool(thing.used_by))


def _thing(kind: str, attached: Attached, entries: Sequence[Mapping[str, Any]]) -> FoundThing:
    [line] = yaml.safe_load(attached.config)
    place = place_text(line.get("port") or line.get("usb") or line.get("path"))
    driver = "" if line["driver"] in ("DRIVER", "opencv") else line["driver"]
    used_by = next((str(entry["id"]) for entry in entries if is_at(entry, place, attached.path)), "")
    return FoundThing(kind, attached.path, place, attached.what, driver, attached.remark, used_by)


def is_at(entry: Mapping[str, Any], place: str, path: str) -> bool:
    """Whether an entry of the configuration names this place, or the path it has now."""
    named = place_text(entry.get("port") or entry.get("usb") or entry.get("path"))
    if not named:
        return False
    if named.startswith("usb:") and place.startswith("usb:"):
        return place == named or (place.startswith(f"{named}:") and named.count(":") == 2)  # noqa: PLR2004 - without serial
    return named in (place, path) or (named.startswith("/") and Path(named).resolve() == Path(path).resolve())
