"""Docstrings and their first lines: real texts, the same again, nothing of the summary's paragraph in the text."""

from seqnn.data import docstring_summaries


def test_pairs_are_texts_and_their_first_lines():
    texts, summaries = docstring_summaries()
    assert len(texts) == len(summaries) > 2000
    assert all(len(text) >= 12 and text[-1] == "." for text in texts)
    assert all(3 <= len(summary) <= 25 for summary in summaries)
    assert len({tuple(text) for text in texts}) == len(texts)
    assert all(word == word.lower() for text in texts[:200] for word in text)
    lines = {" ".join(summary) for summary in summaries}
    assert "write string to file" in lines  # of io.TextIOBase.write
    assert (
        sum(" ".join(text).startswith(" ".join(s)) for text, s in zip(texts, summaries, strict=True)) < len(texts) / 50
    )


def test_callers_get_lists_of_their_own():
    texts, summaries = docstring_summaries()
    texts[0].append("x")
    summaries[0].clear()
    again = docstring_summaries()
    assert again[0][0][-1] == "." and again[1][0]
