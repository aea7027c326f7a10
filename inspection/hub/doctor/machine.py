"""What can be told without the database: port, keys, store, disk."""

from __future__ import annotations

import os
import shutil
import stat
import tempfile
from pathlib import Path

import obstore
from obstore.exceptions import BaseError
from obstore.store import from_url

from inspection.hub.config import HubConfig
from inspection.hub.doctor.findings import Finding, bad, good, look
from inspection.hub.evidence.log import KEY_VARIABLE as EVIDENCE_VARIABLE
from inspection.hub.evidence.log import open_log
from inspection.hub.images.vault import KEY_VARIABLE as IMAGES_VARIABLE
from inspection.hub.images.vault import load_or_make_master_key
from inspection.hub.serving import listen

FEW_BYTES, NO_BYTES = 5_000_000_000, 500_000_000
PROBE = b"doctor"


def port(config: HubConfig) -> Finding:
    """Whether the API could listen; a hub that runs holds its port, so that is no fault."""
    section = config.listen
    with listen(section.host, section.port):
        return good("port", f"{section.host} port {section.port} is free")


def image_key(config: HubConfig) -> Finding:
    """Whether the key of the pictures is there and whole; without it no picture can be read."""
    path = config.images.key_file or config.data_dir / "images.key"
    absent = _absent("image key", path, IMAGES_VARIABLE)
    if absent is not None:
        return absent
    load_or_make_master_key(path)
    return good("image key", f"{_place(path, IMAGES_VARIABLE)}; keep a copy elsewhere")


def evidence_key(config: HubConfig) -> Finding:
    """Whether the key that signs checkpoints is there and whole."""
    path = config.evidence.key_file or config.data_dir / "evidence.key"
    absent = _absent("evidence key", path, EVIDENCE_VARIABLE)
    if absent is not None:
        return absent
    open_log(config)
    return good("evidence key", f"{_place(path, EVIDENCE_VARIABLE)}; keep a copy elsewhere")


def store(config: HubConfig) -> Finding:
    """Whether pictures can be written, read and deleted where they lie."""
    folder = config.data_dir / "images"
    place = config.images.url or str(folder)
    try:
        if config.images.url is None:
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with tempfile.NamedTemporaryFile(dir=folder, prefix=".doctor-") as file:
                file.write(PROBE)
                file.flush()
                os.fsync(file.fileno())
            return good("store", f"{place} takes and gives pictures")
        remote = from_url(config.images.url)
        name = f"doctor/{os.getpid()}"
        obstore.put(remote, name, PROBE)
        came = bytes(obstore.get(remote, name).bytes())
        obstore.delete(remote, name)
    except (BaseError, OSError, ValueError) as error:
        return bad("store", f"{place}: {type(error).__name__}; see images.url, its credentials and the disk")
    if came != PROBE:
        return bad("store", f"{place} gives back other bytes than it was given")
    return good("store", f"{place} takes and gives pictures")


def disk(config: HubConfig) -> Finding:
    """Room where the hub writes."""
    there = next(each for each in (config.data_dir, *config.data_dir.absolute().parents) if each.exists())
    free = shutil.disk_usage(there).free
    said = f"{free / 1e9:.1f} GB free at {config.data_dir}"
    if free < NO_BYTES:
        return bad("disk", f"{said}: pictures will be refused; make room or add disk")
    return look("disk", f"{said}: make room soon") if free < FEW_BYTES else good("disk", said)


def _absent(about: str, path: Path, variable: str) -> Finding | None:
    """Looking must not make a key: another hub's may have been meant."""
    if variable in os.environ:
        return None
    if not path.exists():
        return look(about, f"{path} is not there; the first start makes one, or put yours there before")
    if stat.S_IMODE(path.stat().st_mode) & 0o077:
        return bad(about, f"others may read {path}: chmod 600 {path}")
    return None


def _place(path: Path, variable: str) -> str:
    return f"in the environment ({variable})" if variable in os.environ else str(path)
