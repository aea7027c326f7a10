"""Command line: ``python -m inspection.hub.precheck look FILE…``; of a video the frame that shows most is told."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from inspection.errors import ConfigError, InspectionError
from inspection.hub.precheck.decoder import Decoder, PictureRefused
from inspection.hub.precheck.kinds import container_of
from inspection.hub.precheck.lookers import DEFAULT_BUNDLE, Bench
from inspection.hub.precheck.looking import CUSTOMER_POLICY, Look, Looker, Outcome, glances, refusal
from inspection.hub.precheck.video import MAX_VIDEO_BYTES, VideoDecoder
from inspection.item import Item
from inspection.policy import Policy
from inspection.policy.rules import LANGUAGES
from inspection.products import Catalogue
from models.runtime import Judge

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
    with Decoder() as decoder, VideoDecoder() as video:
        bench = Bench(Looker(decoder, rules, catalogue, judge), video)
        item = Item(gtin=gtin.zfill(14), sources=("return",)) if gtin else Item()
        for file in files:
            answer = {"file": str(file), **_look(bench, file, item).as_json(language)}
            typer.echo(json.dumps(answer, ensure_ascii=False))


def _look(bench: Bench, file: Path, item: Item) -> Look:
    try:
        with file.open("rb") as stream:
            data = stream.read(MAX_VIDEO_BYTES + 1)
    except OSError:
        return Look(False, "precheck.no_file", Outcome.MORE_PHOTOS)
    if container_of(data) is None:
        return bench.looker.look(data, item)
    try:
        looks = [bench.looker.judged(each, item) for each in glances(bench.video, data)]
    except PictureRefused as refused:
        return refusal(refused, 0.0)
    return max(looks, key=lambda look: sum(finding.probability for finding in look.findings))


if __name__ == "__main__":
    app()
