"""Structured logs on standard error: JSON lines, or readable ones on a terminal.

Never logged: tokens, pictures, request bodies, what a person wrote.
"""

from __future__ import annotations

import logging
import logging.handlers
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import structlog

LOGS, LOG_FILE = "logs", "station.jsonl"
MAX_BYTES, FILES = 2_000_000, 5


def configure(*, console: bool, level: int = logging.INFO) -> None:
    """Send our logs and those of the libraries to standard error."""
    shared = _shared()
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    render: list[structlog.typing.Processor]
    if console:
        render = [structlog.dev.ConsoleRenderer(colors=False)]
    else:
        render = [structlog.processors.format_exc_info, structlog.processors.JSONRenderer(ensure_ascii=False)]
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *render], foreign_pre_chain=shared
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "httpx2", "httpcore2"):
        library = logging.getLogger(name)
        library.handlers[:] = []
        library.propagate = True
        library.setLevel(logging.WARNING)
    # The lamp's driver tells of a lost lamp once, in words; its library does so at every try.
    logging.getLogger("pymodbus.logging").setLevel(logging.CRITICAL)


def _shared() -> list[structlog.typing.Processor]:
    return [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]


@contextmanager
def kept(data: Path) -> Iterator[None]:
    """Also keep the log in ``data/logs``, a few megabytes of it, for support; where that cannot be, work goes on."""
    try:
        (data / LOGS).mkdir(parents=True, exist_ok=True)
        handler = _Quiet(data / LOGS / LOG_FILE, maxBytes=MAX_BYTES, backupCount=FILES - 1, encoding="utf-8")
    except OSError as error:
        structlog.get_logger().warning("log_not_kept", error=error.strerror)
        yield
        return
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            processors=[
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.format_exc_info,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
            foreign_pre_chain=_shared(),
        )
    )
    root = logging.getLogger()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)
        handler.close()


class _Quiet(logging.handlers.RotatingFileHandler):
    """A full disk is told by the journal; the log must not tell of itself for ever."""

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - the name of the base class
        """Let the line go."""
