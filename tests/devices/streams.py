"""Byte streams as hypothesis makes them: cut anywhere, and rich in the bytes that a protocol gives a meaning."""

from __future__ import annotations

from itertools import pairwise

from hypothesis import strategies as st

cuts = st.lists(st.integers(0, 500), max_size=30)


def pieces(data: bytes, at: list[int]) -> list[bytes]:
    """``data`` cut at the given places (modulo its length)."""
    bounds = [0, *sorted(cut % (len(data) + 1) for cut in at), len(data)]
    return [data[a:b] for a, b in pairwise(bounds)]


def hostile(special: bytes) -> st.SearchStrategy[bytes]:
    """Streams of arbitrary bytes in which the ``special`` ones are frequent."""
    byte = st.sampled_from(list(special)) | st.integers(0, 255)
    return st.lists(byte, max_size=200).map(bytes)
