"""The version of what is built, from the tags of the repository: hatchling reads `__version__` (pyproject.toml).

`v1.2.0` is 1.2.0. Three commits later it is 1.2.1.dev3+gabcdef0, and where there is no tag yet, 0.1.0.dev3+gabcdef0.
Without git, for example in a container's build, it is 0.1.0, or what `BUILD_VERSION` says. A source archive
carries its version in PKG-INFO, and this file is not asked.
"""

import os
import re
import subprocess
from pathlib import Path

FIRST = "0.1.0"
ROOT = Path(__file__).resolve().parent.parent
DESCRIBED = re.compile(
    r"(?:v(?P<tag>[0-9]+\.[0-9]+\.[0-9]+)-(?P<since>[0-9]+)-g)?(?P<commit>[0-9a-f]{7,})(?P<dirty>-dirty)?"
)


def git(*words: str) -> str:
    """What git answers in this repository; nothing where git, or the repository, is not there."""
    try:
        command = ["git", "-C", str(ROOT), *words]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()  # noqa: S603
    except (OSError, subprocess.CalledProcessError):
        return ""


def version(described: str, commits: str) -> str:
    """The version for `git describe --tags --long --always --dirty` and the number of commits in all (PEP 440)."""
    found = DESCRIBED.fullmatch(described)
    if not found:
        return FIRST
    tag, since, changed = found["tag"], found["since"] or commits, bool(found["dirty"])
    if tag and since == "0" and not changed:
        return tag
    major, minor, patch = (tag or FIRST).split(".")
    then = f"{major}.{minor}.{int(patch) + 1}" if tag else FIRST
    return f"{then}.dev{since}+g{found['commit']}{'.dirty' if changed else ''}"


def described() -> str:
    """Where this commit stands; nothing when the repository around these files is another project's."""
    if git("rev-parse", "--show-toplevel") != str(ROOT):
        return ""
    return git("describe", "--tags", "--match", "v[0-9]*.[0-9]*.[0-9]*", "--long", "--always", "--dirty")


__version__ = os.environ.get("BUILD_VERSION") or version(described(), git("rev-list", "--count", "HEAD"))
