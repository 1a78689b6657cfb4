"""Every family in every way of computing and under several ways of sampling, held against the oracle; on the CPU.

    python dev.py bench matrix [--only FAMILY ...] [--out FILE] [--add]

A case is one sampling run of a tiny model with one plan: off and all-full must have the host's bits, all others must be
what their letters mean to rounding, finite, the same twice and cheaper by what is counted, and leave nothing behind
(tests/matrix/). With --add, families that are not run keep their rows in the results. Exit status 1: a case is wrong.
"""

from __future__ import annotations

import argparse
import json
import logging
import sys
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import conftest  # noqa: E402, F401  (makes `ditfastattn` importable)

from host import tiny  # noqa: E402

tiny.load_host()

import comfyui_version  # noqa: E402
from matrix import cases, sampling  # noqa: E402
from matrix.judge import Bench, Verdict  # noqa: E402
from matrix.records import described  # noqa: E402

RESULTS = Path(__file__).parent / "results" / "matrix-cpu.json"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", default=(), metavar="FAMILY", help="some configurations, by name")
    parser.add_argument("--out", type=Path, default=RESULTS, metavar="FILE")
    parser.add_argument("--add", action="store_true", help="keep the rows of families that are not run")
    options = parser.parse_args()
    logging.disable(logging.CRITICAL)
    rows = {row["name"]: row for row in json.loads(options.out.read_text())["families"]} if options.add else {}
    for family in cases.families(options.only):
        rows[family] = run(family)
        show(rows[family])
        options.out.write_text(json.dumps(report(list(rows.values())), indent=1) + "\n", "utf-8")
    result = report(list(rows.values()))
    print({name: result[name] for name in ("cases", "wrong", "not_bit_identical", "leaked")})
    return int(bool(result["wrong"] or result["not_bit_identical"] or result["leaked"]))


def run(family: str) -> dict:
    """The row of a family."""
    start, verdicts = time.perf_counter(), []
    for setting in cases.settings_of(family):
        bench, plans = Bench(family, setting), cases.plans_of(family, setting)
        verdicts += [bench.judge(plan) for plan in plans]
    verdicts.append(Verdict(f"{family}: memory", leaked=bench.leaked(plans[-1])))
    for case in sampling.CASES:
        if case.family == family:
            verdicts.append(case.run())
    tiny.shared_model.cache_clear()
    faults = [(one.name, fault) for one in verdicts for fault in (one.wrong, one.other_bits, one.leaked) if fault]
    return {
        "name": family,
        **described(family),
        "cases": len(verdicts),
        "wrong": sum(bool(one.wrong) for one in verdicts),
        "not_bit_identical": sum(bool(one.other_bits) for one in verdicts),
        "leaked": sum(bool(one.leaked) for one in verdicts),
        "largest_error": float(f"{max(one.error for one in verdicts):.1e}"),
        "faults": faults,
        "seconds": round(time.perf_counter() - start, 1),
    }


def show(row: dict) -> None:
    """One line, and one a fault."""
    counts = ", ".join(f"{name.replace('_', ' ')} {row[name]}" for name in ("wrong", "not_bit_identical", "leaked"))
    print(f"{row['name']:20} {row['cases']:4} cases, {counts}, error up to {row['largest_error']:.0e}", end="")
    print(f", {row['seconds']} s", flush=True)
    for fault in row["faults"][:6]:
        print("   ", *fault, flush=True)


def report(rows: list[dict]) -> dict:
    """The results file."""
    total = {name: sum(row[name] for row in rows) for name in ("cases", "wrong", "not_bit_identical", "leaked")}
    return {
        "command": "python dev.py bench matrix",
        "host_version": comfyui_version.__version__,
        "families": rows,
        **total,
    }


if __name__ == "__main__":
    sys.exit(main())
