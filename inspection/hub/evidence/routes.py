"""``/v1/evidence``: checkpoints, proofs and leaf hashes out; cosignatures of witnesses in."""

from __future__ import annotations

import time
from typing import Annotated, Any, Self
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response
from pydantic import BaseModel, ConfigDict, Field, model_validator
from sqlalchemy.engine import Connection

from inspection.hub.accounts.roles import Permission, allowed
from inspection.hub.accounts.tokens import Caller
from inspection.hub.evidence import tree, witnesses
from inspection.hub.evidence.entering import find
from inspection.hub.evidence.log import open_log
from inspection.hub.evidence.tables import entries
from inspection.hub.hub import CurrentHub
from inspection.hub.problems import Problem, documented
from inspection.ledger import proof_file
from inspection.ledger.leaves import Leaf
from inspection.ledger.merkle import ProofError
from inspection.ledger.notes import MAX_SIGNATURES, Note, NoteError, Signature

router = APIRouter(prefix="/v1/evidence", tags=["evidence"])
COMMON = ("token.missing", "token.invalid", "token.scope", "request.invalid", "database.unavailable", "internal")
MAX_LEAVES = 1000
Reader = Annotated[Caller, Depends(allowed(Permission.EVIDENCE_READ))]
Cosigner = Annotated[Caller, Depends(allowed(Permission.EVIDENCE_COSIGN))]
Size = Annotated[int, Field(ge=1, le=(1 << 63) - 1)]
SizePath = Annotated[int, Path(ge=1, le=(1 << 63) - 1, description="leaves at that checkpoint", examples=[5])]
BASE64_HASH = "qnPvQTvcHN6I6IUxvKKhQxoFfIbTYcVpLBWCKCLjqB8="
NOTE = {
    "description": "A signed note (C2SP tlog-checkpoint): the log's signature, then those of witnesses",
    "content": {"text/plain": {"schema": {"type": "string"}}},
}


class LogKeys(BaseModel):
    """Who signs."""

    origin: str = Field(description="the log's name", examples=["returns-inspection.example/evidence/1f0e…"])
    log_keys: list[str] = Field(description="verifier keys of the log: the one that signs now, then earlier ones")
    witness_keys: list[str] = Field(description="verifier keys of the witnesses whose cosignatures are taken")


class InclusionProof(BaseModel):
    """That a verdict or picture is in the log; member names of the proof as ``python -m inspection.ledger`` reads."""

    leaf: str = Field(description="what the leaf says, canonical JSON (RFC 8785); hashed as 0x00, salt, this")
    salt: str = Field(description="32 bytes, Base64")
    leafIdx: int = Field(examples=[3])  # noqa: N815 - the name of the public test data
    treeSize: int = Field(examples=[5])  # noqa: N815
    root: str = Field(examples=[BASE64_HASH])
    leafHash: str = Field(examples=[BASE64_HASH])  # noqa: N815
    proof: list[str] = Field(description="RFC 9162, 2.1.3", examples=[[BASE64_HASH]])
    checkpoint: str | None = Field(description="the signed note of this size; null when none was signed at it")


class ConsistencyProof(BaseModel):
    """That the log at ``size2`` begins with the log at ``size1`` (RFC 9162, 2.1.4)."""

    size1: int
    size2: int
    root1: str = Field(examples=[BASE64_HASH])
    root2: str = Field(examples=[BASE64_HASH])
    proof: list[str] = Field(examples=[[BASE64_HASH]])


class LeafHashes(BaseModel):
    """Leaf hashes in the log's order, so that anybody can compute every root anew."""

    start: int
    size: int = Field(description="leaves of the log now")
    leaf_hashes: list[str] = Field(examples=[[BASE64_HASH]])


class Cosignatures(BaseModel):
    """Signature lines of witnesses for one checkpoint."""

    model_config = ConfigDict(extra="forbid")

    signatures: list[Annotated[str, Field(max_length=1000)]] = Field(
        min_length=1,
        max_length=MAX_SIGNATURES,
        description="lines as in the note, each with its em dash, name and Base64",
        examples=[["— witness.example/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHe…"]],
    )


