"""Where requests may go: an address is checked after its name was resolved, and that very address is connected to.

So a name that points inside, or that points elsewhere the second time it is asked for, reaches nothing inside.
Source: OWASP, Server-Side Request Forgery Prevention; Standard Webhooks 1.0.0, "Server side request forgery".
"""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence
from urllib.parse import urlsplit

from inspection.hub.connectors.contract import Again, Unusable

Network = ipaddress.IPv4Network | ipaddress.IPv6Network
Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")


class Guard:
    """Lets out to the public Internet, and to the networks that the configuration names.

    Args:
        allowed: private networks that may be reached, also without TLS.
    """

    def __init__(self, allowed: Sequence[Network] = ()) -> None:
        self._allowed = tuple(allowed)

    def check_url(self, url: str) -> None:
        """Whether ``url`` may be asked for at all, before anything is resolved.

        Raises:
            Unusable: for another scheme, a name or password in it, an address that is not let out to, or plain HTTP
                towards an address that is not in an allowed network.
        """
        parts = urlsplit(url)
        host = parts.hostname or ""
        if parts.scheme not in {"https", "http"} or not host:
            raise Unusable("the URL must begin with https:// and name a host")
        if parts.username is not None or parts.password is not None:
            raise Unusable("the URL holds a user's name; use secrets instead")
        address = _literal(host)
        if address is not None:
            self._check(address, host)
        if parts.scheme == "http" and not self._all_allowed(self._resolved(host, parts.port or 80)):
            raise Unusable(f"{host} is only asked over https", hint="or name its network in allow_networks")

    def addresses(self, host: str, port: int) -> list[str]:
        """The addresses of ``host`` that may be connected to, in the resolver's order.

        Raises:
            Again: when the name does not resolve.
            Unusable: when none of its addresses is let out to.
        """
        found = self._resolved(host, port)
        good = [each for each in found if self.lets_out(each)]
        if not good:
            self._check(found[0], host)
        return [str(each) for each in good]

    def allows_plain(self, host: str, port: int) -> bool:
        """Whether every address of ``host`` is in an allowed network, so that no encryption is asked for.

        Raises:
            Again: when the name does not resolve.
        """
        return self._all_allowed(self._resolved(host, port))

    def lets_out(self, address: Address) -> bool:
        """Whether ``address`` is public, or in an allowed network."""
        plain = _embedded(address)
        if self._all_allowed([plain]):
            return True
        return plain.is_global and not plain.is_multicast and not plain.is_reserved

    def _check(self, address: Address, host: str) -> None:
        if not self.lets_out(address):
            message = f"{host} is {address}, which is not a public address"
            raise Unusable(message, hint="name its network in allow_networks if it is meant")

    def _all_allowed(self, addresses: Sequence[Address]) -> bool:
        return all(any(address in network for network in self._allowed) for address in addresses)

    def _resolved(self, host: str, port: int) -> list[Address]:
        address = _literal(host)
        if address is not None:
            return [_embedded(address)]
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except (OSError, UnicodeError) as error:
            raise Again(f"{host} does not resolve: {error}") from None
        return [_embedded(ipaddress.ip_address(str(each[4][0]).partition("%")[0])) for each in found]


def _literal(host: str) -> Address | None:
    try:
        return ipaddress.ip_address(host.partition("%")[0])
    except ValueError:
        return None


def _embedded(address: Address) -> Address:
    """The IPv4 address that an IPv6 one stands for (mapped, 6to4, NAT64); otherwise ``address``."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _NAT64:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
