"""One template as the prompts that are run: what stands in put in, the node put in, another seed."""

from __future__ import annotations

import copy
from dataclasses import dataclass

from host.workflow import WorkflowError, to_prompt

from . import models, nodes, package, table
from .run import Host

APPLY = "DiTFastAttnApplyPlan"
SAMPLERS = ("KSampler", "KSamplerAdvanced", "SamplerCustom", "SamplerCustomAdvanced")
SEEDED = {
    "KSampler": "seed",
    "KSamplerAdvanced": "noise_seed",
    "SamplerCustom": "noise_seed",
    "RandomNoise": "noise_seed",
}
LOADERS = {"UNETLoader": "unet_name", "CheckpointLoaderSimple": "ckpt_name"}


@dataclass(frozen=True)
class Target:
    """A place for the node: `source` (node id, slot) gives the model that all of `users` (node id, input) sample."""

    source: tuple[str, int]
    users: tuple[tuple[str, str], ...]
    families: tuple[str, ...]

    @property
    def node(self) -> str:
        """The id of the node that is put in."""
        return f"apply:{self.source[0]}:{self.source[1]}"


@dataclass(frozen=True)
class Template:
    """`plain`: the prompt with its stand-ins and without the node. `samplers`: ids of the nodes that sample targets."""

    name: str
    plain: dict
    targets: tuple[Target, ...]
    samplers: tuple[str, ...]

    def facts(self) -> dict:
        """Columns of the table that the template itself determines."""
        chains = [_sampling(self.plain, one) for one in self.samplers]
        columns = zip(*chains, strict=True)
        sampler_node, guider, scheduler = ("+".join(sorted(set(filter(None, column)))) for column in columns)
        return {
            "template": self.name,
            "family": " + ".join(sorted(_families(self.targets))),
            "sampler_node": sampler_node,
            "guider": guider,
            "scheduler": scheduler,
            "subgraph": any(":" in one for one in self.samplers),
        }

    def with_node(self, level: str) -> dict:
        """The prompt with one Apply Compression Plan a model, right before what samples it."""
        prompt = copy.deepcopy(self.plain)
        for target in self.targets:
            inputs = {"model": list(target.source), "level": level, "plan": "", "max_cache_mb": 0, "strict": False}
            prompt[target.node] = {"class_type": APPLY, "inputs": inputs}
            for node, name in target.users:
                prompt[node]["inputs"][name] = [target.node, 0]
        return prompt


def another_seed(prompt: dict, more: int) -> dict:
    """The prompt with all its seeds moved on."""
    prompt = copy.deepcopy(prompt)
    for node in prompt.values():
        name = SEEDED.get(node["class_type"])
        owner = node["inputs"]
        # Behind a link the seed is a primitive's value.
        while name and isinstance(owner.get(name), list):
            owner, name = prompt[owner[name][0]]["inputs"], "value"
        if name and isinstance(owner.get(name), int):
            owner[name] += more
    return prompt


def read_all(host: Host, names=()) -> tuple[list[Template], dict[str, str]]:
    """The templates that sample a covered model, and by name why others that name one cannot be read."""
    found, unread = [], {}
    for name, workflow in package.workflows(names).items():
        try:
            template = read(name, workflow, host.info, host.outputs)
        except WorkflowError as error:
            unread[name] = str(error)
            continue
        if template is not None:
            found.append(template)
    return found, unread


def read(name: str, workflow: dict, info: dict, outputs: dict) -> Template | None:
    """A template with what stands in; None where no covered model is sampled.

    info: the host's nodes as its server describes them. outputs: node -> types of what it gives.
    """
    if not _names_covered_file(workflow):
        return None
    prompt = _live(to_prompt(workflow, info), info)
    targets = _targets(prompt, outputs)
    if not targets:
        return None
    users = {user for target in targets for user, _ in target.users}
    samplers = tuple(
        node for node, one in prompt.items() if one["class_type"] in SAMPLERS and {node, _guider(one)} & users
    )
    _hold_down(prompt)
    for number, node in enumerate(samplers):
        prompt[f"keep:{number}"] = {
            "class_type": nodes.KEEP,
            "inputs": {"latent": [node, 0], "name": f"{number:02d}"},
        }
    for one in prompt.values():
        if one["class_type"] in nodes.STAND_INS:
            one["class_type"] = nodes.stand_in_name(one["class_type"])
    return Template(name, prompt, targets, samplers)


