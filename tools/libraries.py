"""Write docs/portals from the configurations that `idp clients add --for` prints: a page for each client library."""

from pathlib import Path

from config.cli.libraries import LIBRARIES, read_library

PAGES = Path(__file__).parents[1] / "docs" / "portals"

if __name__ == "__main__":
    for name in LIBRARIES:
        (PAGES / f"{name}.md").write_text(read_library(name).page(), encoding="utf-8")
