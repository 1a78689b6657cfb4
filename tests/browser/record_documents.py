"""Writes `run_documents/`: what the editor is sent of real runs, for the tests of the panel.

    python tests/browser/record_documents.py          with COMFYUI_PATH set, about two minutes

Each file holds {"messages": [[event, payload], ...]} in the order in which they were sent. The large one is of random
choices on the largest model that is covered, since sampling it here would take days.
"""

import json
import sys
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np

HERE = Path(__file__).resolve().parent
sys.path[:0] = [str(HERE.parent), str(HERE.parent / "benchmarks")]

import conftest  # noqa: F401, E402 - the pack under its own name

from host import tiny  # noqa: E402

tiny.load_host()

import comfy.sample  # noqa: E402
import demo_model  # noqa: E402
import plans_samples  # noqa: E402
import torch  # noqa: E402
from comfy_execution.utils import CurrentNodeContext  # noqa: E402

from ditfastattn.attention.families import JOINT  # noqa: E402
from ditfastattn.attention.families import Site as FamilySite  # noqa: E402
from ditfastattn.attention.hooks.record import RunRecord, StepCount  # noqa: E402
from ditfastattn.attention.replay import planned, timeline  # noqa: E402
from ditfastattn.attention.report.dense_times import MEASURED, SEEN, Dense  # noqa: E402
from ditfastattn.attention.report.document import (  # noqa: E402
    PLAN,
    Subject,
    document,
    progress,  # noqa: E402
)
from ditfastattn.attention.report.live import step_message  # noqa: E402
from ditfastattn.attention.report.statistics import statistics  # noqa: E402
from ditfastattn.kernels import way_of  # noqa: E402
from ditfastattn.nodes.apply_plan import ApplyCompressionPlan  # noqa: E402
from ditfastattn.plans import resolve  # noqa: E402

STEPS, SEED = 20, 2024
SIZE = (24, 24)  # of the latent: a seventh of the demo's picture
LAYERS, HEADS, LONG = 57, 24, 50  # of Flux, and steps of a long run
OUTPUT = HERE / "run_documents"


class Editor:
    """In the place of the host's server."""

    client_id = "a tab"

    def __init__(self):
        self.sent = []

    def send_sync(self, event, payload, client=None):
        self.sent.append([event, json.loads(json.dumps(payload))])

    def send_progress_text(self, text, node, client=None):
        pass

    def taken(self) -> list:
        sent, self.sent = self.sent, []
        return [message for message in sent if message[0] != "ditfastattn.apply"]


def write(name: str, content: dict) -> None:
    OUTPUT.mkdir(exist_ok=True)
    text = json.dumps(content, separators=(",", ":"))
    (OUTPUT / f"{name}.json").write_text(text + "\n", "utf-8")
    print(f"{name}: {len(text)} bytes, {len(content['messages'])} messages")


def prompt(text: str) -> list:
    context, pooled = demo_model.captions.encode(text, 0)
    return [[context, {"pooled_output": pooled}]]


def sample(model, cfg: float = 4.0, steps: int = STEPS, stop_at: int | None = None):
    """As the demo samples; stop_at: where the user presses Cancel."""
    latent = torch.zeros(1, 16, *SIZE)

    def callback(step, x0, x, total):
        if step == stop_at:
            raise sys.modules["comfy.model_management"].InterruptProcessingException()

    try:
        with torch.inference_mode(), CurrentNodeContext("4f5ac0de-prompt", "31"):
            return comfy.sample.sample(
                model, comfy.sample.prepare_noise(latent, SEED), steps, cfg, "euler", "simple",
                prompt(demo_model.caption(0)), prompt(""), latent, disable_pbar=True, seed=SEED, callback=callback,
            )  # fmt: skip
    except sys.modules["comfy.model_management"].InterruptProcessingException:
        return None


class Node:
    """An Apply node of the host's graph."""

    def __init__(self, model, node: str, **inputs):
        ApplyCompressionPlan.hidden = SimpleNamespace(unique_id=node, prompt=None, extra_pnginfo=None)
        self.model = ApplyCompressionPlan.execute(model, **inputs).args[0]


