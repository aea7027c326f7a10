"""Structured logs on standard error: JSON lines, or readable ones on a terminal.

Never logged: tokens, pictures, request bodies, what a person wrote.
"""

from __future__ import annotations

import logging
import sys

import structlog


def configure(*, console: bool, level: int = logging.INFO) -> None:
    """Send our logs and those of the libraries to standard error."""
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
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
