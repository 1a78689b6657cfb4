"""Training in pieces: samples rather than time decide its end, and a stop at any moment loses minutes at most.

    python tests/host/demo_model/train.py trunk --host PATH_TO_COMFYUI --state DIR --samples N --minutes M
    python tests/host/demo_model/train.py branch --host PATH_TO_COMFYUI --state DIR --name NAME --samples N --minutes M
    python tests/host/demo_model/train.py export --host PATH_TO_COMFYUI --state DIR --name NAME

(or ``train_clips.py``, ``train_few.py``). A training is a *trunk* at a constant rate, which may always go on, and
*branches* of it whose rate falls to zero over a set number of samples; a branch's end is what ships, by ``export``.
Every random choice of a step is drawn from the seed and the step's number, so a training that was stopped repeats what
one in a single piece would have done.
"""

import argparse
import dataclasses
import hashlib
import json
import math
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch


@dataclasses.dataclass
class Batch:
    """What one step learns from: its kind for the curve, the loss to call, and what it counts for."""

    kind: str
    loss: Callable[[torch.nn.Module], torch.Tensor]
    samples: int
    tokens: int


@dataclasses.dataclass(frozen=True)
class Job:
    """One model's training: what learns, from what, and what is written at the end."""

    model: torch.nn.Module
    inner: list[torch.nn.Parameter]  # the matrices that Muon trains
    rates: "Rates"
    draw: Callable[[int], Batch]
    validate: Callable[[], float]
    weights: str  # name of the file of weights
    curve: str
    metadata: dict[str, str] | None = None
    rename: Callable[[dict], dict] | None = None  # for weights that learned beside frozen ones: names to write


@dataclasses.dataclass(frozen=True)
class Rates:
    """Full learning rates and how they move: up over some steps, then level or down to zero over the samples left."""

    matrix: float  # Muon, for the matrices inside the blocks
    vector: float  # AdamW, for everything else
    warm_up: int  # steps
    average: float  # decay of the averaged weights


