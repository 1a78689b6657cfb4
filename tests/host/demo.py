"""The demo: the shipped workflow with the demo model in it, through a real ComfyUI, dense and at every level.

How it is timed: the host caches what does not change, so that each prompt, which differs from the one before only in
the level, runs the sampler and what hangs on it, while Calibrate is served from the cache. A run's seconds are those
of the KSampler node, from the message that it starts to the message that the next node does: the same for dense and
compressed, loading excluded by a warm-up. Dense and the levels take turns in a fixed, mixed order, three times each,
and the median counts, so that a machine that gets slower or faster meanwhile favours none of them.
"""

from __future__ import annotations

import io
import json
import re
import statistics
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from . import basedir
from .client import Client, Result
from .errors import HostError
from .fidelity import psnr_db, read_latent, relative_error
from .progress import Progress, say
from .provision import ROOT, WORK, Host
from .report import contact_sheet, table
from .server import Server, default_workflow
from .workflow import DEMO_SAMPLING, demo_substitution, nodes_of, set_values, to_prompt

DENSE = "off"
PRICE = "milliseconds (measured here)"
NOISY = 1.25
LEVELS = ("D1", "D2", "D3", "D4", "D5", "D6")
# No two neighbours are equal, across the rounds too: an unchanged prompt would be served from the cache.
ROUNDS = (
    (DENSE, "D1", "D2", "D3", "D4", "D5", "D6"),
    ("D3", "D1", "D5", DENSE, "D6", "D4", "D2"),
    ("D5", "D2", DENSE, "D6", "D3", "D1", "D4"),
)


@dataclass
class Sample:
    """What one level made, and how long each of its runs took."""

    latent: np.ndarray
    picture: bytes
    stats: dict
    seconds: list[float]
    repeats: bool = True

    def pixels(self) -> np.ndarray:
        return np.asarray(Image.open(io.BytesIO(self.picture)).convert("RGB"))


def run(host: Host, output: Path, json_file: Path | None, repeats: int = len(ROUNDS)) -> None:
    """Run the demo, each level `repeats` times, leave its files in `output` and print the table."""
    base = basedir.prepare("demo")
    with Progress(f"Starting ComfyUI {host.version}"):
        # The classic cache keeps the last prompt's results and no more: Calibrate is kept, no sampler run is skipped.
        server = Server(host, base, options=("--cache-classic",), log=WORK / "demo.log").start()
    with server, Client(server.url, server.still_running) as client:
        say(f"Device: {server.device}; attention of the dense runs: torch's own.")
        device = describe_device(client, server.device)
        workflow = demo_substitution(json.loads(default_workflow().read_text("utf-8")), latents=True)
        # What its table is read for is seconds, and on a CPU fewer FLOPs are not less time.
        set_values(workflow, "DiTFastAttnCalibrate", {"price": PRICE})
        say(f"The price of Calibrate is {PRICE}: the levels save time on this machine.")
        samples, first = Demo(client, workflow).samples(repeats)
    result = summary(host, device, samples, calibration_of(first))
    files = write_files(output, result, samples, plan_of(first))
    if json_file:
        json_file.parent.mkdir(parents=True, exist_ok=True)
        json_file.write_text(json.dumps({**result, "files": files}, indent=2) + "\n", "utf-8")
    print(table(result))
    print("\n".join(remarks(samples, repeats)))
    print(f"\nPictures, plan and statistics are in {output}")


class Demo:
    """The prompts, one after another."""

    def __init__(self, client: Client, workflow: dict):
        self._client = client
        self._workflow = workflow
        self._info = client.object_info()
        self._ids = {
            kind: str(nodes_of(self._workflow, kind)[0]["id"])
            for kind in ("KSampler", "DiTFastAttnCalibrate", "DiTFastAttnStats", "SaveImage", "SaveLatent")
        }

    def samples(self, repeats: int) -> tuple[dict[str, Sample], dict]:
        """All runs; with them the outputs of Calibrate."""
        with Progress("Warm-up"):
            self._client.run(self._warm_up())
        with Progress("Calibrating, and a first compressed run"):
            # Level off asks for no plan, so that Calibrate would not run.
            first = self._run(LEVELS[0])
        calibrated = first.outputs.get(self._ids["DiTFastAttnCalibrate"], {})
        if "ditfastattn_plan" not in calibrated:
            raise HostError("Calibrate returned no plan.")
        samples: dict[str, Sample] = {}
        queue = [level for order in ROUNDS[:repeats] for level in order]
        with Progress(f"Sampling: {len(queue)} runs") as progress:
            for number, level in enumerate(queue, 1):
                progress.detail = f"run {number} of {len(queue)}: {'dense' if level == DENSE else level}"
                self._take(samples, level, self._run(level))
        return samples, calibrated

    def _take(self, samples: dict[str, Sample], level: str, result: Result) -> None:
        if self._ids["DiTFastAttnCalibrate"] not in result.cached:
            raise HostError("Calibrate ran again although nothing that it depends on had changed.")
        if level not in samples:
            samples[level] = self._sample(result)
            return
        again = self._latent(result)
        samples[level].seconds.append(self._seconds(result))
        samples[level].repeats &= bool(np.array_equal(again, samples[level].latent))

    def _run(self, level: str) -> Result:
        set_values(self._workflow, "DiTFastAttnApplyPlan", {"level": level})
        return self._client.run(to_prompt(self._workflow, self._info), self._workflow)

    def _warm_up(self) -> dict:
        """Dense, without Calibrate and with another seed: loads everything and leaves nothing that the runs reuse."""
        prompt = to_prompt(self._workflow, self._info)
        for node in prompt.values():
            if node["class_type"] == "DiTFastAttnApplyPlan":
                node["inputs"]["level"] = DENSE
                node["inputs"].pop("plan_in")
            if node["class_type"] == "KSampler":
                node["inputs"].update(seed=DEMO_SAMPLING["seed"] + 1, steps=4)
        return prompt

    def _sample(self, result: Result) -> Sample:
        stats = result.outputs[self._ids["DiTFastAttnStats"]]["ditfastattn"][0]
        picture = self._client.file(result.outputs[self._ids["SaveImage"]]["images"][0])
        return Sample(self._latent(result), picture, stats, [self._seconds(result)])

    def _latent(self, result: Result) -> np.ndarray:
        return read_latent(self._client.file(result.outputs[self._ids["SaveLatent"]]["latents"][0]))

    def _seconds(self, result: Result) -> float:
        return result.seconds[self._ids["KSampler"]]


