"""A run document as a short text for people, one figure a line."""

from __future__ import annotations

from .document import COMPRESSED, forecast_steps
from .figures import in_steps

MIB = 2**20


def text_report(document: dict) -> str:
    """The text of a run in any state. What only developers read stays in the document."""
    model = document["model"]
    lines = [
        f"{model['family']}: {model['layers']} attention layers, {model['heads']} heads each, "
        f"{model['parameters'] / 1e6:.1f} M weights"
    ]
    if document["steps"]:
        lines += _run_lines(document)
    lines += [f"Note: {note['text']}" for note in document["notes"]]
    return "\n".join(lines + [f"Not fused: {told['text']}" for told in document["not_fused"]])


def speed_text(document: dict) -> str:
    """How many times faster than full attention, and how that is known; empty where it is not."""
    speed = document["speed"]
    if speed is None:
        return ""
    times, source = speed["times"], speed["source"]
    if times >= 1.0:
        return f"{times:.2f} times faster than full attention ({source})"
    return f"{1 / times:.2f} times slower than full attention ({source})"


def _run_lines(document: dict) -> list[str]:
    sampler, model, plan = document["sampler"], document["model"], document["plan"]
    compressed = document["kind"] in COMPRESSED
    settings = [sampler["sampler"], f"{sampler['steps']} steps"]
    if sampler["cfg"] is not None:
        settings.append(f"CFG {sampler['cfg']:g}")
    lines = [
        f"Plan {plan['id']}, level {plan['level']}" if compressed else "Full attention at every step",
        ", ".join(settings),
    ]
    if model["tokens"]:
        references = f"{model['reference_tokens']} of references, " if model.get("reference_tokens") else ""
        lines.append(f"{model['tokens']} image tokens, {references}{model['text_tokens'] or 0} text tokens")
    if document["state"] != "done":
        lines.append(f"Not complete: {len(document['done'])} of {sampler['steps']} steps, {document['state']}")
    return lines + (_compressed_lines(document) if compressed else [f"Sampling: {document['seconds']:.2f} s"])


def _compressed_lines(document: dict) -> list[str]:
    kept, dense = document["kept"], document["dense"]
    took = f"Sampling: {document['seconds']:.2f} s"
    if dense is not None:
        took += f"; with full attention {dense['seconds']:.2f} s ({dense['source']})"
    forecast, error = forecast_steps(document), document["plan"]["error"]
    lines = [
        speed_text(document),
        took,
        "" if kept["attention"] is None else f"Attention saved: {1 - kept['attention']:.1%}",
        "" if kept["module"] is None else f"Attention layers saved, with projections: {1 - kept['module']:.1%}",
        "" if kept["model"] is None else f"All of the model's work saved: {1 - kept['model']:.1%}",
        in_steps(kept["model"], len(document["steps"])) if document["state"] == "done" and kept["model"] else "",
        f"Steps forecast: {forecast} of {len(document['done'])}" if forecast else "",
        "" if error is None else f"Relative error of the latent: {error:.3f} predicted",
        f"Memory for kept outputs: {document['cache']['bytes'] / MIB:.1f} MiB",
        _full_heads_line(document.get("full_heads", {})),
    ]
    guard = document["guard"]
    return [line for line in lines if line] + ([] if guard is None else [_guard_line(guard, document["sites"])])


def _full_heads_line(calls: dict[str, int]) -> str:
    """Who computed the heads in full attention of layers that went through the fused kernel; empty without any."""
    host, kernel = calls.get("host", 0), calls.get("kernel", 0)
    if not host and not kernel:
        return ""
    return f"Full heads of fused layers: {host} calls by the host's attention, {kernel} in the kernel's launch"


def _guard_line(guard: dict, sites: list[str]) -> str:
    checks, count = guard["checks"], len(guard["promoted"])
    line = f"Guard: {checks} check{'s' * (checks != 1)} of a layer, {count} head{'s' * (count != 1)} made full"
    if count:
        step, site, head = guard["promoted"][0]
        line += f", the first after step {step + 1}: head {head} of {sites[site]}"
    return line
