"""`python -m sandbox run | portal | inbox`."""

import argparse
import sys

from sandbox import addresses, inbox, launch, portal


def main() -> int:
    """Start one program, or all of them; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="The outside world, simulated.")
    parser.add_argument("program", choices=["run", "portal", "inbox"], help="`run` starts everything")
    where = addresses.from_environment()
    match parser.parse_args().program:
        case "portal":
            portal.serve(where)
        case "inbox":
            inbox.serve(where)
        case _:
            return launch.run(where)
    return 0


if __name__ == "__main__":
    sys.exit(main())
