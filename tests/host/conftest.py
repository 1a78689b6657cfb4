"""A real ComfyUI for the tests that are marked `host`; `dev.py test` names it in COMFYUI_PATH."""

import os
import shutil
import sys
from pathlib import Path

import pytest

from host import basedir, provision
from host.client import Client
from host.server import Server


@pytest.fixture(scope="session")
def comfyui() -> provision.Host:
    """The host in use, run by this very Python, which has its requirements."""
    given = os.environ.get("COMFYUI_PATH")
    if not given:
        pytest.skip("COMFYUI_PATH names no ComfyUI: run `python dev.py test`")
    path = provision.existing_host(given)
    return provision.Host(path, Path(sys.executable), provision.host_version(path), ours=provision.WORK in path.parents)


@pytest.fixture(scope="session")
def served(comfyui, tmp_path_factory):
    """A running server with the pack, the test-only nodes and the demo model; `served.base` is its folder."""
    base = basedir.fill(tmp_path_factory.mktemp("served"))
    with Server(comfyui, base, log=base / "server.log") as server:
        yield server


@pytest.fixture
def client(served):
    """A connection to that server."""
    with Client(served.url, served.still_running) as connection:
        yield connection


@pytest.fixture(scope="session")
def chromium() -> str:
    """The system's Chromium; Playwright's own downloads are not used."""
    pytest.importorskip("playwright")
    found = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
    if not found:
        pytest.skip("no Chromium on this machine")
    return found
