"""Nothing that we start outlives us. Real processes, real signals."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from host.processes import ProcessTree

pytestmark = pytest.mark.skipif(os.name == "nt", reason="POSIX signals")

TESTS = Path(__file__).resolve().parents[1]

# A server that starts a helper, and whose both parts ignore every polite signal: the worst that can hang.
STUBBORN = """
import os, signal, subprocess, sys, time
for name in ("SIGINT", "SIGTERM", "SIGHUP"):
    signal.signal(getattr(signal, name), signal.SIG_IGN)
if len(sys.argv) > 1:
    child = subprocess.Popen([sys.executable, __file__], start_new_session=sys.argv[2] == "own")
    open(sys.argv[1], "w").write(f"{os.getpid()} {child.pid}")
time.sleep(600)
"""

STARTER = """
import sys, time
sys.path.insert(0, sys.argv[1])
from host.processes import ProcessTree, signals_like_ctrl_c
signals_like_ctrl_c()
with ProcessTree([sys.executable, *sys.argv[2:]]) as tree:
    tree.stop = lambda grace=0.5, stop=tree.stop: stop(grace)
    time.sleep(600)
"""


@pytest.fixture
def stubborn(tmp_path):
    (tmp_path / "stubborn.py").write_text(STUBBORN)
    return tmp_path / "stubborn.py", tmp_path / "pids"


def pids_from(file):
    wait_for(lambda: file.exists() and len(file.read_text().split()) == 2)
    return [int(pid) for pid in file.read_text().split()]


def wait_for(condition, seconds=15):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def gone(pid):
    """Ended; a zombie that nobody has collected yet has ended too."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return Path("/proc").exists()


@pytest.mark.parametrize("session", ["shared", "own"])
def test_stopping_ends_a_hung_program_and_its_children(stubborn, session):
    program, file = stubborn
    with ProcessTree([sys.executable, program, file, session]) as tree:
        pids = pids_from(file)
        tree.stop(grace=0.5)
    wait_for(lambda: all(map(gone, pids)))


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_ctrl_c_and_its_like_leave_no_process_behind(stubborn, name):
    program, file = stubborn
    starter = subprocess.Popen(
        [sys.executable, "-c", STARTER, TESTS, program, file, "shared"], stderr=subprocess.DEVNULL
    )
    pids = pids_from(file)
    starter.send_signal(getattr(signal, name))
    starter.wait(15)
    wait_for(lambda: all(map(gone, pids)))


def test_even_a_starter_that_is_killed_outright_leaves_no_process_behind(stubborn):
    program, file = stubborn
    starter = subprocess.Popen([sys.executable, "-c", STARTER, TESTS, program, file, "shared"])
    pids = pids_from(file)
    starter.kill()
    starter.wait(15)
    wait_for(lambda: all(map(gone, pids)))


def test_a_program_that_ends_by_itself_hands_its_exit_code_on():
    with ProcessTree([sys.executable, "-c", "raise SystemExit(7)"]) as tree:
        assert tree.wait(15) == 7
