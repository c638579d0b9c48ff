"""The shell command and the world around it: pipes, terminals, full disks, signals. Results are not lost, and rc tells."""

import gzip
import json
import os
import pty
import shutil
import signal
import subprocess
import sys
import termios
import zipfile

import numpy as np
import pytest
from harness import interrupted_training

from seqnn import FastText, GloVe, KeyedVectors, Word2Vec
from seqnn._cli import main
from seqnn.embed import load_facebook_vectors

pytestmark = pytest.mark.skipif(os.name != "posix", reason="pipes and signals as POSIX has them")

SEQNN = f'"{sys.executable}" -m seqnn'
SMALL = "--size 4 --min-count 1 --epochs 1 --sample 0"


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    words = ["café", "naïve", "über", "crème", "señor", "tree"]
    rng = np.random.default_rng(0)
    (tmp_path / "text").write_text("".join(" ".join(rng.choice(words, 8)) + "\n" for _ in range(200)))
    (tmp_path / "v.txt").write_text("4 2\nking 1 0.1\nqueen 1 0.2\nman 0.1 1\nwoman 0.2 1\n")
    return tmp_path


def bash(command, **environment):
    """Run a line of bash, in which SEQNN is the command."""
    line = "set -o pipefail; " + command.replace("SEQNN", SEQNN).replace("SMALL", SMALL)
    return subprocess.run(
        ["bash", "-c", line], capture_output=True, timeout=240, env={**os.environ, **environment}, check=False
    )


def run(capsys, *arguments):
    code = main([str(a) for a in arguments])
    return code, *capsys.readouterr()


# Results survive whatever happens to what is printed.


@pytest.mark.parametrize(
    ("command", "files"),
    [
        ("word2vec text SMALL -o y.txt | grep -q vocabulary", ["y.txt"]),
        ("word2vec text SMALL -o y.txt | true", ["y.txt"]),
        ("glove text --size 4 --min-count 1 --epochs 1 --save-counts y.npz -o y.txt | head -n 1", ["y.npz", "y.txt"]),
        ("fasttext text SMALL --model y.bin -o y.txt --save-vocab y.voc | head -n 1", ["y.bin", "y.txt", "y.voc"]),
        ("word2vec text SMALL -o y.txt > /dev/full", ["y.txt"]),
        ("word2vec text SMALL -o y.txt >&-", ["y.txt"]),
        ("word2vec text SMALL -o y.txt 2>&-", ["y.txt"]),
        ("word2vec text SMALL -o y.txt >&- 2>&- <&-", ["y.txt"]),
        ("convert v.txt y.bin | true", ["y.bin"]),
        ("convert v.txt y.bin > /dev/full", ["y.bin"]),
    ],
)
def test_files_are_written_whatever_becomes_of_the_output(folder, command, files):
    done = bash(f"SEQNN {command}")
    assert b"Traceback" not in done.stderr, done.stderr
    for name in files:
        assert (folder / name).stat().st_size > 0, done.stderr
    assert done.returncode == (1 if "/dev/full" in command else 0), done.stderr
    if "/dev/full" in command:
        assert done.stderr.decode().splitlines()[-1].startswith("seqnn: error: standard output: ")


