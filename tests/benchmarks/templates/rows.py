"""One row of the table a template: sampled without the node, with it, with another seed, and opened elsewhere."""

from __future__ import annotations

import copy
import time

import torch

from .prompt import Template, another_seed
from .run import Host, Ran

MADE, IN_USE = "made", "in use"
LEVEL = "D2"  # the node's own default


def row_of(host: Host, template: Template, level: str = LEVEL) -> dict:
    """The figures of one template; `reason` says why one of them is not as it should be.

    calibrated: every node made a plan in the first run. compressed: with the prompt as it was sent but another seed,
    every node's model did less than the full work. first_run_bits_equal: of every latent that was sampled, to the run
    without the node. shared: the prompt that the first run's picture carries is compressed at once in a host that has
    not seen it.
    """
    start = time.perf_counter()
    row = {
        **template.facts(),
        "nodes_added": len(template.targets),
        "calibrated": False,
        "compressed": False,
        "first_run_bits_equal": False,
        "shared": False,
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
    row["calibrated"] = all(any(one["state"] == MADE for one in first.said(node)) for node in applied)
    second = run(session, another_seed(sent, 1), "with another seed")
    kept = [_kept(second.outputs.get(node)) for node in applied]
    row["compressed"] = all(one < 1.0 for one in kept)
    row["model_work_kept"] = [round(one, 3) for one in kept]
    third = run(host.session(), another_seed(carried, 2), "of the picture's own prompt", f"{template.name}, shared")
    states = [{one["state"] for one in third.said(node)} for node in applied]
    row["shared"] = all(IN_USE in said and MADE not in said for said in states)
    if all(row[name] for name in ("calibrated", "compressed", "first_run_bits_equal", "shared")):
        return ""
    if not row["first_run_bits_equal"]:
        return "The first run's latents differ from those without the node."
    ran = first if not row["calibrated"] else second if not row["compressed"] else third
    return " ".join(dict.fromkeys(one["sentence"] for node in applied for one in ran.said(node)[-1:])) or (
        "The node said nothing."
    )


def same_latents(one: Ran, other: Ran) -> bool:
    """Whether everything that was sampled has the same bits."""
    if not one.latents or one.latents.keys() != other.latents.keys():
        return False
    pairs = [(one.latents[name], other.latents[name]) for name in one.latents]
    return all(len(a) == len(b) and all(map(torch.equal, a, b)) for a, b in pairs)


def _kept(model) -> float:
    from ditfastattn.attention.report.statistics import statistics  # the host must be there before it

    return 1.0 if model is None else statistics(model)["model_flops_kept"]