class Kept(BaseModel):
    """Whose cosignatures are now there."""

    witnesses: list[str] = Field(examples=[["witness.example/w1"]])


class ProofQuery(BaseModel):
    """Which leaf: a verdict by inspection and revision, or a picture by its hash; at which size of the log."""

    model_config = ConfigDict(extra="forbid")

    inspection_id: UUID | None = None
    revision: Annotated[int, Field(ge=1, le=10_000)] | None = None
    picture: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None = None
    tree_size: Size | None = Field(None, description="default: that of the newest checkpoint")

    @model_validator(mode="after")
    def _names_one_leaf(self) -> Self:
        verdict = self.inspection_id is not None and self.revision is not None
        any_of_verdict = self.inspection_id is not None or self.revision is not None
        if verdict == (self.picture is not None) or (any_of_verdict and not verdict):
            raise ValueError("give either inspection_id and revision, or picture")
        return self

    @property
    def subject(self) -> str:
        """The leaf's subject; see :func:`inspection.ledger.leaves.subject_of`."""
        return f"picture/{self.picture}" if self.picture else f"verdict/{self.inspection_id}/{self.revision}"


@router.get("/keys", summary="Who signs", responses=documented(*COMMON))
def get_keys(hub: CurrentHub, caller: Reader) -> LogKeys:
    """Keep these somewhere else: whoever verifies later compares."""
    log = open_log(hub.config)
    return LogKeys(
        origin=log.signer(caller.merchant_id).name,
        log_keys=[str(key) for key in log.verifiers(caller.merchant_id)],
        witness_keys=[str(key) for key in log.witnesses],
    )


@router.get(
    "/checkpoint",
    response_class=Response,
    summary="The newest checkpoint",
    responses={200: NOTE, **documented(*COMMON, "evidence.unknown")},
)
def get_newest_checkpoint(hub: CurrentHub, caller: Reader) -> Response:
    """What the log stands for now. Keep it: whatever comes later must be consistent with it."""
    with hub.database.transaction() as connection:
        return _note(connection, caller.merchant_id, None)


@router.get(
    "/checkpoints/{size}",
    response_class=Response,
    summary="The checkpoint of one size",
    responses={200: NOTE, **documented(*COMMON, "evidence.unknown")},
)
def get_checkpoint(size: SizePath, hub: CurrentHub, caller: Reader) -> Response:
    """With the cosignatures that came since."""
    with hub.database.transaction() as connection:
        return _note(connection, caller.merchant_id, size)


@router.post(
    "/checkpoints/{size}/cosignatures",
    summary="Add a witness's cosignature",
    responses=documented(*COMMON, "evidence.unknown", "evidence.signature"),
)
def post_cosignatures(size: SizePath, body: Cosignatures, hub: CurrentHub, caller: Cosigner) -> Kept:
    """Cosignatures (cosignature/v1 of C2SP tlog-cosignature) of witnesses that are configured; others are passed over.

    Repeating is harmless; the first cosignature of each witness stays.
    """
    log = open_log(hub.config)
    try:
        offered = [Signature.parse(line) for line in body.signatures]
        with hub.database.transaction() as connection:
            _checkpoint(connection, caller.merchant_id, size)
            kept = witnesses.cosign(connection, caller.merchant_id, log, size, offered, now=time.time())
    except NoteError as error:
        raise Problem("evidence.signature", str(error)) from None
    if not kept:
        raise Problem("evidence.signature", "none of these is of a witness that this hub knows")
    return Kept(witnesses=kept)


