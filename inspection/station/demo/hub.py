"""What the demo asks of the hub: announce returns, and prove that it holds every inspection with its pictures."""

from __future__ import annotations

import hashlib
from typing import Any

import httpx2

from inspection.errors import InspectionError


class HubRefused(InspectionError):
    """The hub did not take what the demo sent."""

    code = "demo.hub_refused"


class DemoHub:
    """The hub's address and tokens, as its ``demo`` command prints them."""

    def __init__(self, url: str, admin_token: str, station_token: str) -> None:
        self.url = url
        self.station_token = station_token
        self._http = httpx2.Client(
            base_url=url, headers={"Authorization": f"Bearer {admin_token}"}, timeout=10.0, trust_env=False
        )

    @classmethod
    def of(cls, line: dict[str, Any]) -> DemoHub:
        return cls(line["url"], line["admin_token"], line["station_token"])

    def close(self) -> None:
        self._http.close()

    def announce(self, rma: str, gtin: str, serial: str) -> None:
        """Import the return that the parcel belongs to.

        Raises:
            HubRefused: the hub answered neither 2xx nor "already there".
        """
        body = {"rma": rma, "lines": [{"gtin": gtin, "serial": serial, "quantity": 1}]}
        answer = self._http.post("/v1/returns", json=body)
        if answer.status_code not in (200, 201, 409):
            raise HubRefused(f"POST /v1/returns: {answer.status_code} {answer.text[:200]}")

    def holds(self, inspection_id: str, pictures: list[str]) -> bool:
        """Whether the hub has the inspection and every picture of it, byte for byte by its hash."""
        answer = self._http.get(f"/v1/inspections/{inspection_id}")
        if answer.status_code != 200:  # noqa: PLR2004
            return False
        for sha256 in pictures:
            picture = self._http.get(f"/v1/images/{sha256}")
            if picture.status_code != 200 or hashlib.sha256(picture.content).hexdigest() != sha256:  # noqa: PLR2004
                return False
        return True
