"""The built-in corpus: real prose, always the same, cheap to get."""

import re
import subprocess
import sys
from collections import Counter

from seqnn.data import python_docs
from seqnn.data._prose import prose

DOCSTRING = """Return the sum of array elements over a given axis.

    Parameters
    ----------
    a : array_like
        Elements to sum, see :func:`numpy.add <numpy.ufunc>` and `the guide
        <https://example.org/guide>`_ for what they may be [1]_.

    .. versionadded:: 1.7.0
       This text is about versions only and is not in the corpus.

    .. note::
       The arithmetic is modular when using integer types.  No error is
       raised on overflow, e.g. with ``int8``.

    * Bullets are sentences of their own,
      even if they go on in the next line;

    +-------+-----------------+
    | table | that is skipped |
    +-------+-----------------+

    Use it as in this block::

        x = the_code(if_it_is, not_in, the=corpus)

    >>> np.sum([0.5, 1.5])
    2.0 and this is the output of the example

    The end.
    """


def test_prose_of_a_docstring():
    assert [" ".join(sentence) for sentence in prose(DOCSTRING)] == [
        "return the sum of array elements over a given axis",
        "elements to sum see numpy add and the guide for what they may be",
        "the arithmetic is modular when using integer types",
        "no error is raised on overflow eg with int8",
        "bullets are sentences of their own even if they go on in the next line",
        "use it as in this block",
    ]


def test_half_a_million_words_of_english():
    sentences = python_docs()
    counts = Counter(word for sentence in sentences for word in sentence)
    assert counts.total() > 400_000
    assert len(sentences) > 30_000
    assert all(re.fullmatch(r"[a-z][a-z0-9]*([_'-][a-z0-9]+)*", word) for word in counts)
    assert {"the", "a", "of", "is"} <= {word for word, _ in counts.most_common(10)}
    assert min(counts[word] for word in ("dictionary", "array", "exception", "thread", "sequence")) > 50


def test_the_caller_may_change_what_it_gets():
    python_docs()[0].clear()
    assert len(python_docs()[0]) >= 3


def test_the_same_in_another_process_and_nothing_is_imported():
    program = """
import hashlib, sys
import seqnn.data
before = set(sys.modules)
sentences = seqnn.data.python_docs()
print(sorted(set(sys.modules) - before))
print(hashlib.sha256(repr(sentences).encode()).hexdigest())
"""
    outputs = [
        subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stdout for _ in "12"
    ]
    assert outputs[0] == outputs[1]
    assert outputs[0].startswith("[]\n")
