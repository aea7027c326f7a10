"""How one report reaches the hub: its pictures first, then the report, then whatever pictures the hub still misses."""

from __future__ import annotations

from collections.abc import Mapping

import pydantic

from inspection.errors import StoreError
from inspection.report import InspectionReport
from inspection.station.hub_client import Answer, HubClient, Outcome
from inspection.station.pictures import PictureStore


class Delivery:
    """The way from this station's picture store to the hub."""

    def __init__(self, client: HubClient, pictures: PictureStore) -> None:
        self._client, self._pictures = client, pictures

    def close(self) -> None:
        self._client.close()

    def deliver(self, body: bytes, uploaded: set[str]) -> Answer:
        """Send one report.

        Args:
            body: an :class:`~inspection.report.InspectionReport` as JSON.
            uploaded: hashes that earlier tries already sent; added to.

        Returns:
            ``DONE`` only when the hub has the report and misses none of its pictures.
        """
        try:
            report = InspectionReport.model_validate_json(body)
        except pydantic.ValidationError as error:
            return Answer(Outcome.DEAD, f"the stored report does not validate ({error.error_count()} problems)")
        media_types = {picture.sha256: str(picture.media_type) for picture in report.pictures}
        stopped = self._upload(media_types, uploaded)
        if stopped is not None:
            return stopped
        posted = self._client.post_report(body)
        if posted.outcome is not Outcome.DONE or not posted.missing_images:
            return posted
        return self._supply_missing(posted, media_types, uploaded)

    def _supply_missing(self, posted: Answer, media_types: Mapping[str, str], uploaded: set[str]) -> Answer:
        unknown = set(posted.missing_images) - set(media_types)
        if unknown:
            return Answer(Outcome.DEAD, f"the hub asks for a picture that the report does not name: {min(unknown)}")
        uploaded.difference_update(posted.missing_images)
        stopped = self._upload({name: media_types[name] for name in posted.missing_images}, uploaded)
        return posted if stopped is None else stopped

    def _upload(self, media_types: Mapping[str, str], uploaded: set[str]) -> Answer | None:
        """Send the pictures not sent yet; returns the answer that stopped it, ``None`` when all are there."""
        for sha256, media_type in media_types.items():
            if sha256 in uploaded:
                continue
            try:
                data = self._pictures.read(sha256)
            except StoreError as error:
                return Answer(Outcome.DEAD, error.one_line(), error.code)
            answer = self._client.put_picture(sha256, data, media_type)
            if answer.outcome is not Outcome.DONE:
                return answer
            uploaded.add(sha256)
        return None
