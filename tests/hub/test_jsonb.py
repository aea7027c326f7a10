"""What goes into the database as JSON comes back as what it was."""

from __future__ import annotations

import json

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects.postgresql import JSONB

from inspection.hub.database import Database

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=6)
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
)


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(VALUES)
@example([6.02e23, -1.5e300, 1e16, 1e21, 10**21, 5e-324, {"e+": [1e22, "1e+22"]}])
def test_a_value_comes_back_equal_and_a_double_as_a_double(database: Database, value: object) -> None:
    with database.transaction() as connection:
        back = connection.execute(sa.select(sa.cast(sa.literal(value, JSONB), JSONB))).scalar_one()
    assert json.dumps(back, sort_keys=True) == json.dumps(value, sort_keys=True).replace("-0.0", "0.0")


@pytest.mark.parametrize("value", [1e16, 9007199254740993.0, 1.7976931348623157e308])
def test_a_large_double_keeps_its_point(database: Database, value: float) -> None:
    with database.transaction() as connection:
        back = connection.execute(sa.select(sa.cast(sa.literal(value, JSONB), JSONB))).scalar_one()
    assert isinstance(back, float)
    assert back == value
