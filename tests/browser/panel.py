"""The panel as tests see it: in the sidebar or in a node, fed with documents in the server's place."""

from __future__ import annotations

from . import run_samples
from .editor import IDLE

ROUTE = "**/api/ditfastattn/runs"
TAB = ".side-bar-button[aria-label='DiTFastAttn']"
BUILD = """
    await manager.command.execute('Comfy.NewBlankWorkflow')
    const add = (id, type, x, y) => {
      const node = LiteGraph.createNode(type)
      node.id = id
      node.pos = [x, y]
      graph.add(node)
      return node
    }
    const model = add(1, 'DiTFastAttnTestTinyModel', 60, 90)
    const chain = (first, y) => {
      const apply = add(first, 'DiTFastAttnApplyPlan', 340, y)
      const sampler = add(first + 1, 'KSampler', 760, y)
      const stats = add(first + 2, 'DiTFastAttnStats', 1080, y)
      const output = add(first + 3, 'DiTFastAttnTestPicture', 760, y + 340)
      const picture = add(first + 4, 'PreviewImage', 760, y + 420)
      model.connect(0, apply, 0)
      apply.connect(0, sampler, 0)
      for (const slot of [1, 2, 3]) model.connect(slot, sampler, slot)
      apply.connect(0, stats, 0)
      sampler.connect(0, stats, 1)
      sampler.connect(0, output, 0)
      output.connect(0, picture, 0)
      sampler.widgets.find((w) => w.name === 'control_after_generate').value = 'fixed'
    }
    for (let number = 0; number < argument; number++) chain(10 * (number + 1), 90 + 900 * number)
    app.canvas.ds.scale = 1
    app.canvas.ds.offset = [0, 0]
    app.canvas.setDirty(true, true)
    manager.workflow.activeWorkflow.changeTracker.captureCanvasState()
"""
APPLY, SAMPLER, STATS = 10, 11, 12


class Panel:
    """One place in which the panel stands. `root`: its element."""

    def __init__(self, editor, root: str):
        self.editor = editor
        self.page = editor.page
        self.root = self.page.locator(root)

    def part(self, css: str):
        """Elements inside the panel."""
        return self.root.locator(css)

    def text(self, css: str) -> str:
        """What an element says, with plain spaces."""
        return self.part(css).first.inner_text().replace("\u00a0", " ")

    def button(self, name: str):
        """A visible button by its text."""
        return self.root.get_by_role("button", name=name, exact=True)

    def section(self, title: str):
        """A section by its heading."""
        heading = self.page.locator("h3", has_text=title)
        return self.root.locator("section").filter(has=heading)

    def wait(self, css: str, text: str) -> None:
        """Until an element says something."""
        self.part(css).filter(has_text=text).first.wait_for(timeout=15_000)


class Feed:
    """Stands in for the server: sends documents and steps, and answers what is asked for."""

    def __init__(self, editor):
        self.editor = editor
        self.runs: list[dict] = []
        self.asked = 0
        self.fails = False
        editor.page.route(ROUTE, self._answer)

    def _answer(self, route) -> None:
        self.asked += 1
        if self.fails:
            route.fulfill(status=500, body="")
        else:
            route.fulfill(json={"v": 1, "runs": self.runs})

    def send(self, kind: str, detail: dict) -> None:
        """A message of the server."""
        self.editor.run("window.comfyAPI.api.api.dispatchCustomEvent(argument[0], argument[1])", [kind, detail])

    def run(self, document: dict) -> dict:
        """A whole document, which the server knows from then on."""
        self.runs = [one for one in self.runs if one["id"] != document["id"]][-7:] + [document]
        self.send("ditfastattn.run", document)
        self.frame()
        return document

    def steps(self, document: dict, count: int) -> None:
        """The messages of the first steps of a run that has begun."""
        for message in list(run_samples.messages(document))[:count]:
            self.send("ditfastattn.step", message)
        self.frame()

    def frame(self) -> None:
        """Until the page has drawn what came, and what it asked for about that."""
        self.editor.page.wait_for_function(IDLE, timeout=30_000)
        self.editor.run("await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))")

    def forget(self) -> None:
        """As after a restart of both: a page that knows of no run."""
        self.runs = []
        self.fails = False
        self.editor.page.reload()
        self.editor.wait_until_ready()

    def build(self, chains: int = 1) -> None:
        """A workflow with model, Apply, sampler and Attention Stats, as often as wanted."""
        self.editor.run(BUILD, chains)
        self.editor.settle(100)


def open_sidebar(editor) -> Panel:
    """The panel in the sidebar."""
    tab = editor.page.locator(TAB)
    tab.wait_for(timeout=30_000)
    panel = Panel(editor, ".dfa-sidebar > .dfa")
    if not editor.page.locator(".dfa-sidebar").count():
        tab.click()
        panel.root.wait_for()
        editor.settle()  # until it is as wide as it will be
    panel.root.wait_for()
    return panel


def in_node(editor, node: int = STATS) -> Panel:
    """The panel in an Attention Stats node, marked so that it can be found."""
    editor.run(
        "graph.getNodeById(argument).widgets.at(-1).element.id = `stats-${argument}`",
        node,
    )
    return Panel(editor, f"#stats-{node} > .dfa")
