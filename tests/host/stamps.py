"""Remembering which steps of the set-up are done, so that a second start skips them and a half-done one is seen."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Callable
from pathlib import Path


def key_of(*inputs: object) -> str:
    """One short hash of everything that a step depends on."""
    return hashlib.sha256(json.dumps(inputs, sort_keys=True, default=str).encode()).hexdigest()[:16]


class Stamp:
    """A small file beside what a step made: `begun` while it works, `done` with the hash of its inputs after."""

    def __init__(self, path: Path):
        self.path = path

    def read(self) -> dict:
        try:
            content = json.loads(self.path.read_text("utf-8"))
        except (OSError, ValueError):
            return {}
        return content if isinstance(content, dict) else {}

    def is_done(self, key: str) -> bool:
        return self.read() == {"state": "done", "key": key}

    def is_half_done(self) -> bool:
        return self.read().get("state") == "begun"

    def write(self, state: str, key: str) -> None:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        fresh = self.path.with_name(self.path.name + ".new")
        fresh.write_text(json.dumps({"state": state, "key": key}), "utf-8")
        os.replace(fresh, self.path)

    def once(self, key: str, work: Callable[[], None], still_there: Callable[[], bool] = lambda: True) -> bool:
        """Run `work` unless it was done with the same inputs and its result is still there. True when it ran."""
        if self.is_done(key) and still_there():
            return False
        self.write("begun", key)
        work()
        self.write("done", key)
        return True


@contextlib.contextmanager
def only_one(path: Path, waiting: Callable[[], None]):
    """Hold a lock that ends with this process, however it ends; `waiting` is called once when another holds it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as handle:
        if not _lock(handle, wait=False):
            waiting()
            _lock(handle, wait=True)
        yield


def _lock(handle, wait: bool) -> bool:
    try:
        import fcntl
    except ImportError:
        return _lock_windows(handle, wait)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except OSError:
        return False
    return True


def _lock_windows(handle, wait: bool) -> bool:
    import msvcrt
    import time

    while True:
        try:
            handle.seek(0)
            msvcrt.locking(handle.fileno(), msvcrt.LK_NBLCK, 1)
            return True
        except OSError:
            if not wait:
                return False
            time.sleep(0.5)