def plan_of(calibrated: dict) -> str:
    """The plan's text, out of what Calibrate returned."""
    return calibrated["ditfastattn_plan"][0]


def calibration_of(calibrated: dict) -> dict:
    """How long calibrating took, and against one dense run."""
    figures = calibrated["ditfastattn_calibration"][0]
    return {name: figures[name] for name in ("seconds", "ratio_to_dense_run")}


def summary(host: Host, device: str, samples: dict[str, Sample], calibration: dict) -> dict:
    """Everything the demo measured, as its JSON says it; fractions are in 0..1."""
    dense = samples[DENSE]
    return {
        "host_version": host.version,
        "pack_version": pack_version(),
        "device": device,
        "model": model_figures(samples[LEVELS[0]].stats),
        "sampler": {
            "name": DEMO_SAMPLING["sampler_name"],
            **{k: DEMO_SAMPLING[k] for k in ("scheduler", "steps", "cfg", "seed")},
        },
        "dense": {"seconds": statistics.median(dense.seconds)},
        "calibration": calibration,
        "levels": [level_figures(level, samples[level], dense) for level in LEVELS],
    }


def model_figures(stats: dict) -> dict:
    """The model's size, and the lengths of the run's sequences, which only a run knows."""
    names = ("family", "parameters", "tokens", "text_tokens", "layers", "heads")
    return {name: stats["model"][name] for name in names}


def level_figures(level: str, sample: Sample, dense: Sample) -> dict:
    """One row of the table."""
    kept = sample.stats["kept"]
    return {
        "level": level,
        "attention_flops_kept": kept["attention"],
        "model_flops_kept": kept["model"],
        "predicted_error": sample.stats["plan"]["error"],
        "latent_relative_error": relative_error(sample.latent, dense.latent),
        "psnr_db": psnr_db(sample.pixels(), dense.pixels()),
        "seconds": statistics.median(sample.seconds),
        "cache_bytes": sample.stats["cache"]["bytes"],
    }


def remarks(samples: dict[str, Sample], repeats: int) -> list[str]:
    """What a reader of the table should know about how it came about."""
    lines = [
        f"Seconds: the sampler node, median of {repeats} run(s) in turn. PSNR and errors: against dense, same seed."
    ]
    spread = max(max(s.seconds) / min(s.seconds) for s in samples.values())
    if spread > NOISY:
        lines.append(
            f"This machine was busy: runs of one level differ by up to {spread:.1f} times; do not trust seconds."
        )
    if not all(s.repeats for s in samples.values()):
        lines.append("Runs of one level did not all give the same bits.")
    elif repeats > 1:
        lines.append("Every run of a level gave the same bits.")
    return lines


def write_files(output: Path, result: dict, samples: dict[str, Sample], plan: str) -> list[str]:
    """Leave pictures, plan and statistics; returns their paths."""
    output.mkdir(parents=True, exist_ok=True)
    named = {"plan.json": plan.encode()}
    for level, sample in samples.items():
        name = "dense" if level == DENSE else level
        named[f"{name}.png"] = sample.picture
        stats = {**sample.stats, "seconds_of_each_run": sample.seconds, "same_bits_each_run": sample.repeats}
        named[f"stats_{name}.json"] = json.dumps(stats, indent=1).encode()
    pictures = {"dense": samples[DENSE].picture, **{level: samples[level].picture for level in LEVELS}}
    named["contact_sheet.png"] = contact_sheet(pictures, result)
    files = [str(output / name) for name in [*sorted(named), "demo.json"]]
    named["demo.json"] = (json.dumps({**result, "files": files}, indent=2) + "\n").encode()
    for name, content in named.items():
        (output / name).write_bytes(content)
    return files


def describe_device(client: Client, kind: str) -> str:
    """The device as the host names it, with torch's version."""
    stats = client.get("/system_stats")
    name = (stats.get("devices") or [{}])[0].get("name", kind)
    return f"{name}, torch {stats['system'].get('pytorch_version', '?')}"


def pack_version() -> str:
    """The version that the registry would see."""
    found = re.search(r'^version\s*=\s*"([^"]+)"', (ROOT / "pyproject.toml").read_text("utf-8"), re.MULTILINE)
    return found.group(1) if found else "unknown"
