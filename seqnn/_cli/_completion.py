"""The command `seqnn completion`: a script that lets a shell complete commands and options, made from the parser itself."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import Any

from ._options import Help
from ._shell import Shell

_BASH = """\
_seqnn() {{
    local current=${{COMP_WORDS[COMP_CWORD]}}
    if [ "$COMP_CWORD" -eq 1 ]; then
        COMPREPLY=($(compgen -W "{commands}" -- "$current"))
        return
    fi
    local options=""
    case ${{COMP_WORDS[1]}} in
{cases}
    esac
    case $current in
        -*) COMPREPLY=($(compgen -W "$options" -- "$current")) ;;
        *) COMPREPLY=($(compgen -f -- "$current")) ;;
    esac
}}
complete -o filenames -F _seqnn seqnn
"""


def add_command(commands: Any, parsers: Mapping[str, argparse.ArgumentParser]) -> None:
    """Add the sub-command to those of a parser; `parsers` are all commands by their names."""
    parser = commands.add_parser(
        "completion",
        help="print a script of completions for a shell",
        description="Print a script that completes commands and options.",
        epilog='Examples:\n  eval "$(seqnn completion bash)"        in ~/.bashrc\n'
        '  eval "$(seqnn completion zsh)"         in ~/.zshrc\n'
        "  seqnn completion fish > ~/.config/fish/completions/seqnn.fish",
        formatter_class=Help,
        allow_abbrev=False,
    )
    parser.add_argument("shell", choices=("bash", "zsh", "fish"))
    parser.set_defaults(run=lambda arguments: _run(arguments.shell, parsers))


def _run(kind: str, parsers: Mapping[str, argparse.ArgumentParser]) -> None:
    shell = Shell()
    shell.result(script(kind, parsers).rstrip("\n"))
    shell.close()


def script(kind: str, parsers: Mapping[str, argparse.ArgumentParser]) -> str:
    """Make the script for one shell."""
    options = {name: _options(parser) for name, parser in parsers.items()}
    if kind == "fish":
        lines = [f"complete -c seqnn -n __fish_use_subcommand -f -a '{' '.join(options)}'"]
        lines += [
            f"complete -c seqnn -n '__fish_seen_subcommand_from {name}' -l {flag.removeprefix('--')}"
            for name, flags in options.items()
            for flag in flags
            if flag.startswith("--")
        ]
        return "\n".join(lines) + "\n"
    cases = "\n".join(f'        {name}) options="{" ".join(flags)}" ;;' for name, flags in options.items())
    text = _BASH.format(commands=" ".join(options), cases=cases)
    return text if kind == "bash" else f"autoload -U +X bashcompinit && bashcompinit\n{text}"


def _options(parser: argparse.ArgumentParser) -> list[str]:
    """List the options that the help of a command shows."""
    return [flag for action in parser._actions if action.help != argparse.SUPPRESS for flag in action.option_strings]
