"""A page in the browser to look at vectors and at models; needs Starlette and uvicorn: pip install 'seqnn-cpu[web]'.

`serve` shows it on this machine until Ctrl-C, as the command `seqnn serve` does; `create_app` is the same as an ASGI
application. Vectors are searched, compared, drawn as a map and projected onto a direction; models show their attention, the
tree of a beam search and what fills a hidden place.
"""

from ._app import create_app
from ._server import serve

__all__ = ["create_app", "serve"]
