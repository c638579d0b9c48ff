"""Saving in a world of protected files, killed processes, mounted files and long names: nothing is lost, nothing is left."""

import os
import signal
import stat
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from seqnn import KeyedVectors, Phrases, Word2Vec, nn
from seqnn._atomic import atomic_write, require_writable

pytestmark = pytest.mark.skipif(os.name != "posix", reason="permissions and signals as POSIX has them")


def vectors():
    return KeyedVectors.from_arrays(["a", "b"], np.eye(2, dtype=np.float32))


def as_nobody(script, *arguments):
    """Run Python code as an ordinary user."""
    begin = "import locale, os, sys\nimport seqnn, seqnn._cli\nimport numpy as np\n"
    if os.geteuid() == 0:
        begin += "os.setgid(65534); os.setuid(65534)\n"
    return subprocess.run(
        [sys.executable, "-c", begin + script, *map(str, arguments)], capture_output=True, text=True, timeout=120
    )


@pytest.fixture
def open_folder():
    """A folder that any user may write to: those of pytest are closed to others whenever another pytest begins."""
    with tempfile.TemporaryDirectory(prefix="seqnn-") as folder:
        path = Path(folder)
        path.chmod(0o777)
        yield path


WAYS = {
    "vectors": "seqnn.KeyedVectors.from_arrays(['a'], np.ones((1, 2))).save(p)",
    "text": "seqnn.KeyedVectors.from_arrays(['a'], np.ones((1, 2))).save_word2vec_format(p)",
    "model": "seqnn.Word2Vec().save(p)",
    "phrases": "seqnn.Phrases([['a', 'b']]).save(p)",
    "vocabulary": "seqnn.text.Vocabulary(['a']).save(p)",
    "shell": "if seqnn._cli.main(['convert', p + '.txt', p]): raise PermissionError",
}

REFUSED = """
p = sys.argv[1]
try:
    {}
except PermissionError as error:
    print("refused")
"""


@pytest.mark.parametrize("way", WAYS)
def test_a_write_protected_file_is_not_replaced(open_folder, way):
    path = open_folder / "kept"
    path.write_text("precious")
    (open_folder / "kept.txt").write_text("a 1 2\n")
    path.chmod(0o444)
    done = as_nobody(REFUSED.format(WAYS[way]), path)
    assert done.stdout.startswith("refused"), done.stderr
    assert path.read_text() == "precious" and {p.name for p in open_folder.iterdir()} == {"kept", "kept.txt"}


def test_a_writable_file_in_a_protected_folder_is_overwritten(open_folder):
    folder = open_folder / "folder"
    folder.mkdir()
    path = folder / "mounted"
    path.write_text("old, and longer than the new one" * 99)
    path.chmod(0o666)
    folder.chmod(0o555)
    done = as_nobody("seqnn.KeyedVectors.from_arrays(['a', 'b'], np.eye(2)).save(sys.argv[1])", path)
    folder.chmod(0o777)
    assert done.returncode == 0, done.stderr
    assert (KeyedVectors.load(path).vectors == np.eye(2)).all() and [p.name for p in folder.iterdir()] == ["mounted"]
    done = as_nobody("seqnn.Word2Vec().save(sys.argv[1] + '/none/x')", folder)
    assert "FileNotFoundError" in done.stderr


def test_a_file_that_cannot_be_renamed_over_is_overwritten(tmp_path, monkeypatch):
    """As a file is that is mounted by itself into a container."""
    path = tmp_path / "mounted"
    path.write_text("old" * 999)
    inode = path.stat().st_ino

    def busy(old, new):
        raise OSError(16, "Device or resource busy")

    monkeypatch.setattr(os, "replace", busy)
    vectors().save(path)
    assert (KeyedVectors.load(path).vectors == np.eye(2)).all() and path.stat().st_ino == inode
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.skipif(os.name != "posix" or os.geteuid() != 0, reason="only root gives files away")
def test_a_file_of_another_owner_stays_his(tmp_path):
    path = tmp_path / "theirs"
    path.write_text("old")
    os.chown(path, 65534, 65534)
    path.chmod(0o640)
    vectors().save(path)
    found = path.stat()
    assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (65534, 65534, 0o640)


