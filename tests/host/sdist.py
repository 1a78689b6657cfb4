"""Archives of the package index: checking them and unpacking one folder out of them."""

from __future__ import annotations

import hashlib
import os
import shutil
import tarfile
import zipfile
from pathlib import Path, PurePosixPath

from .errors import SetupError


def check_hash(archive: Path, expected: str) -> None:
    """Refuse an archive that is not, byte for byte, the one this pack was built against."""
    digest = hashlib.sha256()
    with archive.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
    if digest.hexdigest() != expected:
        raise SetupError(
            f"{archive.name} has the SHA-256 {digest.hexdigest()} but {expected} is the one expected: "
            "nothing of it was used; check the package index that pip is set to."
        )


def unpack_folder(archive: Path, folder: str, target: Path) -> None:
    """Unpack one folder of a .tar.gz as `target`, which appears only when it is whole.

    `folder` is looked for below the archive's single top folder. Only plain files and folders are taken, each
    checked to stay inside `target`.
    """
    partial = target.with_name(target.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    with tarfile.open(archive, "r:gz") as bundle:
        for member in bundle:
            inner = _below(member.name, folder)
            if inner is None:
                continue
            _extract(bundle, member, partial.joinpath(*inner.parts))
    if not any(partial.iterdir()):
        raise SetupError(f"{archive.name} holds no folder {folder}.")
    shutil.rmtree(target, ignore_errors=True)
    os.replace(partial, target)


def unpack_wheel(wheel: Path, folder: str, target: Path) -> None:
    """Unpack one folder of a wheel as `target`, which appears only when it is whole."""
    partial = target.with_name(target.name + ".partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    with zipfile.ZipFile(wheel) as bundle:
        for name in bundle.namelist():
            below = name.removeprefix(folder + "/")
            outside = below == name or ".." in below.split("/") or set(below) & set("\\:")
            if outside or below[-1:] in ("", "/"):
                continue
            (partial / below).parent.mkdir(parents=True, exist_ok=True)
            (partial / below).write_bytes(bundle.read(name))
    if not any(partial.iterdir()):
        raise SetupError(f"{wheel.name} holds no folder {folder}.")
    shutil.rmtree(target, ignore_errors=True)
    os.replace(partial, target)


def _below(name: str, folder: str) -> PurePosixPath | None:
    path = PurePosixPath(name)
    if path.is_absolute() or ".." in path.parts or "\\" in name or ":" in name:
        raise SetupError(f"The archive names a file outside of itself ({name!r}): it was not unpacked.")
    wanted = PurePosixPath(folder).parts
    parts = path.parts[1:]
    if parts[: len(wanted)] != wanted or len(parts) == len(wanted):
        return None
    return PurePosixPath(*parts[len(wanted) :])


def _extract(bundle: tarfile.TarFile, member: tarfile.TarInfo, place: Path) -> None:
    if member.isdir():
        place.mkdir(parents=True, exist_ok=True)
    elif member.isfile():
        place.parent.mkdir(parents=True, exist_ok=True)
        with bundle.extractfile(member) as source, place.open("wb") as copy:
            shutil.copyfileobj(source, copy)
    else:
        raise SetupError(f"The archive holds a link or a device ({member.name!r}): it was not unpacked.")
