"""The honest benchmark: what plans are worth beside everything else that the same work buys, on the demo model.

    python dev.py bench quality [--settings home,8steps] [--methods ours,easycache] [--prompts N] [--seeds N]
                                [--shard I/N] [--work FOLDER] [--report] [--json FILE]

Methods: ours, fewer steps, easycache, lazycache, forecast schedule (of whole evaluations), DiTFastAttn, DiTFastAttnV2
(with their own windows and limits).
Those that need a calibration see one prompt and seed; all are judged on others, against the dense latent and picture of
the same prompt, seed and setting. Work is counted as it is done: batch items that really went through the model, or
what Attention Stats says of a plan. The settings attention48 and attention72 have the prices of larger runs, in which
attention is so many per cent of the work: plans are solved and work is counted at these, and errors are those of the
demo model.

Rows are written as they come, to output/quality, and a stopped run goes on where it was, unless the product's code has
changed since its plans were made. Several shards (each a part of the prompts) can work side by side; shard 0 makes the
plans. When nothing is selected,
tests/benchmarks/results/quality-cpu.json and two plots beside it are written, otherwise output/quality/quality.json.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))

import demo_model as demo  # noqa: E402
import torch  # noqa: E402
from quality.methods import METHODS  # noqa: E402
from quality.report import report  # noqa: E402
from quality.run import SEEDS, Run  # noqa: E402
from quality.sampling import Clock  # noqa: E402
from quality.settings import SETTINGS, Setting  # noqa: E402

RESULTS = HERE / "results"
WORK = HERE.parents[1] / "output" / "quality"


def main() -> None:
    options = arguments()
    run = Run(options, Clock(options.threads))
    if not options.report:
        demo.model()
        torch.set_num_threads(options.threads)
        run.sample()
    report(run, RESULTS)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--settings", type=chosen_from(SETTINGS), default=list(SETTINGS), help=", ".join(SETTINGS))
    parser.add_argument("--methods", type=chosen_from(METHODS), default=list(METHODS), help=", ".join(METHODS))
    parser.add_argument("--prompts", type=int, default=None, help="at most so many a setting")
    parser.add_argument("--seeds", type=int, default=None, help="at most so many a prompt")
    parser.add_argument("--threads", type=int, default=1, help="with 1, other work on the machine hardly matters")
    parser.add_argument("--shard", default="0/1", help="I/N: every N-th prompt from the I-th on")
    parser.add_argument("--report", action="store_true", help="sample nothing: results of the rows that are there")
    parser.add_argument("--work", type=Path, default=WORK, help="the folder of rows and plans")
    parser.add_argument("--json", type=Path, default=None, help="where results go")
    parser.add_argument("--device-name", default="", help="what the results say of the machine")
    options = parser.parse_args()
    options.settings = [limited(SETTINGS[name], options) for name in options.settings]
    return options


def chosen_from(names):
    """Reads "a,b" as names, in the order of `names`."""

    def read(text: str) -> list[str]:
        asked = [name.strip() for name in text.split(",")]
        unknown = [name for name in asked if name not in names]
        if unknown:
            raise argparse.ArgumentTypeError(f"there is no {unknown[0]!r}; there are {', '.join(names)}.")
        return [name for name in names if name in asked]

    return read


def limited(setting: Setting, options) -> Setting:
    return replace(
        setting,
        prompts=min(setting.prompts, options.prompts or setting.prompts),
        seeds=min(setting.seeds, options.seeds or setting.seeds, len(SEEDS)),
    )


if __name__ == "__main__":
    main()
