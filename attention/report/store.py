"""The documents of the last runs of this process, and the route by which the editor asks for them after a reload."""

from __future__ import annotations

import sys
from collections import OrderedDict

from ..hooks.record import KEPT_RUNS
from .editor import server

VERSION = 1
ROUTE = "/ditfastattn/runs"


class RunStore:
    """Documents by id, the newest last; the oldest make room. A document is replaced as a whole and never changed, so
    that it can be read from another thread at any time.
    """

    def __init__(self, most: int = KEPT_RUNS):
        self._most = most
        self._documents: OrderedDict[str, dict] = OrderedDict()

    def put(self, document: dict) -> None:
        """Add a document, or replace the one with its id."""
        self._documents[document["id"]] = document
        while len(self._documents) > self._most:
            self._documents.popitem(last=False)

    def all(self) -> list[dict]:
        """All documents, the newest last."""
        return list(self._documents.values())

    def clear(self) -> None:
        """Forget everything."""
        self._documents.clear()


RUNS = RunStore()


def serve() -> None:
    """Have the host's server answer GET on ROUTE, where there is a server and it does not yet."""
    host = server()
    if host is None or any(getattr(route, "path", None) == ROUTE for route in host.routes):
        return

    async def answer(request):
        # The host's own web module: the pack brings none.
        return sys.modules["server"].web.json_response({"v": VERSION, "runs": RUNS.all()})

    host.routes.get(ROUTE)(answer)
