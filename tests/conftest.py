"""The pack under the name `ditfastattn`, a real ComfyUI to share, and how tests are dealt out to worker processes."""

import dataclasses
import importlib.util
import os
import sys
from pathlib import Path

import pytest

from host import basedir, provision
from host import workflow as workflows
from host.server import Server

PACKAGE = "ditfastattn"
ROOT = Path(__file__).resolve().parent.parent
# Environment: the static folder of another front end than the host's.
FRONT_END = "DITFASTATTN_FRONT_END"
# Tests that take seconds each and share nothing.
DEALT_SINGLY = ("test_triton_compiled.py",)
DEMO = "sd3_demo"  # the name under which the shared server offers the demo's workflow

if "PYTEST_XDIST_WORKER" in os.environ:
    # Before torch is imported: the workers share the cores among them, and so do the servers that they start.
    os.environ.setdefault("OMP_NUM_THREADS", "1")


def _register_package() -> None:
    """Make the pack importable without running its root `__init__.py`, which needs the host."""
    if PACKAGE in sys.modules:
        return
    spec = importlib.util.spec_from_file_location(PACKAGE, ROOT / "__init__.py", submodule_search_locations=[str(ROOT)])
    # The module is made but not executed: sub-packages import through its search path, the host entry stays unread.
    sys.modules[PACKAGE] = importlib.util.module_from_spec(spec)


_register_package()


# -- tests in several processes ----------------------------------------------------------------------------------------


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config, log):
    """`-n N` deals tests out unit by unit, in the order of the collection."""
    if config.option.dist != "load":
        return None  # somebody asks for another way
    from xdist.scheduler import LoadScopeScheduling

    class UnitByUnit(LoadScopeScheduling):
        def _split_scope(self, nodeid):
            return unit_of(nodeid)

    config.option.loadscopereorder = False
    return UnitByUnit(config, log)


def unit_of(nodeid: str) -> str:
    """What one process runs together: all that shares the server and the browser, else a file, else a single test."""
    file = nodeid.partition("::")[0]
    if file.startswith("browser/"):
        return "browser"
    return nodeid if file.endswith(DEALT_SINGLY) else file


def pytest_collection_modifyitems(config, items):
    """Units that take long go first, so that the short ones at the end keep every process busy until all are done."""
    if hasattr(config, "workerinput"):
        items.sort(key=_place)


def _place(item) -> int:
    if unit_of(item.nodeid) == "browser":
        return 0
    return 1 if item.get_closest_marker("slow") else 2


def pytest_sessionfinish(session):
    """Free the shared models while the host's modules are still whole; its destructors use them."""
    tiny = sys.modules.get("host.tiny")
    if tiny is not None:
        tiny.shared_model.cache_clear()


# -- what tests share --------------------------------------------------------------------------------------------------


@pytest.fixture
def one_thread():
    """Small tensors on a busy machine: waiting for a second thread takes longer than the work."""
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def comfyui() -> provision.Host:
    """The host in use, run by this very Python, which has its requirements."""
    given = os.environ.get("COMFYUI_PATH")
    if not given:
        pytest.skip("no ComfyUI: set COMFYUI_PATH, or run python dev.py test")
    path = provision.existing_host(given)
    return provision.Host(path, Path(sys.executable), provision.host_version(path), ours=provision.WORK in path.parents)


@pytest.fixture(scope="session")
def demo_workflow() -> dict:
    """One node and its plan, with the demo model: what `dev.py serve` opens."""
    return workflows.saved(DEMO)


@pytest.fixture(scope="session")
def server(comfyui, demo_workflow, tmp_path_factory):
    """A running ComfyUI for all tests of a process: the pack, the test-only nodes, the demo model and its workflow.

    Where that ComfyUI has an interpreter of its own, it is run by that one.
    """
    base = basedir.fill(tmp_path_factory.mktemp("server"))
    basedir.link(ROOT / "tests" / "browser" / "tiny_nodes", base / "custom_nodes" / "ditfastattn_tiny_nodes")
    basedir.add_template(base, DEMO, demo_workflow)
    host = dataclasses.replace(comfyui, python=provision.own_interpreter(comfyui.path) or comfyui.python)
    front_end = os.environ.get(FRONT_END)
    options = ("--front-end-root", front_end) if front_end else ()
    with Server(host, base, log=base / "server.log", options=options) as running:
        yield running
