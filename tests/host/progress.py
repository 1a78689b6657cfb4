"""Showing what is being done and for how long, without filling the terminal."""

from __future__ import annotations

import contextlib
import shutil
import sys
import threading
import time

REPEAT_WITHOUT_TERMINAL = 15.0


class Progress:
    """One step of a long job: a line that counts seconds, with the latest detail behind it."""

    def __init__(self, title: str, stream=None):
        self.title = title
        self.detail = ""
        self._stream = stream or sys.stderr
        self._live = self._stream.isatty()
        self._begun = time.monotonic()
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._tick, daemon=True)

    def __enter__(self) -> Progress:
        if not self._live:
            self._write(f"{self.title} ...\n")
        self._thread.start()
        return self

    def __exit__(self, kind, *_) -> None:
        self._done.set()
        self._thread.join()
        outcome = "done" if kind is None else "stopped"
        line = f"{self.title}: {outcome} in {self.seconds:.0f} s"
        self._write(f"\r\033[K{line}\n" if self._live else f"{line}\n")

    @property
    def seconds(self) -> float:
        return time.monotonic() - self._begun

    def _tick(self) -> None:
        period = 0.25 if self._live else REPEAT_WITHOUT_TERMINAL
        while not self._done.wait(period):
            line = f"{self.title} [{self.seconds:.0f} s] {self.detail}"
            if self._live:
                width = shutil.get_terminal_size().columns - 1
                self._write(f"\r\033[K{line[:width]}")
            else:
                self._write(f"  {line[:150]}\n")

    def _write(self, text: str) -> None:
        # A reader that went away (a closed pipe) must not stop the work.
        with contextlib.suppress(OSError, ValueError):
            self._stream.write(text)
            self._stream.flush()


def say(text: str, stream=None) -> None:
    """One plain line beside the steps."""
    print(text, file=stream or sys.stderr, flush=True)
