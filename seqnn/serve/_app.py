"""The application: the files of the page, and answers to what it asks."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from importlib.resources import files
from pathlib import PurePath
from typing import Any

from .._arguments import integer
from ._explored import Explored
from ._fields import Fields, RequestError
from ._guard import Guard, known_hosts
from ._work import StoppedError, Work

__all__ = ["PORT", "create_app", "guarded"]

PORT = 8765

MOST_BYTES = 2**17
"""Of a request."""

_TYPES = {".html": "text/html", ".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}

_MESSAGE = re.compile(r"(?P<argument>[\w -]+): expected (?P<expected>.*), got (?P<got>.*)", re.DOTALL)


def create_app(what: Any, *, name: str = "vectors", port: int = PORT, hosts: Sequence[str] = ()) -> Any:
    """Make the ASGI application of the page; `serve` runs it.

    Args:
        what: `KeyedVectors`, a trained `Word2Vec`, `FastText` or `GloVe`, what `load_pretrained` returns, or a
            `models.LanguageModel` or `lm.NGramLM`.
        name: what the page calls it.
        port: where it is served; requests that name another one are refused.
        hosts: names and addresses by which it may be reached besides localhost, 127.0.0.1 and [::1].

    Returns:
        A callable app(scope, receive, send).

    Raises:
        ImportError: Starlette is not installed.
        TypeError: `what` is something else.
        ValueError: it has neither words nor a tokenizer, or `port` or a host cannot be one.

    >>> from seqnn.serve import create_app
    >>> create_app("vectors.txt")
    Traceback (most recent call last):
    TypeError: what: expected KeyedVectors, a pretrained or a language model, got str
    """
    explored = Explored(what, name)
    return guarded(explored, Work(explored), known_hosts(integer("port", port, 1, 65535), hosts))


def guarded(explored: Explored, work: Work, hosts: frozenset[str]) -> Any:
    """Make the application, which answers those that reach it by these hosts."""
    try:
        from starlette.applications import Starlette
        from starlette.requests import ClientDisconnect, Request
        from starlette.responses import Response
        from starlette.routing import Route
    except ImportError as error:
        raise ImportError("the page needs Starlette and uvicorn: pip install 'seqnn-cpu[web]'") from error
    page = {
        file.name: (file.read_bytes(), kind)
        for file in files(__package__).joinpath("page").iterdir()
        if (kind := _TYPES.get(PurePath(file.name).suffix))
    }

    def answer(content: Any, status: int = 200) -> Response:
        return Response(json.dumps(content, allow_nan=False), status, media_type="application/json")

    async def show(request: Request) -> Response:
        found = page.get(request.path_params.get("file", "index.html"))
        return await missing(request) if found is None else Response(found[0], media_type=found[1])

    async def tell(request: Request) -> Response:
        return answer(explored.about)

    async def ask(request: Request) -> Response:
        name = request.path_params["question"]
        if name not in work:
            return await missing(request)
        kind = request.headers.get("content-type", "none")
        if kind.partition(";")[0].strip().lower() != "application/json":
            return answer({"error": described(RequestError("Content-Type", "application/json", kind[:100]))}, 415)
        body = bytearray()
        try:
            async for part in request.stream():
                body += part
                if len(body) > MOST_BYTES:
                    limit = RequestError("request", f"at most {MOST_BYTES} bytes", "more")
                    return answer({"error": described(limit)}, 413)
            return answer(await work.answer(name, Fields(bytes(body))))
        except ClientDisconnect:
            return answer({"error": described(RequestError("request", "all of it", "a part"))}, 400)  # nobody hears it
        except StoppedError:
            return answer({"error": described(ValueError("the server stops"))}, 503)
        except (ValueError, KeyError, ArithmeticError) as error:
            return answer({"error": described(error)}, 400)
        except MemoryError:
            return answer({"error": described(ValueError("there is not enough memory for this answer"))}, 503)

    async def missing(request: Request, error: Exception | None = None) -> Response:
        path = request.url.path[:100]
        return answer({"error": described(RequestError("path", "one that the page uses", path))}, 404)

    async def misused(request: Request, error: Exception) -> Response:
        return answer(
            {"error": described(RequestError("method", "GET for files, POST for questions", request.method))}, 405
        )

    async def failed(request: Request, error: Exception) -> Response:
        text = "the server met an error that it did not expect; the terminal shows it"
        return answer({"error": described(ValueError(text))}, 500)

    routes = [
        Route("/", show),
        Route("/{file}", show),
        Route("/api/about", tell),
        Route("/api/{question}", ask, methods=["POST"]),
    ]
    handlers: dict[Any, Any] = {404: missing, 405: misused, Exception: failed}
    return Guard(Starlette(routes=routes, exception_handlers=handlers), hosts)


def described(error: Exception) -> dict[str, str]:
    """Return an error as the page shows it: the message, and its parts where it has them."""
    message = str(error.args[0]) if isinstance(error, KeyError) and error.args else str(error)
    parts = _MESSAGE.fullmatch(message)
    return {"message": message, **(parts.groupdict() if parts else {})}
