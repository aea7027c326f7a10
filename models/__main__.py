"""``python -m models``: train, evaluate, compare, verify and sign bundles, make references. Only train needs torch."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from inspection.errors import ConfigError
from models import bundle_command, reference_command, training_command
from models.bundle_command import DEFAULT_BUNDLE, errors

ROOT = Path(__file__).resolve().parents[1]
DEMO = ROOT / "datasets" / "demo"
POLICY = ROOT / "configs" / "policy" / "default.yaml"
PRODUCTS = ROOT / "configs" / "products.yaml"
SHARED = ROOT.parent / "shared" / "datasets"


class Engine(StrEnum):
    """What trains a bundle."""

    OWN = "own"
    ULTRALYTICS = "ultralytics"


app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False)
bundle_command.register(app)
app.add_typer(reference_command.app, name="reference")
app.command()(training_command.reproduce)


@app.command()
def train(
    config: Annotated[Path | None, typer.Option(help="YAML with any of the options; see configs/training.")] = None,
    data: Annotated[
        list[Path] | None,
        typer.Option(
            help="Folder with a manifest.csv; repeat it. Default: ../shared/datasets if there, and datasets/demo."
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            help="Folder of the bundle; an older one is replaced at the end. Default: models/bundles/default."
        ),
    ] = None,
    golden: Annotated[Path | None, typer.Option(help="Pictures of our own for the golden samples.")] = None,
    work: Annotated[
        Path | None, typer.Option(help="Cached features; a run that was cut goes on from them. Default: runs.")
    ] = None,
    name: Annotated[str | None, typer.Option(help="Name of the bundle.")] = None,
    version: Annotated[str | None, typer.Option(help="Version of the bundle.")] = None,
    size: Annotated[
        int | None, typer.Option(min=64, max=1024, help="Side of the graph's input, a multiple of 32.")
    ] = None,
    versions: Annotated[int | None, typer.Option(min=1, max=50, help="Random versions of every picture.")] = None,
    epochs: Annotated[float | None, typer.Option(min=0.1, max=500, help="Passes over the training pictures.")] = None,
    seed: Annotated[int | None, typer.Option(help="The same seed gives the same bundle on the same machine.")] = None,
    threads: Annotated[int | None, typer.Option(min=1, help="Processor threads.")] = None,
    by_date: Annotated[bool | None, typer.Option(help="Also make the trials of unseen shooting days.")] = None,
    sign_name: Annotated[str | None, typer.Option(help="Name of the key that signs the bundle.")] = None,
    sign_key: Annotated[
        Path | None, typer.Option(help="File of that key, made where it is not there. Default: signing.key of --work.")
    ] = None,
    engine: Annotated[
        Engine, typer.Option(help="What trains: our own, or ultralytics' classifier (YOLO), for the same run-time.")
    ] = Engine.OWN,
    yolo: Annotated[
        str | None, typer.Option(help="With --engine ultralytics: its yaml, or a file of its weights.")
    ] = None,
    refresh: Annotated[
        bool | None, typer.Option(help="Move only the heads of the last training's weights: minutes, for new labels.")
    ] = None,
    dataset: Annotated[
        str | None, typer.Option(help="Data version to train on; with --data, the one that those folders hold.")
    ] = None,
    store: Annotated[Path, typer.Option(help="Folder of data versions.")] = training_command.STORE,
    progress: Annotated[
        Path | None, typer.Option(help="File that JSON lines of stages, losses and figures are added to.")
    ] = None,
) -> None:
    """Fine-tune the judge on labelled pictures and pack a bundle; a run that was cut goes on where it was.

    Example: python -m models train --config configs/training/default.yaml
    """
    with errors():
        if engine is Engine.ULTRALYTICS:
            from models.engines import command  # noqa: PLC0415 - belongs to training

            given_path = {"data": data, "golden": golden, "out": out, "work": work}
            told = {"name": name, "version": version, "model": yolo, "size": size, "epochs": epochs, "seed": seed,
                    "threads": threads}  # fmt: skip
            left = {"config": config, "versions": versions, "by_date": by_date, "refresh": refresh}
            typer.echo(command.train({**given_path, **told}, left, Console()))
            return
        from models.training import run, telling  # noqa: PLC0415 - torch is not everywhere
        from models.training.config import read_options  # noqa: PLC0415 - belongs to training

        if progress is not None:
            os.environ[telling.FILE] = str(progress.resolve())
        if dataset is not None and not data:
            dataset, data = training_command.folders_of(dataset, store, work or ROOT / "runs")
        options = {
            "dataset": dataset, "data": data, "out": out, "golden": golden, "work": work, "name": name,
            "version": version, "size": size, "versions": versions, "epochs": epochs, "seed": seed, "threads": threads,
            "by_date": by_date, "refresh": refresh, "sign_name": sign_name, "sign_key": sign_key,
        }  # fmt: skip
        given = {key: value for key, value in options.items() if value is not None}
        said = [f"--config {config.name}"] if config else []
        said += [
            f"--{key.replace('_', '-')} {given[key]}" for key in ("size", "versions", "epochs", "seed") if key in given
        ]
        folders = [folder for folder in (SHARED, DEMO) if (folder / "manifest.csv").is_file()]
        otherwise = {
            "data": folders, "golden": DEMO, "out": DEFAULT_BUNDLE, "work": ROOT / "runs",
            "command": " ".join(["python -m models train", *said]),
        }  # fmt: skip
        typer.echo(run.train(read_options(config, given, otherwise), Console()))


@app.command()
def evaluate(
    bundle: Annotated[Path, typer.Option(help="The bundle to judge with.")] = DEFAULT_BUNDLE,
    data: Annotated[list[Path] | None, typer.Option(help="Folder with a manifest.csv; repeat it.")] = None,
    held_out: Annotated[bool, typer.Option(help="Only the groups that the bundle was not trained on.")] = True,
    threads: Annotated[int, typer.Option(min=1)] = 2,
    images: Annotated[Path | None, typer.Option(help="Folder of any photographs; with --manifest and --out.")] = None,
    manifest: Annotated[Path | None, typer.Option(help="CSV with columns file and goods; labels add figures.")] = None,
    out: Annotated[Path | None, typer.Option(help="CSV to write: a row a photograph, with its decision.")] = None,
    policy: Annotated[Path, typer.Option(help="The policy that decides.")] = POLICY,
    products: Annotated[Path, typer.Option(help="The catalogue with an article of every kind of goods.")] = PRODUCTS,
    report: Annotated[
        Path | None, typer.Option(help="Folder for summary, page and, where there are labels, plots.")
    ] = None,
    reference: Annotated[
        Path | None,
        typer.Option(help="Folder of <GTIN or goods>.ref files, or of pictures of good samples of the one product."),
    ] = None,
) -> None:
    """Judge pictures as a station would: labelled sets, or any photographs one by one.

    Without --images, prints the figures of the training sets' held-out groups. With it, writes a row a photograph:
    probabilities, novelty, what the policy would do if all but the picture were in order, and why. A file that cannot
    be judged is held, with the reason. A run that was cut goes on where it was.

    Example: python -m models evaluate --images photos --manifest photos/manifest.csv --out results.csv --report report
    """
    with errors():
        if images is not None or manifest is not None or out is not None:
            if images is None or manifest is None or out is None:
                raise ConfigError("--images, --manifest and --out go together", hint="give all three")
            from models.evaluation import desk_command  # noqa: PLC0415 - starts ONNX Runtime

            at = desk_command.desk(bundle, threads, policy, products, reference)
            desk_command.evaluate(at, images, manifest, out, report)
            return
        if reference is not None:
            raise ConfigError("--reference goes with --images", hint="give --images, --manifest and --out too")
        from models.evaluation.run import evaluate as run  # noqa: PLC0415 - scikit-learn is not everywhere

        folders = data or [folder for folder in (SHARED, DEMO) if (folder / "manifest.csv").is_file()]
        Console().print(run(bundle, folders, only_held_out=held_out, threads=threads))


@app.command()
def mistakes(
    out: Annotated[Path, typer.Option(help="PNG to write, outside the project; a CSV beside it names the pictures.")],
    bundle: Annotated[Path, typer.Option(help="The bundle to judge with.")] = DEFAULT_BUNDLE,
    data: Annotated[list[Path] | None, typer.Option(help="Folder with a manifest.csv; repeat it.")] = None,
    count: Annotated[int, typer.Option(min=1, max=400, help="Mistakes on the sheet.")] = 40,
    threads: Annotated[int, typer.Option(min=1)] = 2,
    policy: Annotated[Path, typer.Option(help="The policy that decides.")] = POLICY,
    products: Annotated[Path, typer.Option(help="The catalogue with an article of every kind of goods.")] = PRODUCTS,
) -> None:
    """Put the gravest mistakes on groups that were not trained on on one sheet, to be looked at one by one.

    Example: python -m models mistakes --out ../mistakes.png
    """
    with errors():
        from models.evaluation import desk_command, mistakes_command  # noqa: PLC0415 - starts ONNX Runtime

        at = desk_command.desk(bundle, threads, policy, products)
        folders = data or [folder for folder in (SHARED, DEMO) if (folder / "manifest.csv").is_file()]
        mistakes_command.tell(at, folders, out, count)


@app.command()
def suspects(
    manifest: Annotated[Path, typer.Option(help="CSV of labelled pictures, as manifest.csv of a data set.")],
    images: Annotated[Path, typer.Option(help="Folder of its pictures.")],
    out: Annotated[Path, typer.Option(help="CSV to write, or .json for POST /v1/review/suspects of the hub.")],
    work: Annotated[Path | None, typer.Option(help="Cached features; without it they are computed anew.")] = None,
    folds: Annotated[int, typer.Option(min=2, max=20, help="Parts, each judged by models of the others.")] = 5,
    seed: Annotated[int, typer.Option(help="The same seed gives the same list on the same machine.")] = 0,
    size: Annotated[int, typer.Option(min=64, max=1024, help="Side of the pictures, a multiple of 32.")] = 224,
    threads: Annotated[int, typer.Option(min=1)] = 2,
) -> None:
    """List labels that are probably wrong, the surest first: models judge pictures that they never saw.

    Example: python -m models suspects --manifest photos/manifest.csv --images photos --out suspects.csv
    """
    with errors():
        from models.evaluation import suspects_command  # noqa: PLC0415 - torch is not everywhere

        suspects_command.tell(
            manifest, images, out, work=work, folds=folds, seed=seed, size=size, threads=threads
        )  # fmt: skip


@app.command()
def quantize(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="Folder of the bundle.")],
    images: Annotated[Path, typer.Option(help="Folder of pictures like those to be judged, at any depth.")],
    out: Annotated[Path, typer.Option(help="Folder of the new bundle.")],
    most: Annotated[int, typer.Option(min=16, help="Pictures used, taken evenly.")] = 200,
    least_same: Annotated[float, typer.Option(min=0, max=1, help="Share that must be judged as before.")] = 0.98,
    threads: Annotated[int, typer.Option(min=1)] = 2,
) -> None:
    """Round a bundle to int8: several ways are measured on your pictures, the fastest that judges as before is kept."""
    with errors():
        from models.evaluation import quantize_command  # noqa: PLC0415 - onnx is not everywhere

        quantize_command.run(bundle, images, out, most, least_same, threads)


@app.command()
def explain(
    pictures: Annotated[list[Path], typer.Argument(metavar="PICTURE…", help="Views of one item.")],
    bundle: Annotated[Path, typer.Option(help="The bundle to judge with.")] = DEFAULT_BUNDLE,
    out: Annotated[Path | None, typer.Option(help="Picture to write: the deciding view, its regions marked.")] = None,
    threads: Annotated[int, typer.Option(min=1)] = 2,
) -> None:
    """Judge one item and say which picture and region decided it, and which known examples are most like it."""
    with errors():
        from models.evaluation import explain_command  # noqa: PLC0415 - starts ONNX Runtime

        explain_command.tell(bundle, pictures, out, threads)


@app.command()
def examples(
    bundle: Annotated[Path, typer.Argument(metavar="BUNDLE", help="Folder of the bundle.")],
    data: Annotated[list[Path], typer.Option(help="Folder with a manifest.csv; repeat it.")],
    out: Annotated[Path, typer.Option(help="Folder of the new bundle.")],
    threads: Annotated[int, typer.Option(min=1)] = 2,
) -> None:
    """Give a bundle known examples: names, labels and places of labelled pictures; the pictures stay where they are."""
    with errors():
        from models.evaluation import explain_command  # noqa: PLC0415

        explain_command.add_examples(bundle, data, out, threads)


@app.command()
def diff(
    a: Annotated[Path, typer.Argument(metavar="A", help="Folder of the bundle before.")],
    b: Annotated[Path, typer.Argument(metavar="B", help="Folder of the bundle after.")],
    images: Annotated[Path, typer.Option(help="Folder of any photographs.")],
    manifest: Annotated[Path, typer.Option(help="CSV with columns file and goods; labels say what is better.")],
    out: Annotated[Path, typer.Option(help="Folder to write: changes.csv, index.html and a contact sheet.")],
    threads: Annotated[int, typer.Option(min=1)] = 2,
    policy: Annotated[Path, typer.Option(help="The policy that decides.")] = POLICY,
    products: Annotated[Path, typer.Option(help="The catalogue with an article of every kind of goods.")] = PRODUCTS,
) -> None:
    """Say on which pictures another bundle changes condition, decision or defects, and how the figures compare."""
    with errors():
        from models.evaluation import desk_command  # noqa: PLC0415 - starts ONNX Runtime

        sides = desk_command.desk(a, threads, policy, products), desk_command.desk(b, threads, policy, products)
        desk_command.compare(sides, images, manifest, out)


@app.command()
def gate(
    champion: Annotated[Path, typer.Option(help="Folder of the bundle in use.")],
    candidate: Annotated[Path, typer.Option(help="Folder of the bundle that is to take its place.")],
    exam: Annotated[Path, typer.Option(help="CSV with columns file, goods and condition; neither was trained on it.")],
    images: Annotated[Path, typer.Option(help="Folder of its pictures.")],
    out: Annotated[Path, typer.Option(help="Folder to write: gate.json, index.html, pictures.")],
    threads: Annotated[int, typer.Option(min=1)] = 2,
    policy: Annotated[Path, typer.Option(help="The policy that decides.")] = POLICY,
    products: Annotated[Path, typer.Option(help="The catalogue with an article of every kind of goods.")] = PRODUCTS,
    rules: Annotated[Path, typer.Option(help="The written rules.")] = ROOT / "configs" / "gate.yaml",
    candidate_policy: Annotated[
        Path | None, typer.Option(help="The candidate's policy, where that is what is to be changed.")
    ] = None,
    reference: Annotated[
        Path | None, typer.Option(help="Folder of .ref files that the champion compares with.")
    ] = None,
    candidate_reference: Annotated[Path | None, typer.Option(help="And the candidate.")] = None,
) -> None:
    """Let a candidate take an exam against the bundle in use; prints JSON, the status is 1 when a rule fails.

    The candidate may also be another policy, or other reference banks, with the same bundle on both sides. A run that
    was cut goes on where it was.

    Example: python -m models gate --champion models/bundles/default --candidate runs/new --exam exam/manifest.csv
    --images exam --out report
    """
    with errors():
        from models.evaluation import desk_command, gate_command  # noqa: PLC0415 - starts ONNX Runtime

        sides = (
            desk_command.desk(champion, threads, policy, products, reference),
            desk_command.desk(candidate, threads, candidate_policy or policy, products, candidate_reference),
        )
        passed = gate_command.run(sides, rules, exam, images, out)
    if not passed:
        raise typer.Exit(gate_command.FAILED)


if __name__ == "__main__":
    app(prog_name="python -m models")
