"""A page with the host's front end in it, driven through the objects that the front end gives to extensions."""

from __future__ import annotations

import json
import re
import time

from ditfastattn.sentences import payload

PACK_PATH = "/extensions/ditfastattn/"
# The front end asks for a help page in the user's language first; that there is none is no error of ours.
LANGUAGE_PAGE = re.compile(r"/docs/\w+/[\w-]+\.md$")
# Counts the requests that the page waits for: what the pack does with a message of the server begins with some.
COUNT_REQUESTS = """(() => {
    const original = window.fetch
    window.requestsUnderWay = 0
    window.fetch = (...args) => {
        window.requestsUnderWay++
        return original(...args).finally(() => window.requestsUnderWay--)
    }
})()"""
IDLE = """() => {
    const tracker = window.app?.extensionManager?.workflow.activeWorkflow?.changeTracker
    return !window.requestsUnderWay && !tracker?.constructor.isLoadingGraph
}"""
# The page opens a workflow by itself, which would else replace the one that a test opens.
READY = """() => {
    const { vueAppReady, rootGraph, extensionManager } = window.app ?? {}
    const tracker = vueAppReady && rootGraph && extensionManager?.workflow.activeWorkflow?.changeTracker
    return Boolean(tracker && !tracker.constructor.isLoadingGraph)
}"""


class Editor:
    """One browser page. `errors`: what the console said about the pack's own files, and uncaught exceptions."""

    def __init__(self, page, url: str):
        self.page = page
        self.errors: list[str] = []
        page.on("console", self._on_console)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        # Else the browser notes the first 250 of what a page loads, and no more.
        page.add_init_script("performance.setResourceTimingBufferSize(2000)")
        page.add_init_script(COUNT_REQUESTS)
        page.goto(url)
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Until the page can be worked with and knows the pack's nodes."""
        self.page.wait_for_function(READY, timeout=60_000)
        self.page.wait_for_function(
            "Boolean(window.LiteGraph?.registered_node_types?.DiTFastAttnApplyPlan)", timeout=60_000
        )

    def _on_console(self, message) -> None:
        if LANGUAGE_PAGE.search(message.location.get("url", "")):
            return
        text = f"{message.text} ({message.location.get('url', '')})"
        if message.type in ("error", "warning") and (PACK_PATH in text or "[DiTFastAttn]" in text):
            self.errors.append(text)

    def run(self, script: str, argument=None):
        """Evaluate a function of (argument) with `app`, `graph` and `manager` in reach."""
        return self.page.evaluate(
            "(argument) => { const app = window.app, graph = app.rootGraph, manager = app.extensionManager;"
            f" return (async () => {{ {script} }})() }}",
            argument,
        )

    def open(self, workflow: dict) -> str:
        """Open a workflow in a new tab; returns the path that names the tab."""
        self.run("await app.loadGraphData(argument)", workflow)
        return self.run("return manager.workflow.activeWorkflow.path")

    def show(self, path: str) -> None:
        """Click on the tab of an open workflow."""
        position = self.run("return manager.workflow.openWorkflows.findIndex((w) => w.path === argument)", path)
        self.page.locator(".workflow-tabs .workflow-label").nth(position).click()
        self.page.wait_for_function(
            "(path) => window.app.extensionManager.workflow.activeWorkflow.path === path", arg=path
        )

    def save(self) -> dict:
        """What saving the workflow would write."""
        return self.run("return JSON.parse(JSON.stringify(graph.serialize()))")

    def prompt(self) -> dict:
        """The API export."""
        return self.run("return (await app.graphToPrompt()).output")

    def queue(self) -> None:
        """Press Run."""
        self.run("await app.queuePrompt(0, 1)")

    def wait_until_idle(self, seconds: float = 60) -> None:
        """Until the server has nothing left to do. (The page's own `wait_for_function` does not await a promise.)"""
        until = time.monotonic() + seconds
        while self.run(
            "const { queue_running, queue_pending } = await (await fetch('/queue')).json();"
            "return queue_running.length + queue_pending.length"
        ):
            assert time.monotonic() < until, "the server is still busy"
            time.sleep(0.05)

    def plan_text(self, node: int = 8) -> str:
        """The text in an Apply node."""
        return self.run("return graph.getNodeById(argument).widgets.find((w) => w.name === 'plan').value", node)

    def status(self, node: int = 8) -> str:
        """The lines at the foot of an Apply node, as text."""
        return self.run(
            "const { element } = graph.getNodeById(argument).widgets.at(-1);"
            "const shown = [...element.children].flatMap((e, i) => i < 2 ? [e] : [...e.children]);"
            "return shown.map((e) => e.textContent).filter(Boolean).join(' | ')",
            node,
        )

    def state(self, node: int = 8) -> str:
        """Which state the node is in, by the key of its headline."""
        return self.run("return graph.getNodeById(argument).widgets.at(-1).element.dataset.state", node)

    def wait_for_state(self, state: str, node: int = 8, seconds: float = 60) -> None:
        """Until the node says so."""
        shows = "window.app.rootGraph.getNodeById(node)?.widgets?.at(-1).element.dataset.state"
        try:
            self.page.wait_for_function(
                f"([node, state]) => {shows} === state", arg=[node, state], timeout=1000 * seconds
            )
        except Exception as error:
            raise AssertionError(f"waited for {state!r}, found {self.state(node)!r}: {self.status(node)}") from error

    def value(self, name: str, node: int = 8):
        """What a widget of a node is set to."""
        return self.run(
            "return graph.getNodeById(argument[0]).widgets.find((w) => w.name === argument[1]).value", [node, name]
        )

    def choose(self, name: str, value, node: int = 8) -> None:
        """Set a widget, as a user would."""
        self.run(
            "const widget = graph.getNodeById(argument[0]).widgets.find((w) => w.name === argument[1]);"
            "widget.value = argument[2]; widget.callback?.(argument[2])",
            [node, name, value],
        )

    def set_plan(self, text: str, node: int = 8) -> None:
        """Put a text into an Apply node without any of the pack's menus."""
        self.run(
            "graph.getNodeById(argument[0]).widgets.find((w) => w.name === 'plan').value = argument[1]", [node, text]
        )

    def menu(self, label: str, node: int = 8):
        """Choose an item of the node's menu, as either renderer would."""
        return self.run(
            "const node = graph.getNodeById(argument[0]);"
            "const item = app.collectNodeMenuItems(node).find((i) => i?.content === argument[1]);"
            "if (!item) throw new Error('no such item');"
            "if (item.disabled) return 'disabled';"
            "await item.callback(); return 'done'",
            [node, label],
        )

    def wait_for_toast(self, text: str) -> None:
        """Until a notification says so. The newest front end says each a second time, to screen readers alone."""
        self.page.get_by_text(text).first.wait_for(timeout=5_000)

    def undo_depth(self) -> int:
        """How many steps can be undone in the workflow on screen."""
        return self.run("return manager.workflow.activeWorkflow.changeTracker.undoQueue.length")

    def setting(self, name: str, value) -> None:
        """Change a setting of the front end."""
        self.run("await manager.setting.set(argument[0], argument[1])", [name, value])

    def settle(self, milliseconds: int = 300) -> None:
        """Let pending work of the page finish, however slow the machine: its requests, and what follows them."""
        self.page.wait_for_timeout(milliseconds)
        for _ in range(2):
            self.page.wait_for_function(IDLE, timeout=30_000)
            self.page.wait_for_timeout(60)

    def place(self, element, seconds: float = 30) -> dict[str, float]:
        """Where an element stands, in pixels of the page: {x, y, width, height}, once that no longer changes.

        What is drawn anew between two looks has no place for a moment; raises AssertionError if it never rests.
        """
        end, before = time.monotonic() + seconds, None
        while time.monotonic() < end:
            box = element.bounding_box(timeout=1000 * seconds)
            if box is not None and box == before:
                return box
            before = box
            self.page.wait_for_timeout(50)
        raise AssertionError(f"{element} does not come to rest: last at {before}")


