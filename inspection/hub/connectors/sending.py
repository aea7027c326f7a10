"""Requests over the network: to checked addresses only, TLS verified, nothing followed, bounded in time and size."""

from __future__ import annotations

import functools
import ssl
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit, urlunsplit

import httpcore2
import httpx2

from inspection import __version__
from inspection.hub.connectors.contract import Again, Request, Response, Unusable
from inspection.hub.connectors.guard import Guard

MAX_RESPONSE_BYTES = 256 * 1024
CONNECT_TIMEOUT_S = 10.0


class Sender:
    """Sends requests one after the other, over connections that are kept. Not for several threads.

    Args:
        guard: where requests may go.
        timeout_s: for a whole request, from connecting to the last byte of its answer.
        ca_file: certificates to trust instead of the system's.

    Raises:
        Unusable: when ``ca_file`` cannot be read.
    """

    def __init__(self, guard: Guard, *, timeout_s: float = 20.0, ca_file: Path | None = None) -> None:
        self._guard = guard
        self._timeout_s = timeout_s
        self._backend = _Backend(guard)
        try:
            context = _trusting(ca_file, ca_file.stat().st_mtime_ns if ca_file is not None else 0)
        except OSError as error:
            raise Unusable(f"{ca_file}: {error.strerror or error}") from None
        self._client = httpx2.Client(
            transport=_Transport(context, self._backend),
            timeout=httpx2.Timeout(timeout_s, connect=min(timeout_s, CONNECT_TIMEOUT_S)),
            follow_redirects=False,
            trust_env=False,
            headers={"User-Agent": f"returns-inspection/{__version__}"},
        )

    def send(self, request: Request) -> Response:
        """Send and wait for the whole answer.

        Raises:
            Again: when there was no whole answer in time; the request may have arrived.
            Unusable: when it may not be sent there, or the certificate is not trusted.
        """
        self._guard.check_url(request.url)
        self._backend.deadline = time.monotonic() + self._timeout_s
        try:
            built = self._client.build_request(
                request.method,
                request.url,
                headers={**request.headers, **request.secret_headers},
                content=request.body,
            )
            response = self._client.send(built, stream=True)
            try:
                body = self._bounded(response)
            finally:
                response.close()
        except httpx2.TimeoutException:
            raise Again(f"no whole answer within {self._timeout_s:g} s") from None
        except (httpx2.HTTPError, httpcore2.ConnectError) as error:
            if _is_certificate_fault(error):
                raise Unusable(f"its certificate is not trusted: {_brief(error)}") from None
            raise Again(f"{type(error).__name__}: {_brief(error)}") from None
        except (httpx2.InvalidURL, ValueError) as error:
            raise Unusable(f"not a request that can be sent: {_brief(error)}") from None
        return Response(response.status_code, {name.lower(): value for name, value in response.headers.items()}, body)

    def close(self) -> None:
        """Close what is kept open."""
        self._client.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _bounded(self, response: httpx2.Response) -> bytes:
        found = bytearray()
        for chunk in response.iter_bytes():
            found += chunk
            if len(found) > MAX_RESPONSE_BYTES:
                break
            if time.monotonic() > self._backend.deadline:
                raise Again(f"no whole answer within {self._timeout_s:g} s")
        return bytes(found[:MAX_RESPONSE_BYTES])


def without_query(url: str) -> str:
    """``url`` as it may be shown: queries may hold secrets."""
    return urlunsplit((*urlsplit(url)[:3], "", ""))


@functools.lru_cache(maxsize=16)
def _trusting(ca_file: Path | None, changed_at: int) -> ssl.SSLContext:  # noqa: ARG001 - read anew after a change
    """Reading the system's certificates takes longer than most requests."""
    return ssl.create_default_context(cafile=ca_file)


class _Transport(httpx2.HTTPTransport):
    def __init__(self, context: ssl.SSLContext, backend: _Backend) -> None:
        super().__init__(verify=context, trust_env=False)
        self._pool = httpcore2.ConnectionPool(
            ssl_context=context, network_backend=backend, max_connections=4, keepalive_expiry=15.0
        )


class _Backend(httpcore2.SyncBackend):
    """Connects to checked addresses only, and lets no read or write go beyond the request's deadline."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        self.deadline = 0.0

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore2.SOCKET_OPTION] | None = None,
    ) -> httpcore2.NetworkStream:
        last: httpcore2.ConnectError | httpcore2.ConnectTimeout | None = None
        for address in self._guard.addresses(host, port):
            try:
                stream = super().connect_tcp(address, port, self.left(timeout), local_address, socket_options)
                return _Stream(stream, self)
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                last = error
        raise last or httpcore2.ConnectError(f"{host} has no address")

    def left(self, timeout: float | None) -> float:
        """``timeout``, or what the deadline leaves of it."""
        left = max(self.deadline - time.monotonic(), 0.001)
        return left if timeout is None else min(timeout, left)


class _Stream(httpcore2.NetworkStream):
    def __init__(self, inner: httpcore2.NetworkStream, backend: _Backend) -> None:
        self._inner = inner
        self._backend = backend

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, self._backend.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, self._backend.left(timeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, self._backend.left(timeout)), self._backend)

    def get_extra_info(self, info: str) -> object:
        return self._inner.get_extra_info(info)


def _is_certificate_fault(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, ssl.SSLCertVerificationError):
            return True
        error = error.__cause__ or error.__context__
    return False


def _brief(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