KILLED = """
import sys, time
from seqnn._atomic import atomic_write
with atomic_write(sys.argv[1]) as file:
    file.write(b"x" * 100_000)
    file.flush()
    print("writing", flush=True)
    time.sleep(600)
"""


def writing(path):
    process = subprocess.Popen([sys.executable, "-c", KILLED, str(path)], stdout=subprocess.PIPE, text=True)
    with process.stdout:
        assert process.stdout.readline() == "writing\n"
    return process


def test_what_a_killed_process_has_left_is_removed_by_the_next_save(tmp_path):
    path = tmp_path / "model.safetensors"
    vectors().save(path)
    (tmp_path / ".model.safetensors.notes.tmp").write_text("the user's own")
    (tmp_path / ".other.0123456789abcdef.tmp").write_text("of another file")
    for _ in range(2):
        process = writing(path)
        process.kill()
        process.wait()
    assert len(list(tmp_path.iterdir())) >= 4
    vectors().save(path)
    names = {p.name for p in tmp_path.iterdir()}
    assert names == {"model.safetensors", ".model.safetensors.notes.tmp", ".other.0123456789abcdef.tmp"}


def test_a_file_that_is_being_written_is_not_taken_for_an_abandoned_one(tmp_path):
    path = tmp_path / "model"
    process = writing(path)
    try:
        before = set(tmp_path.iterdir())
        vectors().save(path)
        assert before < set(tmp_path.iterdir()) and process.poll() is None
    finally:
        process.kill()
        process.wait()


def test_sigterm_leaves_nothing_behind_where_python_hears_it(tmp_path):
    script = "import signal\nsignal.signal(signal.SIGTERM, signal.default_int_handler)\n" + KILLED
    process = subprocess.Popen(
        [sys.executable, "-c", script, str(tmp_path / "m")], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout.readline() == "writing\n"
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=60)
    assert not list(tmp_path.iterdir())


def test_names_may_be_as_long_as_the_system_allows(tmp_path):
    for name in ("日" * 80, "é" * 125, "x" * 255, "🙂" * 60):
        vectors().save(tmp_path / name)
        assert (KeyedVectors.load(tmp_path / name).vectors == np.eye(2)).all()
    with pytest.raises(OSError, match="too long") as caught:
        vectors().save(tmp_path / ("x" * 256))
    assert ".tmp" not in str(caught.value)


def test_vectors_and_their_vocabulary_are_written_both_or_none(tmp_path):
    old = {name: (tmp_path / name) for name in ("v.bin", "counts")}
    for path in old.values():
        path.write_text("old")
    wv = KeyedVectors.from_arrays(["a b", "c"], np.eye(2), counts=[2, 1])
    with pytest.raises(ValueError, match="a b"):
        wv.save_word2vec_format(old["v.bin"], old["counts"], binary=True)
    assert [path.read_text() for path in old.values()] == ["old", "old"]


def test_a_place_can_be_tried_before_anything_is_computed(tmp_path):
    require_writable(tmp_path / "new")
    (tmp_path / "old").write_text("old")
    require_writable(tmp_path / "old")
    require_writable("/dev/null")
    assert [p.name for p in tmp_path.iterdir()] == ["old"] and (tmp_path / "old").read_text() == "old"
    for path, error in {tmp_path: IsADirectoryError, tmp_path / "none" / "x": FileNotFoundError}.items():
        with pytest.raises(error):
            require_writable(path)


@pytest.mark.parametrize("make", [vectors, lambda: Word2Vec(), lambda: Phrases([["a", "b"]]), lambda: nn.Linear(2, 2)])
def test_an_error_while_saving_names_the_file_and_keeps_the_old_one(tmp_path, monkeypatch, make):
    path = tmp_path / "kept"
    path.write_text("old")

    def full(number):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match=r"No space left on device: .*kept") as caught:
        make().save(path)
    assert "was not written" in "".join(caught.value.__notes__)
    assert path.read_text() == "old" and len(list(tmp_path.iterdir())) == 1


def test_two_writers_of_one_file_do_not_disturb_each_other(tmp_path):
    path = tmp_path / "both"
    with atomic_write(path) as one:
        one.write(b"one")
        with atomic_write(path) as two:
            two.write(b"two")
        assert path.read_bytes() == b"two"
    assert path.read_bytes() == b"one" and len(list(tmp_path.iterdir())) == 1
