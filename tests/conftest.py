"""Makes the pack importable as `ditfastattn` without running its root `__init__.py`, which needs the host."""

import importlib.util
import sys
from pathlib import Path

import pytest

PACKAGE = "ditfastattn"
ROOT = Path(__file__).resolve().parent.parent


def _register_package() -> None:
    if PACKAGE in sys.modules:
        return
    spec = importlib.util.spec_from_file_location(PACKAGE, ROOT / "__init__.py", submodule_search_locations=[str(ROOT)])
    # The module is made but not executed: sub-packages import through its search path, the host entry stays unread.
    sys.modules[PACKAGE] = importlib.util.module_from_spec(spec)


_register_package()


def pytest_sessionfinish(session):
    """Free the shared models while the host's modules are still whole; its destructors use them."""
    tiny = sys.modules.get("host.tiny")
    if tiny is not None:
        tiny.shared_model.cache_clear()


@pytest.fixture
def one_thread():
    """Small tensors on a busy machine: waiting for a second thread takes longer than the work."""
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
