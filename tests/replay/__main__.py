"""`python -m tests.replay [FILE]`: record everything."""

import sys
import tempfile
import time
from pathlib import Path

from tests.replay.record import RECORDED, opened, record, sections
from tests.support import databases


def main() -> None:
    target = Path(sys.argv[1]) if len(sys.argv) > 1 else RECORDED
    with tempfile.TemporaryDirectory() as home:
        template = databases.sqlite_template(Path(home))
        texts = []
        for name in sections():
            started = time.perf_counter()
            place = Path(home, name.replace(" ", "-"))
            place.mkdir()
            with opened(name, place, databases.sqlite_copy(template, place)) as app:
                texts.append(f"=== {name}\n{record(name, app)}")
            print(f"{time.perf_counter() - started:6.2f} s  {len(texts[-1]):6}  {name}")
    target.write_text("".join(texts), encoding="utf-8")


if __name__ == "__main__":
    main()
