"""Fetch inner tensors of a graph beside its outputs, without changing the file and without the onnx package.

An ONNX file is one protobuf message. A parser merges what is appended to it: appended outputs are outputs.
"""

from __future__ import annotations

PATCHES = "/trunk/blocks.4/blocks.4.2/Add_output_0"
"""Output of the trunk's fine stage, float32 (N, C, h, w), stride 16: what the defect maps are made of."""

_MODEL_GRAPH, _GRAPH_OUTPUT, _VALUE_NAME = 7, 12, 1  # field numbers of onnx.proto
_LENGTH_DELIMITED = 2


def has_tensor(graph: bytes, name: str) -> bool:
    """Whether any node of the serialized graph gives or takes a tensor of this name."""
    return _field(1, name.encode()) in graph or _field(2, name.encode()) in graph


def with_output(graph: bytes, name: str) -> bytes:
    """The serialized graph with tensor ``name`` as one more output, after the others; type and shape are inferred."""
    value = _field(_VALUE_NAME, name.encode())
    return graph + _field(_MODEL_GRAPH, _field(_GRAPH_OUTPUT, value))


def _field(number: int, content: bytes) -> bytes:
    return bytes([number << 3 | _LENGTH_DELIMITED]) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    """Base 128, least significant group first (protobuf encoding)."""
    groups = bytearray()
    while value > 0x7F:  # noqa: PLR2004
        groups.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*groups, value])
