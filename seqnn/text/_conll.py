"""Files of tagged tokens in columns, as the CoNLL shared tasks have them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from .._arguments import integer
from .._atomic import atomic_write
from .._files import BOM, Path, name_of, open_binary, unpacking

_DOCUMENT = b"-DOCSTART-"


class TaggedText(NamedTuple):
    """The sentences of a file of tagged tokens: two lists of equal lengths.

    Attributes:
        tokens: the tokens of each sentence.
        tags: a tag for each token of each sentence.

    >>> from seqnn.text import TaggedText
    >>> TaggedText([["Ada", "writes"]], [["B-PER", "O"]]).tags
    [['B-PER', 'O']]
    """

    tokens: list[list[str]]
    tags: list[list[str]]


def read_conll(
    path: Path,
    *,
    token: int = 0,
    tag: int = -1,
    separator: str | None = None,
    comment: str | None = None,
    encoding: str = "utf-8",
) -> TaggedText:
    """Read a file with a token and its tags in a line, and an empty line after each sentence.

    Lines that begin with -DOCSTART- are passed over. Packed files (.gz, .bz2, .xz, .zip) are unpacked.

    Args:
        path: the file.
        token, tag: the columns of the token and of the tag, from 0; negative ones count from the end.
        separator: what separates columns, such as a tab where tokens hold blanks; default: ASCII white space.
        comment: how lines begin that are passed over, such as "# " in CoNLL-U; default: there are none.
        encoding: such as "latin-1", which the files of 2002 and 2003 have as they came; one that keeps ASCII.

    Returns:
        The tokens and the tags of each sentence.

    Raises:
        ValueError: a line has not the columns that the first one has, or bytes that the encoding does not have; there is no
            sentence; the encoding is not known, or does not keep ASCII. The message names the line.

    Source: Tjong Kim Sang, "Introduction to the CoNLL-2002 shared task", 2002.

    >>> import os, tempfile
    >>> from seqnn.text import read_conll, write_conll
    >>> path = os.path.join(tempfile.mkdtemp(), "text.conll")
    >>> write_conll(path, [["Ada", "writes"], ["Yes"]], [["B-PER", "O"], ["O"]])
    >>> read_conll(path)
    TaggedText(tokens=[['Ada', 'writes'], ['Yes']], tags=[['B-PER', 'O'], ['O']])
    """
    _check_encoding(encoding)
    columns = tuple(integer(name, value, -(2**31)) for name, value in (("token", token), ("tag", tag)))
    found = TaggedText([], [])
    for rows in _sentences(path, separator, comment, encoding, columns):
        found.tokens.append([row[0] for row in rows])
        found.tags.append([row[1] for row in rows])
    if not found.tokens:
        raise ValueError(f"{name_of(path)}: expected lines of a token and its tag, got none")
    return found


def _sentences(
    path: Path, separator: str | None, comment: str | None, encoding: str, columns: tuple[int, ...]
) -> Iterator[list[tuple[str, ...]]]:
    """Yield the wanted columns of each line of each sentence."""
    name, count, rows = name_of(path), 0, []
    cut = None if separator is None else separator.encode(encoding)
    passed = (_DOCUMENT,) if comment is None else (_DOCUMENT, comment.encode(encoding))
    first = 0
    with unpacking(path), open_binary(path) as file:
        for number, line in enumerate(file, 1):
            line = line.removeprefix(BOM) if number == 1 else line
            if not line.strip():
                if rows:
                    yield rows
                    rows = []
                continue
            if line.startswith(passed):
                continue
            fields = line.split() if cut is None else line.rstrip(b"\r\n").split(cut)
            if not count:
                count, first = len(fields), number
                _check_columns(name, number, line, count, columns)
            if len(fields) != count:
                raise ValueError(
                    f"{name}: line {number}: expected {count} columns as in line {first}, got {len(fields)}: "
                    f"{line.strip().decode(encoding, 'replace')!r:.60}"
                )
            try:
                rows.append(tuple(fields[column].decode(encoding) for column in columns))
            except UnicodeDecodeError as error:
                raise ValueError(
                    f"{name}: line {number}: is not {encoding} ({error.reason}): give encoding=, such as 'latin-1'"
                ) from None
    if rows:
        yield rows


def _check_encoding(encoding: str) -> None:
    """Raise a ValueError for an encoding whose lines cannot be cut at the bytes of ASCII."""
    try:
        keeps = b"\n ".decode(encoding) == "\n "
    except (LookupError, UnicodeDecodeError):
        keeps = False
    if not keeps:
        raise ValueError(
            f"encoding: expected the name of one that keeps ASCII, such as 'utf-8' or 'latin-1', got {encoding!r}"
        )


def _check_columns(name: str, number: int, line: bytes, count: int, columns: tuple[int, ...]) -> None:
    """Raise a ValueError where the first line has not the columns that are wanted."""
    if b"\0" in line:
        raise ValueError(f"{name}: line {number}: a NUL byte: the file is binary or not UTF-8 text (UTF-16?)")
    if count < 2:
        raise ValueError(
            f"{name}: line {number}: expected a token and its tag in columns, got {line.strip().decode('utf-8', 'replace')!r:.60}"
            ": is this a CoNLL file?"
        )
    for which, column in zip(("token", "tag"), columns, strict=True):
        if not -count <= column < count:
            raise ValueError(f"{which}: expected a column from 0 to {count - 1}, as {name} has, got {column}")


def write_conll(path: Path, tokens: Sequence[Sequence[str]], *tags: Sequence[Sequence[str]]) -> None:
    """Write a file with a token and its tags in a line, separated by blanks, and an empty line after each sentence.

    Args:
        path: the file; one that exists is replaced only when the new one is complete.
        tokens: the tokens of each sentence.
        *tags: for each further column the tags of each sentence, such as the true ones and the predicted ones.

    Raises:
        ValueError: tags do not fit the tokens, or a token or a tag cannot stand in such a file.

    >>> import os, tempfile
    >>> from seqnn.text import write_conll
    >>> path = os.path.join(tempfile.mkdtemp(), "text.conll")
    >>> write_conll(path, [["Ada", "writes"]], [["NNP", "VBZ"]], [["B-PER", "O"]])
    >>> with open(path) as file:
    ...     file.readlines()
    ['Ada NNP B-PER\\n', 'writes VBZ O\\n', '\\n']
    """
    for number, column in enumerate(tags):
        if len(column) != len(tokens):
            raise ValueError(f"tags[{number}]: expected {len(tokens)} sentences as tokens has, got {len(column)}")
    lines: list[str] = []
    for i, sentence in enumerate(tokens):
        columns = [sentence, *(column[i] for column in tags)]
        for column in columns[1:]:
            if len(column) != len(sentence):
                raise ValueError(f"tags of sentence {i}: expected {len(sentence)}, one a token, got {len(column)}")
        for row in zip(*columns, strict=True):
            lines.append(_line(row, i))
        lines.append("\n")
    with atomic_write(path, "w") as file:
        file.writelines(lines)


def _line(row: tuple[str, ...], sentence: int) -> str:
    """Return a line; a ValueError where it would not be read as it is written."""
    line = " ".join(row)
    if len(line.encode("utf-8", "surrogatepass").split()) != len(row) or line.startswith(_DOCUMENT.decode()):
        raise ValueError(
            f"tokens[{sentence}]: expected tokens and tags without white space that are not empty, got {row}"
        )
    return line + "\n"
