"""One row of the table a template: sampled without the node, with it, with another seed, and opened elsewhere."""

from __future__ import annotations

import copy
import time

import torch

from . import table
from .prompt import Template, another_seed
from .run import Host, Ran

WATCHING, MADE, IN_USE = "watching", "made", "in use"


def row_of(host: Host, template: Template, level: str = table.LEVEL) -> dict:
    """The figures of one template; `reason` says why one of them is not as it should be.

    calibrated: every node's model got a plan while the prompt was first executed. compressed: with the prompt as it
    was sent but another seed, every node's model did less than the full work. first_run_bits_equal: every latent that
    was watched has the bits of the run without the node; one model may be sampled several times in a prompt, and is
    compressed from the second time on. shared: the prompt that the first picture carries is compressed at once in a
    host that has not seen it. silent: nodes that never said anything of themselves.
    """
    start, level = time.perf_counter(), table.STRONGER.get(template.name, level)
    row = {
        **template.facts(),
        "nodes_added": len(template.targets),
        "level": level,
        "calibrated": False,
        "compressed": False,
        "first_run_bits_equal": False,
        "shared": False,
        "silent": 0,
        "reason": "",
    }
    try:
        row["reason"] = _fill(row, host, template, level)
    except Stopped as stopped:
        row["reason"] = str(stopped)
    return {**row, "seconds": round(time.perf_counter() - start, 1)}


class Stopped(Exception):
    """A run that did not end, in a sentence."""


def _fill(row: dict, host: Host, template: Template, level: str) -> str:
    applied = [target.node for target in template.targets]

    def run(session, prompt, which: str, where: str = template.name) -> Ran:
        ran = host.run(session, prompt, where, applied)
        if ran.error:
            raise Stopped(f"The run {which} stops: {ran.error}")
        return ran

    dense = run(host.session(), template.plain, "without the node")
    session, sent = host.session(), template.with_node(level)
    carried = copy.deepcopy(sent)
    first = run(session, carried, "with the node")
    row["first_run_bits_equal"] = same_latents(dense, first)
    made = [first.outputs[node] for node in applied if any(one["state"] == MADE for one in first.said(node))]
    # The host may give several nodes one node's output.
    row["calibrated"] = all(any(first.outputs[node] is model for model in made) for node in applied)
    row["silent"] = sum(not first.said(node) for node in applied)
    second = run(session, another_seed(sent, 1), "with another seed")
    kept = [_kept(second.outputs.get(node)) for node in applied]
    row["compressed"] = all(one < 1.0 for one in kept)
    row["model_work_kept"] = [round(one, 3) for one in kept]
    third = run(host.session(), another_seed(carried, 2), "of the picture's own prompt", f"{template.name}, shared")
    states = [one["state"] for node in applied for one in third.said(node)]
    row["shared"] = IN_USE in states and WATCHING not in states
    if all(row[name] for name in ("calibrated", "compressed", "first_run_bits_equal", "shared")):
        return ""
    if not row["first_run_bits_equal"]:
        return "The first run's latents differ from those without the node."
    ran = first if not row["calibrated"] else second if not row["compressed"] else third
    return " ".join(dict.fromkeys(one["sentence"] for node in applied for one in ran.said(node)[-1:])) or (
        "The node said nothing."
    )


def same_latents(dense: Ran, first: Ran) -> bool:
    """Whether everything that was sampled in full has the same bits, and there is such a thing."""
    if not dense.latents or dense.latents.keys() != first.latents.keys():
        return False
    pairs = [(dense.latents[name], latent) for name, latent in first.latents.items() if not _compressed(first, latent)]
    return bool(pairs) and all(torch.equal(a, b) for a, b in pairs)


def _compressed(ran: Ran, latent: torch.Tensor) -> bool:
    """Whether a latent is of a run that followed a plan."""
    from ditfastattn.attention.hooks.patch import attached
    from ditfastattn.attention.hooks.record import latent_digest

    digest = latent_digest(latent)
    for model in ran.outputs.values():
        found = attached(model)
        record = found.runs.latest(digest) if hasattr(found, "runs") else None
        if record is not None and record.digest == digest:
            return record.plan is not None
    return False


def _kept(model) -> float:
    from ditfastattn.attention.report.statistics import statistics  # the host must be there before it

    return 1.0 if model is None else statistics(model)["kept"]["model"]
