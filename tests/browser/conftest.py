"""A real host with its real front end in a real browser; skipped, with the reason, where one of them is missing."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path

import pytest

from host.workflow import saved

SCREENSHOTS = "DITFASTATTN_SCREENSHOTS"  # environment: a folder to save pictures of the pages in


def pytest_collection_modifyitems(items):
    for item in items:
        if Path(__file__).parent in Path(item.fspath).parents:
            item.add_marker(pytest.mark.browser)
            # A page lives by the clock of a machine that does other work, too. What fails is tried a second time, and
            # the summary names it; a fault fails twice.
            item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(scope="package")
def browser():
    """Chromium: the system's, or the one that Playwright has downloaded.

    Closed after this package: as long as Playwright is open, no other test of this process can run an event loop.
    """
    playwright = pytest.importorskip("playwright.sync_api", reason="Playwright is not installed")
    with playwright.sync_playwright() as driver:
        path = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
        if path is None and not Path(driver.chromium.executable_path).exists():
            pytest.skip("no Chromium: install it (Debian: chromium), or run python -m playwright install chromium")
        running = driver.chromium.launch(executable_path=path, args=["--no-sandbox", "--disable-gpu"])
        yield running
        running.close()


@pytest.fixture(scope="module")
def editor(browser, server):
    """A page that the tests of a module share."""
    from .editor import Editor

    context = browser.new_context(viewport={"width": 1680, "height": 950})
    context.grant_permissions(["clipboard-read", "clipboard-write"], origin=server.url)
    yield Editor(context.new_page(), server.url)
    context.close()


@pytest.fixture(scope="module")
def queue(editor):
    """The stand-in for the server's queue on that page."""
    from .editor import Queue

    return Queue(editor)


@pytest.fixture(autouse=True)
def no_errors_of_ours(request):
    """Every test also claims that the browser's console has nothing to say about the pack."""
    yield
    if "editor" in request.fixturenames:
        errors = request.getfixturevalue("editor").errors
        found, errors[:] = list(errors), []
        assert not found


@pytest.fixture
def workflow():
    """All three nodes: Calibrate is number 7, Apply number 8."""
    return saved("three_nodes")


@pytest.fixture(scope="session")
def plans():
    """Two different plans as text."""
    import numpy as np
    from plans_samples import identity, measurement, positions, random_paths

    from ditfastattn.plans import Level, Plan, WaySpec, dumps

    def text(seed: int) -> str:
        rng = np.random.default_rng(seed)
        level = Level("D1", tuple(random_paths(rng, 5, 4, 1)), ("0000",) * 2, 0.1, 0.5, 0.8, 1024)
        return dumps(Plan(identity(), measurement(), positions(4), (WaySpec.window((0.5, 0.5)),), (level,)))

    return text(1), text(2)


@pytest.fixture
def screenshot(request, editor):
    """Save a picture of the page where the environment variable names a folder."""

    def take(name: str, **options) -> None:
        folder = os.environ.get(SCREENSHOTS)
        if folder:
            Path(folder).mkdir(parents=True, exist_ok=True)
            editor.page.screenshot(
                path=str(Path(folder) / f"{re.sub('[^a-z0-9_]+', '_', name.lower())}.png"), **options
            )

    take.wanted = bool(os.environ.get(SCREENSHOTS))
    return take


@pytest.fixture(scope="module")
def feed(editor):
    """The stand-in for the server's messages on that page."""
    from .panel import Feed

    made = Feed(editor)
    made.forget()
    return made


@pytest.fixture
def panel(editor, feed):
    """The panel in the sidebar. What an earlier test sent is older than what this one sends."""
    from .panel import open_sidebar

    return open_sidebar(editor)
