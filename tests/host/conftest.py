"""Talking to the shared server (`server` in tests/conftest.py)."""

import pytest

from host.client import Client


@pytest.fixture
def client(server):
    """A connection to that server."""
    with Client(server.url, server.still_running) as connection:
        yield connection
