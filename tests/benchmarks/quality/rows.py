"""Rows of results: their keys, and the files in which they are kept while a run goes on."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from .settings import Setting

KEYS = (
    "setting", "method", "level", "model", "size", "sampler", "cfg", "steps", "prompt", "seed", "model_flops_kept",
    "attention_flops_kept", "seconds_ratio", "latent_relative_error", "psnr_db", "ssim", "predicted_error",
)  # fmt: skip


@dataclass(frozen=True)
class Picture:
    """A prompt's number and a seed, under a setting."""

    setting: Setting
    prompt: int
    seed: int


def row_of(picture: Picture, method: str, level: str, figures: dict) -> dict:
    """A row with all of KEYS. figures: those from model_flops_kept on; predicted_error may be missing."""
    setting = picture.setting
    row = {
        "setting": setting.name,
        "method": method,
        "level": level,
        "model": setting.model,
        "size": list(setting.size),
        "sampler": setting.sampler,
        "cfg": setting.cfg,
        "steps": setting.steps,  # of the dense run, whatever a method makes of them
        "prompt": picture.prompt,
        "seed": picture.seed,
        "predicted_error": None,
        **figures,
    }
    return {key: row[key] for key in KEYS}


class Store:
    """One file of lines a picture in a folder; every line is a row, with what made it (`Planned.source`, or None)."""

    def __init__(self, folder: Path):
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    def add(self, picture: Picture, row: dict, source: str | None) -> None:
        with self._file(picture).open("a", encoding="utf-8") as out:
            out.write(json.dumps({**row, "plan": source}) + "\n")

    def read(self, picture: Picture, sources: dict[str, str | None]) -> list[dict]:
        """Rows of the methods in `sources`, made by what is named there; each level once."""
        file, found = self._file(picture), {}
        for line in file.read_text("utf-8").splitlines() if file.exists() else ():
            try:
                row = json.loads(line)
            except ValueError:
                continue  # cut off when a run was stopped
            method = row["method"]
            if method in sources and row.pop("plan") == sources[method]:
                found[method, row["level"]] = row
        return list(found.values())

    def _file(self, picture: Picture) -> Path:
        return self.folder / f"rows-{picture.setting.name}-{picture.prompt}-{picture.seed}.jsonl"
