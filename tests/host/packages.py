"""Calling pip: its lines shown compactly, its whole output kept in a log, its failures said in one sentence."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from .errors import SetupError
from .processes import ProcessTree
from .progress import Progress

PIP = ("-m", "pip", "--disable-pip-version-check", "--no-input")

# What pip's output says when the world, not our request, is at fault. The first match wins.
FAULTS = (
    (r"DO NOT MATCH THE HASHES", "The package index served another {what} than the one expected (hash mismatch)."),
    (r"No space left on device|Errno 28", "The disk filled up while installing {what}."),
    (
        r"NewConnectionError|NameResolutionError|Temporary failure in name resolution|getaddrinfo failed"
        r"|Max retries exceeded|ConnectTimeout|Network is unreachable|connection broken|ProxyError",
        "No network: the package index cannot be reached to get {what}.",
    ),
    (r"Permission denied|PermissionError", "No permission to write while installing {what}."),
    (r"No matching distribution found", "The package index has no {what} for this Python and system."),
)


def install(python: Path, arguments: list[str], work: Path, progress: Progress) -> None:
    """`pip install`, in one call so that the resolver sees every requirement at once."""
    _pip(python, ["install", "--prefer-binary", *arguments], "the required packages", work, progress)


def download_source(python: Path, requirement: str, sha256: str, archive: Path, work: Path, progress: Progress) -> None:
    """`pip download` of one source archive, by its hash.

    pip prepares the metadata even of what it only downloads; the hash in the requirement makes it check the file
    before that, and naming the one package as "no binary" lets the build tools come as wheels.
    """
    archive.parent.mkdir(parents=True, exist_ok=True)
    listed = archive.with_name("source.txt")
    listed.write_text(f"{requirement} --hash=sha256:{sha256}\n", "utf-8")
    name = requirement.partition("==")[0]
    choice = ["--no-deps", f"--no-binary={name}", "--ignore-requires-python", "--require-hashes"]
    _pip(python, ["download", *choice, "-r", str(listed), "-d", str(archive.parent)], requirement, work, progress)
    if not archive.is_file():
        raise SetupError(f"pip downloaded {requirement} but not as {archive.name}.")


def download_wheel(python: Path, requirement: str, sha256: str, wheel: Path, work: Path, progress: Progress) -> None:
    """`pip download` of one wheel, by its hash and without what it depends on."""
    wheel.parent.mkdir(parents=True, exist_ok=True)
    listed = wheel.with_name("wheel.txt")
    listed.write_text(f"{requirement} --hash=sha256:{sha256}\n", "utf-8")
    choice = ["--no-deps", "--only-binary=:all:", "--require-hashes"]
    _pip(python, ["download", *choice, "-r", str(listed), "-d", str(wheel.parent)], requirement, work, progress)
    if not wheel.is_file():
        raise SetupError(f"pip downloaded {requirement} but not as {wheel.name}.")


def run_quietly(arguments: list[str]) -> int:
    """The exit code of a short command, whose output nobody needs."""
    try:
        return subprocess.run(arguments, stdin=subprocess.DEVNULL, capture_output=True, timeout=300).returncode
    except (OSError, subprocess.TimeoutExpired):
        return -1


def _pip(python: Path, arguments: list[str], what: str, work: Path, progress: Progress) -> None:
    # The system's temporary folder may be a small one in memory; torch alone is several gigabytes unpacked.
    temporary = work / "tmp"
    temporary.mkdir(parents=True, exist_ok=True)
    environment = {**os.environ, "TMPDIR": str(temporary), "TEMP": str(temporary), "PYTHONUNBUFFERED": "1"}
    environment.pop("PYTHONPATH", None)
    log = work / "pip.log"
    try:
        with (
            log.open("w", encoding="utf-8") as copy,
            ProcessTree([python, *PIP, *arguments], env=environment, stdout=subprocess.PIPE, text=True) as pip,
        ):
            for line in pip.process.stdout:
                copy.write(line)
                progress.detail = compact(line) or progress.detail
            code = pip.wait()
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    if code:
        raise SetupError(explain(log.read_text("utf-8", "replace"), what) + f" pip's output is in {log}.")


def compact(line: str) -> str:
    """What of a line of pip's is worth showing: the package it is at."""
    found = re.match(r"\s*(Collecting|Downloading|Using cached|Processing|Preparing|Building) +(\S+)", line)
    if found:
        # Addresses are long; their last part names the file.
        return f"{found[1].lower()} {found[2].rstrip('/').rpartition('/')[2]}"
    if line.startswith("Installing collected packages"):
        return f"unpacking {line.count(',') + 1} packages"
    return ""


def explain(output: str, what: str) -> str:
    """One sentence for why pip failed."""
    for pattern, sentence in FAULTS:
        if re.search(pattern, output):
            return sentence.format(what=what)
    errors = [line for line in output.splitlines() if line.startswith("ERROR")]
    return f"pip could not get {what}: {errors[-1][7:] if errors else 'it gave no reason'}."