@pytest.mark.parametrize(
    "environment",
    [
        {"PYTHONIOENCODING": "latin-1"},
        {"PYTHONIOENCODING": "ascii:strict"},
        {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
    ],
    ids=["latin-1", "ascii", "C"],
)
def test_a_terminal_that_knows_few_characters_costs_nothing(folder, environment):
    done = bash("SEQNN word2vec text SMALL -o u.txt", **environment)
    assert done.returncode == 0 and b"Traceback" not in done.stderr, done.stderr
    assert "café" in KeyedVectors.load(folder / "u.txt")
    done = bash("SEQNN neighbours u.txt café", **environment)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 6


def test_a_full_output_of_a_query_is_an_error_and_a_closed_pipe_is_none(folder):
    done = bash("SEQNN neighbours v.txt king > /dev/full")
    assert done.returncode == 1 and done.stderr.decode().startswith("seqnn: error: standard output: No space left")
    done = bash("yes king | head -n 100000 | SEQNN vectors v.txt | head -n 1")
    assert done.stdout == b"king 1.0 0.1\n" and done.returncode in (0, 141) and b"Traceback" not in done.stderr


# The standard streams by "-", and pipes.


def test_a_dash_is_the_standard_input_and_output(folder):
    done = bash("cat text | SEQNN word2vec - SMALL -o - > out.txt")
    assert done.returncode == 0 and b"vocabulary: 6 words" in done.stderr
    assert "café" in KeyedVectors.load(folder / "out.txt")
    assert len((folder / "out.txt").read_text().splitlines()) == 7
    for form in ("text", "glove", "binary", "safetensors"):
        done = bash(f"cat v.txt | SEQNN convert - - --format {form} > out")
        assert done.returncode == 0, done.stderr
        assert KeyedVectors.load(folder / "out").index_to_key == ["king", "queen", "man", "woman"]
    assert not (folder / "-").exists()


def test_a_packed_corpus_comes_through_a_pipe(folder):
    (folder / "text.gz").write_bytes(gzip.compress((folder / "text").read_bytes()))
    for command in (
        "cat text.gz | SEQNN word2vec - SMALL -o out.txt",
        "SEQNN word2vec <(zcat text.gz) SMALL -o out.txt",
    ):
        done = bash(command)
        assert done.returncode == 0, done.stderr
        assert "café" in KeyedVectors.load(folder / "out.txt")


def test_vectors_come_through_pipes_and_fifos(folder):
    KeyedVectors.load("v.txt").save_word2vec_format("v.bin", binary=True)
    os.mkfifo("fifo")
    for command in (
        "cat v.txt | SEQNN neighbours /dev/stdin king -n 1",
        "SEQNN neighbours <(cat v.bin) king -n 1",
        "(cat v.bin > fifo &); SEQNN neighbours fifo king -n 1",
        "gzip < v.txt | SEQNN neighbours - king -n 1",
    ):
        done = bash(command)
        assert done.stdout.decode().split() == ["king", "0.995", "queen"], (command, done.stderr)


def test_questions_come_through_a_pipe(folder):
    (folder / "pairs").write_text("king\tqueen\t9\nking\tman\t2\nqueen\twoman\t3\n")
    (folder / "questions").write_text(": one\nman king woman queen\n")
    expected = bash("SEQNN evaluate v.txt pairs questions").stdout.decode()
    got = bash("SEQNN evaluate v.txt <(cat pairs) <(cat questions)").stdout.decode()
    assert "Spearman" in expected and "Total accuracy" in expected
    assert [line.split(": ", 1)[1] for line in got.splitlines()] == [
        line.split(": ", 1)[1] for line in expected.splitlines()
    ]


def test_words_come_from_the_standard_input(folder):
    done = bash("printf 'king queen\\nman\\n' | SEQNN vectors v.txt")
    assert done.stdout.decode() == "king 1.0 0.1\nqueen 1.0 0.2\nman 0.1 1.0\n" and done.returncode == 0
    done = bash("echo king | SEQNN neighbours v.txt --tsv -n 1")
    *words, similarity = done.stdout.decode().split("\t")
    assert (
        words == ["king", "queen"]
        and similarity.endswith("\n")
        and float(similarity) == pytest.approx(0.9952285, abs=1e-6)
    )
    done = bash("SEQNN vectors - < v.txt")
    assert done.returncode == 1 and b"WORD: expected at least one, the standard input holds the vectors" in done.stderr


# Models of FastText in every command.


@pytest.mark.parametrize("name", ["ft.bin", "ft.safetensors"])
def test_models_of_fasttext_answer_for_unknown_words_in_every_command(folder, capsys, name):
    assert run(capsys, "fasttext", "text", *SMALL.split(), "--model", name)[0] == 0
    wv = KeyedVectors.load(name)
    code, out, _ = run(capsys, "vectors", name, "cafés")
    assert code == 0 and np.allclose(np.array(out.split()[1:], float), wv["cafés"])
    assert run(capsys, "neighbours", name, "cafés")[0] == 0
    assert run(capsys, "neighbours", name, "cafés", "tree", "--negative", "über")[0] == 0
    (folder / "pairs").write_text("café\ttree\t9\ntree\tüber\t2\nüber\tcafé\t3\n")
    code, out, _ = run(capsys, "evaluate", name, "pairs")
    assert code == 0 and "unknown pairs 0.0 %" in out
    assert run(capsys, "convert", name, "other.safetensors")[0] == 0
    assert (KeyedVectors.load("other.safetensors")["cafés"] == wv["cafés"]).all()
    assert run(capsys, "convert", name, "other.txt")[0] == 0
    assert "cafés" not in KeyedVectors.load("other.txt")


# Ctrl-C, SIGTERM, and going on.


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("command", ["word2vec", "fasttext", "glove"])
def test_a_signal_writes_what_is_trained_and_the_model_goes_on(folder, capsys, command, number):
    options = "--size 4 --min-count 1" + ("" if command == "glove" else " --sample 0")
    line = f"exec {SEQNN} {command} text {options} --epochs 1000000 -o a.txt --model c.safetensors"
    code, err = interrupted_training(["bash", "-c", line], number)
    assert code == 130 and "Traceback" not in err, err
    assert f"to go on: seqnn {command} CORPUS --resume c.safetensors" in err
    kind = {"word2vec": Word2Vec, "fasttext": FastText, "glove": GloVe}[command]
    stopped = kind.load("c.safetensors")
    assert len(KeyedVectors.load("a.txt")) == 6 and stopped._position is not None
    assert np.allclose(KeyedVectors.load("a.txt").vectors, stopped.wv.vectors)


@pytest.mark.parametrize("command", ["word2vec", "fasttext", "glove"])
def test_a_resumed_training_ends_as_one_that_was_not_interrupted(folder, capsys, command):
    kind = {"word2vec": Word2Vec, "fasttext": FastText, "glove": GloVe}[command]
    settings = {"vector_size": 4, "min_count": 1, "epochs": 6, "workers": 1, "verbose": 0}
    whole = kind("text", **settings)

    class Stop(Exception):  # noqa: N818
        pass

    from seqnn import Callback

    class At(Callback):
        def on_epoch_end(self, model):
            if len(model.history_) == 3:
                raise Stop

    with pytest.raises(Stop) as caught:
        kind("text", **settings, callbacks=[At()])
    caught.value.model.save("part")
    code, _, err = run(capsys, command, "text", "--resume", "part", "--model", "done", "--workers", 1)
    assert code == 0, err
    done = kind.load("done")
    assert (done.wv.vectors == whole.wv.vectors).all() and len(done.history_) == 6
    code, _, err = run(capsys, command, "text", "--resume", "done", "--epochs", 2, "--model", "done")
    assert code == 0 and len(kind.load("done").history_) == 8, err
    code, _, err = run(capsys, command, "text", "--resume", "done", "--size", 7, "-o", "x.txt")
    assert code == 1 and "--vector-size: the model of --resume has settings of its own" in err
    code, _, err = run(capsys, command, "text", "--resume", "v.txt", "-o", "x.txt")
    assert code == 1 and "v.txt" in err and not os.path.exists("x.txt")


# What would go wrong is said before the training.


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ("text -o text", "text: is read by this command, and would be replaced"),
        ("text -o ./text", "would be replaced"),
        ("text --model link", "link: is read by this command"),
        ("text --save-vocab text", "would be replaced"),
        ("folder -o folder/a.txt", "would be replaced"),
        ("- -o text < text", ""),
        ("text -o ''", "-o: expected a file name, got an empty one"),
        ("text -o v.csv", "v.csv: this format is not written; expected .txt"),
        ("text -o v.npy", "v.npy: this format is not written"),
        ("text -o v.zip", "v.zip: this format is not written"),
        ("text -o a.txt --model a.txt", "a.txt: two results would be written to it"),
        ("text -o a.txt --model ./a.txt", "two results would be written"),
        ("text -o none/v.txt", "none: no such folder"),
        ("text -o folder", "folder: is a folder"),
        ("text -o /proc/v.txt", "/proc/v.txt"),
        ("text -o v.txt --epochs 0", "--epochs: expected at least 1, got 0: the vectors would be random"),
        ("text --read-vocab w -o w", "w: is read by this command"),
    ],
)
def test_targets_that_would_destroy_or_fail_are_refused_before_the_training(folder, options, told):
    (folder / "folder").mkdir()
    shutil.copy("text", "folder/a.txt")
    os.symlink("text", "link")
    (folder / "w").write_text("café 3\n")
    before = {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    done = bash(f"SEQNN word2vec {options}")
    if told:
        assert done.returncode == 1 and told in done.stderr.decode(), done.stderr
        assert done.stderr.decode().count("\n") == 1 and ".tmp" not in done.stderr.decode()
        assert {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize("command", ["glove text -o text", "fasttext text --model text", "convert v.txt v.txt"])
def test_no_command_replaces_what_it_reads(folder, capsys, command):
    before = (folder / "text").read_bytes(), (folder / "v.txt").read_bytes()
    code, _, err = run(capsys, *command.split())
    assert code == 1 and "is read by this command, and would be replaced by its result" in err
    assert ((folder / "text").read_bytes(), (folder / "v.txt").read_bytes()) == before


def test_a_format_may_be_named_whatever_the_file_is_called(folder, capsys):
    for name, form in {"v.csv": "text", "v": "binary", "v.dat": "safetensors", "w.txt": "glove"}.items():
        assert run(capsys, "word2vec", "text", *SMALL.split(), "-o", name, "--format", form)[0] == 0
        assert len(KeyedVectors.load(name)) == 6


# Raw text.


def test_raw_text_becomes_words(folder, capsys):
    (folder / "raw").write_text("The KING, he said; and (the king) don't!\n" * 5)
    cases = {
        (): {"The", "KING,", "he", "said;", "and", "(the", "king)", "don't!"},
        ("--lower",): {"the", "king,", "he", "said;", "and", "(the", "king)", "don't!"},
        ("--tokenize",): {"The", "KING", "he", "said", "and", "the", "king", "don't"},
        ("--tokenize", "--lower"): {"the", "king", "he", "said", "and", "don't"},
        ("--treebank", "--lower"): {"the", "king", ",", "he", "said", ";", "and", "-lrb-", "-rrb-", "do", "n't", "!"},
    }
    for options, words in cases.items():
        for command in ("word2vec", "glove", "fasttext"):
            code, _, err = run(
                capsys, command, "raw", *options, "--size", 4, "--min-count", 1, "--epochs", 1, "-o", "o.txt"
            )
            found = set(KeyedVectors.load("o.txt").index_to_key)
            assert code == 0, err
            assert found == words or (found ^ words) <= {"-lrb-", "-rrb-", "(", ")"}, (options, found)
    assert main(["word2vec", "raw", "--quiet", "--min-count", "1", "-o", "o.txt"]) == 0


def test_an_archive_of_one_text_is_a_corpus(folder, capsys):
    with zipfile.ZipFile("text8.zip", "w") as archive:
        archive.write("text", "text8")
    assert run(capsys, "word2vec", "text8.zip", *SMALL.split(), "-o", "o.txt")[0] == 0
    with zipfile.ZipFile("v.zip", "w") as archive:
        archive.write("v.txt", "glove.txt")
    assert run(capsys, "neighbours", "v.zip", "king")[0] == 0


def test_vectors_that_say_little_are_commented(folder, capsys):
    rng = np.random.default_rng(0)
    words = [f"{a}{b}word" for a in "abcdefghijkl" for b in "mnopqrstuvwx"]
    (folder / "few").write_text("".join(" ".join(rng.choice(words, 10)) + "\n" for _ in range(5000)))
    _, out, _ = run(capsys, "word2vec", "few", "--sample", 0, "-o", "o.txt")
    assert "(all cosines are near 1: 50,000 words are few for these settings; --sg --epochs 20 often helps)" in out


# Unknown words, forms of results, help.


def test_unknown_words_get_near_spellings(folder, capsys):
    for word, near in {"King": "King: king", "kinng": "kinng: king", "quen": "quen: queen"}.items():
        code, _, err = run(capsys, "neighbours", "v.txt", word)
        assert code == 1 and f"{word}: not among the 4 words of v.txt (near: {near})" in err
    code, out, err = run(capsys, "neighbours", "v.txt", "king", "zzz")
    assert code == 1 and out.startswith("king\n") and err.endswith("zzz: not among the 4 words of v.txt\n")


def test_results_as_json_and_tables(folder, capsys):
    _, out, _ = run(capsys, "neighbours", "v.txt", "king", "man", "-n", 1, "--json")
    assert json.loads(out) == {
        "king": [["queen", pytest.approx(0.9952286, abs=1e-6)]],
        "man": [["woman", pytest.approx(0.9952286, abs=1e-6)]],
    }
    _, out, _ = run(capsys, "vectors", "v.txt", "king", "--json")
    assert json.loads(out) == {"king": [1.0, 0.1]}
    (folder / "pairs").write_text("king\tqueen\t9\nking\tman\t2\nqueen\twoman\t3\n")
    (folder / "questions").write_text(": one\nman king woman queen\n")
    _, out, _ = run(capsys, "evaluate", "v.txt", "pairs", "questions", "--json")
    found = json.loads(out)
    assert found["questions"]["Total accuracy"] == {"right": 1, "asked": 1} and -1 <= found["pairs"]["spearman"] <= 1


def test_files_of_all_kinds_can_be_read_as_the_errors_advise(folder, capsys):
    (folder / "nan.txt").write_text("king nan 1\nqueen 1 2\n")
    code, _, err = run(capsys, "convert", "nan.txt", "o.bin")
    assert code == 1 and "allow_nonfinite" in err
    assert run(capsys, "convert", "nan.txt", "o.bin", "--allow-nonfinite")[0] == 0
    (folder / "cut.txt").write_bytes("café 1 2\nking 1 2\n".encode()[:4] + b" 1 2\nking 3 4\n")
    assert run(capsys, "convert", "cut.txt", "o.txt")[0] == 1
    assert run(capsys, "convert", "cut.txt", "o.txt", "--errors", "ignore")[0] == 0
    (folder / "latin.txt").write_bytes("café 1 2\n".encode("latin-1"))
    assert run(capsys, "convert", "latin.txt", "o.txt", "--encoding", "latin-1")[0] == 0
    assert run(capsys, "convert", "v.txt", "o.txt", "--limit", 2)[0] == 0
    assert KeyedVectors.load("o.txt").index_to_key == ["king", "queen"]


def test_help_is_at_hand(capsys):
    with pytest.raises(SystemExit) as ended:
        main(["--version"])
    version = capsys.readouterr().out
    assert ended.value.code == 0 and version.startswith("seqnn ")
    with pytest.raises(SystemExit):
        main(["-V"])
    assert capsys.readouterr().out == version
    assert main([]) == 2
    err = capsys.readouterr().err
    assert "usage: seqnn" in err and "Examples:\n  seqnn word2vec text.txt" in err and "neighbours" in err
    assert main(["help"]) == 0
    assert capsys.readouterr().out == err
    for command in ("word2vec", "fasttext", "glove", "neighbours", "vectors", "evaluate", "convert", "completion"):
        assert main(["help", command]) == 0
        out = capsys.readouterr().out
        assert f"usage: seqnn {command}" in out and f"Examples:\n  {'eval' if command == 'completion' else ''}" in out


@pytest.mark.parametrize(
    ("arguments", "meant"),
    [
        (["word2vec", "--dim", "50"], "--vector-size"),
        (["word2vec", "--epoch", "2"], "--epochs"),
        (["word2vec", "--windows=3"], "--window"),
        (["fasttext", "--bukket", "3"], "--bucket"),
        (["glove", "--x-maxx", "3"], "--x-max"),
        (["neighbours", "v.txt", "king", "--top", "3"], "--topn"),
        (["convert", "a", "b", "--fromat", "text"], "--format"),
    ],
)
def test_an_unknown_option_names_the_nearest_and_shows_the_usage_of_its_command(capsys, arguments, meant):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    err = capsys.readouterr().err
    assert ended.value.code == 2 and f"usage: seqnn {arguments[0]}" in err
    assert f"(did you mean {meant}?)" in err


def test_completion_scripts_know_all_commands_and_options(capsys):
    for shell in ("bash", "zsh", "fish"):
        assert main(["completion", shell]) == 0
        script = capsys.readouterr().out
        assert all(f in script for f in ("word2vec", "neighbours", "vector-size", "resume"))
    main(["completion", "bash"])
    script = capsys.readouterr().out
    ask = script + 'COMP_WORDS=(seqnn word2vec --vec); COMP_CWORD=2; _seqnn; echo "${COMPREPLY[@]}"\n'
    ask += 'COMP_WORDS=(seqnn wo); COMP_CWORD=1; _seqnn; echo "${COMPREPLY[@]}"\n'
    done = subprocess.run(["bash", "-c", ask], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "--vector-size\nword2vec\n"


def test_bars_are_shown_on_terminals_and_nowhere_else(folder):
    command = f"{SEQNN} word2vec text --size 4 --min-count 1 --epochs 3 -o o.txt"
    done = bash(command)
    assert done.stderr == b""
    leader, follower = pty.openpty()
    termios.tcsetwinsize(follower, (24, 100))
    process = subprocess.Popen(["bash", "-c", command], stdout=subprocess.DEVNULL, stderr=follower, close_fds=True)
    os.close(follower)
    shown = b""
    try:
        while piece := os.read(leader, 4096):
            shown += piece
    except OSError:  # the other side has gone
        pass
    process.wait(timeout=120)
    os.close(leader)
    assert b"training: 100%" in shown and b"epoch=3/3" in shown and b"loss=" in shown


def test_a_model_that_fasttext_wrote_goes_on(folder, capsys):
    assert (
        run(capsys, "fasttext", "skipgram", "-input", "text", "-output", "m", "-dim", 4, "-minCount", 1, "-epoch", 1)[0]
        == 0
    )
    assert load_facebook_vectors("m.bin").vector_size == 4
    code, _, err = run(capsys, "fasttext", "text", "--resume", "m.bin", "--epochs", 2, "--model", "n.bin")
    assert code == 0, err
    assert not np.allclose(load_facebook_vectors("m.bin")["café"], load_facebook_vectors("n.bin")["café"])
