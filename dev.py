"""The developer's commands: try the pack in a real ComfyUI, keep one running, run the tests.

    python dev.py demo  [--json FILE] [--output DIR]    calibrate, sample, and show what was saved
    python dev.py serve [--port N]                      leave a ComfyUI running with the workflow ready
    python dev.py test  [pytest arguments]              run the test suite
    python dev.py bench kernel [--no-setup] [--check]   time the GPU kernel beside dense attention
    python dev.py bench decisions [--against FILE]      what calibration decides, compared with another commit
    python dev.py bench compiled [--all]                what GPU kernels compile to, for GPUs that are not here
    python dev.py triton VERSION                        the GPU kernels under another version of Triton

The first start sets everything up (.venv and .host beside this file); later starts skip what is done.
COMFYUI_PATH makes the commands use a ComfyUI that is already there; nothing is ever written into it.
"""

import os
import sys

OLDEST_PYTHON = (3, 10)
STOPPED = 130  # what shells report after Ctrl-C
ROOT = os.path.dirname(os.path.abspath(__file__))

# Each command is a module of tests/host with `run(arguments)`, imported only when it is called for.
COMMANDS = {
    "demo": ("host.command_demo", "calibrate, sample every level, and end with a table of savings and fidelity"),
    "serve": ("host.command_serve", "leave a ComfyUI running with the example workflow ready in the browser"),
    "bench": (
        "host.command_bench",
        "run a benchmark (without a name: which there are); --no-setup takes this Python as it is",
    ),
    "triton": ("host.command_triton", "check what another version of Triton compiles, and its interpreter"),
    "test": ("host.command_pytest", "run the test suite; arguments go on to pytest"),
}


def main(arguments):
    if sys.version_info < OLDEST_PYTHON:
        return "Python %d.%d is too old: dev.py needs Python %d.%d or newer." % (sys.version_info[:2] + OLDEST_PYTHON)
    if not arguments or arguments[0] not in COMMANDS:
        return usage(arguments)
    sys.path.insert(0, os.path.join(ROOT, "tests"))
    import importlib

    from host.errors import SetupError
    from host.processes import signals_like_ctrl_c

    signals_like_ctrl_c()
    command = importlib.import_module(COMMANDS[arguments[0]][0])
    try:
        return command.run(arguments[1:])
    except SetupError as problem:
        return "\ndev.py: %s" % problem
    except KeyboardInterrupt:
        sys.stderr.write("\ndev.py: stopped.\n")
        return STOPPED


def usage(arguments):
    print(__doc__.strip())
    print("\nCommands:")
    for name, (_, purpose) in COMMANDS.items():
        print("  %-6s %s" % (name, purpose))
    if arguments and arguments[0] not in ("-h", "--help", "help"):
        return "\ndev.py: there is no command %r." % arguments[0]
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
