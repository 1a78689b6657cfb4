"""Running prompts in the host's own executor, in this process, and hearing what the nodes say."""

from __future__ import annotations

import asyncio
import contextlib
import io
import tempfile
from dataclasses import dataclass, field

import torch

from host import tiny

from . import nodes as stand_ins
from . import table

EVENT = "ditfastattn.apply"


class Listener:
    """The server as nodes know it: it takes messages. `heard`: (event, data) since it was last emptied."""

    def __init__(self):
        self.client_id = "templates"
        self.last_node_id = self.last_prompt_id = None
        self.sockets_metadata: dict = {}
        self.heard: list[tuple[str, object]] = []

    def send_sync(self, event, data, sid=None):
        """A message to the editor."""
        self.heard.append((event, data))

    def send_progress_text(self, text, node_id, sid=None):
        """A line under a node."""
        self.heard.append(("progress_text", (node_id, text)))

    def add_on_prompt_handler(self, handler):
        """Prompts come straight to the executor."""


@dataclass
class Ran:
    """What one run of a prompt left: latents by the name of what sampled, messages, and why it stopped."""

    latents: dict = field(default_factory=dict)
    heard: list = field(default_factory=list)
    outputs: dict = field(default_factory=dict)
    error: str | None = None

    def said(self, node: str) -> list[dict]:
        """What the node that was put in said about itself, in order."""
        return [data for event, data in self.heard if event == EVENT and data["node"] == node]


class Host:
    """The host, once a process: its nodes, ours and those that stand in."""

    def __init__(self):
        tiny.load_host()
        import comfy.model_management
        import execution
        import folder_paths
        import server

        import nodes

        self._execution, self._nodes = execution, nodes
        self._undo = contextlib.ExitStack()
        self.listener = Listener()
        self._undo.callback(_put_back, server.PromptServer, "instance", getattr(server.PromptServer, "instance", None))
        server.PromptServer.instance = self.listener
        scratch = self._undo.enter_context(tempfile.TemporaryDirectory(prefix="ditfastattn-templates-"))
        for kind in ("output", "temp", "input", "user"):
            choose = getattr(folder_paths, f"set_{kind}_directory")
            self._undo.callback(choose, getattr(folder_paths, f"get_{kind}_directory")())
            choose(scratch)
        # By it the host decides which branches go through a model together, and one by one they have other bits.
        self._undo.callback(setattr, comfy.model_management, "get_free_memory", comfy.model_management.get_free_memory)
        comfy.model_management.get_free_memory = _plenty
        self._undo.callback(_only, nodes.NODE_CLASS_MAPPINGS, dict(nodes.NODE_CLASS_MAPPINGS))
        asyncio.run(nodes.init_extra_nodes(init_custom_nodes=False, init_api_nodes=False))
        from ditfastattn.nodes import NODES

        for node in NODES:
            nodes.NODE_CLASS_MAPPINGS[node.GET_SCHEMA().node_id] = node
        self.kept: dict = {}
        self.info = _Info(nodes.NODE_CLASS_MAPPINGS)
        stand_ins.register(nodes.NODE_CLASS_MAPPINGS, self.info.input_names, self.kept)
        self.outputs = {
            kind: tuple(map(str, getattr(node, "RETURN_TYPES", ()))) for kind, node in nodes.NODE_CLASS_MAPPINGS.items()
        }

    def __enter__(self):
        return self

    def __exit__(self, *error):
        """Leave the process's host as it was."""
        self._undo.close()

    def session(self):
        """An executor of its own: what a freshly started host is."""
        nothing = {"lru": 0, "ram": 0, "ram_inactive": 0}
        return self._execution.PromptExecutor(
            self.listener, cache_type=self._execution.CacheType.CLASSIC, cache_args=nothing
        )

    def run(self, session, prompt: dict, workflow_id: str, apply_nodes=()) -> Ran:
        """Check a prompt as the server does and execute it. apply_nodes: nodes whose output is handed back."""
        self.kept.clear()
        torch.manual_seed(0)
        self.listener.heard = []
        valid, error, good, node_errors = asyncio.run(self._execution.validate_prompt("test", prompt, None))
        if not valid or node_errors:
            return Ran(error=_first_error(prompt, error, node_errors))
        # The host's progress bars, and the traceback of a node that fails: its message is handed back.
        with contextlib.redirect_stdout(None), contextlib.redirect_stderr(io.StringIO()):
            extra = {"client_id": self.listener.client_id, "extra_pnginfo": {"workflow": {"id": workflow_id}}}
            session.execute(prompt, "test", extra, good)
        ran = Ran(dict(self.kept), self.listener.heard)
        for event, data in session.status_messages:
            if event in ("execution_error", "execution_interrupted"):
                ran.error = f"{data['node_type']}: {data.get('exception_message', 'interrupted').strip()}"
        for node in apply_nodes:
            entry = asyncio.run(session.caches.outputs.get(node))
            if entry is not None:
                ran.outputs[node] = entry.outputs[0][0]
        return ran


class _Info(dict):
    """Node -> its description as the host's server gives it; what the host lacks but the table has takes links."""

    def __init__(self, mappings: dict):
        super().__init__()
        self._mappings = dict(mappings)

    def __contains__(self, kind) -> bool:
        return kind in self._mappings or kind in stand_ins.STAND_INS

    def __missing__(self, kind) -> dict:
        node = self._mappings.get(kind)
        if node is None:
            described = {"input": {}}
        elif hasattr(node, "GET_NODE_INFO_V1"):
            described = node.GET_NODE_INFO_V1()
        else:
            described = {"input": node.INPUT_TYPES(), "output_node": getattr(node, "OUTPUT_NODE", False)}
        self[kind] = described
        return described

    def input_names(self, kind: str) -> tuple[str, ...]:
        """What a node takes."""
        groups = self[kind]["input"]
        return tuple(name for group in ("required", "optional") for name in groups.get(group, {}))


def _plenty(dev=None, torch_free_too=False):
    """Free memory in bytes, as the host asks for it."""
    return (table.FREE_MEMORY, table.FREE_MEMORY) if torch_free_too else table.FREE_MEMORY


def _put_back(owner, name: str, value) -> None:
    if value is not None:
        setattr(owner, name, value)
    elif hasattr(owner, name):
        delattr(owner, name)


def _only(mappings: dict, kept: dict) -> None:
    mappings.clear()
    mappings.update(kept)


def _first_error(prompt: dict, error, node_errors: dict) -> str:
    for node, found in node_errors.items():
        first = found["errors"][0]
        return f"{prompt[node]['class_type']} ({node}): {first['message']}: {first['details']}"
    return f"{error['message']}: {error['details']}"
