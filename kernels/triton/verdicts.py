"""What was found on this machine, kept in a file, so that a crash is not repeated and a start costs nothing.

An entry is written before a path is first tried and again when there is a verdict. What is found half-way at a start
has taken the process down, or the machine: it is left alone. Entries are named by all that could change the answer.
"""

from __future__ import annotations

import json
import logging
import os
from pathlib import Path

import torch

from ...version import VERSION

log = logging.getLogger(__name__)

FILE = "fused_kernel.json"
# More than any machine comes to: the file is not read at all if it is longer.
MOST_BYTES = 1 << 20


class Verdicts:
    """Entries by name; in memory alone as long as no folder is set."""

    def __init__(self) -> None:
        self._folder: Path | None = None
        self._entries: dict[str, dict] = {}

    def keep_in(self, folder: str | Path | None) -> None:
        """Read what a folder holds and keep entries there from now on; None: forget it all."""
        self._folder = None if folder is None else Path(folder)
        self._entries = self._read()

    @property
    def file(self) -> str:
        """Where entries are kept, or nothing."""
        return "" if self._folder is None else str(self._folder / FILE)

    def get(self, name: str) -> dict:
        """An entry, empty where there is none."""
        return dict(self._entries.get(name, {}))

    def put(self, name: str, entry: dict | None) -> None:
        """Replace an entry, or drop it; a folder that cannot be written keeps nothing, and the log says so."""
        entries = {other: kept for other, kept in self._entries.items() if other != name}
        self._entries = entries if entry is None else {**entries, name: entry}
        if self._folder is None:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            beside = self._folder / f"{FILE}.{os.getpid()}"
            with open(beside, "w", encoding="utf-8") as file:
                json.dump(self._entries, file, indent=1)
                file.flush()
                os.fsync(file.fileno())
            os.replace(beside, self._folder / FILE)
        except OSError as error:
            log.info("[DiTFastAttn] What was found about the fused kernel cannot be kept: %s", error)

    def _read(self) -> dict[str, dict]:
        if self._folder is None:
            return {}
        try:
            path = self._folder / FILE
            if path.stat().st_size > MOST_BYTES:
                return {}
            found = json.loads(path.read_text("utf-8"))
        except (OSError, ValueError, RecursionError):
            return {}
        entries = found.items() if isinstance(found, dict) else ()
        return {name: entry for name, entry in entries if isinstance(entry, dict)}


VERDICTS = Verdicts()


def name_of(device: torch.device, dtype: torch.dtype, head_dim: int, *more: object) -> str:
    """What an answer depends on: GPU, driver, versions, dtype, head size, and what else is given."""
    parts: list[object] = [VERSION, torch.__version__]
    if device.type == "cuda":
        import triton

        about = torch.cuda.get_device_properties(device)
        driver = getattr(torch._C, "_cuda_getDriverVersion", lambda: 0)()
        parts += [triton.__version__, about.name, f"{about.major}.{about.minor}", about.total_memory >> 20, driver]
        parts.append(getattr(about, "gcnArchName", ""))
    return ", ".join(map(str, [*parts, str(dtype).removeprefix("torch."), head_dim, *more]))
