"""What every EPC Gen2 tag sends, whichever reader hears it: PC word, EPC, CRC."""

from __future__ import annotations

import binascii

EPC_WORDS_SHIFT = 11
TOGGLE_BIT = 0x0100
MAX_EPC_BYTES = 62


def tag_crc(pc_and_epc: bytes) -> int:
    """CRC-16 that a Gen2 tag sends after PC and EPC.

    Poly 0x1021, init 0xFFFF, final XOR 0xFFFF, most significant bit first (EPC Gen2 v2, annex F).
    """
    return binascii.crc_hqx(pc_and_epc, 0xFFFF) ^ 0xFFFF


def epc_length(pc: int) -> int:
    """Bytes of EPC that the PC word announces: bits 15..11 count 16-bit words (Gen2 v2, 6.3.2.1.2.2)."""
    return (pc >> EPC_WORDS_SHIFT) * 2


def pc_for(epc: bytes) -> int:
    """PC word of a tag that holds ``epc`` and nothing else special; ``epc`` is 0..62 bytes, an even number."""
    if len(epc) % 2 or len(epc) > MAX_EPC_BYTES:
        raise ValueError(f"an EPC has 0 to 62 bytes in whole 16-bit words, not {len(epc)}")
    return len(epc) // 2 << EPC_WORDS_SHIFT


def holds_epc(pc: int) -> bool:
    """Whether the memory holds an EPC; with the toggle bit set it is an ISO 15961 identifier (Gen2 v2, 6.3.2.1.2.2)."""
    return not pc & TOGGLE_BIT
