"""``python -m datasets version export`` and ``import``: the formats of other programs."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from datasets.formats import coco, label_studio, yolo
from datasets.formats.draft import Defaults, Draft, entries_of
from datasets.versions import making
from datasets.versions.command import STORE, Given, Store, errors
from datasets.versions.entry import Consent
from datasets.versions.folders import linked
from datasets.versions.store import VersionStore
from datasets.versions.version import Splitting, VersionError
from inspection.finding import Condition, Defect


class Format(StrEnum):
    """What other programs read."""

    COCO = "coco"
    YOLO = "yolo"
    YOLO_CLASSIFY = "yolo-classify"
    LABEL_STUDIO = "label-studio"


Kind = Annotated[Format, typer.Argument(metavar="FORMAT", help="coco, yolo, yolo-classify or label-studio.")]


def export_version(
    kind: Kind, version: Given, out: Annotated[Path, typer.Argument(metavar="FOLDER")], store: Store = STORE
) -> None:
    """Write a version for another program.

    Example: python -m datasets version export coco returns ../for-the-agency
    """
    with errors():
        here = VersionStore(store)
        found = here.read(version)
        out.mkdir(parents=True, exist_ok=True)

        def put(sha256: str, path: Path) -> None:
            here.get(sha256)  # refuses bytes that were changed
            linked(here.path(sha256), path)

        if kind is Format.COCO:
            written = coco.export(found, here, out, put)
        elif kind is Format.LABEL_STUDIO:
            written = label_studio.export(found, here, out, put)
        elif kind is Format.YOLO:
            written = yolo.export(found, out, put)
        else:
            written = yolo.export_classes(found, out, put)
        typer.echo(str(written))


def import_version(
    kind: Kind,
    source: Annotated[Path, typer.Argument(metavar="FILE", help="JSON file, or the folder of a YOLO data set.")],
    name: Annotated[str, typer.Option(help="Name of the data set.")],
    store: Store = STORE,
    pictures: Annotated[Path | None, typer.Option(help="Folder that the JSON names pictures from; its own.")] = None,
    parent: Annotated[str | None, typer.Option(help="Version to put them on top of.")] = None,
    of_set: Annotated[str, typer.Option("--set", help="Name of the collection.")] = "",
    goods: Annotated[str, typer.Option(help="Kind of goods, where the file does not say it.")] = "",
    condition: Annotated[
        Condition | None, typer.Option(help="Of damaged items, where the file does not say it.")
    ] = None,
    origin: Annotated[str, typer.Option("--source", help="Where they come from.")] = "",
    licence: Annotated[str, typer.Option(help="Under which they may be used.")] = "",
    consent: Annotated[Consent, typer.Option(help="On which ground.")] = Consent.UNSTATED,
    named: Annotated[
        list[str] | None, typer.Option("--name-of", help="theirs=ours, e.g. rust=corrosion; repeat.")
    ] = None,
    exam_share: Annotated[float, typer.Option(min=0, max=0.9)] = 0.15,
) -> None:
    """Make a version of what another program wrote; prints its id.

    Example: python -m datasets version import coco ../agency/instances.json --name agency --goods phone
    """
    with errors():
        here = VersionStore(store)
        above = None if parent is None else here.read(parent)
        defaults = Defaults(of_set or name, goods, condition, origin, licence, consent, _names(named or []))
        entries = entries_of(here, _drafts(kind, source, pictures, defaults), defaults)
        splitting = None if above is not None else Splitting(exam_share=exam_share)
        made = making.make(name, entries, splitting=splitting, parent=above, reason="import")
        here.write(made)
        typer.echo(made.id)


def _drafts(kind: Format, source: Path, pictures: Path | None, defaults: Defaults) -> Iterator[Draft]:
    if kind is Format.COCO:
        return coco.drafts(source, pictures or source.parent, defaults)
    if kind is Format.LABEL_STUDIO:
        return label_studio.drafts(source, pictures or source.parent, defaults)
    return yolo.drafts(source, defaults) if kind is Format.YOLO else yolo.drafts_of_classes(source, defaults)


def _names(given: list[str]) -> dict[str, Defect]:
    found = {}
    for each in given:
        theirs, _, ours = each.rpartition("=")
        if not theirs or ours not in set(Defect):
            raise VersionError(f"{each!r} is not theirs=ours", hint=f"ours is one of {', '.join(Defect)}")
        found[theirs] = Defect(ours)
    return found


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command("export")(export_version)
    app.command("import")(import_version)
