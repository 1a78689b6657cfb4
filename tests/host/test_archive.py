"""What users get holds the pack and nothing of its development."""

import json
import subprocess

import pytest

from host import archive, basedir
from host.provision import ROOT


@pytest.fixture(scope="module")
def shipped():
    try:
        return archive.shipped_files(ROOT)
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("not a git checkout")


def test_no_development_file_is_shipped(shipped):
    unwanted = ("tests/", ".ci/", "dev.py", "benchmarks/", ".comfyignore", ".gitignore")
    assert [name for name in shipped if name.startswith(unwanted) or "/test_" in f"/{name}"] == []


def test_the_pack_itself_is_shipped(shipped):
    assert {"LICENSE", "pyproject.toml", "requirements.txt", "example_workflows/flux1_dev_text_to_image.json"} <= {
        *shipped
    }


@pytest.mark.parametrize(
    ("name", "left_out"),
    [("a/tests/x.py", True), ("tests", False), ("x.pyc", True), ("web/x.js", False), ("docs/y/z.png", True)],
)
def test_rules_are_read_as_git_reads_them(name, left_out):
    assert archive.is_left_out(name, ["tests/", "*.pyc", "docs/y"]) == left_out


def test_the_served_pack_is_the_shipped_one(tmp_path):
    base = basedir.fill(tmp_path)
    served = {entry.name for entry in (base / "custom_nodes" / basedir.PACK).iterdir()}
    assert "example_workflows" in served and not served & {"tests", "dev.py", ".git", ".host", ".venv", ".ci"}


def test_filling_twice_follows_what_changed_and_deletes_nothing_behind_the_links(tmp_path):
    base = basedir.fill(tmp_path)
    basedir.fill(tmp_path)
    assert (base / "custom_nodes" / basedir.PACK / "LICENSE").exists() and (ROOT / "LICENSE").exists()
    basedir.fill(tmp_path, pack=False)
    assert not (base / "custom_nodes" / basedir.PACK).exists() and (ROOT / "example_workflows").is_dir()


def test_a_persons_settings_survive_a_start(tmp_path):
    basedir.fill(tmp_path)
    settings = tmp_path / "user" / "default" / "comfy.settings.json"
    settings.write_text(json.dumps({"Comfy.ColorPalette": "light"}))
    basedir.fill(tmp_path)
    kept = json.loads(settings.read_text())
    assert kept["Comfy.ColorPalette"] == "light" and kept["Comfy.TutorialCompleted"] is True
