"""The key that signature tokens are encrypted with: that of the pictures' keys, which every process of a hub has."""

from __future__ import annotations

from inspection.hub.config import HubConfig
from inspection.hub.images.vault import MasterKey, load_or_make_master_key


def master_key_of(config: HubConfig) -> MasterKey:
    """See :func:`inspection.hub.images.opening.open_images`."""
    return load_or_make_master_key(config.images.key_file or config.data_dir / "images.key")
