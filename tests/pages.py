"""Pages of Markdown: their Python blocks, and their links."""

import os
import re
import subprocess
import sys
from pathlib import Path


def blocks(page: Path) -> list[str]:
    """Return the Python blocks of a page."""
    return re.findall(r"^```python\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def run(code: str, folder: Path) -> subprocess.CompletedProcess:
    """Run code in a folder, in a process of its own whose warnings are errors."""
    environment = {**os.environ, "TQDM_DISABLE": "1"}
    command = [sys.executable, "-W", "error", "-c", code]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=200)


def links(page: Path) -> list[Path]:
    """Return the files of the project that a page leads to."""
    targets = re.findall(r"\]\(([^)#]+)\)", page.read_text("utf-8"))
    return [page.parent / target for target in targets if not target.startswith("http")]