class Training:
    """A model in training with all that it takes to go on: optimisers, average, counts and the curve."""

    def __init__(self, model: torch.nn.Module, inner: list[torch.nn.Parameter], rates: Rates, file: Path):
        self.model, self.rates, self.file = model, rates, file
        among = {id(p) for p in inner}
        rest = [p for p in self.learned().values() if id(p) not in among]
        adam = torch.optim.AdamW(rest, lr=rates.vector, betas=(0.9, 0.98), weight_decay=0.0, fused=True)
        self.optimisers, self.full_rates = [adam], [rates.vector]
        if inner:
            self.optimisers.insert(0, torch.optim.Muon(inner, lr=rates.matrix, momentum=0.95, weight_decay=0.01))
            self.full_rates.insert(0, rates.matrix)
        self.average = self.copy()
        # "falls" is None for a trunk; for a branch, the samples at which its fall began and will end.
        self.at: dict[str, Any] = dict(step=0, first=0, samples=0, tokens=0, cpu_seconds=0.0, falls=None)
        self.curve: list[dict] = []

    def learned(self) -> dict[str, torch.nn.Parameter]:
        return {name: value for name, value in self.model.named_parameters() if value.requires_grad}

    def copy(self) -> dict[str, torch.Tensor]:
        return {name: value.detach().clone() for name, value in self.learned().items()}

    def save(self) -> None:
        """Write everything under a temporary name first, so that a stop while writing leaves the last state."""
        state = {
            "model": self.model.state_dict(),
            "average": self.average,
            "optimisers": [optimiser.state_dict() for optimiser in self.optimisers],
            "at": self.at,
            "curve": self.curve,
        }
        self.file.parent.mkdir(parents=True, exist_ok=True)
        part = self.file.with_suffix(".part")
        torch.save(state, part)
        os.replace(part, self.file)

    def load(self, file: Path) -> None:
        state = torch.load(file, weights_only=True)
        self.model.load_state_dict(state["model"])
        self.average = state["average"]
        for optimiser, kept in zip(self.optimisers, state["optimisers"]):
            optimiser.load_state_dict(kept)
        self.at, self.curve = state["at"], state["curve"]

    def start_from(self, weights: dict[str, torch.Tensor], curve: list[dict], note: dict) -> None:
        """Take weights trained before, with their curve; optimisers start fresh."""
        self.model.load_state_dict(weights)
        self.average = self.copy()
        last = next(entry for entry in reversed(curve) if entry["stage"] == "validation")
        self.at |= {name: last[name] for name in ("step", "samples", "tokens")}
        self.at["first"] = self.at["step"]
        self.curve = [*curve, {"stage": "start", **note}]

    def branch(self, samples: int) -> None:
        """From now on the rate falls to zero over so many samples."""
        self.at["falls"] = [self.at["samples"], self.at["samples"] + samples]

    def share(self) -> float:
        """The rate's share of its full value at this step."""
        up = min(1.0, (self.at["step"] - self.at["first"] + 1) / self.rates.warm_up)
        if self.at["falls"] is None:
            return up
        start, end = self.at["falls"]
        return up * max(0.0, (end - self.at["samples"]) / (end - start))

    def run(
        self,
        batch: Callable[[int], Batch],
        validate: Callable[[], float],
        until: int,
        minutes: float,
        compiled: bool = True,
        validate_every: int = 250,
        save_seconds: float = 180,
    ) -> bool:
        """Train until so many samples, or stop after some minutes or a signal with the state written.

        Returns whether the samples were reached.
        """
        stop = []
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stop.append(True))
        fast = torch.compile(self.model, dynamic=False) if compiled else self.model
        began = saved = time.monotonic()
        spent = time.process_time()
        losses: dict[str, list[float]] = {}
        while self.at["samples"] < until and not stop and time.monotonic() - began < 60 * minutes:
            share = self.share()
            for optimiser, full in zip(self.optimisers, self.full_rates):
                for group in optimiser.param_groups:
                    group["lr"] = full * share
            drawn = batch(self.at["step"])
            loss = drawn.loss(fast)
            for optimiser in self.optimisers:
                optimiser.zero_grad()
            loss.backward()
            norm = torch.nn.utils.clip_grad_norm_(self.learned().values(), 1.0)
            for optimiser in self.optimisers:
                optimiser.step()
            self.at["step"] += 1
            self.at["samples"] += drawn.samples
            self.at["tokens"] += drawn.tokens
            done = self.at["step"] - self.at["first"]
            with torch.no_grad():
                decay = min(self.rates.average, done / (done + 9))
                for name, value in self.learned().items():
                    self.average[name].lerp_(value, 1 - decay)
            losses.setdefault(drawn.kind, []).append(loss.item())
            now, used = time.monotonic(), time.process_time()
            self.at["cpu_seconds"] += used - spent
            spent = used
            if self.at["step"] % 25 == 0:
                for kind, values in losses.items():
                    self.note(kind, loss=sum(values) / len(values), norm=float(norm), share=share)
                losses.clear()
            if self.at["step"] % validate_every == 0:
                self.note("validation", loss=validate())
            if now - saved > save_seconds:
                self.save()
                saved = now
        reached = self.at["samples"] >= until
        if reached:
            self.note("validation", loss=validate())
        self.save()
        return reached

    def note(self, stage: str, **figures: float) -> None:
        entry = {"stage": stage, **{name: self.at[name] for name in ("step", "samples", "tokens")}}
        entry["cpu_seconds"] = round(self.at["cpu_seconds"], 1)
        entry |= {name: round(value, 5) for name, value in figures.items()}
        self.curve.append(entry)
        print(json.dumps(entry), flush=True)

    def with_average(self, call: Callable[[], float]) -> float:
        """What a call gives while the averaged weights stand in the model."""
        live = self.copy()
        self.model.load_state_dict(self.average, strict=False)
        try:
            return call()
        finally:
            self.model.load_state_dict(live, strict=False)


def dice(seed: int, step: int) -> tuple[torch.Generator, random.Random]:
    """Random numbers of one step."""
    return torch.Generator().manual_seed(seed * 1_000_003 + step), random.Random(f"{seed} {step}")


