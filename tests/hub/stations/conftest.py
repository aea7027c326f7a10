"""Stations and staff as the tests of accounts make them."""

from __future__ import annotations

from tests.hub.accounts.conftest import cheap_hashes, enrolled

__all__ = ["cheap_hashes", "enrolled"]
