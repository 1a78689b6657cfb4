"""What calibration decides and what following it computes, to compare one state of the code with another.

    python dev.py bench decisions [--json FILE] [--against FILE] [--only SUBJECT ...]

Calibrates the demo model and the tiny models of the families through the pack's own nodes, in FLOPs, with fixed seeds
and one thread, then follows every level of every plan. Written down for each level: the method of every head at every
step, where the guidance branches share, predicted error, fractions of FLOPs kept, cache bytes; and of the run that
follows it: FLOPs counted step by step, the map of methods, its error against the dense run, and a hash of its latent.

--against compares with a file of an earlier --json: methods, sharing, bytes and counted FLOPs must be equal, predicted
and true errors agree to a relative `TOLERANCE`. It prints what differs and ends with 1 if anything that must agree does
not. Latents of other bits, and calls served by another path, are printed alone: a sum in another order is no error.

Only what users and saved workflows see of the pack is used, so that the file runs on older commits as well: the nodes
by their identifiers, their `ui` payloads, and `plans.loads` with `Plan.table` and `Plan.share`.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import demo_model as demo  # noqa: E402
import numpy as np  # noqa: E402
import torch  # noqa: E402
from comfy import sample as sampling_of_host  # noqa: E402
from comfy import utils  # noqa: E402

from ditfastattn.attention.hooks.patch import attached  # noqa: E402
from ditfastattn.nodes import NODES  # noqa: E402
from ditfastattn.plans import loads  # noqa: E402
from host import tiny  # noqa: E402
from host.fidelity import relative_error  # noqa: E402

THREADS = 1
TOLERANCE = 1e-4
KEEP_ATTENTION = 0.3  # of the level "custom"
SEED, TINY_STEPS = 11, 8
PAPERS_ON = ("sd3", "flux")  # tiny models on which both papers' searches run as well
NODE = {node.define_schema().node_id: node for node in NODES}
CALIBRATE, APPLY = (NODE[f"DiTFastAttn{name}"] for name in ("Calibrate", "ApplyPlan"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write what was decided there")
    parser.add_argument("--against", type=Path, metavar="FILE", help="compare with what an earlier --json wrote")
    parser.add_argument("--only", nargs="+", metavar="SUBJECT", help="some of the models, by name")
    options = parser.parse_args()
    utils.PROGRESS_BAR_ENABLED = False
    names = [name for name in SUBJECTS if not options.only or name in options.only]
    result = {"torch": torch.__version__, "threads": THREADS, "subjects": {}}
    for name in names:
        begun = time.monotonic()
        result["subjects"][name] = decisions(*SUBJECTS[name])
        print(f"{name}: {summary(result['subjects'][name])}, {time.monotonic() - begun:.0f} s", flush=True)
    if options.json:
        options.json.parent.mkdir(parents=True, exist_ok=True)
        options.json.write_text(json.dumps(result, indent=1) + "\n", "utf-8")
    return compare(json.loads(options.against.read_text("utf-8")), result) if options.against else 0


# -- what is run -------------------------------------------------------------------------------------------------------


def demo_subject() -> tuple:
    """(model, positive, negative, empty latent, steps) of the demo model, at the size of `python dev.py demo`."""
    job = demo.Job(demo.caption(100), SEED)
    positive, negative = (conditioning(text) for text in (job.caption, ""))
    return demo.model(), positive, negative, torch.zeros(1, 16, *(side // 8 for side in job.size)), job.steps


def conditioning(text: str) -> list:
    """The demo model's stand-in for text encoders."""
    context, pooled = demo.captions.encode(text, 0)
    return [[context, {"pooled_output": pooled}]]


def tiny_subject(family: str) -> tuple:
    """The same of a tiny model with random weights."""
    positive, negative = tiny.conditioning(family, 1), tiny.conditioning(family, 2)
    return tiny.make_model(family), positive, negative, tiny.latent(family), TINY_STEPS


def methods() -> list[str]:
    """Calibrate's choices of a method, this pack's own first."""
    return next(entry for entry in CALIBRATE.define_schema().inputs if entry.id == "method").options


# name: (what makes the model and its inputs, index of the method)
SUBJECTS = {
    "demo": (demo_subject, 0),
    **{family: (lambda family=family: tiny_subject(family), 0) for family in tiny.FAMILIES},
    **{
        f"{family} by {methods()[number]}": (lambda family=family: tiny_subject(family), number)
        for family in PAPERS_ON
        for number in range(1, len(methods()))
    },
}


