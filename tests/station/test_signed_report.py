"""Reports are signed by their station, and say the same whether signed or not."""

from __future__ import annotations

import json

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from inspection.evidence import evidence_hash
from inspection.ledger.keys import is_signed
from inspection.report import InspectionReport, seal, signed_message
from tests.hub.reports import fields

KEY = Ed25519PrivateKey.from_private_bytes(bytes(32))


def test_a_signed_report_has_the_hash_of_the_unsigned_one() -> None:
    unsigned = seal(fields(inspection_id="5f0ad5a1-9a4f-4a35-9d0f-30dbbb7da9a1"))
    signed = seal(fields(inspection_id="5f0ad5a1-9a4f-4a35-9d0f-30dbbb7da9a1"), KEY)
    assert signed.evidence_hash == unsigned.evidence_hash == evidence_hash(json.loads(signed.model_dump_json()))
    assert "signature" not in json.loads(unsigned.model_dump_json())
    assert signed.is_sealed()
    assert (signed.is_signed(), unsigned.is_signed()) == (True, False)


def test_the_signature_outlives_the_journal() -> None:
    stored = seal(fields(), KEY).model_dump_json()
    assert InspectionReport.model_validate_json(stored).is_signed()
    assert InspectionReport.model_validate_json(stored).model_dump_json() == stored


def test_a_signature_is_over_one_evidence_hash_and_says_what_for() -> None:
    message = signed_message("ab" * 32)
    assert message == b"returns-inspection/evidence/v1\n" + b"ab" * 32 + b"\n"
    assert is_signed(KEY.public_key().public_bytes_raw(), KEY.sign(message), message)
    report = seal(fields(), KEY)
    assert not report.model_copy(update={"evidence_hash": "0" * 64}).is_signed()
    other = seal(fields(), Ed25519PrivateKey.generate())
    assert not report.model_copy(update={"signature": other.signature}).is_signed()


@pytest.mark.parametrize("member", ["public_key", "value"])
def test_a_signature_in_another_spelling_is_no_report(member: str) -> None:
    value = seal(fields(), KEY).model_dump(mode="json")
    spelling = value["signature"][member]
    stray = "B" if member == "public_key" else "C"  # bits that Base64 of 32 or 64 bytes leaves at nought
    for wrong in (spelling[:-1], spelling.rstrip("=")[:-1] + stray + "=" * spelling.count("="), f" {spelling}"):
        value["signature"][member] = wrong
        with pytest.raises(ValueError, match=member):
            InspectionReport.model_validate(value)
