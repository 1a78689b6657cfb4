"""How the panel looks and behaves for everyone: any theme, any width, no pointer, no eyes; and what it costs."""

import json
import re
import statistics
from pathlib import Path

import pytest

from . import run_samples
from .panel import APPLY, STATS, in_node
from .run_samples import begun, document

ROOT = Path(__file__).resolve().parents[2]
THEMES = ("dark", "light", "solarized", "arc", "nord", "github")
LONG = "A sentence without an end, in which " + "one" * 40 + " word is longer than the panel is wide."
NOTE = {"text": LONG, "key": None, "values": {}, "cure": "calibrate again"}
KINDS = ("plan", "watch", "refused", "full", "calibrate", "verify")
# axe looks at what is ours: the rest of the page is the front end's.
AXE = """async ([place]) => {
  const found = await axe.run(place, { resultTypes: ['violations'] })
  return found.violations.flatMap((one) => one.nodes.map((node) => `${one.id}: ${node.html} ${node.failureSummary}`))
}"""


@pytest.fixture(scope="module")
def axe(editor, feed):
    bundled = pytest.importorskip("axe_playwright_python", reason="axe-playwright-python is not installed")
    script = (Path(bundled.__file__).parent / "axe.min.js").read_text("utf-8")

    def run(css: str) -> list[str]:
        if not editor.run("return typeof axe !== 'undefined'"):
            editor.page.add_script_tag(content=script)
        return editor.page.evaluate(AXE, [css])

    return run


@pytest.fixture
def themed(editor):
    """Change the palette, and put it back."""

    def change(theme: str) -> None:
        editor.setting("Comfy.ColorPalette", theme)
        editor.settle(150)

    yield change
    editor.setting("Comfy.ColorPalette", "dark")


def test_axe_finds_nothing_in_any_state_light_or_dark(editor, feed, panel, axe, themed):
    for theme in ("dark", "light"):
        themed(theme)
        for kind in KINDS:
            feed.run(document(kind, notes=[NOTE], done=None if kind in ("plan", "refused", "full") else 4))
            if kind == "plan":
                panel.part("summary").click()
                feed.frame()
            assert axe(".dfa-sidebar") == []
            if kind == "plan":
                panel.part("summary").click()


def test_axe_finds_nothing_in_the_node_in_either_renderer(editor, queue, feed, axe):
    feed.build()
    editor.queue()
    feed.run(document(prompt=queue.entries[-1][1], node=str(APPLY)))
    try:
        for vue in (False, True):
            editor.setting("Comfy.VueNodes.Enabled", vue)
            editor.settle(1000)
            in_node(editor).wait(".dfa-facts", "20 steps")
            assert axe(f"#stats-{STATS}") == []
    finally:
        editor.setting("Comfy.VueNodes.Enabled", False)


@pytest.mark.parametrize("theme", THEMES)
def test_texts_and_bars_stand_out_in_every_palette(editor, feed, panel, themed, theme):
    """WCAG: 4.5 for text, 3 for what is drawn."""
    themed(theme)
    feed.run(document(notes=[NOTE]))
    ratios = editor.run("""
        const context = document.createElement('canvas').getContext('2d', { willReadFrequently: true })
        const rgb = (colour) => {
          context.clearRect(0, 0, 1, 1)
          context.fillStyle = colour
          context.fillRect(0, 0, 1, 1)
          return [...context.getImageData(0, 0, 1, 1).data]
        }
        const light = (colour) => {
          const part = (c) => (c / 255 <= 0.04045 ? c / 255 / 12.92 : ((c / 255 + 0.055) / 1.055) ** 2.4)
          const [r, g, b] = rgb(colour).map(part)
          return 0.2126 * r + 0.7152 * g + 0.0722 * b
        }
        const root = document.querySelector('.dfa-sidebar > .dfa')
        const paper = light(getComputedStyle(root).backgroundColor)
        const ratio = (colour) => (Math.max(light(colour), paper) + 0.05) / (Math.min(light(colour), paper) + 0.05)
        const of = (css, name) => ratio(getComputedStyle(root.querySelector(css))[name])
        return {
          head: of('.dfa-headline', 'color'), soft: of('.dfa-under', 'color'), small: of('.dfa-facts small', 'color'),
          tick: of('.dfa-tick', 'fill'), bar: of('.dfa-done rect', 'fill'),
          meter: of('.dfa-meter-fill', 'fill')
        }
    """)
    assert min(ratios[key] for key in ("head", "soft", "small", "tick")) >= 4.5, ratios
    assert min(ratios["bar"], ratios["meter"]) >= 3, ratios


@pytest.mark.parametrize("width", [280, 400, 700])
def test_nothing_is_cut_off_at_any_width(editor, feed, panel, screenshot, width):
    feed.run(document(steps=50, layers=57, heads=24, notes=[NOTE]))
    try:
        editor.run("document.querySelector('.dfa-sidebar').style.width = `${argument}px`", width)
        feed.frame()
        feed.frame()
        wide = panel.root.evaluate(
            "(root) => [...root.querySelectorAll('*')].filter((e) => !e.closest('.dfa-scroll, [hidden]')"
            " && !e.matches('.dfa-unseen, option')"
            " && e.getBoundingClientRect().right > root.getBoundingClientRect().right + 0.5)"
            ".map((e) => e.outerHTML.slice(0, 80))"
        )
        assert wide == [] and panel.root.evaluate("(e) => e.scrollWidth <= e.clientWidth")
        for svg in panel.part("svg:visible").all():
            assert editor.place(svg)["width"] <= width
    finally:
        editor.run("document.querySelector('.dfa-sidebar').style.width = ''")


