"""The page in a browser: Chromium, where there is one, driven by playwright."""

import shutil
import socket
import threading

import pytest
from served import pretrained, vectors

from seqnn.lm import NGramLM
from seqnn.serve import create_app

uvicorn = pytest.importorskip("uvicorn")
driver = pytest.importorskip("playwright.sync_api")
pytest.importorskip("starlette")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium")


@pytest.fixture(scope="module")
def browser():
    with driver.sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def page(browser):
    """Return a function that serves something and opens the page; nothing in the console may be wrong."""
    wrong, servers, pages = [], [], []

    def show(what, address="", **look):
        listening = socket.create_server(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        app = create_app(what, name="served", port=port)
        server = uvicorn.Server(uvicorn.Config(app, ws="none", lifespan="off", log_level="critical"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        servers.append((server, thread))
        opened = browser.new_page(**look)
        pages.append(opened)
        opened.on("console", lambda message: wrong.append(message.text) if message.type != "log" else None)
        opened.on("pageerror", lambda error: wrong.append(str(error)))
        opened.on(
            "request", lambda request: wrong.append(request.url) if f"127.0.0.1:{port}/" not in request.url else None
        )
        opened.goto(f"http://127.0.0.1:{port}/{address}")
        return opened

    yield show
    for opened in pages:
        opened.close()
    for server, thread in servers:
        server.should_exit = True
        thread.join(30)
    assert [each for each in wrong if "400 (Bad Request)" not in each] == []  # Chromium tells of every refusal


def test_a_word_is_completed_by_the_keyboard_and_its_neighbours_are_listed(page):
    opened = page(vectors())
    opened.get_by_label("Words").first.fill("qu")
    opened.get_by_role("option", name="queen").wait_for()
    opened.keyboard.press("ArrowDown")
    opened.keyboard.press("Enter")
    opened.locator(".ranking li").first.wait_for()
    nearest = [word for word, _ in vectors().most_similar("queen", topn=20)]
    assert opened.locator(".ranking .name").all_inner_texts() == nearest
    assert opened.url.endswith("#neighbours?positive=queen")
    opened.locator(".ranking .name").first.click()
    opened.wait_for_url(f"**positive={nearest[0]}")
    opened.go_back()
    opened.wait_for_url("**positive=queen")


def test_words_of_markup_are_text(page):
    opened = page(vectors(), "#map?count=50")
    opened.locator(".point text").first.wait_for()
    assert "<b>bold</b>" in opened.locator(".point title").all_text_contents()
    opened.goto(opened.url.partition("#")[0] + "#neighbours?positive=%3Cimg+src%3Dx+onerror%3Dalert(1)%3E")
    opened.locator(".error").wait_for()
    assert opened.locator("main img, main b").count() == 0


def test_an_analogy_an_axis_and_a_map_are_drawn(page):
    opened = page(vectors(), "#analogies?a=man&b=king&c=woman")
    opened.locator(".sentence b").wait_for()
    assert opened.locator(".sentence").inner_text() == "man is to king as woman is to queen"
    opened.get_by_role("link", name="See them on the map").click()
    opened.locator(".point.seed").first.wait_for()
    assert opened.locator(".point.seed").count() == 4
    opened.locator(".plane").focus()
    opened.keyboard.press("ArrowRight")
    chosen = opened.locator(".said").inner_text()
    opened.keyboard.press("Enter")
    opened.wait_for_url(f"**#neighbours?positive={chosen}")
    opened.get_by_role("link", name="Bias axis").click()
    opened.get_by_role("button", name="gender and occupations").wait_for()
    opened.goto(opened.url.partition("#")[0] + "#axis?from=he&to=she&words=king&words=queen")
    opened.locator(".axis-ranking li").first.wait_for()
    assert opened.locator(".axis-ranking .name").all_inner_texts() == ["queen", "king"]


def test_an_unknown_word_is_told(page):
    opened = page(vectors(), "#neighbours?positive=Quen")
    opened.locator(".error").wait_for()
    assert "positive: expected words that have a vector, got 'Quen'" in opened.locator(".error").inner_text()


def test_attention_and_hidden_words_of_a_model_are_drawn(page, tmp_path):
    pytest.importorskip("tokenizers")
    opened = page(pretrained(tmp_path, "BertForMaskedLM"), "#attention?text=the+cat+sat")
    opened.locator(".heat").wait_for()
    assert opened.locator(".head").count() == 4 and opened.locator(".cell").count() == 9
    opened.locator(".head").nth(3).click()
    assert opened.locator(".big h2").inner_text() == "Layer 2, head 2"
    opened.locator(".tokens button").nth(1).click()
    assert opened.locator(".tokens [aria-pressed=true]").inner_text() == "cat"
    opened.get_by_role("link", name="Fill in").click()
    opened.get_by_label("Text").fill("the [MASK] sat")
    opened.keyboard.press("Enter")
    opened.locator(".ranking li").first.wait_for()
    assert opened.locator(".ranking li").count() == 8


def test_beams_are_a_table_and_a_tree(page):
    opened = page(NGramLM(order=2).fit(["the cat sat", "the cat ran", "a dog sat"] * 3))
    opened.get_by_label("Text").fill("the")
    opened.get_by_role("button", name="Search").click()
    opened.locator(".tree").wait_for()
    assert opened.locator("tbody tr").first.locator(".token").first.inner_text() == "cat"
    assert opened.locator(".node.best").count() >= 1


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_narrow_window_needs_no_scrolling_sideways_in_light_and_dark(page, scheme):
    opened = page(vectors(), "#neighbours?positive=king", viewport={"width": 360, "height": 640}, color_scheme=scheme)
    opened.locator(".ranking li").first.wait_for()
    assert opened.evaluate("document.documentElement.scrollWidth") == 360
    assert opened.evaluate("document.documentElement.dataset.theme") == scheme
    opened.get_by_role("button", name="Switch between light and dark").click()
    assert opened.evaluate("document.documentElement.dataset.theme") != scheme


def test_completions_come_while_a_long_answer_is_computed(page):
    waiting, go_on = threading.Event(), threading.Event()
    wv = vectors()
    slow = wv.most_similar

    def held(*given, **more):
        waiting.set()
        go_on.wait(30)
        return slow(*given, **more)

    wv.most_similar = held
    opened = page(wv, "#neighbours?positive=king")
    assert waiting.wait(30)
    opened.get_by_label("minus").fill("wo")
    opened.get_by_role("option", name="woman").wait_for()
    go_on.set()
    opened.locator(".ranking li").first.wait_for()
