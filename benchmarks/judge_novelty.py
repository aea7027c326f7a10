"""How many goods of no known kind, and things that are no goods, are told from known goods, beside false alarms.

    python -m benchmarks.judge_novelty [--data DIR] [--things DIR] [--each 70]

Each kind of goods in turn is left out of what novelty is learned from, and said to be each of the other kinds. The
graph itself has seen it in training, so the figures are somewhat better than for goods that nobody has seen; things in
``--things`` (any photographs) and drawn textures nobody has seen. Rules: the distance alone, and with the second look
that the run-time takes (nearer to another kind than to that which it is said to be).
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import numpy.typing as npt
import typer
from rich.console import Console
from rich.table import Table

from datasets.manifest import Sample, read_manifest
from datasets.splits import held_out
from inspection.frame import Pixels, ViewPicture
from models import novelty
from models.runtime import Judge
from models.training.items import read_picture

ROOT = Path(__file__).resolve().parents[1]
LEAST_NEARER = 0.1
TEXTURES = 12
RULES = ((0.99, 1.0), (0.98, 1.0), (0.99, 0.998), (0.99, 0.99), (0.98, 0.998), (0.98, 0.99), (0.97, 0.99))
"""Quantiles on known held-out goods: of the distance, and of how much nearer another kind is (1: not asked)."""
Floats = npt.NDArray[np.float32]
COLUMNS = ("false alarms", "left-out kinds", "lowest kind", "no goods", "said to be another known kind")


def main(
    data: Annotated[Path, typer.Option(help="Folder with a manifest.csv.")] = ROOT.parent / "shared/datasets",
    things: Annotated[Path | None, typer.Option(help="Folder of photographs that show no goods.")] = None,
    bundle: Annotated[Path, typer.Option()] = ROOT / "models/bundles/default",
    each: Annotated[int, typer.Option(min=20, help="Pictures of a kind to learn from; 3/7 as many to judge.")] = 70,
) -> None:
    """Print the table."""
    judge = Judge.load(bundle)
    samples = read_manifest(data)
    train, test = held_out(samples, 0.25, 0)
    learned, learned_goods = _embedded(judge, samples, train, each)
    known, known_goods = _embedded(judge, samples, test, each * 3 // 7)
    strange = np.concatenate([_embedding(judge, pixels) for pixels in [*_textures(), *_photographs(things)]])
    rows: dict[tuple[float, float], list[list[float]]] = {rule: [] for rule in RULES}
    for out in np.unique(learned_goods):
        kept, stays = learned_goods != out, known_goods != out
        reference = novelty.learn(learned[kept], learned_goods[kept])
        names = [str(name) for name in np.unique(learned_goods[kept])]
        unknown = np.concatenate([learned[~kept], known[~stays]])
        for rule, found in rows.items():
            found.append(_shares(reference, names, rule, known[stays], known_goods[stays], unknown, strange))
    Console(width=120).print(_table(rows))


def _shares(
    reference: novelty.Reference, names: list[str], rule: tuple[float, float], known: Floats,
    goods: npt.NDArray[np.str_], unknown: Floats, strange: Floats,
) -> list[float]:  # fmt: skip
    """Shares that are novel: of known goods, of the unknown kind, of no goods, of known ones said to be another."""
    distance = float(np.quantile(reference.distances(known), rule[0]))
    own = np.concatenate([reference.nearer_to_others(known[goods == name], names.index(name)) for name in names])
    nearer = np.inf if rule[1] == 1 else max(LEAST_NEARER, float(np.quantile(own, rule[1])))

    def novel(embeddings: Floats, said: int) -> float:
        far = reference.distances(embeddings) > distance
        return float((far | (reference.nearer_to_others(embeddings, said) > nearer)).mean())

    right = [novel(known[goods == name], place) for place, name in enumerate(names)]
    return [
        float(np.average(right, weights=[(goods == name).sum() for name in names])),
        float(np.mean([novel(unknown, place) for place in range(len(names))])),
        float(np.mean([novel(strange, place) for place in range(len(names))])),
        float(np.mean([novel(known[goods != name], place) for place, name in enumerate(names)])),
    ]


def _table(rows: dict[tuple[float, float], list[list[float]]]) -> Table:
    table = Table(title="Share called novel; kinds left out in turn, each said to be every other kind")
    for column in ("distance, other kind", *COLUMNS):
        table.add_column(column, justify="right")
    for rule, found in rows.items():
        mean = np.mean(found, axis=0)
        cells = [mean[0], mean[1], min(row[1] for row in found), mean[2], mean[3]]
        table.add_row(f"{rule[0]}, {rule[1]}", *[f"{share:.1%}" for share in cells])
    return table


def _embedded(judge: Judge, samples: list[Sample], rows: list[int], each: int) -> tuple[Floats, npt.NDArray[np.str_]]:
    """Embeddings of at most ``each`` pictures of every kind, evenly, and their kinds."""
    embeddings, goods = [], []
    for kind in sorted({samples[row].goods for row in rows}):
        own = [row for row in rows if samples[row].goods == kind]
        for row in own[:: max(1, len(own) // each)][:each]:
            embeddings.append(_embedding(judge, read_picture(samples[row].path)))
            goods.append(kind)
    return np.concatenate(embeddings), np.array(goods)


def _embedding(judge: Judge, pixels: Pixels) -> Floats:
    return judge.run_raw(judge.preprocess([ViewPicture("any", pixels)])).embedding


def _photographs(folder: Path | None) -> list[Pixels]:
    files = sorted(folder.rglob("*.jpg")) if folder is not None else []
    return [np.asarray(cv2.imread(str(file), cv2.IMREAD_COLOR), np.uint8) for file in files]


def _textures() -> list[Pixels]:
    """Coloured noise of different coarseness."""
    rng, drawn = np.random.default_rng(0), []
    for number in range(TEXTURES):
        side = 8 * 2 ** (number % 4)
        noise = cv2.resize(rng.normal(0, 50, (side, side, 3)), (300, 300), interpolation=cv2.INTER_CUBIC)
        drawn.append(np.asarray(np.clip(noise + rng.uniform(60, 190, 3), 0, 255), np.uint8))
    return drawn


if __name__ == "__main__":
    typer.run(main)