@router.get(
    "/proof",
    summary="Prove that a verdict or a picture is in the log",
    responses=documented(*COMMON, "evidence.unknown", "evidence.pending"),
)
def get_proof(hub: CurrentHub, caller: Reader, query: Annotated[ProofQuery, Query()]) -> InclusionProof:
    """Give `inspection_id` and `revision`, or `picture`. Just stored, it may be 503 for a second: ask again."""
    with hub.database.transaction() as connection:
        entry = find(connection, caller.merchant_id, query.subject)
        if entry is None or entry.leaf is None:
            raise Problem("evidence.unknown", "the log has no such verdict or picture, or it was erased")
        found = witnesses.checkpoint(connection, caller.merchant_id, query.tree_size)
        size = query.tree_size or (found[0] if found else 0)
        if entry.index is None or (query.tree_size is None and entry.index >= size):
            raise Problem("evidence.pending", "it is stored, and gets its place in the log in a moment")
        if query.tree_size and size > tree.size_of(connection, caller.merchant_id):
            raise Problem("evidence.unknown", "the log is not of that size yet")
        return _inclusion(connection, caller.merchant_id, entry.leaf, entry.index, size, found and found[1])


@router.get(
    "/consistency",
    summary="Prove that the log has only grown",
    responses=documented(*COMMON, "evidence.unknown"),
)
def get_consistency(
    hub: CurrentHub,
    caller: Reader,
    size1: Annotated[int, Query(ge=1, le=(1 << 63) - 1, examples=[3])],
    size2: Annotated[int, Query(ge=1, le=(1 << 63) - 1, examples=[5])],
) -> ConsistencyProof:
    """Between any two sizes, checkpoint or not."""
    with hub.database.transaction() as connection:
        if size2 > tree.size_of(connection, caller.merchant_id):
            raise Problem("evidence.unknown", "the log is not of that size yet")
        try:
            proof, root1, root2 = tree.consistency(connection, caller.merchant_id, size1, size2)
        except ProofError as error:
            raise Problem("request.invalid", str(error), errors=_fault("size1", error)) from None
    return ConsistencyProof(**proof_file.consistency(size1, size2, root1, root2, proof))


@router.get("/leaves", summary="Leaf hashes in order", responses=documented(*COMMON))
def get_leaves(
    hub: CurrentHub,
    caller: Reader,
    start: Annotated[int, Query(ge=0, le=(1 << 63) - 1)] = 0,
    limit: Annotated[int, Query(ge=1, le=MAX_LEAVES)] = MAX_LEAVES,
) -> LeafHashes:
    """Hashes only: they tell nothing of what was inspected."""
    table = entries
    with hub.database.transaction() as connection:
        size = tree.size_of(connection, caller.merchant_id)
        query = table.select().where(table.c.merchant_id == caller.merchant_id, table.c.leaf_index >= start)
        rows = connection.execute(query.order_by(table.c.leaf_index).limit(limit)).all()
    return LeafHashes(start=start, size=size, leaf_hashes=[proof_file.encode(row.leaf_hash) for row in rows])


def _note(connection: Connection, merchant_id: UUID, size: int | None) -> Response:
    return Response(_checkpoint(connection, merchant_id, size).encode(), media_type="text/plain; charset=utf-8")


def _checkpoint(connection: Connection, merchant_id: UUID, size: int | None) -> Note:
    found = witnesses.checkpoint(connection, merchant_id, size)
    if found is None:
        raise Problem("evidence.unknown", "there is no such checkpoint")
    return found[1]


def _inclusion(
    connection: Connection, merchant_id: UUID, leaf: Leaf, index: int, size: int, note: Note | None
) -> InclusionProof:
    try:
        proof, root = tree.inclusion(connection, merchant_id, index, size)
    except ProofError as error:
        raise Problem("request.invalid", str(error), errors=_fault("tree_size", error)) from None
    return InclusionProof(
        leaf=leaf.text,
        salt=proof_file.encode(leaf.salt),
        checkpoint=None if note is None else note.encode().decode(),
        **proof_file.inclusion(index, size, leaf.hash, proof, root),
    )


def _fault(parameter: str, error: ProofError) -> list[dict[str, Any]]:
    return [{"pointer": f"/query/{parameter}", "message": str(error)}]
