"""What is shown beside the pictures of an item: a good sample of the product, and the known examples most like it."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from inspection.report import PicturePart
from inspection.station.record import InspectionRecord
from inspection.station.station import Station
from inspection.station.web import words
from inspection.station.web.pages import Pages
from inspection.station.web.problems import problem

FOR_EVER = "private, max-age=31536000, immutable"


def build_beside(station: Station, pages: Pages) -> APIRouter:
    """Its routes."""
    router, parts = APIRouter(), station.parts

    @router.get("/samples/{gtin}/{view}")
    def sample(request: Request, gtin: str, view: str) -> Response:
        """The good sample of a product as a view of this station sees it; its address changes with the picture."""
        found = parts.samples.find(gtin, view) if view in station.cameras else None
        if found is None:
            return problem("picture.unknown", "there is no good sample of this product", request.url.path)
        return Response(parts.samples.jpeg(found), media_type="image/jpeg", headers={"Cache-Control": FOR_EVER})

    @router.get("/similar")
    def similar(lang: Annotated[str, Query(max_length=16)] = "") -> Response:
        """The known examples most like the picture that decided about the item on the screen; 204: none is known."""
        record = parts.journal.last()
        picture = None if record is None else deciding_picture(record)
        versions = None if record is None else record.versions
        examples = parts.examples if versions is None else station.running.that_judged(versions).examples
        found = () if examples is None or picture is None else examples.most_like(picture)
        if not found:
            return Response(status_code=204)
        return Response(pages.render("similar.html", lang, {"similar": found, "words": words}), media_type="text/html")

    return router


def deciding_picture(record: InspectionRecord) -> PicturePart | None:
    """The picture that decided the condition; ``None`` where the model cannot say."""
    decided_by = record.assessment.decided_by if record.assessment is not None else None
    return next((picture for picture in record.pictures if picture.view == decided_by), None)
