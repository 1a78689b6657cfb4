"""Starting programs so that none of them outlives us, on Linux, macOS and Windows.

POSIX: the program runs in a session of its own under `lifeline.py`, which ends the whole group when we are gone,
whatever ended us. Windows: a job object does the same.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

WINDOWS = os.name == "nt"
LIFELINE = Path(__file__).with_name("lifeline.py")


def signals_like_ctrl_c() -> None:
    """Make a polite kill, or a closed terminal, unwind like Ctrl-C does, so that cleaning up happens."""

    def interrupt(number, frame):
        raise KeyboardInterrupt

    # SIGINT too: a shell starts background jobs with it ignored, and Python then leaves it so.
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), interrupt)


def become(arguments: list[str], environment: dict[str, str]) -> int:
    """Go on as another program in this terminal. POSIX replaces this process, so there is nobody in between."""
    sys.stdout.flush()
    sys.stderr.flush()
    if not WINDOWS:
        os.execve(arguments[0], arguments, environment)
    program = subprocess.Popen(arguments, env=environment)
    job = _windows_job(program)
    try:
        return _wait_through_ctrl_c(program)
    finally:
        _close_windows_job(job, program)


def _wait_through_ctrl_c(program: subprocess.Popen) -> int:
    # The program shares our console and gets Ctrl-C itself: leave it the time to clean up.
    try:
        return program.wait()
    except KeyboardInterrupt:
        with contextlib.suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
            program.wait(30)
        raise


class ProcessTree:
    """A program and everything it starts, stopped together."""

    def __init__(self, arguments, *, cwd=None, env=None, stdout=subprocess.DEVNULL, text=None):
        if WINDOWS:
            extra = {"creationflags": subprocess.CREATE_NEW_PROCESS_GROUP, "stdin": subprocess.DEVNULL}
        else:
            arguments = [sys.executable, "-I", str(LIFELINE), *map(str, arguments)]
            extra = {"start_new_session": True, "stdin": subprocess.PIPE}
        self.process = subprocess.Popen(
            [str(a) for a in arguments],
            cwd=cwd,
            env=env,
            stdout=stdout,
            stderr=subprocess.STDOUT,
            text=text,
            errors="replace" if text else None,
            **extra,
        )
        self._job = _windows_job(self.process) if WINDOWS else None

    def __enter__(self) -> ProcessTree:
        return self

    def __exit__(self, *_) -> None:
        self.stop()

    def poll(self) -> int | None:
        return self.process.poll()

    def wait(self, timeout: float | None = None) -> int:
        return self.process.wait(timeout)

    def stop(self, grace: float = 5.0) -> None:
        """End the program and all it started: politely first, by force after `grace` seconds."""
        with _deaf_to_ctrl_c():
            if WINDOWS:
                _close_windows_job(self._job, self.process)
                self._job = None
            else:
                self._stop_group(grace)
            for pipe in (self.process.stdin, self.process.stdout):
                if pipe:
                    with contextlib.suppress(OSError):
                        pipe.close()

    def _stop_group(self, grace: float) -> None:
        group = self.process.pid
        strays = [pid for pid in descendants(group) if not _in_group(pid, group)]
        _signal_group(group, signal.SIGTERM)
        for pid in strays:
            _signal(pid, signal.SIGTERM)
        deadline = time.monotonic() + grace
        while time.monotonic() < deadline:
            self.process.poll()  # reaps the leader, which would count as alive otherwise
            if not _group_alive(group) and not any(map(_alive, strays)):
                break
            time.sleep(0.05)
        _signal_group(group, signal.SIGKILL)
        for pid in strays:
            _signal(pid, signal.SIGKILL)
        self.process.wait()


def descendants(root: int) -> list[int]:
    """Process ids below `root`, from /proc where there is one, else from ps. Empty when neither can be read."""
    children: dict[int, list[int]] = {}
    for pid, parent in _process_table():
        children.setdefault(parent, []).append(pid)
    found, queue = [], [root]
    while queue:
        below = children.get(queue.pop(), [])
        found += below
        queue += below
    return found


def _process_table() -> list[tuple[int, int]]:
    rows = []
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError, ValueError, IndexError):
            # The name in parentheses may itself hold spaces and parentheses: the parent follows the last one.
            rows.append((int(entry.parent.name), int(entry.read_text().rpartition(")")[2].split()[1])))
    if rows:
        return rows
    with contextlib.suppress(OSError, subprocess.SubprocessError, ValueError):
        listing = subprocess.run(["ps", "-A", "-o", "pid=,ppid="], capture_output=True, text=True, timeout=5).stdout
        rows = [(int(pid), int(parent)) for pid, parent in (line.split() for line in listing.splitlines())]
    return rows


def _in_group(pid: int, group: int) -> bool:
    try:
        return os.getpgid(pid) == group
    except OSError:
        return False


def _signal_group(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)


def _signal(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def _group_alive(group: int) -> bool:
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


@contextlib.contextmanager
def _deaf_to_ctrl_c():
    # A second Ctrl-C must not cut the cleaning up short; it is bounded in time anyway.
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _windows_job(process: subprocess.Popen):
    """A job that ends all its processes when our handle to it closes, which also happens when we are killed."""
    import ctypes
    from ctypes import wintypes

    kernel = ctypes.WinDLL("kernel32", use_last_error=True)
    kernel.CreateJobObjectW.restype = wintypes.HANDLE
    kernel.CreateJobObjectW.argtypes = [ctypes.c_void_p, wintypes.LPCWSTR]
    kernel.SetInformationJobObject.argtypes = [wintypes.HANDLE, ctypes.c_int, ctypes.c_void_p, wintypes.DWORD]
    kernel.AssignProcessToJobObject.argtypes = [wintypes.HANDLE, wintypes.HANDLE]

    class Basic(ctypes.Structure):
        _fields_ = [
            ("PerProcessUserTimeLimit", ctypes.c_int64),
            ("PerJobUserTimeLimit", ctypes.c_int64),
            ("LimitFlags", wintypes.DWORD),
            ("MinimumWorkingSetSize", ctypes.c_size_t),
            ("MaximumWorkingSetSize", ctypes.c_size_t),
            ("ActiveProcessLimit", wintypes.DWORD),
            ("Affinity", ctypes.c_size_t),
            ("PriorityClass", wintypes.DWORD),
            ("SchedulingClass", wintypes.DWORD),
        ]

    class Extended(ctypes.Structure):
        _fields_ = [
            ("BasicLimitInformation", Basic),
            ("IoInfo", ctypes.c_uint64 * 6),
            ("ProcessMemoryLimit", ctypes.c_size_t),
            ("JobMemoryLimit", ctypes.c_size_t),
            ("PeakProcessMemoryUsed", ctypes.c_size_t),
            ("PeakJobMemoryUsed", ctypes.c_size_t),
        ]

    kill_on_job_close, extended_limit_information = 0x2000, 9
    limits = Extended()
    limits.BasicLimitInformation.LimitFlags = kill_on_job_close
    job = kernel.CreateJobObjectW(None, None)
    if not job:
        return None
    kernel.SetInformationJobObject(job, extended_limit_information, ctypes.byref(limits), ctypes.sizeof(limits))
    kernel.AssignProcessToJobObject(job, wintypes.HANDLE(int(process._handle)))
    return job


def _close_windows_job(job, process: subprocess.Popen) -> None:
    if job:
        import ctypes
        from ctypes import wintypes

        kernel = ctypes.WinDLL("kernel32")
        kernel.TerminateJobObject.argtypes = [wintypes.HANDLE, wintypes.UINT]
        kernel.CloseHandle.argtypes = [wintypes.HANDLE]
        kernel.TerminateJobObject(job, 1)
        kernel.CloseHandle(job)
    elif process.poll() is None:
        subprocess.run(["taskkill", "/F", "/T", "/PID", str(process.pid)], capture_output=True)
    process.wait()
