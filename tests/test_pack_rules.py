"""What the published pack adds to the host, and the checks that its code passes."""

import inspect
import re
import subprocess
import sys

import pytest
from product_code import ROOT


def test_requirements_add_nothing_to_the_host():
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    assert all(not line.strip() or line.startswith("#") for line in lines)


def test_version_is_one():
    declared = re.search(r'^version = "(.+)"', (ROOT / "pyproject.toml").read_text(), re.M).group(1)
    used = re.search(r'^VERSION = "(.+)"', (ROOT / "version.py").read_text(), re.M).group(1)
    assert declared == used


@pytest.mark.parametrize(
    ("tool", "arguments"),
    [("ruff", ["check", str(ROOT)]), ("ruff", ["format", "--check", str(ROOT)]), ("mypy", [])],
    ids=["linter", "format", "types"],
)
def test_code_passes(tool, arguments):
    """What mypy looks at, and how strictly, stands in pyproject.toml."""
    pytest.importorskip(tool, reason=f"{tool} is a development tool")
    done = subprocess.run([sys.executable, "-m", tool, *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-6000:] + done.stderr[-2000:]


NODES_LINE = (
    "NODES ['DiTFastAttnCalibrate', 'DiTFastAttnApplyPlan', 'DiTFastAttnStats', 'DiTFastAttnCompare', "
    "'DiTFastAttnLoadModel', 'DiTFastAttnImageNetClass', 'DiTFastAttnOpenSora', 'DiTFastAttnLoadVAE', "
    "'DiTFastAttnFrames']"
)


@pytest.mark.host
def test_pack_registers_its_nodes_without_triton_and_without_a_gpu(tmp_path):
    """A fresh interpreter, the real host, triton hidden: the entry point gives the nodes."""
    from host import tiny

    tiny.require_host()
    script = f"""
import asyncio, importlib.util, sys
sys.modules["triton"] = None
sys.path.insert(0, {tiny.host_path()!r})
import comfy.options
from comfy.cli_args import args
args.cpu = True
root = {str(ROOT)!r}
spec = importlib.util.spec_from_file_location("pack", root + "/__init__.py", submodule_search_locations=[root])
module = importlib.util.module_from_spec(spec)
sys.modules["pack"] = module
spec.loader.exec_module(module)
nodes = asyncio.run(asyncio.run(module.comfy_entrypoint()).get_node_list())
print("NODES", [node.define_schema().node_id for node in nodes])
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, cwd=tmp_path)
    assert NODES_LINE in done.stdout, done.stderr[-2000:]


@pytest.mark.host
def test_every_call_from_the_host_tolerates_new_arguments():
    from host import tiny

    tiny.require_host()
    from ditfastattn.nodes import NODES

    for node in NODES:
        kinds = [parameter.kind for parameter in inspect.signature(node.execute).parameters.values()]
        assert inspect.Parameter.VAR_KEYWORD in kinds
        for entry in node.define_schema().inputs:
            assert entry.tooltip, f"{node.__name__}.{entry.id} has no tooltip"
