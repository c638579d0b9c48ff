"""Who may ask: pages of this very server, under a name that it is known by."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from ipaddress import IPv6Address
from typing import Any

__all__ = ["Guard", "known_hosts"]

LOCAL = ("localhost", "127.0.0.1", "::1")
"""The names of this machine for itself."""

_HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}
"""Of every answer: nothing is loaded from elsewhere, nothing inline runs, no other page may frame or embed this one."""


def known_hosts(port: int, names: Iterable[str] = (), argument: str = "hosts") -> frozenset[str]:
    """Return what the Host header of a request may say.

    Args:
        port: the server's.
        names: names and addresses besides those of the machine for itself.
        argument: what gave the names, for messages.

    Raises:
        TypeError: names that are no texts, or one text alone.
        ValueError: what is no name, such as one with a port.
    """
    if isinstance(names, str) or not isinstance(names, Iterable):
        raise TypeError(f"{argument}: expected a list of names, got {names!r}")
    bare = {_as_in_addresses(name, argument) for name in (*LOCAL, *names)}
    return frozenset({f"{name}:{port}" for name in bare} | (bare if port == 80 else set()))


def _as_in_addresses(name: str, argument: str) -> str:
    """Return a name as a browser writes it before the port."""
    if not isinstance(name, str):
        raise TypeError(f"{argument}: expected names, got {name!r}")
    if re.fullmatch(r"[\w.-]+", name):
        return name.lower()
    try:
        return f"[{IPv6Address(name)}]"
    except ValueError:
        expected = "names or addresses without http:// and port"
        raise ValueError(f"{argument}: expected {expected}, got {name!r}") from None


class Guard:
    """Refuse requests from elsewhere, and add headers to every answer.

    A page of another site can make a name of its own mean 127.0.0.1 (DNS rebinding); the Host header tells that name. It can
    also send requests without reading the answers; the Origin header tells that.

    Args:
        app: an ASGI application.
        hosts: what the Host header may say.
    """

    def __init__(self, app: Any, hosts: frozenset[str]) -> None:
        self._app, self._hosts = app, hosts
        self._origins = {f"http://{host}" for host in hosts}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            raise ValueError(f"scope: expected http, got {scope['type']}")

        async def guarded(message: Any) -> None:
            if message["type"] == "http.response.start":
                added = [(name.encode(), value.encode()) for name, value in _HEADERS.items()]
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        fault = self._fault(scope["headers"])
        if fault is None:
            await self._app(scope, receive, guarded)
            return
        body = json.dumps({"error": fault}).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode())]
        await guarded({"type": "http.response.start", "status": 403, "headers": headers})
        await guarded({"type": "http.response.body", "body": body})

    def _fault(self, headers: Iterable[tuple[bytes, bytes]]) -> dict[str, str] | None:
        """Return what is wrong with a request, or None."""
        for name, allowed, needed in (("Host", self._hosts, True), ("Origin", self._origins, False)):
            got = [value.decode("latin-1").lower() for key, value in headers if key == name.lower().encode()]
            if len(got) > 1 or (needed and not got) or not allowed.issuperset(got):
                expected, found = f"one of {', '.join(sorted(allowed))}", ", ".join(got)[:200] or "none"
                message = f"{name}: expected {expected}, got {found}"
                return {"argument": name, "expected": expected, "got": found, "message": message}
        return None
