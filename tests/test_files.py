import bz2
import errno
import gzip
import lzma
import os
import stat
import threading

import pytest

from seqnn._atomic import atomic_write
from seqnn._files import is_packed, open_binary, open_text

PACKERS = {".txt": lambda b: b, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}


def folder_holds(folder, *names):
    return sorted(p.name for p in folder.iterdir()) == sorted(names)


@pytest.mark.parametrize("suffix", PACKERS)
def test_packed_files_are_known_by_their_bytes(tmp_path, suffix):
    path = tmp_path / "misnamed.dat"
    path.write_bytes(PACKERS[suffix]("naïve\r\nend".encode()))
    with open_binary(path) as file:
        assert file.read() == "naïve\r\nend".encode()
    with open_text(path) as file:
        assert list(file) == ["naïve\n", "end"]
    assert is_packed(path) == (suffix != ".txt")


def test_reading_a_folder_or_nothing(tmp_path):
    with pytest.raises(IsADirectoryError, match="is a directory"):
        open_binary(tmp_path)
    with pytest.raises(FileNotFoundError):
        open_binary(tmp_path / "missing")
    (tmp_path / "empty").touch()
    with open_binary(tmp_path / "empty") as file:
        assert file.read() == b""


@pytest.mark.parametrize("suffix", PACKERS)
def test_written_files_are_packed_by_their_suffix(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    with atomic_write(path, "w", compress=True) as file:
        file.write("naïve\n")
    assert is_packed(path) == (suffix != ".txt")
    with open_text(path) as file:
        assert file.read() == "naïve\n"
    first = path.read_bytes()
    with atomic_write(path, "w", compress=True) as file:
        file.write("naïve\n")
    assert path.read_bytes() == first  # no date inside
    assert folder_holds(tmp_path, path.name)


@pytest.mark.parametrize("kind", [KeyboardInterrupt, OSError, ValueError])
@pytest.mark.parametrize("name", ["a.txt", "a.gz"])
def test_the_old_file_stays_on_any_error(tmp_path, kind, name):
    path = tmp_path / name
    path.write_bytes(b"old")

    def fail():
        with atomic_write(path, compress=True) as file:
            file.write(b"new" * 100000)
            raise kind(errno.ENOSPC, "No space left on device")

    with pytest.raises(kind) as caught:
        fail()
    assert path.read_bytes() == b"old"
    assert folder_holds(tmp_path, name)
    assert f"{path} was not written" in caught.value.__notes__[0]


def test_a_full_disk_noticed_at_the_last_moment(tmp_path, monkeypatch):
    def no_space(descriptor):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", no_space)
    path = tmp_path / "a"
    with pytest.raises(OSError, match="No space left") as caught, atomic_write(path) as file:
        file.write(b"new")
    assert caught.value.errno == errno.ENOSPC
    assert folder_holds(tmp_path)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="Linux only")
def test_devices_are_written_directly():
    with pytest.raises(OSError, match="No space left"), atomic_write("/dev/full") as file:
        file.write(b"x" * 100000)
    with atomic_write(os.devnull, "w") as file:
        file.write("x")
    assert stat.S_ISCHR(os.stat(os.devnull).st_mode)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="POSIX only")
def test_named_pipes_are_written_directly(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    received = []
    reader = threading.Thread(target=lambda: received.append(pipe.read_bytes()))
    reader.start()
    with atomic_write(pipe) as file:
        file.write(b"through")
    reader.join(10)
    assert received == [b"through"]


@pytest.mark.skipif(os.name == "nt", reason="POSIX permissions")
def test_permissions_and_links_are_kept(tmp_path):
    plain = tmp_path / "plain"
    plain.write_bytes(b"")
    with atomic_write(tmp_path / "new") as file:
        file.write(b"x")
    assert (tmp_path / "new").stat().st_mode == plain.stat().st_mode
    target, link = tmp_path / "target", tmp_path / "link"
    target.write_bytes(b"old")
    target.chmod(0o640)
    link.symlink_to(target)
    with atomic_write(link) as file:
        file.write(b"new")
    assert link.is_symlink()
    assert target.read_bytes() == b"new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o640


def test_wrong_places_and_modes(tmp_path):
    for path, error, words in (
        (tmp_path, IsADirectoryError, "is a directory"),
        (tmp_path / "no" / "a", FileNotFoundError, "there is no folder"),
    ):
        with pytest.raises(error, match=words), atomic_write(path):
            pass
    with pytest.raises(ValueError, match="mode must be"), atomic_write(tmp_path / "a", "r"):
        pass
    assert folder_holds(tmp_path)


def test_a_pipe_by_its_name_in_proc():
    read, write = os.pipe()
    if not os.path.exists(path := f"/dev/fd/{write}"):
        pytest.skip("no /dev/fd")
    with atomic_write(path) as file:
        file.write(b"through")
    os.close(write)
    assert os.read(read, 100) == b"through"
    os.close(read)


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="no /dev/full")
def test_a_full_disk_names_the_file():
    with pytest.raises(OSError, match="/dev/full"), atomic_write("/dev/full") as file:
        file.write(b"x")
