"""That a file carries content credentials is found where the specification puts them; nothing hostile costs more."""

from __future__ import annotations

import functools
import io
import zlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import c2pa  # type: ignore[import-untyped,unused-ignore]
import httpx2
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID
from hypothesis import example, given
from hypothesis import strategies as st

from inspection.errors import ConfigError
from inspection.hub.precheck import decoding
from inspection.hub.precheck.decoder import Decoder
from inspection.hub.precheck.decoding import C2PA_IN_BOXES, C2PA_STORE, has_c2pa
from inspection.hub.precheck.lookers import Lookers
from inspection.hub.precheck.settings import PrecheckSection, anchors_of
from inspection.hub.precheck.tasks import look_at
from tests.hub.conftest import RunningHub
from tests.hub.precheck import hostile
from tests.hub.precheck.test_queue import GOOD, Customer

KINDS = {"jpeg": "jpeg", "progressive": "jpeg", "png": "png", "webp": "webp", "lossless": "webp", "heic": "heif"}
OTHER = bytes(16)
formats = functools.cache(hostile.formats)
NOT_READ = "could not be read"


def box(kind: bytes, content: bytes, *, wide: bool = False) -> bytes:
    if wide:
        return b"\0\0\0\x01" + kind + (len(content) + 16).to_bytes(8, "big") + content
    return (len(content) + 8).to_bytes(4, "big") + kind + content


def store(kind: bytes = C2PA_STORE, *, wide: bool = False, size: int = 300) -> bytes:
    description = box(b"jumd", kind + b"\x03c2pa\0")
    return box(b"jumb", description + box(b"jumb", bytes(size)), wide=wide)


def with_store(form: str, whole: bytes, content: bytes) -> bytes:
    """A file of ``form`` that carries ``content`` as C2PA says."""
    if KINDS[form] == "jpeg":
        pieces = [content[at : at + 60_000] for at in range(0, len(content), 60_000)]
        segments = b""
        for number, piece in enumerate(pieces, start=1):
            again = content[:8] if number > 1 else b""
            body = b"JP\0\x01" + number.to_bytes(4, "big") + again + piece
            segments += b"\xff\xeb" + (len(body) + 2).to_bytes(2, "big") + body
        return whole[:2] + segments + whole[2:]
    if form == "png":
        chunk = len(content).to_bytes(4, "big") + b"caBX" + content + zlib.crc32(b"caBX" + content).to_bytes(4, "big")
        return whole[:33] + chunk + whole[33:]
    if KINDS[form] == "webp":
        chunk = b"C2PA" + len(content).to_bytes(4, "little") + content + bytes(len(content) % 2)
        return b"RIFF" + (len(whole) + len(chunk) - 8).to_bytes(4, "little") + whole[8:] + chunk
    return whole + box(b"uuid", C2PA_IN_BOXES + bytes(4) + b"manifest\0" + bytes(8) + content)


@pytest.mark.parametrize("form", KINDS)
def test_it_is_told_of_every_format_and_the_picture_stays_the_same(decoder: Decoder, form: str) -> None:
    whole = formats()[form]
    plain = decoder.open(whole)
    assert plain.told["c2pa"] == "absent"
    for content in (store(), store(wide=True), store(size=200_001)):
        found = decoder.open(with_store(form, whole, content))
        assert (found.told["c2pa"], bool((found.pixels == plain.pixels).all())) == ("present", True)


@pytest.mark.parametrize("form", KINDS)
def test_other_boxes_and_mere_words_are_not_taken_for_it(decoder: Decoder, form: str) -> None:
    whole = formats()[form]
    for content in (store(OTHER), box(b"jumd", C2PA_STORE), b"c2pa jumb jumd" * 9, b""):
        assert not has_c2pa(KINDS[form], with_store(form, whole, content))
    assert not has_c2pa(KINDS[form], whole + store())
    assert decoder.open(with_store(form, whole, store(OTHER))).told["c2pa"] == "absent"


@pytest.mark.parametrize("form", KINDS)
@given(cut=st.integers(0, 10_000), at=st.integers(0, 2000), by=st.binary(max_size=12))
@example(cut=10_000, at=8, by=b"")
def test_whatever_bytes_come_it_ends_and_says_yes_or_no(form: str, cut: int, at: int, by: bytes) -> None:
    data = with_store(form, formats()[form], store())
    spoilt = (data[:at] + by + data[at + len(by) :])[: len(data) - cut if cut < len(data) else None]
    assert has_c2pa(KINDS[form], spoilt) in {True, False}


