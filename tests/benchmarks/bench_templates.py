"""The official workflow templates of the covered families, with one Apply Compression Plan put in a model.

    python dev.py bench templates [--only NAME ...] [--level D2] [--out FILE] [--add]

Each is run in the host's own executor, on the CPU: without the node, with it, again with another seed, and the
picture's own prompt in a host that has not seen it. A tiny model of the family stands in for each model file; what else
stands in, and what is changed, is in templates/table.py and nothing else. Exit status 1: a template is not calibrated
as it samples, not compressed in the second run, or its first picture has other bits.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import platform
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import conftest  # noqa: E402, F401  (makes `ditfastattn` importable)
from templates import package, prompt, table  # noqa: E402
from templates.rows import row_of  # noqa: E402
from templates.run import Host  # noqa: E402

RESULTS = Path(__file__).parent / "results" / "templates-cpu.json"
FIGURES = {
    "calibrated": "calibrated as they sample",
    "compressed": "compressed in the second run",
    "first_run_bits_equal": "first run equal bit for bit to the one without the node",
    "shared": "compressed at once where the picture's prompt is opened",
}


def summary(rows: list[dict]) -> list[str]:
    """The figures as lines."""
    lines = [f"{sum(row[name] for row in rows)} of {len(rows)} {words}" for name, words in FIGURES.items()]
    return [*lines, f"{sum(row['nodes_added'] for row in rows) / max(1, len(rows)):.2f} nodes added a template"]


def main() -> int:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--only", nargs="*", default=(), help="file names of templates")
    options.add_argument("--level", default=table.LEVEL)
    options.add_argument("--out", type=Path)
    options.add_argument("--add", action="store_true", help="keep the rows of templates that are not run")
    options = options.parse_args()
    if package.folder() is None:
        print("The official templates are not here: run python dev.py bench templates, without --no-setup.")
        return 1
    start = time.perf_counter()
    out = options.out or (None if options.only and not options.add else RESULTS)
    before = json.loads(out.read_text("utf-8")) if options.add and out.is_file() else {"rows": [], "not_read": {}}
    rows = [row for row in before["rows"] if options.only and row["template"] not in options.only]
    with Host() as host:
        logging.disable(logging.CRITICAL)  # the host reports every node that fails in full
        templates, unread = prompt.read_all(host, options.only)
        for template in templates:
            rows.append(row_of(host, template, options.level))
            show(rows[-1])
            if out is not None:
                write(out, rows, {**before["not_read"], **unread}, options.level)
    logging.disable(logging.NOTSET)
    print(*summary(rows), sep="\n")
    for name, why in unread.items():
        print(f"Not read: {name}: {why}")
    print(f"{time.perf_counter() - start:.0f} s")
    return int(not all(row[name] for row in rows for name in FIGURES))


def write(out: Path, rows: list[dict], unread: dict, level: str) -> None:
    """The results so far."""
    rows = sorted(rows, key=lambda row: row["template"])
    out.write_text(json.dumps(report(rows, unread, level), indent=1) + "\n", "utf-8")


def show(row: dict) -> None:
    """One line of the table."""
    marks = " ".join("yes" if row[name] else "NO " for name in FIGURES)
    words = " ".join(filter(None, (row["sampler_node"], row["guider"], row["scheduler"])))
    print(f"{row['template'][:46]:46} {row['family'][:10]:10} {marks} {row['seconds']:5.1f} s  {words}", flush=True)
    if row["reason"]:
        print(f"    {row['reason']}", flush=True)


def report(rows: list[dict], unread: dict, level: str) -> dict:
    """The results file."""
    return {
        "command": "python dev.py bench templates",
        "templates": conftest.provision.TEMPLATES_PACKAGE,
        "machine": f"{platform.machine()}, {os.cpu_count()} logical processors",
        "level": level,
        "figures": {name: [sum(row[name] for row in rows), len(rows)] for name in FIGURES},
        "not_read": unread,
        "stands_in": table.declared(),
        "rows": rows,
    }


if __name__ == "__main__":
    sys.exit(main())
