"""The server: a socket on this machine, and the application behind it."""

from __future__ import annotations

import errno
import socket
import sys
import threading
import webbrowser
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from .._arguments import integer
from ._app import PORT, guarded
from ._explored import Explored
from ._guard import LOCAL, known_hosts
from ._work import Work

__all__ = ["serve"]

_IN_USE = (errno.EADDRINUSE, errno.EACCES) if sys.platform == "win32" else (errno.EADDRINUSE,)


def serve(
    what: Any,
    *,
    name: str = "vectors",
    host: str = "127.0.0.1",
    port: int = PORT,
    allow_hosts: Sequence[str] = (),
    open: bool = False,
    tell: Callable[[str], None] = print,
) -> None:
    """Show a page about vectors or a model in the browser, until Ctrl-C.

    Nobody but programs of this machine can reach it, and of pages in the browser only itself. There is no password: with
    another `host` everybody who can reach that address can use it.

    Args:
        what: as for `create_app`.
        name: what the page calls it.
        host: the address to listen at.
        port: the port; 0: one that is free.
        allow_hosts: other names by which the page may be reached, such as that of this machine in a network.
        open: whether a browser is opened.
        tell: takes the lines that are told: the address, and that the server stopped.

    Raises:
        ImportError: Starlette or uvicorn is not installed.
        OSError: the port is in use, or the address is not of this machine.
        TypeError: `what` is something else.
        ValueError: it has neither words nor a tokenizer, or `port` or a name of `allow_hosts` cannot be one.

    >>> from seqnn.serve import serve
    >>> serve("vectors.txt")
    Traceback (most recent call last):
    TypeError: what: expected KeyedVectors, a pretrained or a language model, got str
    """
    explored = Explored(what, name)
    port = integer("port", port, 0, 65535)
    try:
        import uvicorn
    except ImportError as error:
        raise ImportError("the page needs Starlette and uvicorn: pip install 'seqnn-cpu[web]'") from error
    work = Work(explored)

    class Server(uvicorn.Server):
        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            work.stop()
            await super().shutdown(sockets)

    known_hosts(port, allow_hosts, "allow_hosts")  # what is wrong with them is told before anything listens
    with _listening(host, port) as listening:
        port = listening.getsockname()[1]
        app = guarded(explored, work, known_hosts(port, [host, *allow_hosts]))
        config = uvicorn.Config(
            app, http="h11", ws="none", lifespan="off", loop="asyncio", log_level="warning", access_log=False,
            server_header=False, proxy_headers=False, limit_concurrency=100, timeout_graceful_shutdown=2,
        )  # fmt: skip
        address = f"http://{f'[{host}]' if ':' in host else host}:{port}/"
        tell(f"{name}: {address} (Ctrl-C stops)")
        if host not in LOCAL:
            tell(f"everybody who can reach {host} can use this page; there is no password")
        if open:
            threading.Thread(target=webbrowser.open, args=[address], daemon=True).start()
        with suppress(KeyboardInterrupt):  # uvicorn passes it on when all has ended
            Server(config).run(sockets=[listening])
        tell("stopped")


def _listening(host: str, port: int) -> socket.socket:
    """Return a socket that listens at an address; what hinders it names the address."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        return socket.create_server((host, port), family=family)
    except socket.gaierror as error:
        raise OSError(
            error.errno, f"host: expected an address of this machine, got {host!r} ({error.strerror})"
        ) from None
    except OSError as error:
        hint = "; another program uses it: --port 0 takes one that is free" if error.errno in _IN_USE else ""
        raise OSError(error.errno, f"{host} port {port}: {error.strerror or error}{hint}") from None
