"""What the tests of the page have in common: vectors, a model, and a client."""

import numpy as np
import pretrained_record as recorded

from seqnn import KeyedVectors, load_pretrained
from seqnn.serve import create_app
from seqnn.text import SubwordTokenizer

WORDS = ["man", "woman", "king", "queen", "he", "she", "Nürnberg", "<b>bold</b>", "愛", "👍🏽", "a'b\"c"]
PORT = 8765


def vectors():
    """Vectors in which man is to king as woman is to queen."""
    draw = np.random.default_rng(0)
    royal, female = np.eye(12)[:2]
    found = draw.standard_normal((len(WORDS), 12)) * 0.1
    for word, meaning in {
        "man": 0,
        "woman": female,
        "king": royal,
        "queen": royal + female,
        "he": 0,
        "she": female,
    }.items():
        found[WORDS.index(word)] += 2 * meaning + np.eye(12)[2]
    return KeyedVectors.from_arrays(WORDS, found.astype(np.float32))


def folder(path, name):
    """A folder of one of the recorded models, with a tokenizer."""
    made = recorded.folder(path / name, name)[0]
    specials = ("[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]")
    SubwordTokenizer.train(["the cat sat"] * 9, kind="wordpiece", vocab_size=30, specials=specials).save(
        made / "tokenizer.json"
    )
    return made


def pretrained(path, name):
    """One of the recorded models, with a tokenizer."""
    return load_pretrained(folder(path, name))


def client(what, **more):
    """A client of the page about something."""
    from starlette.testclient import TestClient

    return TestClient(create_app(what, **more), base_url=f"http://127.0.0.1:{PORT}")


def asked(page, question, **fields):
    """What the page answers to a question."""
    answer = page.post(f"/api/{question}", json=fields)
    assert answer.status_code == 200, answer.text
    return answer.json()


def refused(page, question, **fields):
    """What the page says against a bad question."""
    answer = page.post(f"/api/{question}", json=fields)
    assert answer.status_code == 400, answer.text
    return answer.json()["error"]
