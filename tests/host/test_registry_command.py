"""`comfy node validate`, which a version has to pass before it is published, in an environment of its own."""

import os
import subprocess
import sys

import pytest
from product_code import ROOT

pytestmark = pytest.mark.slow
COMMAND = "comfy-cli==1.23.0"


def test_the_registrys_own_command_finds_nothing(tmp_path):
    scripts = tmp_path / "cli" / ("Scripts" if os.name == "nt" else "bin")
    for command in (
        [sys.executable, "-m", "venv", str(scripts.parent)],
        [str(scripts / "python"), "-m", "pip", "install", "--quiet", COMMAND],
    ):
        made = subprocess.run(command, capture_output=True, text=True, timeout=300)
        if made.returncode:
            pytest.skip(f"{COMMAND} could not be installed here: {made.stderr.strip()[-200:]}")
    # It keeps its settings in the home folder, and takes ruff from the path.
    path = os.pathsep.join((str(scripts), os.environ["PATH"]))
    found = subprocess.run(
        [str(scripts / "comfy"), "--skip-prompt", "--no-enable-telemetry", "node", "validate"],
        cwd=ROOT, env={**os.environ, "HOME": str(tmp_path), "PATH": path}, capture_output=True, text=True, timeout=300,
    )  # fmt: skip
    said = found.stdout + found.stderr
    assert found.returncode == 0 and "All validation checks passed" in said, said
