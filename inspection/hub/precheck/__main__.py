"""Command line: ``python -m inspection.hub.precheck look FILE…``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from inspection.errors import ConfigError, InspectionError
from inspection.hub.precheck.decoder import MAX_BYTES, Decoder
from inspection.hub.precheck.looking import CUSTOMER_POLICY, Look, Looker, Outcome
from inspection.item import Item
from inspection.policy import Policy
from inspection.policy.rules import LANGUAGES
from inspection.products import Catalogue
from models import runtime
from models.runtime import Judge

DEFAULT_BUNDLE = Path(runtime.__file__).with_name("bundles") / "default"

app = typer.Typer(no_args_is_help=True, add_completion=False, help="Look at photographs as the customer's page does.")


@app.callback()
def _commands() -> None:
    """Look at photographs as the customer's page does."""


@app.command()
def look(
    files: Annotated[list[Path], typer.Argument(metavar="FILE...", help="photographs")],
    language: Annotated[str, typer.Option(help=f"one of: {', '.join(LANGUAGES)}")] = "en",
    gtin: Annotated[str, typer.Option(help="GTIN-14 of what was sold; without it values play no part")] = "",
    products: Annotated[Path, typer.Option(help="product catalogue")] = Path("configs/products.yaml"),
    bundle: Annotated[Path, typer.Option(help="model bundle")] = DEFAULT_BUNDLE,
    policy: Annotated[Path, typer.Option(help="rules of the customer's answer")] = CUSTOMER_POLICY,
) -> None:
    """Print one JSON object for each FILE; exit code 0 whatever the files hold, 1 when the check cannot start."""
    try:
        if language not in LANGUAGES:
            raise ConfigError(f"unknown language {language!r}", hint=f"one of: {', '.join(LANGUAGES)}")
        catalogue = Catalogue.load(products) if gtin else Catalogue("none", "CNY", {})
        rules, judge = Policy.load(policy), Judge.load(bundle)
    except InspectionError as error:
        typer.echo(error.one_line(), err=True)
        raise typer.Exit(1) from error
    with Decoder() as decoder:
        looker = Looker(decoder, rules, catalogue, judge)
        item = Item(gtin=gtin.zfill(14), sources=("return",)) if gtin else Item()
        for file in files:
            answer = {"file": str(file), **_look(looker, file, item).as_json(language)}
            typer.echo(json.dumps(answer, ensure_ascii=False))


def _look(looker: Looker, file: Path, item: Item) -> Look:
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError:
        return Look(False, "precheck.no_file", Outcome.MORE_PHOTOS)
    return looker.look(data, item)


if __name__ == "__main__":
    app()
