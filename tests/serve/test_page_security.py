"""Who may ask the page, and how much."""

import asyncio
import json
import re
from importlib.resources import files

import pytest
from served import PORT, client, vectors

from seqnn.serve import create_app

pytest.importorskip("starlette.testclient")


@pytest.fixture(scope="module")
def page():
    return client(vectors(), hosts=["my-machine", "fe80::1"])


HOSTS = ["127.0.0.1", "localhost", "LOCALHOST", "[::1]", "my-machine", "[fe80::1]"]


@pytest.mark.parametrize("host", HOSTS)
def test_the_page_answers_under_its_own_names(page, host):
    for origin in ({}, {"Origin": f"http://{host}:{PORT}"}):
        assert page.get("/", headers={"Host": f"{host}:{PORT}", **origin}).status_code == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", f"evil.example:{PORT}", f"127.0.0.1.evil.example:{PORT}", "127.0.0.1", "127.0.0.1:80", "",
     f"localhost:{PORT}@evil.example", f"localhost.:{PORT}", f"[::ffff:127.0.0.1]:{PORT}", f"0.0.0.0:{PORT}"],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/", "/app.js", "/api/about", "/nothing"])
def test_a_name_that_somebody_else_made_mean_this_machine_is_refused(page, host, path):
    answer = page.get(path, headers={"Host": host})
    assert answer.status_code == 403
    assert answer.json()["error"]["argument"] == "Host" and f"127.0.0.1:{PORT}" in answer.json()["error"]["expected"]


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"hosts": "my-machine"}, TypeError, "hosts: expected a list of names, got 'my-machine'"),
        ({"hosts": 3}, TypeError, "hosts: expected a list of names, got 3"),
        ({"hosts": [3]}, TypeError, "hosts: expected names, got 3"),
        ({"hosts": ["a:80"]}, ValueError, "hosts: expected names or addresses without http:// and port, got 'a:80'"),
        ({"hosts": ["http://a"]}, ValueError, "hosts: expected names or addresses"),
        ({"hosts": ["*"]}, ValueError, "hosts: expected names or addresses"),
        ({"hosts": [""]}, ValueError, "hosts: expected names or addresses"),
        ({"port": 0}, ValueError, "port: expected an integer >= 1, got 0"),
        ({"port": "80"}, TypeError, "port: expected an integer >= 1, got '80'"),
        ({"name": None}, TypeError, "name: expected a text, got None"),
    ],
)
def test_what_names_no_place_is_refused(options, error, message):
    with pytest.raises(error, match=re.escape(message)):
        create_app(vectors(), **options)


def test_two_hosts_are_refused(page):
    twice = [("Host", f"127.0.0.1:{PORT}"), ("Host", f"127.0.0.1:{PORT}")]
    assert page.get("/", headers=twice).status_code == 403


@pytest.mark.parametrize(
    "origin",
    ["http://evil.example", "null", f"https://127.0.0.1:{PORT}", "http://127.0.0.1", f"http://127.0.0.1:{PORT + 1}"],
)
def test_a_page_of_another_origin_is_refused(page, origin):
    answer = page.post("/api/neighbours", json={"positive": ["king"]}, headers={"Origin": origin})
    assert answer.status_code == 403 and answer.json()["error"]["argument"] == "Origin"


def test_every_answer_forbids_foreign_and_inline_code(page):
    refused = page.get("/", headers={"Host": "evil.example"})
    for answer in (page.get("/"), page.get("/app.js"), page.get("/api/about"), page.get("/nothing"), refused):
        policy = dict(part.strip().split(" ", 1) for part in answer.headers["content-security-policy"].split(";"))
        assert policy["default-src"] == "'none'" and policy["script-src"] == "'self'" == policy["style-src"]
        assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
        assert answer.headers["x-content-type-options"] == "nosniff" and answer.headers["cache-control"] == "no-store"
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize(
    "path",
    ["/../pyproject.toml", "/%2e%2e/_app.py", "/..%2f_app.py", "/_app.py", "/%00", "/page/app.js", "/api/", "/api/_units",
     "/api/__init__", "/style.css/", "//etc/passwd", "/app.js%00.html"],
)  # fmt: skip
def test_only_the_files_of_the_page_can_be_read(page, path):
    answer = page.request("GET" if not path.startswith("/api/_") else "POST", path, follow_redirects=False, json={})
    assert answer.status_code in (404, 405, 307, 415), answer.text
    assert "import" not in answer.text


def test_other_methods_are_refused(page):
    for method, path in (
        ("POST", "/"),
        ("PUT", "/app.js"),
        ("GET", "/api/map"),
        ("DELETE", "/api/about"),
        ("OPTIONS", "/api/map"),
    ):
        answer = page.request(method, path)
        assert answer.status_code == 405 and answer.json()["error"]["argument"] == "method"


def test_a_form_of_another_page_is_no_question(page):
    for kind in ("text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", ""):
        answer = page.post(
            "/api/neighbours", content=json.dumps({"positive": ["king"]}), headers={"Content-Type": kind}
        )
        assert answer.status_code == 415 and answer.json()["error"]["argument"] == "Content-Type"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"3",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"text": NaN}',
        b'{"text": 1e999}',
        b'{"text": ' + b"9" * 5000 + b"}",
    ],
)
def test_a_body_that_is_no_object_or_no_json_is_told(page, body):
    answer = page.post("/api/complete", content=body, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400 and answer.json()["error"]["expected"]


def test_a_large_request_is_not_read(page):
    answer = page.post("/api/complete", json={"text": "x" * 200_000})
    assert answer.status_code == 413 and answer.json()["error"]["argument"] == "request"


def test_a_browser_that_goes_away_while_it_asks_is_no_error():
    sent = []

    async def receive():
        return {"type": "http.disconnect"}

    async def send(message):
        sent.append(message)

    headers = [(b"host", f"127.0.0.1:{PORT}".encode()), (b"content-type", b"application/json")]
    scope = {
        "type": "http", "method": "POST", "path": "/api/map", "raw_path": b"/api/map", "query_string": b"", "root_path": "",
        "scheme": "http", "http_version": "1.1", "headers": headers, "server": ("127.0.0.1", PORT), "client": None,
    }  # fmt: skip
    asyncio.run(create_app(vectors())(scope, receive, send))
    assert sent[0]["status"] == 400


def test_the_files_load_nothing_from_elsewhere_and_insert_no_markup():
    for file in files("seqnn.serve").joinpath("page").iterdir():
        text = file.read_text(encoding="utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not re.search(r"https?://|//[a-z]+\.[a-z]|@import|url\(", text), file.name
        assert not re.search(
            r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|eval\(|new Function|setTimeout\(\"", text
        )
        if file.name.endswith(".html"):
            assert not re.search(r"<script(?![^>]*src=)|style=|\son\w+=|<style", text)
