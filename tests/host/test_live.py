"""Runs in a served host: messages while they go on, the route by which they are asked for, and Stats as a leaf."""

import asyncio
import json
import sys
import uuid
from types import SimpleNamespace

import pytest

from ditfastattn.attention.report.store import ROUTE, RUNS, serve
from host.client import Client
from host.test_one_node import prompt

pytestmark = pytest.mark.host
RUN, STEP = "ditfastattn.run", "ditfastattn.step"


@pytest.fixture(scope="module")
def client(server):
    with Client(server.url) as client:
        yield client


def leaf(node, seed=1, **inputs):
    """A run that nothing but Attention Stats asks for."""
    asked = prompt(node, seed=seed, **inputs)
    asked.pop("4")
    return asked | {"9": {"class_type": "DiTFastAttnStats", "inputs": {"model": [node, 0], "latent": ["3", 0]}}}


def test_each_run_is_told_while_it_goes_on_and_can_be_asked_for_afterwards(client):
    node = "2001"
    done = client.run(leaf(node, seed=uuid.uuid4().int % 2**32))
    assert client.wait_for_event(RUN, 10, prompt=done.prompt_id, state="done")
    told = [one for one in client.messages(STEP) if one["prompt"] == done.prompt_id]
    assert [one["step"] for one in told] == [1, 2, 3, 4, 5, 6] and {one["node"] for one in told} == {node}
    assert max(len(json.dumps(one)) for one in told) < 2048
    known = client.get(ROUTE)
    assert known["v"] == 1 and len(known["runs"]) <= 8
    assert [(run["prompt"], run["kind"], run["state"]) for run in known["runs"]][-1] == (
        done.prompt_id,
        "watch",
        "done",
    )


def test_stats_run_as_a_leaf_and_show_the_same_run_again_from_the_cache(client):
    asked = leaf("2002", seed=uuid.uuid4().int % 2**32)
    first, again = client.run(asked), client.run(asked)
    (shown,), (cached,) = (result.outputs["9"]["ditfastattn"] for result in (first, again))
    assert shown["state"] == "done" and shown["node"] == "2002" and shown == cached
    assert "9" in again.cached and "3" in again.cached


class Routes(list):
    """The host's table of routes, as far as the pack uses it."""

    def get(self, path):
        def add(handler):
            self.append(SimpleNamespace(path=path, handler=handler))
            return handler

        return add


def test_the_route_is_there_once_and_gives_the_documents_alone(monkeypatch):
    routes = Routes()
    web = SimpleNamespace(json_response=json.dumps)
    host = SimpleNamespace(web=web, PromptServer=SimpleNamespace(instance=SimpleNamespace(routes=routes)))
    monkeypatch.setitem(sys.modules, "server", host)
    RUNS.clear()
    RUNS.put({"id": "a", "state": "done"})
    serve()
    serve()
    (route,) = routes
    assert json.loads(asyncio.run(route.handler(None))) == {"v": 1, "runs": [{"id": "a", "state": "done"}]}
    RUNS.clear()


def test_without_a_server_there_is_no_route_and_no_error(monkeypatch):
    monkeypatch.delitem(sys.modules, "server", raising=False)
    serve()
