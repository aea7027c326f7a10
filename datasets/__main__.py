"""``python -m datasets``: versions of labelled pictures, and the formats of other programs."""

from __future__ import annotations

import typer

from datasets.formats import command as formats
from datasets.versions import command

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
app.add_typer(command.app, name="version")
formats.register(command.app)


@app.callback()
def main() -> None:
    """Versions of labelled pictures. To render pictures: python -m datasets.render."""


if __name__ == "__main__":
    app(prog_name="python -m datasets")
