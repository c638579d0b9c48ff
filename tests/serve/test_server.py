"""The server as a user starts it: seqnn serve."""

import builtins
import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import urllib.error
import urllib.request

import pytest
from served import folder, vectors
from test_cli import run

from seqnn.serve import serve

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")


@pytest.fixture
def started(tmp_path):
    """Return a function that starts the command; it gives the process and the address."""
    vectors().save_word2vec_format(str(tmp_path / "v.txt"))
    running = []

    def start(*arguments):
        command = [sys.executable, "-W", "error", "-m", "seqnn", "serve", *map(str, arguments or [tmp_path / "v.txt"])]
        process = subprocess.Popen([*command, "--port", "0"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        running.append(process)
        line = process.stdout.readline()
        assert "Ctrl-C stops" in line, process.communicate(timeout=60)
        return process, re.search(r"http://\S+/", line)[0]

    yield start
    for process in running:
        process.kill()
        process.communicate()


def got(address, path="", **headers):
    with urllib.request.urlopen(urllib.request.Request(address + path, headers=headers), timeout=60) as answer:
        return answer.read().decode()


@pytest.mark.skipif(sys.platform == "win32", reason="signals of another kind")
@pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
def test_the_server_tells_its_address_answers_and_stops_cleanly(started, ending):
    process, address = started()
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+/", address)
    assert "<title>seqnn</title>" in got(address)
    assert json.loads(got(address, "api/about"))["name"] == "v.txt"
    with pytest.raises(urllib.error.HTTPError, match="403") as caught:
        got(address, "api/about", Host="evil.example")
    caught.value.close()
    still = http.client.HTTPConnection(address.split("/")[2], timeout=60)
    still.request("GET", "/")
    assert still.getresponse().read()
    process.send_signal(ending)  # while a browser keeps its connection
    out, err = process.communicate(timeout=60)
    still.close()
    assert (process.returncode, out, err) == (0, "stopped\n", "")


def test_a_port_in_use_is_told(tmp_path, capsys):
    vectors().save_word2vec_format(str(tmp_path / "v.txt"))
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        code, out, err = run(capsys, "serve", tmp_path / "v.txt", "--port", port)
    assert (code, out) == (1, "")
    assert f"127.0.0.1 port {port}: " in err and "--port 0 takes one that is free" in err and err.count("\n") == 1


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--port", -1], "port: expected an integer >= 0, got -1"),
        (["--port", 65536], "port: expected at most 65535, got 65536"),
        (["--host", "no such host"], "host: expected an address of this machine, got 'no such host'"),
        (["--host", "203.0.113.7"], "203.0.113.7 port 8765: "),
        (["--allow-host", "a:80"], "allow_hosts: expected names or addresses without http:// and port, got 'a:80'"),
    ],
)
def test_an_address_that_cannot_be_listened_at_is_told(tmp_path, capsys, options, message):
    vectors().save_word2vec_format(str(tmp_path / "v.txt"))
    code, out, err = run(capsys, "serve", tmp_path / "v.txt", *options)
    assert (code, out) == (1, "") and message in err


def test_a_missing_library_is_named_with_the_extra(tmp_path, capsys, monkeypatch):
    vectors().save_word2vec_format(str(tmp_path / "v.txt"))
    real = builtins.__import__

    def without(name, *rest):
        if name.partition(".")[0] in ("uvicorn", "starlette"):
            raise ImportError(name)
        return real(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    code, _, err = run(capsys, "serve", tmp_path / "v.txt")
    assert code == 1 and "pip install 'seqnn-cpu[web]'" in err


def test_what_is_no_vectors_and_no_model_is_told(tmp_path, capsys):
    code, _, err = run(capsys, "serve", tmp_path / "none.txt")
    assert code == 1 and "none.txt" in err
    (tmp_path / "folder").mkdir()
    code, _, err = run(capsys, "serve", tmp_path / "folder")
    assert code == 1 and "expected a config.json" in err


def test_a_folder_is_served_and_a_browser_is_opened_only_when_asked(tmp_path, capsys, monkeypatch):
    pytest.importorskip("tokenizers")
    opened, done = [], threading.Event()
    monkeypatch.setattr("webbrowser.open", lambda address: (opened.append(address), done.set()))

    class Stopped:
        def __init__(self, config):
            pass

        def run(self, sockets):
            raise KeyboardInterrupt

    monkeypatch.setattr("uvicorn.Server", Stopped)
    place = folder(tmp_path, "BertModel")
    assert run(capsys, "serve", place, "--port", 0)[0] == 0 and not opened
    code, out, _ = run(capsys, "serve", place, "--port", 0, "--open")
    assert done.wait(60) and code == 0
    assert opened == [re.search(r"http://\S+", out)[0]] and out.startswith("BertModel: ")


@pytest.mark.skipif(sys.platform == "win32", reason="no pipes with a path")
@pytest.mark.parametrize("path", ["-", "/dev/fd/{}"])
def test_vectors_may_come_through_a_pipe(tmp_path, capsys, monkeypatch, path):
    monkeypatch.setattr("uvicorn.Server.run", lambda self, sockets: None)
    vectors().save_word2vec_format(str(tmp_path / "v.txt"))
    reading, writing = os.pipe()
    with os.fdopen(writing, "wb") as pipe:
        pipe.write((tmp_path / "v.txt").read_bytes())
    before = os.dup(0)
    try:
        os.dup2(reading, 0)
        code, out, err = run(capsys, "serve", path.format(reading), "--port", 0)
    finally:
        os.dup2(before, 0)
        os.close(before)
        os.close(reading)
    assert (code, err) == (0, "") and out.startswith("standard input: " if path == "-" else f"{reading}: ")


@pytest.mark.skipif(sys.platform == "win32", reason="signals of another kind")
def test_the_server_stops_while_an_answer_is_computed():
    computing, go_on, told, codes = threading.Event(), threading.Event(), [], []
    wv = vectors()

    def held(*given, **more):
        computing.set()
        go_on.wait(60)
        return []

    wv.most_similar = held

    def ask(address):
        body = json.dumps({"positive": ["king"]}).encode()
        question = urllib.request.Request(f"{address}api/neighbours", body, {"Content-Type": "application/json"})
        with pytest.raises(urllib.error.HTTPError) as caught:
            urllib.request.urlopen(question, timeout=60)
        codes.append(caught.value.code)
        caught.value.close()

    def press():
        if computing.wait(60):
            os.kill(os.getpid(), signal.SIGINT)

    threads = [threading.Thread(target=press)]

    def tell(line):
        told.append(line)
        if len(told) == 1:
            threads.append(threading.Thread(target=ask, args=[re.search(r"http://\S+/", line)[0]]))
            for thread in threads:
                thread.start()

    serve(wv, port=0, tell=tell)
    go_on.set()
    for thread in threads:
        thread.join(60)
    assert told[-1] == "stopped" and codes == [503]


def test_a_page_for_others_says_that_there_is_no_password(monkeypatch):
    told = []
    monkeypatch.setattr("uvicorn.Server.run", lambda self, sockets: None)
    serve(vectors(), host="0.0.0.0", port=0, tell=told.append)
    assert "everybody who can reach 0.0.0.0 can use this page; there is no password" in told
