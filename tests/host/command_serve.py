"""`python dev.py serve`: leave a ComfyUI running with the example workflow ready in the browser."""

from __future__ import annotations

import argparse

from . import basedir, provision
from .errors import SetupError
from .progress import Progress
from .server import Server, free_port, require_free
from .workflow import saved

USUAL_PORT = 8188
DEMO = "sd3_demo"


def run(arguments: list[str]) -> int:
    """Set up, start, print where to look, and stay until Ctrl-C."""
    parser = argparse.ArgumentParser(prog="dev.py serve", description=__doc__)
    parser.add_argument("--port", type=int, default=0, help=f"default: the first free one from {USUAL_PORT} on")
    port = parser.parse_args(arguments).port
    if port:
        require_free(port)
    host = provision.provide()
    base = basedir.prepare()
    query = basedir.add_template(base, DEMO, saved(DEMO))
    with Progress(f"Starting ComfyUI {host.version}"):
        server = Server(host, base, port=port or free_port(USUAL_PORT)).start()
    with server:
        print(f"\nOpen {server.url}/{query}\nThe workflow is also saved there as {DEMO}. Device: {server.device}.")
        print(f"Log: {server.log}\nCtrl-C stops it.", flush=True)
        code = server.wait()
    if code:
        raise SetupError(f"ComfyUI stopped by itself: {server.last_words()} (log: {server.log})")
    return 0
