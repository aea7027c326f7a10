"""The page for warehouse staff tells the truth: its commands are commands, its words are those of the screen."""

from __future__ import annotations

import re

from inspection.station.orders import OrderKind, order_of_code
from inspection.verdict import Disposition
from tests.inspection.policies import ROOT

PAGE = (ROOT / "docs" / "how-to" / "staff.md").read_text(encoding="utf-8")


def test_every_command_on_the_page_is_one_the_station_takes() -> None:
    orders = [order_of_code(code, "badge-1") for code in re.findall(r"`(CMD:[A-Z]+)`", PAGE)]
    kinds = {order.kind for order in orders}
    assert kinds == set(OrderKind) - {OrderKind.REASON, OrderKind.ANSWER}
    assert {order.disposition for order in orders} - {None} == set(Disposition)


def test_both_languages_give_the_same_commands_and_keys() -> None:
    english, chinese = PAGE.split("## 中文")
    for pattern in (r"`CMD:[A-Z]+`", r"\| `([A-Za-z0-9]+)` \|"):
        assert re.findall(pattern, english) == re.findall(pattern, chinese) != []
