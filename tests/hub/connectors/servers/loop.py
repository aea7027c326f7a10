"""The dispositioning API of a Loop-like shop: items checked one by one, at most 30 a call, foreign ones forbidden."""

from __future__ import annotations

from typing import Any

from tests.hub.connectors.servers.faulty import Answer, Got

KEY = "loop-key-1"
CATEGORIES = {"grade_a", "grade_b", "grade_c", "grade_d", "incorrect_item", "missing", "junk"}
OUTCOMES = {"back_to_stock", "resale_hold", "recycle", "donate", "missing"}


class LoopShop:
    """What was graded and assessed, by line."""

    def __init__(self, *lines: int) -> None:
        self.lines = set(lines)
        self.graded: list[dict[str, Any]] = []
        self.assessed: list[dict[str, Any]] = []

    def __call__(self, got: Got) -> Answer:
        if got.headers.get("x-authorization") != KEY:
            return Answer(401, {"message": "Unauthenticated."})
        items = got.json().get("items")
        if not isinstance(items, list) or not 0 < len(items) <= 30:
            return Answer(422, {"errors": {"items": ["The items field must have between 1 and 30 items."]}})
        errors = {
            f"items.{number}.{field}": [why]
            for number, each in enumerate(items)
            for field, why in self._faults(got.path, each)
        }
        if errors:
            return Answer(422, {"message": "The given data was invalid.", "errors": errors})
        if any(each["line_item_id"] not in self.lines for each in items):
            return Answer(403, {"message": "One or more line items do not belong to the authenticated shop."})
        (self.graded if got.path.endswith("/grade") else self.assessed).extend(items)
        return Answer(200, items)

    def _faults(self, path: str, item: dict[str, Any]) -> list[tuple[str, str]]:
        found = []
        if not isinstance(item.get("line_item_id"), int):
            found.append(("line_item_id", "must be an integer"))
        if path.endswith("/grade"):
            if not 0 < len(item.get("description", "")) <= 255:
                found.append(("description", "is required, at most 255 characters"))
            if item.get("condition_category", "grade_a") not in CATEGORIES:
                found.append(("condition_category", "is invalid"))
        elif item.get("disposition_outcome") not in OUTCOMES:
            found.append(("disposition_outcome", "is invalid"))
        return found
