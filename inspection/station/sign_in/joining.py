"""Builds the sign-in of a station whose configuration joins it to a hub's badges."""

from __future__ import annotations

from datetime import timedelta

from inspection.station.config import StationConfig
from inspection.station.people import People
from inspection.station.sign_in.desk import SignInDesk
from inspection.station.sign_in.hub_badges import HubBadges
from inspection.station.sign_in.kept import KeptSignIns
from inspection.station.sign_in.members import JoinedPeople

FILE = "sign-ins.json"


def open_desk(config: StationConfig) -> SignInDesk | None:
    """The desk, not started; ``None`` where the configuration has no section ``sign_in``."""
    if config.sign_in is None or config.hub is None:
        return None
    return SignInDesk(
        HubBadges(config.hub.url, config.hub.token, proxy=config.hub.proxy),
        KeptSignIns(config.data / FILE, timedelta(hours=config.sign_in.keep_h)),
        check_s=config.sign_in.check_s,
    )


def joined_people(people: People, desk: SignInDesk | None) -> People:
    """``people``, and with a desk those who signed in there."""
    return people if desk is None else JoinedPeople(people.by_badge, desk.member)
