"""What is of no kind of goods is far from all, also where it lies between two; what it is said to be decides more."""

from __future__ import annotations

from dataclasses import asdict

import numpy as np

from models.novelty import Reference, learn

WIDE, PER_KIND = 40, 60


def drawn(seed: int, count: int, *, at: tuple[int, ...]) -> np.ndarray:
    """Embeddings around a kind's own directions."""
    rng = np.random.default_rng(seed)
    centre = np.zeros(WIDE)
    centre[list(at)] = 3.0
    scatter = np.full(WIDE, 0.15)
    scatter[-4:] = 0.5
    lengths = rng.uniform(0.5, 2.0, (count, 1))
    return np.asarray((centre + 1.0 + rng.normal(0, 1, (count, WIDE)) * scatter) * lengths, np.float32)


def kinds(seed: int, count: int = PER_KIND) -> tuple[np.ndarray, np.ndarray]:
    goods = {"bottle": (0, 1), "can": (2, 3), "parcel": (4, 5)}
    parts = [drawn(seed + number, count, at=at) for number, at in enumerate(goods.values())]
    return np.concatenate(parts), np.repeat(list(goods), count)


def test_what_lies_between_two_kinds_is_of_neither() -> None:
    reference = learn(*kinds(0), dimensions=8)
    limit = np.quantile(reference.distances(kinds(10)[0]), 0.99)
    between = drawn(5, 50, at=(0, 2))
    assert (reference.distances(between) > limit).mean() > 0.95


def test_what_is_of_another_kind_than_it_is_said_to_be_is_nearer_to_that() -> None:
    reference = learn(*kinds(0), dimensions=8)
    known, goods = kinds(10)
    for kind, name in enumerate(("bottle", "can", "parcel")):
        nearer = reference.nearer_to_others(known, kind)
        assert nearer[goods == name].max() < nearer[goods != name].min()


def test_how_bright_all_features_are_tells_nothing() -> None:
    reference = learn(*kinds(0), dimensions=8)
    known = kinds(10)[0]
    np.testing.assert_allclose(reference.distances(known), reference.distances(known * 3), rtol=1e-3)


def test_a_reference_of_an_older_bundle_is_read_as_it_was() -> None:
    arrays = asdict(learn(*kinds(0), dimensions=8))
    del arrays["unit"]
    older, embedding = Reference(**arrays), kinds(10)[0]
    centred = embedding - older.mean
    np.testing.assert_allclose(older.whitened(embedding), centred @ older.axes / older.scale, rtol=1e-3, atol=1e-3)


def test_few_embeddings_of_one_kind_still_make_a_reference() -> None:
    few = drawn(0, 3, at=(0,))
    assert np.isfinite(learn(few, np.array(["can"] * 3)).distances(few)).all()
    assert np.isfinite(learn(few[:1], np.array(["can"])).distances(few)).all()
