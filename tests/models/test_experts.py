"""Second opinions on frozen features: they count where they help on what nobody has seen, and only for their kind."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime as ort
import pytest

from datasets.manifest import Sample
from inspection.finding import Condition, Defect

torch = pytest.importorskip("torch", reason="training is not installed: make install-dev")

from models.training import experts  # noqa: E402
from models.training.advice import Advice  # noqa: E402
from models.training.backbone import Trunk, pretrained  # noqa: E402
from models.training.export import export  # noqa: E402
from models.training.fit import Labels, labels_of  # noqa: E402
from models.training.network import Graph, Tail  # noqa: E402

WIDTH = 24
KNOWING, FORGETFUL = "bottle", "parcel"
"""Of the one the network knows all; of the other nothing, while the features tell."""


def sample(number: int, goods: str) -> Sample:
    damaged = number % 2 == 1
    return Sample(
        path=Path(f"{goods}-{number}.jpg"), name=f"{goods}/{number}", set=f"{goods}s", goods=goods,
        defects=frozenset({Defect.DAMAGED}) if damaged else frozenset(),
        condition=Condition.MAJOR if damaged else Condition.INTACT,
        group=f"{goods}/{number}", capture="web", licence="CC0-1.0",
    )  # fmt: skip


class World:
    """Items of two kinds, frozen features of them, and what a network says."""

    def __init__(self, seed: int = 0) -> None:
        rng = np.random.default_rng(seed)
        self.samples = [sample(number, goods) for goods in (KNOWING, FORGETFUL) for number in range(120)]
        self.labels: Labels = labels_of(self.samples)
        self.damaged = np.array([one.damaged for one in self.samples])
        self.forgetful = np.array([one.goods == FORGETFUL for one in self.samples])
        features = rng.normal(0, 1, (1, len(self.samples), WIDTH))
        features[0, :, 0] += np.where(self.forgetful, 4.0, -4.0)
        features[0, :, 1] += np.where(self.forgetful, np.where(self.damaged, 2.5, -2.5), 0)
        self.features = features.astype(np.float32)
        sure = np.where(self.damaged, -4.0, 4.0) + rng.normal(0, 1, len(self.samples))
        intact = np.where(self.forgetful, rng.normal(0, 0.5, len(self.samples)), sure)
        self.conditions = np.stack([intact, *[np.full(len(intact), -np.log(3.0))] * 3], axis=1).astype(np.float32)
        self.versions = np.ones(len(self.samples), np.int64)

    def learned(self, rows: np.ndarray) -> experts.Said:
        return experts.learn(self.features, self.versions, self.samples, self.labels, rows.tolist())

    def parts(self) -> list[experts.Part]:
        every = np.arange(len(self.samples))
        own = experts.own_odds(self.conditions)
        return [
            experts.Part(every[every % 3 == part], self.learned(every[every % 3 != part]), own[every % 3 == part])
            for part in range(3)
        ]


@pytest.fixture(scope="module")
def world() -> World:
    return World()


@pytest.fixture(scope="module")
def weighed(world: World) -> experts.Weighed:
    return experts.weigh(world.parts(), world.features[0], world.samples, world.labels)


def test_an_expert_counts_where_the_network_has_forgotten_and_not_where_it_knows(weighed: experts.Weighed) -> None:
    assert weighed.share[FORGETFUL] == 0.5
    assert weighed.share[KNOWING] == 0


def test_new_items_are_told_better_with_the_experts(weighed: experts.Weighed) -> None:
    new, world = World(seed=1), World()
    asked = experts.experts_of(world.learned(np.arange(len(world.samples))), weighed)
    odds = experts.own_odds(experts.advised(asked, new.features[0], new.conditions))
    right = (odds < 0) == new.damaged
    before = (experts.own_odds(new.conditions) < 0) == new.damaged
    assert before[new.forgetful].mean() < 0.65
    assert right[new.forgetful].mean() > 0.85
    # What the expert of the one kind says moves nothing of the other.
    np.testing.assert_allclose(odds[~new.forgetful], new.conditions[~new.forgetful, 0], atol=0.2)


def test_the_grades_of_what_is_not_intact_stay_as_they_were(world: World, weighed: experts.Weighed) -> None:
    asked = experts.experts_of(world.learned(np.arange(len(world.samples))), weighed)
    conditions = experts.advised(asked, world.features[0], world.conditions)
    np.testing.assert_array_equal(conditions[:, 1:], world.conditions[:, 1:])


def test_nobody_is_an_expert_for_a_few_groups_nor_for_a_kind_of_few_days(world: World) -> None:
    few = [replace(one, group=f"{one.goods}/{number % 30}") for number, one in enumerate(world.samples)]
    rows = list(range(len(few)))
    found = experts.learn(world.features, world.versions, few, world.labels, rows)
    assert not found.opinions
    found = experts.learn(
        world.features, world.versions, world.samples, world.labels, rows, without=frozenset({FORGETFUL})
    )
    assert set(found.opinions) == {KNOWING}
    assert found.kinds == (KNOWING, FORGETFUL)


def test_without_shares_nothing_is_moved(world: World) -> None:
    said = world.learned(np.arange(len(world.samples)))
    silent = experts.experts_of(said, experts.Weighed({}, {}))
    conditions = experts.advised(silent, world.features[0], world.conditions)
    np.testing.assert_array_equal(conditions, world.conditions)


def test_the_graph_with_experts_says_the_same_of_one_picture_and_of_three(tmp_path: Path) -> None:
    network, trunk = pretrained(), Trunk(pretrained())
    said = experts.Said(
        ("box",),
        (np.zeros((1, 1280), np.float32), np.zeros(1, np.float32)),
        {"box": (np.full(1280, 0.01, np.float32), -1.0)},
    )
    asked = experts.experts_of(said, experts.Weighed({"box": 1.0}, {"box": 0.5}))
    pictures = np.random.default_rng(0).integers(0, 256, (3, 64, 64, 3), dtype=np.uint8)
    outputs = {}
    for name, advice in (("with", Advice(experts.FrozenHead(network), asked)), ("without", None)):
        graph = Graph(trunk, Tail(network, 2, 4).eval(), 1.0, 1.0, advice).eval()
        export(graph, tmp_path / f"{name}.onnx", 64)
        session = ort.InferenceSession(str(tmp_path / f"{name}.onnx"), providers=["CPUExecutionProvider"])
        together = session.run(None, {"pictures": pictures})
        with torch.no_grad():
            own = [part.numpy() for part in graph(torch.from_numpy(pictures))]
        for output, (found, expected) in enumerate(zip(together, own, strict=True)):
            np.testing.assert_allclose(found, expected, atol=1e-3)
            alone = session.run(None, {"pictures": pictures[1:2]})[output]
            np.testing.assert_allclose(alone[0], found[1], atol=1e-5)
        outputs[name] = together
    assert (np.abs(outputs["with"][1] - outputs["without"][1])[:, 0] > 0.01).all()
    np.testing.assert_array_equal(outputs["with"][0], outputs["without"][0])
