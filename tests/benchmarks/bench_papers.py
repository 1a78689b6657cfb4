"""What the published settings of both papers keep by the pack's counters, and their searches as baselines.

    python dev.py bench papers [--baselines 32,64] [--steps N] [--thresholds N] [--without-v1] [--json FILE]

The rows are arithmetic, at the true dimensions of DiT-XL/2-512, PixArt-Sigma, Open-Sora 1.1, SD3 and FLUX: published
figures, ours, where the authors' own count is known what that gives (recounted), and why they differ. --baselines runs
both searches to the letter on the demo model, at so many tokens a side: minutes at 32, hours at 128. The model knows
the positions of 40 x 40 tokens, which are stretched beyond. Writes tests/benchmarks/results/papers-cpu.json; baselines
that are not asked for stay as they were.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.path.insert(0, str(HERE.parent))

from conftest import PACKAGE  # noqa: E402, F401 - makes the pack importable
from papers import counted  # noqa: E402

RESULTS = HERE / "results" / "papers-cpu.json"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--baselines", type=sides, default=(), help="tokens a side")
    parser.add_argument("--without-v1", action="store_true", help="whose search takes most of the time")
    parser.add_argument("--thresholds", type=int, default=None, help="of each paper at most so many")
    parser.add_argument("--steps", type=int, default=5, help="of the baselines' sampling")
    parser.add_argument("--json", type=Path, default=RESULTS, help="where results go")
    options = parser.parse_args()
    before = json.loads(options.json.read_text("utf-8")) if options.json.exists() else {}
    found = {"rows": counted.rows(), "baselines": before.get("baselines", [])}
    print("\n".join(line(row) for row in found["rows"]))
    for side in options.baselines:
        from papers import baselines

        methods = [one for one in baselines.ASKED if one != baselines.V1 or not options.without_v1]
        made = baselines.rows(side, options.steps, methods, options.thresholds)
        kept = [row for row in found["baselines"] if row["tokens"] != side * side]
        found["baselines"] = sorted(kept + made, key=lambda row: row["tokens"])
        print("\n".join(str(row) for row in made), flush=True)
        write(options.json, found)
    write(options.json, found)


def sides(text: str) -> tuple[int, ...]:
    """Reads "32,40"."""
    return tuple(int(side) for side in text.split(","))


def line(row: dict) -> str:
    ours, recounted = row["ours"], row.get("recounted")
    told = "needs the weights" if ours is None else f"{ours:g}"
    told += "" if recounted is None else f" (by the authors' count {recounted:g})"
    return f"{row['system']}, {row['setting']}, {row['figure']}: published {row['published']}, ours {told}"


def write(file: Path, found: dict) -> None:
    file.write_text(json.dumps(found, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
