"""`python -m sandbox run`, or one of its parts: see `PROGRAMS`; in a terminal, `phone ...` and `codes`."""

import argparse
import sys

from sandbox import addresses

PROGRAMS = ("run", "prepare", "portal", "inbox", "sms", "upstreams", "phone-app", "phone", "codes")


def main() -> int:
    """Start one program, or all of them; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="The outside world, simulated.")
    parser.add_argument("program", choices=PROGRAMS, help="`run` starts everything")
    parser.add_argument("words", nargs=argparse.REMAINDER, help="of `phone`: see `phone --help`")
    given = parser.parse_args()
    if given.words and given.program != "phone":
        parser.error(f"{given.program} takes no more words")
    return _start(given.program, given.words, addresses.from_environment())


def _start(program: str, words: list[str], where: addresses.Addresses) -> int:
    match program:
        # Each is imported only when it is the one: the starter should not wait for libraries that its children need.
        case "prepare":
            from sandbox import prepare

            prepare.run(where)
        case "portal":
            from sandbox import portal

            portal.serve(where)
        case "inbox":
            from sandbox import inbox

            inbox.serve(where)
        case "sms":
            from sandbox import sms

            sms.serve(where)
        case "upstreams":
            from sandbox import upstreams

            upstreams.serve(where)
        case "phone-app":
            from sandbox import phone_server

            phone_server.serve(where)
        case "phone":
            from sandbox import phone_terminal

            return phone_terminal.run(where, words)
        case "codes":
            from sandbox import totp

            totp.show()
        case _:
            from sandbox import launch

            return launch.run(where)
    return 0


if __name__ == "__main__":
    sys.exit(main())
