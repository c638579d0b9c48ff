"""What a command prints, and the streams that it prints to: none of them can cost a result."""

from __future__ import annotations

import os
import sys
from typing import Any, TextIO

STDIN, STDOUT = "/dev/stdin", "/dev/stdout"


def prepare_streams() -> None:
    """Let printing work wherever it goes: to a closed stream, to a terminal that knows few characters."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, open(os.devnull, "w"))  # noqa: SIM115 (open to the end)
        elif hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    if hasattr(sys.stdin, "reconfigure"):
        sys.stdin.reconfigure(encoding="utf-8", errors="surrogateescape")


def typed(word: str) -> str:
    """Return a word of the command line as the UTF-8 that it is, whatever the locale says."""
    return os.fsencode(word).decode("utf-8", "surrogateescape")


def source(path: str) -> str:
    """Return the file that a user names to read, where "-" is the standard input."""
    return STDIN if path == "-" else path


def target(path: str) -> str:
    """Return the file that a user names to write, where "-" is the standard output."""
    return STDOUT if path == "-" else path


class Shell:
    """Prints for a command. Nothing that goes wrong with printing raises; `error` keeps it until the end.

    Args:
        quiet: print nothing but results.
        to_stderr: the standard output takes a result: what is only told goes to the standard error.
    """

    def __init__(self, *, quiet: bool = False, to_stderr: bool = False) -> None:
        self.quiet, self._to_stderr = quiet, to_stderr
        self.error: OSError | None = None

    @property
    def bars(self) -> int:
        """1 where progress bars can be seen, else 0."""
        return int(not self.quiet and sys.stderr.isatty())

    def say(self, text: object = "") -> None:
        """Tell what happens."""
        if not self.quiet:
            self._write(sys.stderr if self._to_stderr else sys.stdout, text)

    def result(self, text: object, end: str = "\n") -> None:
        """Print what the user asked for."""
        self._write(sys.stdout, text, end)

    def warn(self, text: object) -> None:
        """Tell what the user should know, on the standard error."""
        if not self.quiet:
            self._write(sys.stderr, text)

    def complain(self, text: object) -> None:
        """Tell that something failed, on the standard error."""
        self._write(sys.stderr, f"seqnn: {text}")

    def close(self) -> None:
        """Flush, and raise what printing of a result has met, but for a reader that has gone."""
        self._write(sys.stdout, None)
        if self.error is not None and not isinstance(self.error, BrokenPipeError):
            raise OSError(self.error.errno, os.strerror(self.error.errno or 0), "standard output")

    def _write(self, stream: TextIO, text: Any, end: str = "\n") -> None:
        if self.error is not None and stream is sys.stdout:
            return
        try:
            if text is not None:
                print(text, end=end, file=stream)
            stream.flush()
        except OSError as error:
            if stream is sys.stdout:
                self.error = error
                # what is left in the buffer must not fail again when Python ends
                os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        except ValueError:  # closed
            pass
