"""The picture store that a configuration describes."""

from __future__ import annotations

from inspection.hub.config import HubConfig
from inspection.hub.database import Database
from inspection.hub.images.store import ImageStore
from inspection.hub.images.vault import Vault, load_or_make_master_key


def open_images(config: HubConfig, database: Database) -> ImageStore:
    """The store, with its master key from ``images.key_file``, or ``<data_dir>/images.key``; made when there is none.

    Raises:
        StoreError: store or key cannot be opened. ConfigError: the key is none.
    """
    key = load_or_make_master_key(config.images.key_file or config.data_dir / "images.key")
    return ImageStore(config.images.url, config.data_dir, Vault(database, key))
