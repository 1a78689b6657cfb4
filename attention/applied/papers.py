"""What a picture that is saved carries: the prompt and the workflow of the run, into which a fresh plan is written.

The host hands both to the nodes that save pictures as the very objects that it was sent, so that what a sampling run
writes into them is in its own picture already.
"""

from __future__ import annotations

import logging
import sys
from collections import deque
from dataclasses import dataclass

from .kept import AGAIN, WHEN_NEEDED

log = logging.getLogger(__name__)

NODE = "DiTFastAttnApplyPlan"
# Places of the node's widgets among the values that the editor saves.
PLAN_AT, CALIBRATE_AT = 1, 5
MOST_PROMPTS = 64  # each may hold a plan or two

_recent: deque[tuple[dict, dict]] = deque(maxlen=MOST_PROMPTS)


@dataclass(frozen=True)
class Papers:
    """The prompt and the workflow that were sent, None where there is none."""

    prompt: dict | None = None
    workflow: dict | None = None

    @staticmethod
    def of(prompt, extra_pnginfo) -> Papers:
        """From the host's hidden inputs."""
        workflow = extra_pnginfo.get("workflow") if isinstance(extra_pnginfo, dict) else None
        return Papers(prompt if isinstance(prompt, dict) else None, workflow if isinstance(workflow, dict) else None)

    @property
    def workflow_id(self) -> str:
        """The editor's id of the workflow; empty where it has none."""
        return str((self.workflow or {}).get("id") or "")

    def current(self) -> Papers:
        """Those of the prompt that is being executed now: a node may have been executed for an earlier one."""
        prompt = _executing()
        if not prompt or prompt is self.prompt:
            return self
        for sent, extra in reversed(_recent):
            if sent is prompt:
                return Papers.of(prompt, extra.get("extra_pnginfo"))
        return Papers(prompt)

    def write(self, node: str, text: str) -> bool:
        """Put a plan into a node, by its execution id ("12:3" inside a subgraph); whether anything changed."""
        changed = False
        if self.prompt is not None:
            entry = self.prompt.get(node)
            if isinstance(entry, dict) and entry.get("class_type") == NODE and isinstance(entry.get("inputs"), dict):
                changed = _write_named(entry["inputs"], text)
        saved = _saved_node(self.workflow, node)
        if saved is not None:
            values = saved.get("widgets_values")
            if isinstance(values, list) and len(values) > PLAN_AT:
                changed |= values[PLAN_AT] != text
                values[PLAN_AT] = text
                if len(values) > CALIBRATE_AT and values[CALIBRATE_AT] == AGAIN:
                    values[CALIBRATE_AT] = WHEN_NEEDED
            for named in (values, saved.get("widgets_values_named")):
                if isinstance(named, dict):
                    changed |= _write_named(named, text)
        return changed


def _write_named(values: dict, text: str) -> bool:
    before = dict(values)
    values["plan"] = text
    if values.get("calibrate") == AGAIN:
        # Whoever opens the picture has the plan that was asked for.
        values["calibrate"] = WHEN_NEEDED
    return values != before


def _saved_node(workflow: dict | None, node: str) -> dict | None:
    """A node's entry in a saved workflow, through the subgraphs that its execution id names."""
    if workflow is None:
        return None
    subgraphs = (workflow.get("definitions") or {}).get("subgraphs") or []
    graph: dict | None = workflow
    found = None
    for part in str(node).split(":"):
        nodes = (graph or {}).get("nodes") or []
        found = next((one for one in nodes if isinstance(one, dict) and str(one.get("id")) == part), None)
        if found is None:
            return None
        graph = next((one for one in subgraphs if one.get("id") == found.get("type")), None)
    return found if found.get("type") == NODE else None


def remember_prompt(data: dict) -> dict:
    """A handler for the host's prompts as they come in; changes nothing."""
    prompt, extra = data.get("prompt"), data.get("extra_data")
    if isinstance(prompt, dict) and isinstance(extra, dict):
        _recent.append((prompt, extra))
    return data


def listen() -> None:
    """Have the host tell of prompts, where it has a server."""
    server = getattr(sys.modules.get("server"), "PromptServer", None)
    if getattr(server, "instance", None) is not None:
        server.instance.add_on_prompt_handler(remember_prompt)


def _executing() -> dict | None:
    """The prompt that the host executes now."""
    try:
        return sys.modules["comfy_execution.progress"].get_progress_state().dynprompt.get_original_prompt()
    except Exception as error:
        log.debug("[DiTFastAttn] No prompt is being executed: %s", error)
        return None
