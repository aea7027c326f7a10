"""A DataMatrix as dots, for measuring and for the preview; on paper the printer draws its own."""

from __future__ import annotations

import numpy as np
import zxingcpp

from devices.printer.font import Dots

_INK = 128


def dots(text: str, module: int = 1) -> Dots:
    """The square ECC 200 symbol of ``text`` without quiet zone, each of its modules ``module`` dots wide."""
    code = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.DataMatrix, force_square=True)
    image = np.asarray(zxingcpp.write_barcode_to_image(code, scale=1, add_quiet_zones=False))
    black: Dots = image < _INK
    return np.kron(black, np.ones((module, module), np.bool_)).astype(np.bool_)


def modules(text: str) -> int:
    """How many modules wide the symbol is."""
    return int(dots(text).shape[0])