def decisions(make, method: int) -> dict:
    """Calibrate, and follow every level."""
    model, positive, negative, empty, steps = make()
    torch.set_num_threads(THREADS)  # `demo.model` sets its own
    sampling = {"seed": SEED, "steps": steps, "cfg": 4.0, "sampler_name": "euler", "scheduler": "simple"}
    inputs = {"positive": positive, "negative": negative}
    extra = {"method": methods()[method]} if method else {"keep_attention": KEEP_ATTENTION}
    with torch.inference_mode():
        calibrated = CALIBRATE.execute(model, **sampling, **inputs, latent_image={"samples": empty}, **extra)
    text = calibrated.ui["ditfastattn_plan"][0]
    plan = loads(text)
    dense = sample(model, **sampling, **inputs, empty=empty)
    levels = {}
    for level in plan.levels:
        patched = APPLY.execute(model, level=level.name, plan=text, strict=True).args[0]
        latent = sample(patched, **sampling, **inputs, empty=empty)
        record = attached(patched).runs.latest()
        levels[level.name] = {
            "methods": text_rows(plan.table(level.name).T),
            "share": text_rows(np.where(plan.share(level.name), ord("1"), ord("0")).astype(np.uint8).T),
            "evaluated": level.evaluated,
            **{name: getattr(level, name) for name in FIGURES},
            "run": run_figures(record, latent, dense),
        }
    return {"dense": digest(dense), "positions": [float(p) for p in plan.positions], "levels": levels}


FIGURES = ("predicted_error", "attention_flops_kept", "model_flops_kept", "cache_bytes")


def sample(model, *, seed, steps, cfg, sampler_name, scheduler, positive, negative, empty) -> torch.Tensor:
    """A latent by the host's own sampler."""
    noise = sampling_of_host.prepare_noise(empty, seed)
    with torch.inference_mode():
        return sampling_of_host.sample(
            model, noise, steps, cfg, sampler_name, scheduler, positive, negative, empty, seed=seed, disable_pbar=True
        )


def text_rows(letters: np.ndarray) -> list[str]:
    """One string for each head or layer, a letter a step."""
    return [row.tobytes().decode("ascii") for row in np.ascontiguousarray(letters)]


def run_figures(record, latent: torch.Tensor, dense: torch.Tensor) -> dict:
    """What the run that followed a level did."""
    assert record.state == "done", record.notes
    return {
        "steps": [
            [getattr(step, name) for name in ("dense", "kept", "projections_skipped", "forecast")]
            for step in record.steps
        ],
        "map": record.methods,
        "cache_bytes": record.cache_bytes,
        "notes": record.notes,
        "calls": record.calls,
        "error": relative_error(latent.numpy(), dense.numpy()),
        "latent": digest(latent),
    }


def digest(latent: torch.Tensor) -> str:
    """16 hex digits that name the latent's bits."""
    return hashlib.sha256(latent.contiguous().numpy().tobytes()).hexdigest()[:16]


def summary(subject: dict) -> str:
    """The levels in a line: attention kept and the true error."""
    levels = subject["levels"].items()
    return ", ".join(
        f"{name} {level['attention_flops_kept']:.3f} e {level['run']['error']:.4f}" for name, level in levels
    )


# -- comparing ---------------------------------------------------------------------------------------------------------

EQUAL = {"methods", "share", "evaluated", "cache_bytes", "positions", "steps", "map", "notes"}
CLOSE = {"predicted_error", "attention_flops_kept", "model_flops_kept", "error"}
SAID_ONLY = {"calls", "latent", "dense"}


def compare(before: dict, after: dict) -> int:
    """Print what differs; 1 where something that must agree does not."""
    wrong = said = 0
    for name, subject in after["subjects"].items():
        if name not in before["subjects"]:
            print(f"{name}: not in the other file")
            wrong += 1
            continue
        for path, kind, old, new in differences(before["subjects"][name], subject, name):
            must = kind not in SAID_ONLY
            wrong, said = wrong + must, said + (not must)
            print(f"{'DIFFERS' if must else 'noted'}: {path}: {shown(old, new)}")
    print(f"{len(after['subjects'])} models compared: {wrong} differences, {said} of bits or paths alone.")
    return int(wrong > 0)


def differences(old, new, path: str, kind: str = ""):
    """(path, name of the field, old, new) of every field that does not agree as its name demands."""
    if isinstance(old, dict) and isinstance(new, dict) and kind not in EQUAL | SAID_ONLY:
        for key in [*old, *(key for key in new if key not in old)]:
            yield from differences(old.get(key), new.get(key), f"{path}.{key}", key)
    elif kind in CLOSE and None not in (old, new):
        if abs(new - old) > TOLERANCE * max(abs(old), abs(new)):
            yield path, kind, old, new
    elif old != new:
        yield path, kind, old, new


def shown(old, new) -> str:
    """Both values; of lists the first entry that differs."""
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        places = [i for i, (a, b) in enumerate(zip(old, new)) if a != b]
        return f"{len(places)} of {len(old)} entries, the first at {places[0]}: {old[places[0]]} -> {new[places[0]]}"
    return f"{old} -> {new}"


if __name__ == "__main__":
    sys.exit(main())
