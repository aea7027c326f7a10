"""``python -m inspection.ledger``: verify Merkle proofs in files, and be a witness of a log.

``verify-inclusion FILE…`` and ``verify-consistency FILE…`` print one JSON object a line, ``{"file", "ok", "reason"}``;
exit code 0 when every proof holds, else 1. ``witness-key`` and ``cosign`` need no hub: only files.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from inspection.errors import InspectionError
from inspection.ledger import witness
from inspection.ledger.keys import load_or_make_key
from inspection.ledger.merkle import ProofError
from inspection.ledger.notes import Note, SignatureType, Signer, VerifierKey
from inspection.ledger.proof_file import check_consistency, check_inclusion, consistency_hashes

MAX_FILE_BYTES = 1 << 20
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
KeyFile = Annotated[Path, typer.Option("--key", help="The witness's private key (PEM); made when there is none.")]
Name = Annotated[str, typer.Option("--name", help="The witness's name, such as witness.example/w1.")]
Files = Annotated[list[Path], typer.Argument(help="Proofs as JSON; see inspection/ledger/proof_file.py.")]


@app.command("verify-inclusion")
def verify_inclusion_files(files: Files) -> None:
    """Members leafIdx, treeSize, root, leafHash and proof."""
    _verify(files, check_inclusion)


@app.command("verify-consistency")
def verify_consistency_files(files: Files) -> None:
    """Members size1, size2, root1, root2 and proof."""
    _verify(files, check_consistency)


@app.command("witness-key")
def witness_key(key: KeyFile, name: Name) -> None:
    """Print the witness's verifier key, for the hub's configuration; the private key is made when there is none."""
    with _told():
        typer.echo(str(Signer(name, SignatureType.COSIGNATURE, load_or_make_key(key)).verifier))


@app.command()
def cosign(
    checkpoint: Annotated[Path, typer.Argument(help="The log's checkpoint.")],
    out: Annotated[Path, typer.Option(help="File for the cosigned checkpoint.")],
    log: Annotated[str, typer.Option(help="The log's verifier key, known from elsewhere.")],
    state: Annotated[Path, typer.Option(help="Folder of the witness's memory; do not lose it.")],
    key: KeyFile,
    name: Name,
    consistency: Annotated[
        Path | None, typer.Option(help="Proof from the checkpoint that was cosigned last, as JSON.")
    ] = None,
) -> None:
    """Cosign a checkpoint when it continues the one that was cosigned last."""
    with _told():
        signer = Signer(name, SignatureType.COSIGNATURE, load_or_make_key(key))
        proof = [] if consistency is None else consistency_hashes(_read(consistency))
        note = Note.parse(_read(checkpoint))
        cosigned = witness.cosign(note, VerifierKey.parse(log), signer, state, proof, now=int(time.time()))
        draft = out.with_name(f".{out.name}.new")
        draft.write_bytes(cosigned.encode())
        draft.replace(out)


@contextmanager
def _told() -> Iterator[None]:
    """What goes wrong is one line on standard error and exit code 1."""
    try:
        yield
    except InspectionError as error:
        typer.echo(error.one_line(), err=True)
    except ProofError as error:
        typer.echo(f"evidence.proof: {error}", err=True)
    except OSError as error:
        typer.echo(f"evidence.file: {error.filename}: {error.strerror}", err=True)
    else:
        return
    raise typer.Exit(1)


def _read(file: Path) -> bytes:
    with file.open("rb") as opened:
        return opened.read(MAX_FILE_BYTES)


def _verify(files: list[Path], check: Callable[[bytes], None]) -> None:
    good = True
    for file in files:
        try:
            check(_read(file))
            reason = ""
        except ProofError as error:
            reason = str(error)
        except OSError as error:
            reason = f"cannot be read: {error.strerror}"
        good = good and not reason
        typer.echo(json.dumps({"file": str(file), "ok": not reason, "reason": reason}))
    if not good:
        raise typer.Exit(1)


if __name__ == "__main__":
    app()
