"""The archive that the registry offers, unpacked into a fresh ComfyUI under another name, as the Manager does it."""

import json
import urllib.request
import zipfile

import pytest

from host import archive, basedir
from host.client import Client
from host.provision import ROOT
from host.server import Server
from host.workflow import nodes_of, saved, set_values, to_prompt

pytestmark = [pytest.mark.host, pytest.mark.slow]
FOLDER = "ComfyUI-DiTFastAttn"
SMALL = {"width": 256, "height": 256}


@pytest.fixture(scope="module")
def installed(comfyui, tmp_path_factory):
    """A server whose only copy of the pack is the unpacked archive."""
    base = basedir.fill(tmp_path_factory.mktemp("installed"), pack=False)
    packed = base / "node.zip"
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as file:
        for name in archive.shipped_files(ROOT):
            file.write(ROOT / name, name)
    with zipfile.ZipFile(packed) as file:
        file.extractall(base / "custom_nodes" / FOLDER)
    with Server(comfyui, base, log=base / "server.log") as server:
        yield server


def get(server, path: str):
    with urllib.request.urlopen(server.url + path, timeout=30) as answer:
        return json.load(answer)


def test_it_registers_its_nodes_brings_its_files_and_compresses_from_the_second_run_on(installed):
    info = get(installed, "/object_info")
    ours = {name for name, node in info.items() if node.get("python_module") == f"custom_nodes.{FOLDER}"}
    assert {"DiTFastAttnApplyPlan", "DiTFastAttnCalibrate", "DiTFastAttnStats"} <= ours
    examples = {path.stem for path in (ROOT / "example_workflows").glob("*.json")}
    assert set(get(installed, "/workflow_templates")[FOLDER]) == examples
    assert f"/extensions/{FOLDER}/ditfastattn.js" in get(installed, "/extensions")
    blueprints = [one["info"]["node_pack"] for one in get(installed, "/global_subgraphs").values()]
    assert f"custom_nodes.{FOLDER}" in blueprints
    assert set(get(installed, "/i18n")) >= {path.name for path in (ROOT / "locales").iterdir()}
    workflow = saved("sd3_demo")
    set_values(workflow, "DiTFastAttnApplyPlan", {"plan": ""})
    set_values(workflow, "EmptySD3LatentImage", SMALL)
    (apply,) = nodes_of(workflow, "DiTFastAttnApplyPlan")
    said = []
    with Client(installed.url, installed.still_running) as client:
        for seed in (1, 2):
            set_values(workflow, "KSampler", {"seed": seed, "steps": 6})
            ran = client.run(to_prompt(workflow, info), workflow)
            said.append([one["state"] for one in ran.outputs[str(apply["id"])]["ditfastattn_apply"][0]["reports"]])
    assert said[0] == ["watching", "made"] and said[1][-1] == "in use"
