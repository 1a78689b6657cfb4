"""The same host with the newest front end on PyPI instead of the one that it asks for: a part of the browser tests."""

import dataclasses

import pytest

from host import basedir, provision
from host.server import Server

TINY_NODES = provision.ROOT / "tests" / "browser" / "tiny_nodes"


@pytest.fixture(scope="package")
def server(comfyui, tmp_path_factory):
    """A server like the one that other tests share, with the newest front end."""
    if not provision.FRONT_END.is_dir():
        pytest.skip("the newest front end is not there: python dev.py test takes it")
    base = basedir.fill(tmp_path_factory.mktemp("newest"))
    basedir.link(TINY_NODES, base / "custom_nodes" / "ditfastattn_tiny_nodes")
    host = dataclasses.replace(comfyui, python=provision.own_interpreter(comfyui.path) or comfyui.python)
    options = ("--front-end-root", str(provision.FRONT_END))
    with Server(host, base, log=base / "server.log", options=options) as running:
        yield running