def record() -> None:
    """All files."""
    editor = Editor()
    sys.modules["server"] = SimpleNamespace(PromptServer=SimpleNamespace(instance=editor))
    model = demo_model.model()
    node = Node(model, "12", level="D3")
    sample(node.model)
    write("watch", {"messages": editor.taken()})
    latent = sample(node.model)
    write("plan", {"messages": editor.taken()})
    write("stats", {"messages": [["executed", {"ditfastattn": [statistics(node.model, latent)]}]]})
    sample(node.model, cfg=6.0)
    write("plan_other_cfg", {"messages": editor.taken()})
    sample(node.model, stop_at=7)
    write("cancelled", {"messages": editor.taken()})
    sample(Node(model, "7:12", level="D2", calibrate="never").model)
    write("refused", {"messages": editor.taken()})
    sample(Node(model, "12", level="off").model)
    write("off", {"messages": editor.taken()})


def large(layers: int = LAYERS, heads: int = HEADS, steps: int = LONG) -> tuple[dict, list, dict]:
    """Random choices on a model of Flux's size: the document at the start, one message a step, the one at the end."""
    generator = np.random.default_rng(0)
    marks = "".join("0" if k > 3 and one < 0.3 else "1" for k, one in enumerate(generator.random(steps)))
    plan = plans_samples.plan_of(generator, (heads,) * layers, marks.count("1"), windows=3, levels=6, pool=True)
    levels = tuple(_with_forecasts(level, marks) for level in plan.levels)
    plan = replace(plan, positions=plans_samples.positions(steps), levels=levels)
    sites = tuple(FamilySite(site.name, site.heads, 128, JOINT) for site in plan.model.sites)
    ways = tuple(way_of(way.kind, dict(way.parameters), 2) for way in plan.ways)
    schedule = resolve(plan, "D3", plan.positions)
    laid_out = timeline.build(schedule, ways, plan.model.offsets, (False,) * layers)
    steps_of_run = [StepCount(place) for place in plan.positions]
    record = RunRecord(steps_of_run, "euler", "simple", cfg=1.0, seed=7, plan=plan, level="D3")
    record.methods, record.id, record.started = laid_out.map(), "0123456789ab", 1795778248.0
    fractions = planned.fractions(
        laid_out, sites, None, (64, 64), plan.measurement, True, torch.device("cpu"), torch.float32
    )
    names, counts = zip(*((site.name, site.heads) for site in sites), strict=True)
    subject = Subject("12", "4f5ac0de-prompt", "flux", 11_901_408_320, "NVIDIA H100", names, counts)
    more = {"planned": fractions, "head_map": planned.head_map(laid_out, ()), "tokens": 4096, "cache_limit": 2**34}
    start = document(record, subject, PLAN, **more)
    record.tokens, record.text_tokens, record.cache_bytes = 4096, 256, 2**31
    dense, messages = Dense(0.41 * steps, MEASURED, SEEN), []
    for number, (attention, model) in enumerate(fractions):
        step = record.steps[number]
        step.items, step.dense, step.kept = 1, 10**13, int(attention * 10**13)
        step.forecast = step.forecast_items = int(model == 0)
        step.seconds = 0.41 * model + 0.003
        record.sampling_seconds += step.seconds
        record.finished = number + 1
        messages.append(step_message(record, subject, progress(record, PLAN, plan.measurement, dense)))
    record.state = "done"
    return start, messages, document(record, subject, PLAN, dense=dense, **more)


def _with_forecasts(level, marks: str):
    """A level that has its noise levels where there is a 1, and forecasts where there is a 0."""

    def spread(texts, between: str) -> tuple[str, ...]:
        return tuple(
            "".join(next(letters) if mark == "1" else between for mark in marks) for letters in map(iter, texts)
        )

    return replace(level, paths=spread(level.paths, "r"), share=spread(level.share, "0"), evaluated=marks)


def record_large() -> None:
    start, messages, end = large()
    steps = [["ditfastattn.step", message] for message in messages]
    write("large", {"messages": [["ditfastattn.run", start], *steps, ["ditfastattn.run", end]]})


if __name__ == "__main__":
    record_large()
    record()
