"""The real editor, the host and our conversion read the same workflow in the same way."""

import pytest
from conftest import DEMO

from host import basedir
from host.client import Client
from host.workflow import WIDGETS, _take_widgets, to_prompt

pytestmark = pytest.mark.host


@pytest.fixture(scope="module")
def page(browser, server):
    page = browser.new_page()
    page.goto(f"{server.url}/{basedir.query_of(DEMO)}")
    page.wait_for_function("window.app?.rootGraph?.nodes?.some(n => n.type == 'DiTFastAttnApplyPlan')", timeout=90000)
    yield page
    page.close()


def test_the_printed_address_opens_the_workflow_with_every_node_known(page, demo_workflow):
    shown = page.evaluate("app.rootGraph.nodes.map(n => [String(n.id), n.type, !!n.has_errors])")
    assert sorted(shown) == sorted([str(node["id"]), node["type"], False] for node in demo_workflow["nodes"])


def test_the_editor_queues_what_the_demo_queues(page, server, demo_workflow):
    queued = page.evaluate("app.graphToPrompt().then(result => result.output)")
    ours = to_prompt(demo_workflow, Client(server.url).object_info())
    assert {i: node["inputs"] for i, node in queued.items()} == {i: node["inputs"] for i, node in ours.items()}


def test_the_host_orders_widgets_as_written_down_here(server):
    info = Client(server.url).object_info()
    for kind, names in WIDGETS.items():
        asked = [0] * len(names)  # more values than widgets are not taken
        shown = tuple(name or "control_after_generate" for name, _ in _take_widgets(info[kind]["input"], asked, ""))
        assert shown == names and not asked, kind