class Latents:
    """Latents of scenes by seed, rendered once into files of ``chunk`` scenes each and read from there."""

    def __init__(self, folder: Path, name: str, render: Callable, scenes: int, chunk: int = 1000):
        folder.mkdir(parents=True, exist_ok=True)
        self.files, self.chunk = [], chunk
        for index in range(-(-scenes // chunk)):
            file = folder / f"{name}_{index:03d}.npy"
            if not file.exists():
                print(f"rendering {file.name}", flush=True)
                part = file.with_suffix(".part")
                with open(part, "wb") as to:
                    np.save(to, render((index * chunk, (index + 1) * chunk)))
                os.replace(part, file)
            self.files.append(np.load(file, mmap_mode="r"))

    def __getitem__(self, seed: int) -> np.ndarray:
        return self.files[seed // self.chunk][seed % self.chunk]


def parser(description: str, settings: type, commands: tuple[str, ...]) -> argparse.ArgumentParser:
    """Options that every training takes, and one for each of its settings."""
    out = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    out.add_argument("what", choices=commands)
    out.add_argument("--host", required=True, help="folder of a ComfyUI checkout")
    out.add_argument("--out", type=Path, default=Path(__file__).parent, help="folder for the weights")
    out.add_argument("--state", type=Path, help="folder for states and rendered latents, gigabytes")
    out.add_argument("--name", default="final", help="of the branch")
    out.add_argument("--samples", type=int, default=300_000, help="trunk: all; branch: its own")
    out.add_argument("--minutes", type=float, default=math.inf, help="stop then; call again to go on")
    out.add_argument("--eager", action="store_true", help="do not compile: slower steps, no minutes of waiting")
    out.add_argument("--start-from", type=Path, help="weights that a new trunk starts from, their curve beside them")
    for field in dataclasses.fields(settings):
        out.add_argument("--" + field.name.replace("_", "-"), type=field.type, default=field.default)
    return out


def settings_of(given: argparse.Namespace, settings: type):
    return settings(**{field.name: getattr(given, field.name) for field in dataclasses.fields(settings)})


def command(given: argparse.Namespace, settings, job: Job) -> bool:
    """Do what a command line asks; whether all the samples it asked for have been seen."""
    branch = given.what != "trunk"
    trunk, file = (given.state / f"{job.weights}.{name}.pt" for name in ("trunk", given.name))
    training = Training(job.model, job.inner, job.rates, file if branch else trunk)

    def validate():
        return training.with_average(job.validate)

    if training.file.exists():
        training.load(training.file)
    elif given.what == "export":
        raise SystemExit(f"{training.file} does not exist")
    elif branch:
        training.load(trunk)
        training.branch(given.samples)
    elif given.start_from:
        from safetensors.torch import load_file

        curve = json.loads((given.start_from.parent / job.curve).read_text())["curve"]
        note = {"weights": given.start_from.name, "sha256": hashlib.sha256(given.start_from.read_bytes()).hexdigest()}
        training.start_from(load_file(given.start_from), curve, note)
        training.note("validation", loss=validate())
    if given.what == "export":
        weights = job.rename(training.average) if job.rename else job.model.state_dict() | training.average
        save_weights(weights, given.out / f"{job.weights}.safetensors", job.metadata)
        write_curve(dataclasses.asdict(settings), training.curve, given.out / job.curve)
        return True
    until = training.at["falls"][1] if branch else given.samples
    start = time.monotonic()
    reached = training.run(job.draw, validate, until, given.minutes, compiled=not given.eager)
    print(f"{training.at['samples']} of {until} samples after {time.monotonic() - start:.0f} s", flush=True)
    return reached


def save_weights(state: dict, path: Path, metadata: dict[str, str] | None = None) -> None:
    """Write tensors as float16, under a temporary name first so that a reader never meets half a file."""
    from safetensors.torch import save_file

    part = path.with_suffix(".part")
    save_file({name: value.detach().half().contiguous() for name, value in state.items()}, part, metadata)
    os.replace(part, path)


def write_curve(settings: dict, curve: list[dict], path: Path) -> None:
    rows = ",\n".join("  " + json.dumps(entry) for entry in curve)
    path.write_text(f'{{"settings": {json.dumps(settings)},\n "curve": [\n{rows}\n]}}\n')
