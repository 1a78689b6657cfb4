"""Runs a program for as long as our standard input stays open: `python lifeline.py program arguments…`

The starter holds the other end of the pipe. When it is gone, for whatever reason, the whole process group ends.
"""

import os
import signal
import subprocess
import sys
import threading

GRACE_SECONDS = 5


def main() -> int:
    # A polite signal reaches the whole group; this process stays until the program has ended, so that the group's
    # leader is the last one to go.
    for name in ("SIGTERM", "SIGINT", "SIGHUP"):
        signal.signal(getattr(signal, name), lambda *_: None)
    program = subprocess.Popen(sys.argv[1:], stdin=subprocess.DEVNULL)
    threading.Thread(target=end_with_starter, args=(program,), daemon=True).start()
    return program.wait()


def end_with_starter(program: subprocess.Popen) -> None:
    while os.read(0, 4096):
        pass
    os.killpg(0, signal.SIGTERM)
    try:
        program.wait(GRACE_SECONDS)
    except subprocess.TimeoutExpired:
        pass
    os.killpg(0, signal.SIGKILL)


if __name__ == "__main__":
    code = main()
    sys.exit(code if code >= 0 else 128 - code)
