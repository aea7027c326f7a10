"""Verify Merkle proofs from files: ``python -m inspection.ledger verify-inclusion|verify-consistency FILE…``.

One JSON object a line, ``{"file", "ok", "reason"}``; exit code 0 when every proof holds, else 1.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Annotated

import typer

from inspection.ledger.merkle import ProofError
from inspection.ledger.proof_file import check_consistency, check_inclusion

MAX_FILE_BYTES = 1 << 20
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
Files = Annotated[list[Path], typer.Argument(help="Proofs as JSON; see inspection/ledger/proof_file.py.")]


@app.command("verify-inclusion")
def verify_inclusion_files(files: Files) -> None:
    """Members leafIdx, treeSize, root, leafHash and proof."""
    _verify(files, check_inclusion)


@app.command("verify-consistency")
def verify_consistency_files(files: Files) -> None:
    """Members size1, size2, root1, root2 and proof."""
    _verify(files, check_consistency)


def _verify(files: list[Path], check: Callable[[bytes], None]) -> None:
    good = True
    for file in files:
        try:
            with file.open("rb") as opened:
                check(opened.read(MAX_FILE_BYTES))
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
