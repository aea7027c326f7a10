"""An exported piece of evidence: one inspection with its pictures, proofs and the checkpoint they lead to.

:func:`verify` needs nothing but the bundle, and the log's key to compare with. Every byte of a bundle is accounted for.

======================== =====================================================================
``bundle.json``          :class:`Manifest`
``checkpoint``           signed note: the log's signature, then those of witnesses
``reports/N.json``       revision N as the hub stores it
``pictures/SHA256``      a picture's bytes
``proofs/report-N.json`` :class:`Proof` of revision N; ``proofs/picture-SHA256.json`` of a picture
======================== =====================================================================
"""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from inspection.evidence import canonical_json, evidence_hash, sha256_hex
from inspection.ledger.checkpoint import Checkpoint, open_checkpoint
from inspection.ledger.leaves import Leaf
from inspection.ledger.merkle import ProofError
from inspection.ledger.notes import Note, NoteError, VerifierKey
from inspection.ledger.notes import verify as verify_signature
from inspection.ledger.proof_file import check_inclusion, decode, encode

REPORT = re.compile(r"\Areports/([1-9][0-9]{0,4})\.json\Z")
_STRANGE = (KeyError, TypeError, ValueError, AttributeError, RecursionError, OverflowError)
"""What comes of reading a record of another form: whoever has a log of his own can prove anything to be in it."""
Base64 = Annotated[str, Field(max_length=100)]
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _Exact(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    def encode(self) -> bytes:
        """The one spelling that :func:`verify` takes: canonical JSON."""
        return canonical_json(self.model_dump(mode="json"))


Exact = TypeVar("Exact", bound=_Exact)


class Manifest(_Exact):
    """What the bundle is about, and the public keys that signed its checkpoint."""

    format: Literal["returns-evidence-bundle/1"] = "returns-evidence-bundle/1"
    inspection_id: str
    log_key: str
    witness_keys: list[str]
    pictures_missing: list[Sha256] = Field(description="named by a report, but the hub does not hold them")


class Proof(_Exact):
    """A leaf and the proof that it is in the log; names as in :mod:`inspection.ledger.proof_file`."""

    leaf: str
    salt: Base64
    leafIdx: int  # noqa: N815 - the name of the public test data
    treeSize: int  # noqa: N815
    root: Base64
    leafHash: Base64  # noqa: N815
    proof: list[Base64]


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at. ``name`` is a file of the bundle, or ``container``."""

    ok: bool
    name: str
    says: str

    def line(self) -> str:
        """``ok|FAILED name: says``; what a terminal would obey is spelt out."""
        text = f"{'ok' if self.ok else 'FAILED'} {self.name}: {self.says}"
        return "".join(each if each.isprintable() else each.encode("unicode_escape").decode() for each in text)


class _Wrong(Exception):
    """What is wrong with the file at hand."""


def verify(files: Mapping[str, bytes], known_log_key: str | None = None) -> list[Check]:
    """Check a bundle's files, all of them.

    Args:
        files: content by name.
        known_log_key: verifier key of the log, from a source other than the bundle.

    Returns:
        One check a thing; the bundle stands when all are ok.
    """
    bundle = _Bundle(files)
    checks = [*bundle.frame(known_log_key), *bundle.reports(), *bundle.pictures()]
    checks += [Check(False, name, "does not belong in a bundle") for name in sorted(set(files) - bundle.seen)]
    return checks


class _Bundle:
    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files
        self._manifest: Manifest | None = None
        self._checkpoint: Checkpoint | None = None
        self._named: dict[str, int] = {}
        self.seen: set[str] = set()

    def frame(self, known_log_key: str | None) -> Iterator[Check]:
        """Manifest, checkpoint and the signatures under it."""
        yield self._checked("bundle.json", partial(self._read_manifest, known_log_key=known_log_key))
        manifest = self._manifest
        if manifest is None:
            return
        yield self._checked("checkpoint", partial(self._open_checkpoint, manifest=manifest))

    def reports(self) -> Iterator[Check]:
        """Every revision, with its proof."""
        revisions = sorted(int(found[1]) for name in self._files if (found := REPORT.match(name)))
        if not revisions:
            yield Check(False, "reports", "there is none")
        for revision in revisions:
            name, proof = f"reports/{revision}.json", f"proofs/report-{revision}.json"
            leaves: list[Leaf] = []
            yield self._checked(proof, partial(self._prove, kept=leaves))
            yield self._checked(name, partial(self._report, kept=leaves, revision=revision))

    def pictures(self) -> Iterator[Check]:
        """Every picture that a report names, with its proof, unless the hub never had it."""
        missing = set(self._manifest.pictures_missing) if self._manifest else set()
        for sha256, size_bytes in self._named.items():
            name, proof = f"pictures/{sha256}", f"proofs/picture-{sha256}.json"
            if sha256 in missing:
                missing.remove(sha256)
                yield Check(True, name, "is not held by the hub, as bundle.json says")
                continue
            leaves: list[Leaf] = []
            yield self._checked(proof, partial(self._prove, kept=leaves))
            yield self._checked(name, partial(self._picture, kept=leaves, sha256=sha256, size_bytes=size_bytes))
        for sha256 in sorted(missing):
            yield Check(False, "bundle.json", f"says that picture {sha256} is missing, which no report names")

    def _checked(self, name: str, examine: Callable[[bytes], str]) -> Check:
        self.seen.add(name)
        if name not in self._files:
            return Check(False, name, "is not in the bundle")
        try:
            return Check(True, name, examine(self._files[name]))
        except (_Wrong, NoteError, ProofError) as error:
            return Check(False, name, str(error))
        except _STRANGE:
            return Check(False, name, "is proven, but says something of an unknown form")

    def _read_manifest(self, raw: bytes, known_log_key: str | None) -> str:
        manifest = _exactly(Manifest, raw)
        log_key = VerifierKey.parse(manifest.log_key)
        if known_log_key is not None and known_log_key.strip() != str(log_key):
            raise _Wrong(f"the log's key is {log_key}, not the one you know")
        self._manifest = manifest
        compared = "as you know it" if known_log_key else "compare it with the one you know"
        return f"inspection {manifest.inspection_id}, log key {log_key} ({compared})"

    def _open_checkpoint(self, raw: bytes, manifest: Manifest) -> str:
        note, log_key = Note.parse(raw), VerifierKey.parse(manifest.log_key)
        checkpoint = open_checkpoint(note, log_key)
        witnesses = [VerifierKey.parse(key) for key in manifest.witness_keys]
        unsigned = [*witnesses]
        times = []
        for signature in note.signatures[1:]:
            key = next((each for each in unsigned if signature.is_by(each)), None)
            if key is None:
                raise _Wrong(f"{signature.name} signed, and bundle.json does not name that key")
            verify_signature(note.text, signature, key)
            unsigned.remove(key)
            when = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(min(signature.timestamp or 0, 1 << 40)))
            times.append(f"{key.name} at {when}")
        if unsigned:
            raise _Wrong(f"{unsigned[0].name} did not sign, though bundle.json names it")
        if not note.signatures[0].is_by(log_key):
            raise _Wrong("the first signature is not the log's")
        if note.encode() != raw:
            raise _Wrong("is spelt in another way than the log does")
        self._checkpoint = checkpoint
        cosigned = "; cosigned by " + ", ".join(times) if times else "; no witness"
        return f"{checkpoint.size} leaves, signed by {log_key.name}{cosigned}"

    def _prove(self, raw: bytes, kept: list[Leaf]) -> str:
        proof = _exactly(Proof, raw)
        checkpoint = self._checkpoint
        if checkpoint is None:
            raise _Wrong("there is no checkpoint to compare with")
        if (proof.treeSize, proof.root) != (checkpoint.size, encode(checkpoint.root)):
            raise _Wrong("is a proof for another size or root than the checkpoint's")
        try:
            leaf = Leaf(decode(proof.salt), proof.leaf)
            matches = encode(leaf.hash) == proof.leafHash
        except ValueError:
            matches = False
        if not matches:
            raise _Wrong("the leaf hash is not that of salt and leaf")
        check_inclusion(raw)
        kept.append(leaf)
        return f"leaf {proof.leafIdx} of {proof.treeSize}"

    def _report(self, raw: bytes, kept: list[Leaf], revision: int) -> str:
        facts = _facts(kept, "verdict")
        inspection_id = self._manifest.inspection_id if self._manifest else ""
        if (facts["inspection_id"], facts["revision"]) != (inspection_id, revision):
            raise _Wrong("the proven leaf is about another inspection or revision")
        if sha256_hex(raw) != facts["record_sha256"]:
            raise _Wrong("is not the record that is proven: its bytes have another hash")
        record = json.loads(raw)
        if evidence_hash(record) != facts["evidence_hash"]:
            raise _Wrong("has another evidence hash than the one that is proven")
        for picture in record["pictures"]:
            self._named[picture["sha256"]] = picture["size_bytes"]
        signed = "not signed by its station"
        if facts["station_key"] is not None:
            trusted = "trusted" if facts["station_key_trusted"] else "NOT trusted"
            signed = f"signed by {record['station_id']} with key {facts['station_key']}, {trusted} when it came"
        verdict = record["verdict"]
        return f"{verdict['disposition']} by {verdict['decided_by']}, received {facts['received_at']}, {signed}"

    def _picture(self, raw: bytes, kept: list[Leaf], sha256: str, size_bytes: int) -> str:
        if sha256_hex(raw) != sha256:
            raise _Wrong("its bytes have another hash")
        facts = _facts(kept, "picture")
        if (facts["sha256"], facts["size_bytes"], len(raw)) != (sha256, size_bytes, size_bytes):
            raise _Wrong("the proven leaf is about another picture")
        return f"{size_bytes} bytes, received {facts['received_at']}"


def _facts(kept: list[Leaf], kind: str) -> dict[str, Any]:
    if not kept:
        raise _Wrong("its proof does not hold")
    facts = kept[0].facts
    if facts.get("kind") != kind:
        raise _Wrong(f"the proven leaf is a {facts.get('kind')}, not a {kind}")
    return facts


def _exactly(model: type[Exact], raw: bytes) -> Exact:
    try:
        found = model.model_validate_json(raw)
        if found.encode() == raw:
            return found
    except (ValidationError, UnicodeEncodeError, ValueError):
        pass
    raise _Wrong(f"is not a {model.__name__.lower()} in canonical JSON")
