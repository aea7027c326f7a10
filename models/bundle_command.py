"""``python -m models`` on a bundle as it lies there: verify, sign, card, and keys to sign with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from inspection.errors import ConfigError, InspectionError
from inspection.ledger.notes import NoteError, VerifierKey
from models import signing

DEFAULT_BUNDLE = Path(__file__).resolve().parent / "bundles" / "default"
BundleArgument = Annotated[Path, typer.Argument(metavar="BUNDLE", help="Folder of the bundle.")]
KeyFile = Annotated[Path | None, typer.Option("--key", help="File of the private key (PEM), for its owner only.")]
KeyVariable = Annotated[str | None, typer.Option("--key-env", help="Environment variable that holds it instead.")]
KeyName = Annotated[str, typer.Option("--name", help="Name of the key, e.g. qa.example.com.")]


def register(app: typer.Typer) -> None:
    """Add these commands to ``app``."""
    for command in (verify, sign, key, card):
        app.command()(command)


def verify(
    bundle: BundleArgument = DEFAULT_BUNDLE,
    trusted_key: Annotated[
        list[str] | None, typer.Option(help="Verifier key, as the command key prints it; one of them must have signed.")
    ] = None,
) -> None:
    """Check every byte of a bundle, who signed it if asked, and let it judge its golden samples."""
    with errors():
        from models.runtime import Judge  # noqa: PLC0415 - starts ONNX Runtime

        judge = Judge.load(bundle, trusted=[parse_key(text) for text in trusted_key or ()])
        signed = f", signed by {', '.join(judge.signed_by)}" if judge.signed_by else ""
        typer.echo(f"good: {judge.bundle_id}{signed}")


def sign(bundle: BundleArgument, name: KeyName, key: KeyFile = None, key_env: KeyVariable = None) -> None:
    """Sign a bundle; signatures by other keys stay.

    Example: python -m models sign models/bundles/default --name qa.example.com --key qa.key
    """
    with errors():
        from models.bundle import SIGNATURES, open_bundle, signed_text  # noqa: PLC0415

        signer = signing.signer(name, signing.private_key(key, key_env))
        opened, place = open_bundle(bundle), bundle / SIGNATURES
        before = place.read_bytes() if place.exists() else None
        try:
            place.write_bytes(signing.signed(signed_text(opened), signer, before))
        except OSError as error:
            raise ConfigError(f"{place}: {error.strerror}", hint="sign where the bundle can be written to") from error
        typer.echo(f"signed: {opened.bundle_id} by {signer.verifier}")


def key(
    name: KeyName,
    key: KeyFile = None,
    key_env: KeyVariable = None,
    make: Annotated[bool, typer.Option("--make", help="Make the file if it is not there.")] = False,
) -> None:
    """Print the verifier key of a private key, for model.trusted_keys of a station."""
    with errors():
        typer.echo(str(signing.signer(name, signing.private_key(key, key_env, make=make)).verifier))


def card(bundle: BundleArgument = DEFAULT_BUNDLE) -> None:
    """Print the card of a bundle."""
    with errors():
        from models.bundle import CARD, open_bundle  # noqa: PLC0415

        typer.echo(open_bundle(bundle).contents[CARD].decode())


def parse_key(text: str) -> VerifierKey:
    """The verifier key that ``text`` spells.

    Raises:
        ConfigError: it is none.
    """
    try:
        return VerifierKey.parse(text)
    except NoteError as error:
        raise ConfigError(f"{text!r}: {error}", hint="copy what python -m models key prints") from error


@contextmanager
def errors() -> Iterator[None]:
    """Tell errors of ours on one line and end with status 2."""
    try:
        yield
    except InspectionError as error:
        typer.echo(error.one_line(), err=True)
        raise typer.Exit(2) from error
