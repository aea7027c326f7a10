"""Shapes on one page as PDF (ISO 32000-1): vectors of exact size, and a wish to the viewer not to scale them."""

from __future__ import annotations

from calibration.draw import Fill, Rgb, Shape

PT_PER_MM = 72 / 25.4
_CAPITALS = 0.718
"""Height of Helvetica's capitals over its size (Adobe font metrics)."""


def pdf_bytes(shapes: list[Shape], width_mm: float, height_mm: float, title: str) -> bytes:
    """A PDF of one page. The same shapes give the same bytes."""
    content = "\n".join(_content(shapes, height_mm)).encode("ascii")
    box = f"[0 0 {width_mm * PT_PER_MM:.4f} {height_mm * PT_PER_MM:.4f}]"
    fonts = "<< /Font << /F1 5 0 R >> >>"
    objects = [
        b"<< /Type /Catalog /Pages 2 0 R /ViewerPreferences << /PrintScaling /None >> >>",
        b"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        f"<< /Type /Page /Parent 2 0 R /MediaBox {box} /Contents 4 0 R /Resources {fonts} >>".encode("ascii"),
        b"<< /Length %d >>\nstream\n%b\nendstream" % (len(content), content),
        b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>",
        f"<< /Title ({_escaped(title)}) >>".encode("ascii"),
    ]
    return _file(objects)


def _content(shapes: list[Shape], height_mm: float) -> list[str]:
    """Operators of the page: millimetres, y down as in the shapes."""
    lines = [f"{PT_PER_MM:.8f} 0 0 {-PT_PER_MM:.8f} 0 {height_mm * PT_PER_MM:.6f} cm"]
    colour = ""
    for shape in shapes:
        wanted = _colour(shape.rgb if isinstance(shape, Fill) else (0, 0, 0))
        if wanted != colour:
            lines.append(wanted)
            colour = wanted
        if not isinstance(shape, Fill):
            size = shape.height_mm / _CAPITALS
            place = f"1 0 0 -1 {shape.x_mm:.4f} {shape.y_mm:.4f} Tm"
            lines.append(f"BT /F1 {size:.4f} Tf {place} ({_escaped(shape.text)}) Tj ET")
        elif shape.upright:
            (x0, y0), (x1, y1) = shape.points.min(0), shape.points.max(0)
            lines.append(f"{x0:.4f} {y0:.4f} {x1 - x0:.4f} {y1 - y0:.4f} re f")
        else:
            path = [f"{x:.4f} {y:.4f} {'l' if index else 'm'}" for index, (x, y) in enumerate(shape.points)]
            lines.append(" ".join([*path, "h f"]))
    return lines


def _colour(rgb: Rgb) -> str:
    """Greys by themselves, so that a printer uses black ink alone."""
    if len(set(rgb)) == 1:
        return f"{rgb[0] / 255:.4f} g"
    return " ".join(f"{value / 255:.4f}" for value in rgb) + " rg"


def _escaped(text: str) -> str:
    plain = text.encode("ascii", "replace").decode("ascii")
    return plain.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")


def _file(objects: list[bytes]) -> bytes:
    """Header, objects, cross-reference table and trailer (7.5); the last object is the information."""
    data = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(data))
        data += b"%d 0 obj\n%b\nendobj\n" % (number, body)
    start = len(data)
    table = b"".join(b"%010d 00000 n \n" % place for place in places)
    data += b"xref\n0 %d\n0000000000 65535 f \n%b" % (len(objects) + 1, table)
    return data + b"trailer\n<< /Size %d /Root 1 0 R /Info %d 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (
        len(objects) + 1,
        len(objects),
        start,
    )
