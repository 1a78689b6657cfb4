"""A real ComfyUI on a loopback port, for as long as a `with` block lasts."""

from __future__ import annotations

import json
import os
import re
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path

from .errors import SetupError
from .processes import ProcessTree
from .provision import WORK, Host

READY_SECONDS = 300
PROBE_DEVICE = """
import torch
print("cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu")
"""


def device_of(python: Path) -> str:
    """What the host will compute on: asked of the torch it will use."""
    answer = subprocess.run(
        [str(python), "-c", PROBE_DEVICE], stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=300
    )
    if answer.returncode:
        raise SetupError(f"torch does not start in {python}: {(answer.stderr.strip().splitlines() or ['?'])[-1]}")
    return answer.stdout.split()[-1]


def free_port(first: int = 0) -> int:
    """A free loopback port: any, or the first free one from `first` on."""
    if not first:
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return probe.getsockname()[1]
    for port in range(first, first + 100):
        if is_free(port):
            return port
    raise SetupError(f"Ports {first} to {first + 99} are all taken: name a free one with --port.")


def is_free(port: int) -> bool:
    """Whether a server could listen there."""
    with socket.socket() as probe:
        if os.name != "nt":
            # As the server itself does: a port that is merely waiting out its last connection counts as free.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def require_free(port: int) -> None:
    """Say that a port is taken before anything is started, or set up, for it."""
    if not is_free(port):
        raise SetupError(f"Port {port} is taken: choose another with --port, or stop what uses it.")


class Server:
    """Starts the host headless on `port` with `base` as its base directory, and stops it with all it started.

    The dense baseline is torch's own attention on every device (`--use-pytorch-cross-attention`): on a CPU the host
    would choose its sub-quadratic one, which is slower, and compression would look better than it is.
    """

    def __init__(
        self, host: Host, base: Path, *, port: int = 0, options: tuple[str, ...] = (), log: Path = WORK / "server.log"
    ):
        if port:
            require_free(port)
        self.host = host
        self.port = port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.device = device_of(host.python)
        self.log = log
        self._base = base
        self._options = options
        self._tree: ProcessTree | None = None

    def __enter__(self) -> Server:
        return self if self._tree else self.start()

    def start(self) -> Server:
        """Start and wait until it answers; `with server:` then stops it."""
        self.log.parent.mkdir(parents=True, exist_ok=True)
        with self.log.open("wb") as log:
            self._tree = ProcessTree(self.command(), cwd=self._base, env=_environment(), stdout=log)
        try:
            self._wait_until_ready()
        except BaseException:
            self._tree.stop()
            raise
        return self

    def __exit__(self, *_) -> None:
        self._tree.stop()

    def command(self) -> list[str]:
        """The host's command line."""
        # -B: a ComfyUI that is not ours gets no compiled files either.
        command = [str(self.host.python), *([] if self.host.ours else ["-B"]), str(self.host.path / "main.py")]
        command += ["--base-directory", str(self._base), "--port", str(self.port)]
        command += ["--disable-auto-launch", "--disable-api-nodes", "--database-url", "sqlite:///:memory:"]
        command += ["--use-pytorch-cross-attention", *(["--cpu"] if self.device == "cpu" else [])]
        return command + list(self._options)

    def still_running(self) -> bool:
        """Whether the server's process is alive."""
        return self._tree is not None and self._tree.poll() is None

    def wait(self) -> int:
        """Until the server ends by itself."""
        return self._tree.wait()

    def last_words(self) -> str:
        """The last line of the log that says something."""
        text = re.sub(r"\x1b\[[0-9;]*m", "", self.log.read_text("utf-8", "replace"))
        lines = [line.strip() for line in text.splitlines() if line.strip()]
        return lines[-1] if lines else "it said nothing"

    def _wait_until_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            if not self.still_running():
                raise SetupError(f"ComfyUI stopped while starting: {self.last_words()} (log: {self.log})")
            try:
                with urllib.request.urlopen(f"{self.url}/system_stats", timeout=5) as answer:
                    # Another server may have taken the port since it was chosen: only ours works in this folder.
                    if str(self._base) in json.load(answer)["system"]["argv"]:
                        return
            except (urllib.error.URLError, OSError, ValueError, KeyError):
                pass
            time.sleep(0.25)
        raise SetupError(f"ComfyUI was not ready after {READY_SECONDS} s (log: {self.log})")


def _environment() -> dict[str, str]:
    # Our own import path is not the host's; and nothing the host imports may look for a proxy on loopback.
    environment = {k: v for k, v in os.environ.items() if k not in ("PYTHONPATH", "PYTHONHOME")}
    return {**environment, "PYTHONUNBUFFERED": "1", "NO_PROXY": "127.0.0.1,localhost", "HF_HUB_OFFLINE": "1"}
