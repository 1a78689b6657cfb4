"""The real editor and our conversion read the same workflow in the same way."""

import json

import pytest

from host import basedir
from host.server import Server, default_workflow
from host.workflow import demo_substitution, to_prompt

pytestmark = [pytest.mark.host, pytest.mark.browser, pytest.mark.slow]


@pytest.fixture(scope="module")
def page_and_server(comfyui, chromium, tmp_path_factory):
    from playwright.sync_api import sync_playwright

    base = basedir.fill(tmp_path_factory.mktemp("browser"))
    workflow = demo_substitution(json.loads(default_workflow().read_text("utf-8")))
    query = basedir.add_template(base, "sd3_demo", workflow)
    with Server(comfyui, base, log=base / "server.log") as server, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page()
        page.goto(f"{server.url}/{query}")
        page.wait_for_function("window.app?.rootGraph?.nodes?.some(n => n.type == 'DiTFastAttnStats')", timeout=90000)
        yield page, server, workflow
        browser.close()


def test_the_printed_address_opens_the_workflow_with_every_node_known(page_and_server):
    page, _, workflow = page_and_server
    shown = page.evaluate("app.rootGraph.nodes.map(n => [String(n.id), n.type, !!n.has_errors])")
    assert sorted(shown) == sorted([str(node["id"]), node["type"], False] for node in workflow["nodes"])


def test_the_editor_queues_what_the_demo_queues(page_and_server):
    page, server, workflow = page_and_server
    from host.client import Client

    queued = page.evaluate("app.graphToPrompt().then(result => result.output)")
    ours = to_prompt(workflow, Client(server.url).object_info())
    assert {i: node["inputs"] for i, node in queued.items()} == {i: node["inputs"] for i, node in ours.items()}