def test_nothing_jumps_while_steps_come(editor, feed, panel):
    whole = document(steps=20, notes=[])
    feed.run(begun(whole))
    tops = (
        "(root) => [...root.querySelectorAll('section, footer')].map((e) => Math.round(e.getBoundingClientRect().top))"
    )
    feed.steps(whole, 1)
    places = panel.root.evaluate(tops)
    for count in (2, 9, 19):
        feed.steps(whole, count)
        assert panel.root.evaluate(tops) == places
    feed.run(whole)
    assert panel.root.evaluate(tops) == places


def test_every_control_is_reached_by_tab_and_shows_its_focus(editor, feed, panel):
    feed.run(document())
    controls = panel.part("button:visible, select:visible, summary:visible, [tabindex='0']:visible").count()
    panel.part("button:visible").first.focus()
    seen = set()
    for _ in range(controls + 2):
        shown = editor.run(
            "const e = document.activeElement; if (!e.closest('.dfa')) return null;"
            "const s = getComputedStyle(e); return [e.className + e.textContent, s.outlineStyle, s.outlineWidth]"
        )
        if shown:
            seen.add(shown[0])
            assert not seen or shown[1:] == ["solid", "2px"] or len(seen) == 1
        editor.page.keyboard.press("Tab")
    assert len(seen) >= controls - 1


def test_nothing_moves_by_itself(editor, feed, panel):
    """So that who has asked for less motion has it, and a step costs less."""
    feed.run(document(done=3))
    assert panel.root.evaluate("(e) => e.getAnimations({ subtree: true }).length") == 0


def test_ways_have_the_letters_colours_and_hatches_of_the_report():
    from ditfastattn.attention.hooks.record import FORECAST
    from ditfastattn.kernels import WAYS

    style = (ROOT / "web" / "panel" / "style" / "frame.js").read_text("utf-8").split(".dark-theme")[0]
    written = (ROOT / "web" / "panel" / "ways.js").read_text("utf-8")
    hatches = dict(re.findall(r"letter: '(\w)', name: '[\w.]+', hatch: '(\w*)'", written))
    assert hatches == {way.letter: way.hatch for way in WAYS} and f"FORECAST = '{FORECAST}'" in written
    for way in WAYS:
        (colour,) = re.findall(rf"--dfa-{way.letter}: #(\w+);", style)
        assert tuple(bytes.fromhex(colour)) == tuple(way.colour)


@pytest.fixture
def cost(editor):
    """(least, median) milliseconds of processor time that the message of a step takes, drawing and layout included.

    What waits for a frame is done at once. Time on the clock would be that of whatever else the machine does.
    """
    session = editor.page.context.new_cdp_session(editor.page)
    session.send("Performance.enable")

    def seconds() -> float:
        metrics = session.send("Performance.getMetrics")["metrics"]
        return next(one["value"] for one in metrics if one["name"] == "ThreadTime")

    def measure(messages: list[dict]) -> tuple[float, float]:
        script = """
            const { api } = window.comfyAPI.api, later = window.requestAnimationFrame
            const root = document.querySelector('.dfa-sidebar > .dfa')
            let waiting = []
            window.requestAnimationFrame = (work) => waiting.push(work)
            for (const message of argument) {
              api.dispatchCustomEvent('ditfastattn.step', message)
              for (const work of waiting.splice(0)) work(0)
              root.getBoundingClientRect()
            }
            window.requestAnimationFrame = later
        """
        taken = []
        for first in range(0, len(messages), 25):
            part = messages[first : first + 25]
            before = seconds()
            # What it takes to hand the messages to the page.
            editor.run("return argument.length", part)
            between = seconds()
            editor.run(script, part)
            taken.append(1000 * (seconds() - between - (between - before)) / 25)
        return min(taken), statistics.median(taken)

    yield measure
    session.detach()


def test_a_step_of_57_layers_and_50_steps_costs_few_milliseconds(editor, feed, panel, cost, record_property):
    """Four runs one after another. What others do to the caches of a busy machine is not ours: the least one counts.

    The goal is 2 ms; on an idle Xeon it was 1.1 to 1.3, on a busy and slower EPYC 2.05.
    """
    taken = []
    for _ in range(4):
        whole = document(steps=50, layers=57, heads=24)
        feed.run(begun(whole))
        taken.append(cost(list(run_samples.messages(whole))))
    least, median = min(one for one, _ in taken), statistics.median(other for _, other in taken)
    record_property("milliseconds_a_step", {"least": least, "median": median})
    assert 0 < least < 3 and median < 6


def test_nothing_grows_over_a_thousand_steps(editor, feed, panel, cost, record_property):
    whole = document(steps=1000, layers=24, heads=8)
    feed.run(begun(whole))
    messages = [
        {**message, "from": max(0, message["step"] - 80), "done": message["done"][-80:]}
        for message in run_samples.messages(whole)
    ]
    size = "return document.querySelectorAll('.dfa-sidebar *').length"
    cost(messages[:25])
    elements = editor.run(size)
    early, _ = cost(messages[25:100])
    cost(messages[100:900])
    late, _ = cost(messages[900:])
    record_property("milliseconds_a_step", [early, late])
    assert editor.run(size) == elements
    assert late < 4 and late < 1.5 * early + 0.5
    panel.wait(".dfa-state", "step 1000 of 1000")


def test_the_recorded_run_of_the_largest_model_is_drawn(editor, feed, panel, screenshot):
    recorded = json.loads((Path(__file__).parent / "run_documents" / "large.json").read_text("utf-8"))["messages"]
    last = recorded[-1][1]
    for kind, detail in recorded:
        feed.send(kind, {**detail, **({"started": 2e9} if kind.endswith("run") else {})})
    feed.frame()
    assert f"{len(last['steps'])} steps" in panel.text(".dfa-facts")
    assert panel.part(".dfa-legend li").count() >= 3
    screenshot("panel_large")
