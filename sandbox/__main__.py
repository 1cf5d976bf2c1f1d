"""`python -m sandbox run | portal | inbox | sms | upstreams | phone-app`, and `phone ...` in a terminal."""

import argparse
import sys

from sandbox import addresses


def main() -> int:
    """Start one program, or all of them; gives the exit code."""
    parser = argparse.ArgumentParser(prog="python -m sandbox", description="The outside world, simulated.")
    parser.add_argument(
        "program", choices=["run", "portal", "inbox", "sms", "upstreams", "phone-app"], help="`run` starts everything"
    )
    where = addresses.from_environment()
    match parser.parse_args().program:
        # Each is imported only when it is the one: the starter should not wait for libraries that its children need.
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
        case _:
            from sandbox import launch

            return launch.run(where)
    return 0


if __name__ == "__main__":
    sys.exit(main())