def _families(targets: tuple[Target, ...]) -> set[str]:
    return {family for target in targets for family in target.families}


def _names_covered_file(workflow: dict) -> bool:
    graphs = [workflow, *workflow.get("definitions", {}).get("subgraphs", ())]
    found = (
        models.tiny_of(value)
        for graph in graphs
        for node in graph["nodes"]
        if node["type"] in LOADERS
        for value in node.get("widgets_values") or ()
        if isinstance(value, str)
    )
    return any(entry is not None and entry.covered for entry in found)


def _live(prompt: dict, info: dict) -> dict:
    """What the host would execute: everything that an output node needs."""
    queue = [node for node, one in prompt.items() if info[one["class_type"]].get("output_node")]
    live = set()
    while queue:
        node = queue.pop()
        if node not in live and node in prompt:
            live.add(node)
            queue += [value[0] for value in prompt[node]["inputs"].values() if _is_link(value)]
    return {node: one for node, one in prompt.items() if node in live}


def _is_link(value) -> bool:
    return isinstance(value, list) and len(value) == 2 and isinstance(value[0], str) and isinstance(value[1], int)


def _targets(prompt: dict, outputs: dict) -> tuple[Target, ...]:
    users: dict[tuple[str, int], list] = {}
    for node, one in prompt.items():
        if one["class_type"] not in SAMPLERS and "GUIDER" not in outputs.get(one["class_type"], ()):
            continue
        for name, value in one["inputs"].items():
            # The host runs a guider's second model under the wrappers of the first.
            if name.startswith("model") and name != "model_negative" and _is_link(value):
                users.setdefault(tuple(value), []).append((node, name))
    found = []
    for source, places in users.items():
        entries = [models.tiny_of(file) for file in _files(prompt, source[0], set())]
        if entries and all(entry is not None and entry.covered for entry in entries):
            found.append(Target(source, tuple(places), tuple(sorted({entry.family for entry in entries}))))
    return tuple(found)


def _files(prompt: dict, node: str, seen: set) -> set[str]:
    """Model files that a model may come from, along inputs that carry models (a switch has two)."""
    if node in seen or node not in prompt:
        return set()
    seen.add(node)
    one = prompt[node]
    if one["class_type"] in LOADERS:
        return {one["inputs"][LOADERS[one["class_type"]]]}
    through = ("model", "on_true", "on_false")
    links = [value for name, value in one["inputs"].items() if _is_link(value) and name in through]
    return set().union(*(_files(prompt, value[0], seen) for value in links)) if links else set()


def _guider(sampler: dict) -> str | None:
    link = sampler["inputs"].get("guider")
    return link[0] if _is_link(link) else None


def _sampling(prompt: dict, sampler: str) -> tuple[str, str, str]:
    """(sampler node, guider, scheduler) in words."""
    one = prompt[sampler]
    guider = _guider(one)
    sigmas = one["inputs"].get("sigmas")
    words = [one["inputs"].get("scheduler", "")]
    while _is_link(sigmas):
        maker = prompt[sigmas[0]]
        scheduler = maker["inputs"].get("scheduler")
        words.append(maker["class_type"] + (f":{scheduler}" if isinstance(scheduler, str) else ""))
        sigmas = maker["inputs"].get("sigmas")
    return one["class_type"], prompt[guider]["class_type"] if guider else "", "+".join(filter(None, words))


def _hold_down(prompt: dict) -> None:
    for node, one in list(prompt.items()):
        for name, (newer, older) in table.OLDER.get(one["class_type"], {}).items():
            if one["inputs"].get(name) == newer:
                one["inputs"][name] = older
        for name, most in table.AT_MOST.get(one["class_type"], {}).items():
            value = one["inputs"].get(name)
            if _is_link(value):
                held = f"{node}:most:{name}"
                prompt[held] = {"class_type": nodes.AT_MOST, "inputs": {"value": value, "most": most}}
                one["inputs"][name] = [held, 0]
            elif isinstance(value, (int, float)):
                one["inputs"][name] = min(value, most)