@given(kind=st.sampled_from(["jpeg", "png", "webp", "heif"]), data=st.binary(max_size=400))
@example(kind="heif", data=bytes(4) + b"free")
@example(kind="heif", data=b"\0\0\0\x01free" + bytes(8))
@example(kind="jpeg", data=b"\xff\xd8" + b"\xff" * 300)
@example(kind="jpeg", data=b"\xff\xd8" + b"\xff\xeb\0\0" * 90)
def test_noise_is_nothing(kind: str, data: bytes) -> None:
    assert not has_c2pa(kind, data)


def test_parts_without_end_are_not_walked_without_end() -> None:
    many = 100_000
    tail = store()
    jpeg = (
        b"\xff\xd8" + b"\xff\xe1\0\x02" * many + b"\xff\xeb" + (len(tail) + 10).to_bytes(2, "big") + b"JP\0\1\0\0\0\1"
    )
    heif = b"\0\0\0\x08free" * many
    assert not has_c2pa("jpeg", jpeg + tail)
    assert not has_c2pa("heif", with_store("heic", heif, tail))


def test_who_decides_reads_that_credentials_are_there_and_cannot_be_read(
    running: RunningHub,
    admin: httpx2.Client,
    lookers: Lookers,
    agent: httpx2.Client,
) -> None:
    for data, told in ((with_store("jpeg", GOOD, store()), "present"), (GOOD, "absent")):
        customer = Customer(running, admin)
        look_at(running.hub, lookers, running.merchant, customer.send(data))
        (upload,) = admin.get(f"/v1/precheck/cases/{customer.rma}").json()["uploads"]
        assert upload["told"]["c2pa"] == told
        assert (NOT_READ in agent.get(f"/console/prechecks/{customer.rma}").text) == (told == "present")


@dataclass(frozen=True, slots=True)
class Camera:
    """Signs pictures; ``authority`` is the certificate that stands behind it, PEM."""

    chain: bytes
    key: bytes
    authority: bytes

    def signed(self, picture: bytes, media: str = "image/jpeg", source: str = "digitalCapture") -> bytes:
        types = "http://cv.iptc.org/newscodes/digitalsourcetype/"
        actions = [
            {"action": "c2pa.created", "digitalSourceType": types + source},
            {"action": "c2pa.color_adjustments"},
        ]
        said = [{"label": "c2pa.actions.v2", "data": {"actions": actions}}]
        manifest = {"claim_generator_info": [{"name": "camera", "version": "1"}], "assertions": said}
        signer = c2pa.Signer.from_info(c2pa.C2paSignerInfo(b"es256", self.chain, self.key, None))
        made = io.BytesIO()
        with c2pa.Builder(manifest) as builder:
            builder.sign(signer, media, io.BytesIO(picture), made)
        return made.getvalue()


