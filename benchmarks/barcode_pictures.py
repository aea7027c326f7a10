"""Pictures of codes drawn by ourselves: any symbol at any place and turn, with perspective, blur, noise and light."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt
import zxingcpp

Gray = npt.NDArray[np.uint8]
Corners = npt.NDArray[np.float64]

KINDS = ("EAN13", "UPCA", "EAN8", "UPCE", "Code128", "Code39", "ITF", "DataBarExp", "QRCode", "DataMatrix", "PDF417")
TWO_DIMENSIONAL = frozenset({"QRCode", "DataMatrix", "PDF417", "Aztec"})
DAMAGES = ("clean", "turned", "blurred", "noisy", "askew", "weak", "small")


@dataclass(frozen=True)
class Picture:
    """A drawn picture: ``name``, gray ``pixels``, the ``text`` of its one code, ``None`` when it has none."""

    name: str
    pixels: Gray
    text: str | None


def symbol(content: str, kind: str, *, scale: int = 3, quiet: int = 10) -> Gray:
    """A symbol, dark on white, with ``quiet`` modules of white around it."""
    made = zxingcpp.create_barcode(content, getattr(zxingcpp.BarcodeFormat, kind))
    bars = np.array(made.to_image(scale=scale, add_quiet_zones=False))
    return np.asarray(np.pad(bars, quiet * scale, constant_values=255), np.uint8)


def put(ground: Gray, picture: Gray, centre: tuple[float, float], degrees: float = 0.0, *, inset: int = 30) -> Corners:
    """Paste ``picture``, turned clockwise, about ``centre`` of ``ground``; returns its corners less ``inset`` pixels.

    The corners (4, 2) are top left, top right, bottom right and bottom left of the upright picture.
    """
    height, width = picture.shape
    turn = cv2.getRotationMatrix2D((width / 2 - 0.5, height / 2 - 0.5), -degrees, 1)
    turn[:, 2] += np.array(centre) - (width / 2 - 0.5, height / 2 - 0.5)
    size = ground.shape[1], ground.shape[0]
    drawn = cv2.warpAffine(picture, turn, size, flags=cv2.INTER_AREA)
    covered = cv2.warpAffine(np.full_like(picture, 255), turn, size)
    np.copyto(ground, drawn, where=covered > 127)  # type: ignore[arg-type]
    right, bottom = width - 1 - inset, height - 1 - inset
    return np.array([[inset, inset, 1], [right, inset, 1], [right, bottom, 1], [inset, bottom, 1]]) @ turn.T


def digits(rng: np.random.Generator, count: int) -> str:
    """``count`` random digits."""
    return "".join(str(digit) for digit in rng.integers(0, 10, count))


def gtin(rng: np.random.Generator, length: int, *, first: str = "") -> str:
    """A GTIN of ``length`` digits with its check digit."""
    body = first + digits(rng, length - 1 - len(first))
    total = sum(int(digit) * (1 if i % 2 else 3) for i, digit in enumerate(reversed(body)))
    return body + str(-total % 10)


def content_of(kind: str, rng: np.random.Generator) -> tuple[str, str]:
    """What to write into a symbol of ``kind``, and what should be read from it."""
    match kind:
        case "EAN13":
            text = gtin(rng, 13, first=str(rng.integers(1, 10)))
        case "UPCA":
            text = gtin(rng, 12)
        case "EAN8":
            text = gtin(rng, 8)
        case "UPCE":
            body = f"0{digits(rng, 4)}{rng.integers(1, 10)}5"
            long = f"0{body[0]}{body[1:6]}0000{body[6]}"
            total = sum(int(digit) * (1 if i % 2 else 3) for i, digit in enumerate(reversed(long)))
            text = body + str(-total % 10)
        case "ITF":
            text = gtin(rng, 14)
        case "DataBarExp":
            text = f"(01){gtin(rng, 14)}(10){digits(rng, 4)}"
        case _:
            text = f"LP{digits(rng, 8)}"
    return text, text


def photo(kind: str, damage: str, rng: np.random.Generator) -> Picture:
    """One code of ``kind`` on mottled ground, 640x480, seen with one ``damage`` of `DAMAGES`."""
    content, text = content_of(kind, rng)
    ground = np.asarray(
        cv2.resize(rng.integers(90, 190, (12, 16), np.uint8), (640, 480), interpolation=cv2.INTER_CUBIC)
    )
    scale = 1 if damage == "small" and kind not in TWO_DIMENSIONAL else 2
    if kind in TWO_DIMENSIONAL:
        scale += 1
    degrees = float(rng.uniform(0, 360)) if damage == "turned" else float(rng.uniform(-8, 8))
    put(ground, symbol(content, kind, scale=scale), (320 + rng.uniform(-40, 40), 240 + rng.uniform(-30, 30)), degrees)
    pixels = ground.astype(np.float32)
    if damage == "askew":
        corners = np.array([[0, 0], [640, 0], [640, 480], [0, 480]], np.float32)
        shifted = corners + rng.uniform(-90, 90, (4, 2)).astype(np.float32)
        view = cv2.getPerspectiveTransform(corners, shifted)
        pixels = cv2.warpPerspective(pixels, view, (640, 480), borderMode=cv2.BORDER_REPLICATE)
    if damage == "blurred":
        pixels = cv2.GaussianBlur(pixels, (0, 0), float(rng.uniform(1.2, 2.2)))
    if damage == "weak":
        light = np.linspace(rng.uniform(0.1, 0.4), 1, 640, dtype=np.float32)
        pixels = (70 + 0.35 * pixels) * light
    noise = 22 if damage == "noisy" else 4
    pixels += rng.normal(0, noise, pixels.shape)
    return Picture(f"{kind} {damage}", np.clip(pixels, 0, 255).astype(np.uint8), text)


def nothing(rng: np.random.Generator) -> Picture:
    """Stripes, dots and noise that are no code, 640x480."""
    y, x = np.mgrid[:480, :640].astype(np.float32)
    angle, period = rng.uniform(0, np.pi), rng.uniform(4, 20)
    waves = np.sin((x * np.cos(angle) + y * np.sin(angle)) * 2 * np.pi / period)
    waves += rng.normal(0, rng.uniform(0.2, 2), waves.shape)
    soft = cv2.GaussianBlur(waves, (0, 0), float(rng.uniform(0.5, 2)))
    return Picture("nothing", np.asarray(cv2.normalize(soft, None, 0, 255, cv2.NORM_MINMAX, cv2.CV_8U), np.uint8), None)


def drawn_set(seed: int = 7) -> list[Picture]:
    """Every kind with every damage, four times, and forty pictures of nothing; the same for the same ``seed``."""
    rng = np.random.default_rng(seed)
    pictures = [photo(kind, damage, rng) for kind in KINDS for damage in DAMAGES for _ in range(4)]
    return pictures + [nothing(rng) for _ in range(40)]
