"""`python dev.py demo`: set up, then the demo in the host's own Python, which has what reading its results takes."""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from pathlib import Path

from . import provision
from .errors import HostError, SetupError
from .processes import become, signals_like_ctrl_c
from .progress import say

# The embedded Python of portable builds reads no PYTHONPATH: the import path is set by the program.
INSIDE = "import sys; sys.path.insert(0, sys.argv[1]); from host import command_demo; sys.exit(command_demo.inside())"


def run(arguments: list[str]) -> int:
    """Read the arguments, set up, and go on inside."""
    parser = argparse.ArgumentParser(prog="dev.py demo", description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write the figures there")
    parser.add_argument("--output", type=Path, metavar="DIR", default=provision.ROOT / "output" / "demo")
    parser.add_argument(
        "--repeats", type=int, choices=(1, 2, 3), default=3, help="runs of each level, of which the median counts (3)"
    )
    options = parser.parse_args(arguments)
    host = provision.provide()
    job = {
        "host": {k: str(v) if isinstance(v, Path) else v for k, v in dataclasses.asdict(host).items()},
        "repeats": options.repeats,
        "output": str(options.output.absolute()),
        "json": options.json and str(options.json.absolute()),
    }
    tests = str(provision.ROOT / "tests")
    return become([str(host.python), "-B", "-c", INSIDE, tests, json.dumps(job)], dict(os.environ))


def inside() -> int | str:
    """The part that runs in the host's Python."""
    from . import demo

    signals_like_ctrl_c()
    job = json.loads(sys.argv[2])
    given = job["host"]
    host = provision.Host(Path(given["path"]), Path(given["python"]), given["version"], given["ours"])
    try:
        demo.run(host, Path(job["output"]), job["json"] and Path(job["json"]), job["repeats"])
    except (SetupError, HostError) as problem:
        return f"\ndev.py: {problem}"
    except KeyboardInterrupt:
        say("\ndev.py: stopped.")
        return 130  # what shells report after Ctrl-C
    return 0
