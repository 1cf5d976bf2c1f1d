"""`python -m sandbox run`, or one of its parts: see `PROGRAMS`; in a terminal, `phone ...` and `codes`."""

import argparse
import atexit
import gc
import sys
from importlib import import_module

from sandbox import addresses

PROGRAMS = {
    "run": "launch.run",
    "prepare": "prepare.run",
    "portal": "portal.serve",
    "inbox": "inbox.serve",
    "sms": "sms.serve",
    "upstreams": "upstreams.serve",
    "phone-app": "phone_server.serve",
    "phone": "phone_terminal.run",
    "codes": "totp.show",
}


def main() -> int:
    """Start one program, or all of them; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="The outside world, simulated.")
    parser.add_argument("program", choices=PROGRAMS, help="`run` starts everything")
    parser.add_argument("words", nargs=argparse.REMAINDER, help="of `phone`: see `phone --help`")
    given = parser.parse_args()
    if given.words and given.program != "phone":
        parser.error(f"{given.program} takes no more words")
    atexit.register(gc.freeze)  # The end need not look for garbage in what was imported.
    return _start(given.program, given.words)


def _start(program: str, words: list[str]) -> int:
    # Imported only when it is the one: the starter should not wait for libraries that its children need.
    module, _, name = PROGRAMS[program].partition(".")
    start = getattr(import_module(f"sandbox.{module}"), name)
    given: list[object] = [] if program == "codes" else [addresses.from_environment()]
    return start(*given, *([words] if program == "phone" else [])) or 0


if __name__ == "__main__":
    sys.exit(main())
