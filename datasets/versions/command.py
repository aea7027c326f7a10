"""``python -m datasets version``: make, show, compare, check and lay out versions in a folder."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from datasets.versions import making, sheet
from datasets.versions.changes import changes
from datasets.versions.entry import Consent, Split
from datasets.versions.folders import lay_out, linked, seen_by
from datasets.versions.store import VersionStore
from datasets.versions.version import DEFAULT_KEYS, Splitting, Version, VersionError, plain
from inspection.errors import InspectionError

STORE = Path(".data/datasets")
MAX_LIST_BYTES = 100_000_000
app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
Store = Annotated[Path, typer.Option("--store", help="Folder that holds versions and pictures.")]
Given = Annotated[
    str, typer.Argument(metavar="VERSION", help="Its id, a beginning of it, or the name of the only one.")
]


@contextmanager
def errors() -> Iterator[None]:
    """An error we know is one line and exit code 2."""
    try:
        yield
    except InspectionError as error:
        typer.echo(error.one_line(), err=True)
        raise typer.Exit(2) from error


@app.command()
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the data set.")],
    data: Annotated[list[Path] | None, typer.Option(help="Folder with a manifest.csv; repeat it.")] = None,
    store: Store = STORE,
    parent: Annotated[str | None, typer.Option(help="Version whose pictures, groups and splits it keeps.")] = None,
    source: Annotated[str, typer.Option(help="Where pictures come from whose manifest does not say it.")] = "",
    licence: Annotated[str, typer.Option(help="Likewise.")] = "",
    consent: Annotated[Consent, typer.Option(help="Likewise.")] = Consent.UNSTATED,
    key: Annotated[
        list[str] | None, typer.Option(help="Pictures that share it are one group: item, customer, date, station+date…")
    ] = None,
    exam_share: Annotated[float | None, typer.Option(min=0, max=0.9, help="Share that no training sees.")] = None,
    seed: Annotated[int | None, typer.Option(min=0, help="Chooses which groups.")] = None,
    note: Annotated[str, typer.Option(help="What it is for; never about a person.")] = "",
) -> None:
    """Make a version of labelled folders, on top of a parent or anew; prints its id.

    Example: python -m datasets version create returns --data ../photos --consent terms
    """
    with errors():
        here = VersionStore(store)
        above = None if parent is None else here.read(parent)
        entries = making.from_folders(here, data or [], making.Origin(source, licence, consent))
        before = Splitting() if above is None else above.splitting
        said = {"keys": tuple(key) if key else None, "exam_share": exam_share, "seed": seed}
        splitting = before.model_copy(update={name: value for name, value in said.items() if value is not None})
        made = making.make(name, entries, splitting=splitting, parent=above, note=note)
        here.write(made)
        typer.echo(made.id)


@app.command("list")
def list_versions(store: Store = STORE) -> None:
    """Name all versions."""
    with errors():
        for version_id in VersionStore(store).ids():
            typer.echo(version_id)


@app.command()
def show(version: Given, store: Store = STORE) -> None:
    """Say what a version holds: counts by set, goods, condition, defect, split, licence, consent and source."""
    with errors():
        _say(plain(VersionStore(store).read(version)))


@app.command()
def diff(
    old: Given,
    new: Given,
    store: Store = STORE,
    out: Annotated[Path | None, typer.Option(help="Sheet of pictures to write: .html or .png.")] = None,
    most: Annotated[int, typer.Option(min=1, max=2000, help="Pictures of each kind of change on it.")] = 70,
) -> None:
    """Say what is otherwise in NEW: added, removed, relabelled, moved; as JSON, and as pictures with --out."""
    with errors():
        here = VersionStore(store)
        found = changes(here.read(old), here.read(new))
        if out is not None:
            if out.suffix not in {".html", ".png"}:
                raise VersionError(f"{out}: a sheet is .html or .png")
            out.parent.mkdir(parents=True, exist_ok=True)
            if out.suffix == ".png":
                out.write_bytes(sheet.png(found, here.get, most))
            else:
                out.write_text(sheet.page(found, here.get, most), encoding="utf-8")
        _say(found.plain())


@app.command()
def verify(version: Given, store: Store = STORE) -> None:
    """Check manifest and every picture against their hashes; exit code 1 when anything is wrong."""
    with errors():
        here = VersionStore(store)
        found = here.read(version)
        faults = list(here.faults(found))
        for fault in faults:
            typer.echo(fault, err=True)
        typer.echo(f"{found.id}: {len(found.entries)} pictures, {len(faults)} faults")
        if faults:
            raise typer.Exit(1)


@app.command()
def splits(version: Given, store: Store = STORE) -> None:
    """Say which groups stand in which split, and how many pictures of each kind of goods and condition."""
    with errors():
        _say(split_table(VersionStore(store).read(version)))


@app.command()
def exclude(
    version: Given,
    pictures: Annotated[Path, typer.Option(help="File of hashes, one a line, e.g. of an erased person.")],
    store: Store = STORE,
    lineage: Annotated[
        list[Path] | None, typer.Option("--bundle", help="Folder of a bundle; those that saw them are named.")
    ] = None,
    shred: Annotated[bool, typer.Option(help="Also delete the pictures' bytes from the store.")] = False,
) -> None:
    """Make a version without some pictures, and name the models that have learned from them.

    Example: python -m datasets version exclude returns --pictures erased.txt --bundle models/bundles/default --shred
    """
    with errors():
        here = VersionStore(store)
        before, hashes = here.read(version), _hashes(pictures)
        masks = {entry.mask for entry in before.entries if entry.sha256 in hashes and entry.mask}
        made = making.make(before.name, [], parent=before, reason="erasure", without=hashes)
        here.write(made)
        everything = [here.read(each) for each in here.ids()]
        models = dict(_lineage(folder) for folder in lineage or [])
        gone = sum(here.remove(sha256) for sha256 in sorted(hashes | masks)) if shred else 0
        seen = seen_by(hashes, everything, models)
        removed = len(before.entries) - len(made.entries)
        _say({"id": made.id, "parent": before.id, "removed": removed, "shredded": gone, "seen_by": seen})


@app.command()
def folder(
    version: Given,
    out: Annotated[Path, typer.Option(help="Folder to lay it out in; what else lies there is removed.")],
    store: Store = STORE,
    split: Annotated[Split, typer.Option(help="Which split.")] = Split.TRAIN,
) -> None:
    """Lay a version out as folders with a manifest.csv each, for python -m models train --data."""
    with errors():
        here = VersionStore(store)
        for each in lay_out(here.read(version), out, lambda sha256, path: linked(here.path(sha256), path), split):
            typer.echo(str(each))


def split_table(version: Version) -> dict[str, object]:
    """Groups by split, and counts of pictures by split, goods and condition."""
    groups: dict[str, set[str]] = {split: set() for split in Split}
    counts: dict[str, dict[str, int]] = {split: {} for split in Split}
    for entry in version.entries:
        groups[entry.split].add(entry.group)
        kind = f"{entry.goods} {entry.condition}"
        counts[entry.split][kind] = counts[entry.split].get(kind, 0) + 1
    return {
        "id": version.id, "keys": list(version.splitting.keys or DEFAULT_KEYS),
        "pictures": {split: dict(sorted(each.items())) for split, each in counts.items()},
        "groups": {split: sorted(each) for split, each in groups.items()},
    }  # fmt: skip


def _hashes(file: Path) -> set[str]:
    try:
        text = file.read_bytes()[:MAX_LIST_BYTES].decode("ascii")
    except (OSError, UnicodeDecodeError) as error:
        raise VersionError(f"{file} cannot be read as a list of hashes: {error}") from error
    found = {line.strip() for line in text.splitlines() if line.strip()}
    wrong = sorted(line for line in found if len(line) != 64 or set(line) - set("0123456789abcdef"))  # noqa: PLR2004
    if wrong:
        raise VersionError(f"{file}: {wrong[0][:80]!r} is no SHA-256 in lower-case hex")
    return found


def _lineage(bundle: Path) -> tuple[str, dict[str, str]]:
    """Name and lineage of a bundle's folder; its bytes are checked by whoever runs it, not here."""
    try:
        text = (bundle / "bundle.json").read_bytes()
        spec = json.loads(text)
        data = (spec.get("lineage") or {}).get("data") or {}
        return f"{spec['name']}@{spec['version']}+{making.digest_of(text)[:12]}", {
            str(k): str(v) for k, v in data.items()
        }
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise VersionError(f"{bundle} has no bundle.json that can be read: {error}") from error


def _say(value: object) -> None:
    typer.echo(json.dumps(value, indent=2, ensure_ascii=False))
