"""The printed commands are read by a scanner and are exactly those that the station takes."""

from __future__ import annotations

import re
import zlib

import numpy as np
import pytest
import zxingcpp

from inspection.station.command_sheet import HEIGHT, KEYS, WIDTH, Symbol, pages, pdf, tiles
from inspection.station.config import REASONS
from inspection.station.guide import Guide
from inspection.station.orders import OrderKind, order_of_code
from inspection.station.web.languages import Languages
from tests.station.rig import ROOT

GUIDE = Guide.load(ROOT / "configs" / "guide.yaml")


@pytest.mark.parametrize("symbol", ["code128", "datamatrix"])
def test_every_code_is_read_from_the_pdf_itself(symbol: Symbol) -> None:
    wanted = tiles(REASONS, GUIDE, Languages.load("zh-CN"))
    data = pdf(pages(wanted, symbol), "Commands")
    streams = re.findall(rb"/Subtype /Image .*?/Length (\d+) >>\nstream\n", data, re.DOTALL)
    assert data.startswith(b"%PDF-1.7")
    read = set()
    for match in re.finditer(rb"/Subtype /Image .*?/Length (\d+) >>\nstream\n", data, re.DOTALL):
        packed = zlib.decompress(data[match.end() : match.end() + int(match[1])])
        bits = np.unpackbits(np.frombuffer(packed, np.uint8).reshape(HEIGHT, -1), axis=1)[:, :WIDTH]
        read |= {code.text for code in zxingcpp.read_barcodes(np.ascontiguousarray(bits * 255))}
    assert len(streams) == 2
    assert read == {tile.code for tile in wanted}


def test_every_command_has_a_code_a_key_and_words() -> None:
    wanted = tiles(REASONS, GUIDE, Languages.load("zh-CN"))
    orders = [order_of_code(tile.code, "w-1") for tile in wanted]
    assert {order.kind for order in orders} == set(OrderKind)
    assert len(set(KEYS.values())) == len(KEYS)
    assert all(
        tile.chinese and tile.english and tile.chinese != tile.english for tile in wanted if tile.code != "CMD:OK"
    )