@pytest.fixture(scope="module")
def camera() -> Camera:
    """As C2PA 2.1, 14.5 wants its certificates."""
    keys = [ec.generate_private_key(ec.SECP256R1()) for _ in range(2)]
    names = [x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_NAME, each)]) for each in ("Authority", "Phone Maker")]
    now = datetime.now(UTC)
    made = []
    for number, (key, name) in enumerate(zip(keys, names, strict=True)):
        is_authority = number == 0
        usage = dict.fromkeys(("content_commitment", "key_encipherment", "data_encipherment", "key_agreement"), False)
        usage |= dict.fromkeys(("encipher_only", "decipher_only"), False)
        usage |= {"digital_signature": not is_authority, "key_cert_sign": is_authority, "crl_sign": is_authority}
        builder = (
            x509.CertificateBuilder(names[0], name, key.public_key(), number + 1)
            .not_valid_before(now - timedelta(days=1))
            .not_valid_after(now + timedelta(days=9))
            .add_extension(x509.BasicConstraints(is_authority, None), critical=True)
            .add_extension(x509.KeyUsage(**usage), critical=True)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(keys[0].public_key()), critical=False)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )
        if not is_authority:
            purpose = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION])
            builder = builder.add_extension(purpose, critical=False)
        made.append(builder.sign(keys[0], hashes.SHA256()).public_bytes(serialization.Encoding.PEM))
    form = (serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    return Camera(made[1] + made[0], keys[1].private_bytes(*form), made[0])


MEDIA = {"jpeg": "image/jpeg", "png": "image/png", "webp": "image/webp"}


@pytest.mark.parametrize("form", MEDIA)
def test_a_signature_that_holds_is_told_with_what_its_signer_says(decoder: Decoder, camera: Camera, form: str) -> None:
    whole = formats()[form]
    found = decoder.open(camera.signed(whole, MEDIA[form]))
    assert found.told["c2pa"] == "valid"  # whose it is, nobody here knows
    assert found.told["c2pa_signer"] == "Phone Maker"
    assert found.told["c2pa_actions"] == ["c2pa.created", "c2pa.color_adjustments"]
    assert found.told["c2pa_sources"] == ["digitalCapture"]
    assert (found.pixels == decoder.open(whole).pixels).all()


def test_who_is_believed_is_said_in_the_settings(camera: Camera, tmp_path: Path) -> None:
    path = tmp_path / "anchors.pem"
    path.write_bytes(camera.authority)
    anchors = anchors_of(PrecheckSection(c2pa_anchors=path))
    with Decoder(anchors=anchors) as decoder:
        assert decoder.open(camera.signed(formats()["jpeg"])).told["c2pa"] == "trusted"
        assert decoder.open(formats()["jpeg"]).told["c2pa"] == "absent"
    path.write_bytes(b"nothing")
    with pytest.raises(ConfigError, match="c2pa_anchors"):
        anchors_of(PrecheckSection(c2pa_anchors=path))


@pytest.mark.parametrize("at", [-2000, -1000, -300])
def test_a_picture_changed_after_it_was_signed_is_told(decoder: Decoder, camera: Camera, at: int) -> None:
    signed = bytearray(camera.signed(formats()["jpeg"]))
    signed[at] ^= 0x04
    found = decoder.open(bytes(signed))
    assert found.told["c2pa"] == "invalid"


def test_a_signature_taken_to_another_picture_does_not_hold(decoder: Decoder, camera: Camera) -> None:
    signed = camera.signed(formats()["jpeg"])
    credentials = signed[2 : tables(signed)]
    other = formats()["progressive"]
    found = decoder.open(other[:2] + credentials + other[2:])
    assert found.told["c2pa"] in {"invalid", "present"}


@given(at=st.integers(0, 200_000), by=st.binary(min_size=1, max_size=40))
def test_hostile_credentials_never_cost_the_picture(decoder: Decoder, camera: Camera, at: int, by: bytes) -> None:
    signed = _signed_once(camera)
    start = signed.index(b"jumb") - 4
    at = start + at % (tables(signed) - start - len(by))
    found = decoder.open(signed[:at] + by + signed[at + len(by) :])
    assert found.told["c2pa"] in {"absent", "present", "valid", "invalid"}


def tables(signed: bytes) -> int:
    """Where a JPEG's first quantization table is: behind whatever it carries (ITU-T T.81, B.1)."""
    at = 2
    while signed[at + 1] != 0xDB:
        at += 2 + int.from_bytes(signed[at + 2 : at + 4], "big")
    return at


@functools.cache
def _signed_once(camera: Camera) -> bytes:
    return camera.signed(formats()["jpeg"])


def test_credentials_that_end_the_worker_do_not_cost_the_picture(tmp_path: Path) -> None:
    script = tmp_path / "worker.py"
    text = Path(decoding.__file__).read_text("utf-8")
    script.write_text(text.replace('credentials = sibling("credentials").reader(anchors)', "credentials = os_exit"))
    script.write_text(script.read_text().replace("def main()", "def os_exit(*_):\n    sys.exit(9)\n\n\ndef main()"))
    with Decoder(script=script) as decoder:
        assert decoder.open(with_store("jpeg", formats()["jpeg"], store())).told["c2pa"] == "present"
        assert decoder.open(formats()["jpeg"]).told["c2pa"] == "absent"


def test_who_decides_reads_what_a_signer_says(
    running: RunningHub, admin: httpx2.Client, lookers: Lookers, agent: httpx2.Client, camera: Camera
) -> None:
    customer = Customer(running, admin)
    made = camera.signed(GOOD, source="trainedAlgorithmicMedia")
    look_at(running.hub, lookers, running.merchant, customer.send(made))
    page = agent.get(f"/console/prechecks/{customer.rma}?lang=en").text
    assert "calls itself Phone Maker" in page
    assert "a machine made this picture" in page