class Queue:
    """Stands in for the server's queue: takes prompts, shows them as running, and reports what a node returned."""

    def __init__(self, editor: Editor):
        self.editor = editor
        self.entries: list[list] = []
        editor.page.route("**/api/prompt", self._accept)
        editor.page.route("**/api/queue", self._running)

    def _accept(self, route) -> None:
        if route.request.method != "POST":
            return route.fallback()
        body = json.loads(route.request.post_data)
        identity = f"prompt-{len(self.entries)}"
        self.entries.append([len(self.entries), identity, body["prompt"], body["extra_data"], []])
        return route.fulfill(json={"prompt_id": identity, "number": len(self.entries), "node_errors": {}})

    def _running(self, route) -> None:
        if route.request.method != "GET":
            return route.fallback()
        return route.fulfill(json={"queue_running": self.entries, "queue_pending": []})

    def report(self, state: str, node: str = "8", prompt: int = -1, **content) -> None:
        """The message that the server sends of an Apply node."""
        detail = {
            "node": node,
            "prompt": self.entries[prompt][1],
            "state": state,
            "sentence": f"The sentence of {state}.",
            "level": "D1",
            "plan_id": "",
            "plan": "",
            "figures": {"attention_flops_kept": None, "model_flops_kept": None, "predicted_error": None},
            "levels": [],
            "differences": [],
            "notes": [],
            **content,
        }
        detail["told"] = {
            "sentence": payload(detail["sentence"]),
            "differences": [payload(one) for one in detail["differences"]],
            "notes": [payload(one) for one in detail["notes"]],
        }
        self.dispatch("ditfastattn.apply", detail)
        self.editor.settle()

    def made(self, text: str, node: str = "8", prompt: int = -1, **content) -> None:
        """The message that a run has made a plan."""
        plan = json.loads(text) if text.startswith("{") and text.endswith("}") and len(text) < 10**5 else {}
        levels = [{key: one[key] for key in ("name", "attention", "model", "error")} for one in plan.get("levels", ())]
        self.report("made", node, prompt, plan=text, plan_id=plan.get("id", "?"), levels=levels, **content)

    def begin(self, prompt: int = -1) -> None:
        """The message that a prompt is being executed."""
        self.dispatch("execution_start", {"prompt_id": self.entries[prompt][1], "timestamp": 0})

    def end(self, how: str = "execution_success", prompt: int = -1) -> None:
        """The message that a prompt is over."""
        self.dispatch(how, {"prompt_id": self.entries[prompt][1], "timestamp": 0})

    def dispatch(self, kind: str, detail: dict) -> None:
        """Any message of the server."""
        self.editor.run("window.comfyAPI.api.api.dispatchCustomEvent(argument[0], argument[1])", [kind, detail])
