"""`python dev.py test`: set up, then pytest with whatever arguments were given.

All tests together run in one process for each core; those that are named by their paths in one, which starts sooner.
`-n N` says how many instead, `-n0` or `-p no:xdist` that there is only one.
"""

from __future__ import annotations

import os

from . import provision
from .processes import become

MOST_WORKERS = 6  # each holds torch and the host in memory
# pytest-xdist refuses these, or they would show nothing.
IN_ONE_PROCESS = ("--pdb", "--trace", "-s", "--capture=no", "--collect-only", "--co")


def run(arguments: list[str]) -> int:
    """Replace this process by pytest in the .venv, with COMFYUI_PATH naming the host in use."""
    host = provision.provide(for_tests=True)
    python = str(provision.venv_python())
    tests = provision.ROOT / "tests"
    command = [python, "-m", "pytest", "-c", str(tests / "pytest.ini"), "--rootdir", str(tests)]
    # Paths among the arguments are the person's choice of tests; without one, it is all of them.
    chosen = any(not a.startswith("-") and (provision.ROOT / a.partition("::")[0]).exists() for a in arguments)
    command += workers(arguments, cores(), chosen)
    environment = {**os.environ, "COMFYUI_PATH": str(host.path)}
    os.chdir(provision.ROOT)
    return become([*command, *([] if chosen else [str(tests)]), *arguments], environment)


def workers(arguments: list[str], cores: int, chosen: bool) -> list[str]:
    """The arguments that deal tests out to processes; none where there is to be one. chosen: tests by their paths.

    How they are dealt out stands in tests/conftest.py; a number among the arguments comes later, and counts.
    """
    alone = "no:xdist" in arguments or "-pno:xdist" in arguments or any(a in IN_ONE_PROCESS for a in arguments)
    return [] if alone or chosen or cores < 2 else ["-n", str(min(cores, MOST_WORKERS))]


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
