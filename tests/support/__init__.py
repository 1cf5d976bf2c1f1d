"""What the tests stand on: real servers on free ports, a clock that moves when told, browsers, a running provider.

Nothing here imports Flask or patches our own code. Whatever is missing on the machine is a failure that names it,
never a skip.
"""
