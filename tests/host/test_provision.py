"""Setting up: what is missing is said in one sentence, and a half-done set-up is mended."""

import os
import shutil
import socket
import sys
from types import SimpleNamespace

import pytest

from host import provision, server
from host.errors import SetupError
from host.stamps import Stamp


def test_a_python_too_new_for_torch_is_named(monkeypatch):
    monkeypatch.setattr(sys, "version_info", (3, 99, 0))
    with pytest.raises(SetupError, match=r"Python 3\.99 is too new"):
        provision.check_python()


def test_too_little_disk_is_said_before_the_downloads(monkeypatch, tmp_path):
    monkeypatch.setattr(provision, "VENV", tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=2**30))
    with pytest.raises(SetupError, match=r"Not enough disk space: .* 8 GiB .* 1\.0 GiB"):
        provision.check_disk()


def test_a_set_up_that_is_done_needs_no_more_disk(monkeypatch, tmp_path):
    monkeypatch.setattr(provision, "VENV", tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda path: SimpleNamespace(free=0))
    Stamp(tmp_path / "ditfastattn-packages.json").write("done", "k")
    provision.check_disk()


def test_a_folder_that_is_no_comfyui_is_named(tmp_path):
    with pytest.raises(SetupError, match="is not a ComfyUI: main.py"):
        provision.existing_host(str(tmp_path))


def test_a_comfyui_with_an_interpreter_of_its_own_keeps_it(tmp_path):
    assert provision.own_interpreter(tmp_path / "ComfyUI") is None
    python = provision.python_of(tmp_path / "ComfyUI" / "venv")
    python.parent.mkdir(parents=True)
    python.touch()
    assert provision.own_interpreter(tmp_path / "ComfyUI") == python


@pytest.fixture
def environment(monkeypatch, tmp_path):
    """A .venv elsewhere, whose making only leaves a file."""
    venv = tmp_path / ".venv"
    monkeypatch.setattr(provision, "VENV", venv)
    monkeypatch.setattr(provision, "create_venv", lambda: (venv / "fresh").touch())
    monkeypatch.setattr(provision, "works", lambda python, code="": (venv / "fresh").exists())
    return venv


def test_an_environment_that_works_is_kept(environment):
    provision.make_environment_python()
    (environment / "package").touch()
    provision.make_environment_python()
    assert (environment / "package").exists()


def test_an_environment_left_half_filled_is_made_anew(environment):
    provision.make_environment_python()
    Stamp(environment / "ditfastattn-packages.json").write("begun", "k")
    (environment / "half a package").touch()
    provision.make_environment_python()
    assert not (environment / "half a package").exists() and (environment / "fresh").exists()


def test_an_environment_left_half_made_is_made_anew(environment):
    Stamp(environment / "ditfastattn-made.json").write("begun", "k")
    (environment / "half").touch()
    provision.make_environment_python()
    assert not (environment / "half").exists()


def test_a_persons_own_environment_is_used_but_never_deleted(environment):
    environment.mkdir()
    (environment / "theirs").touch()
    with pytest.raises(SetupError, match="was not made by dev.py"):
        provision.make_environment_python()
    (environment / "fresh").touch()
    provision.make_environment_python()
    assert (environment / "theirs").exists()


def test_a_taken_port_is_said_with_what_to_do():
    host = provision.Host(provision.ROOT, provision.ROOT, "0", ours=True)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(SetupError, match=f"Port {port} is taken: choose another with --port"):
            server.Server(host, provision.ROOT, port=port)
        assert server.free_port(port) != port


@pytest.mark.skipif(os.name == "nt", reason="file locks of POSIX")
def test_a_second_set_up_waits_for_the_first(tmp_path):
    import subprocess

    from host.stamps import only_one

    code = (
        "import sys, pathlib; sys.path.insert(0, sys.argv[1]); from host.stamps import only_one\n"
        "with only_one(pathlib.Path(sys.argv[2]), lambda: print('waiting', flush=True)): print('mine', flush=True)"
    )
    tests = str(provision.ROOT / "tests")
    with only_one(tmp_path / "lock", lambda: None):
        second = subprocess.Popen([sys.executable, "-c", code, tests, tmp_path / "lock"], stdout=subprocess.PIPE)
        assert second.stdout.readline().strip() == b"waiting"
    assert second.communicate(timeout=15)[0].strip() == b"mine"
