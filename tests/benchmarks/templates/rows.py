"""One row of the table a template: sampled without the node, with it, and with it and another seed."""

from __future__ import annotations

import time

import torch

from .prompt import Template, another_seed
from .run import Host, Ran

MADE = "made"


def row_of(host: Host, template: Template, level: str) -> dict:
    """The figures of one template. A row always comes back; `reason` says what is missing."""
    start = time.perf_counter()
    row = {**template.facts(), "calibrated": False, "compressed": False, "first_run_bits_equal": False, "reason": ""}
    applied = [target.node for target in template.targets]
    dense = host.run(host.session(), template.plain)
    if dense.error:
        return {**row, "reason": f"Does not run without the node: {dense.error}", **_seconds(start)}
    session, prompt = host.session(), template.with_node(level)
    first = host.run(session, prompt, applied)
    row["first_run_bits_equal"] = same_latents(dense, first)
    if first.error:
        return {**row, "reason": f"Stops with the node: {first.error}", **_seconds(start)}
    second = host.run(session, another_seed(prompt, 1), applied)
    if second.error:
        return {**row, "reason": f"Stops in the second run: {second.error}", **_seconds(start)}
    row["calibrated"] = all(any(one.get("state") == MADE for one in first.said(node)) for node in applied)
    kept = [_kept(second.outputs.get(node)) for node in applied]
    row["compressed"] = all(one < 1.0 for one in kept)
    row["model_work_kept"] = [round(one, 4) for one in kept]
    row["reason"] = _reason(row, applied, first, second)
    return {**row, **_seconds(start)}


def _seconds(start: float) -> dict:
    return {"seconds": round(time.perf_counter() - start, 2)}


def same_latents(one: Ran, other: Ran) -> bool:
    """Whether everything that was sampled has the same bits."""
    return (
        bool(one.latents)
        and one.latents.keys() == other.latents.keys()
        and all(
            len(a) == len(b) and all(torch.equal(x, y) for x, y in zip(a, b, strict=True))
            for a, b in ((one.latents[name], other.latents[name]) for name in one.latents)
        )
    )


def _kept(model) -> float:
    from ditfastattn.attention.report.statistics import statistics  # the host must be there before it

    if model is None:
        return 1.0
    found = statistics(model)
    return min(found["attention_flops_kept"], found["model_flops_kept"])


def _reason(row: dict, applied: list[str], first: Ran, second: Ran) -> str:
    if row["calibrated"] and row["compressed"] and row["first_run_bits_equal"]:
        return ""
    said = [one for ran in (first, second) for node in applied for one in ran.said(node)[-1:]]
    for one in said:
        text = one.get("reason") or one.get("text") or one.get("message")
        if text:
            return f"{one.get('state')}: {text}"
    if not row["calibrated"]:
        return "No plan was made in the first run: the node said " + (
            ", ".join(str(one.get("state")) for one in said) if said else "nothing."
        )
    return "The second run kept all the work." if not row["compressed"] else "The first run's bits differ."
