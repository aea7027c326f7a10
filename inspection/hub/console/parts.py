"""Pages that other capabilities add to the console: where their templates, styles, scripts and catalogues lie.

A capability that has pages keeps them in a folder ``pages`` of its own: ``templates/*.html`` (named
``<capability>/<file>`` by who renders them; they extend ``layout.html``), ``static/*`` (served at
``/console/static/<capability>/<file>``), ``locale/*.po`` (what the console's own catalogue does not say), and
``words.py`` where codes need words. Being there is enough.
"""

from __future__ import annotations

from pathlib import Path

from jinja2 import BaseLoader, ChoiceLoader, FileSystemLoader, PrefixLoader

HERE = Path(__file__).parent
PAGES = "pages"


def folders() -> dict[str, Path]:
    """The folder of pages by capability."""
    return {path.parent.name: path for path in sorted(HERE.parent.glob(f"*/{PAGES}")) if path.is_dir()}


def loader() -> BaseLoader:
    """Finds the console's templates by their name, another capability's by ``<capability>/<name>``."""
    others = {name: FileSystemLoader(folder / "templates") for name, folder in folders().items()}
    return ChoiceLoader([FileSystemLoader(HERE / "templates"), PrefixLoader(others)])


def catalogues() -> list[Path]:
    """Folders with catalogues, the console's first."""
    return [HERE / "locale", *_existing("locale")]


def static_folders() -> list[Path]:
    """Folders with static files, the console's first."""
    return [HERE / "static", *_existing("static")]


def static_file(part: str, name: str) -> Path | None:
    """A static file of a capability; nothing when there is none."""
    folder = folders().get(part)
    path = folder / "static" / name if folder is not None else None
    return path if path is not None and path.is_file() else None


def _existing(name: str) -> list[Path]:
    return [folder / name for folder in folders().values() if (folder / name).is_dir()]
