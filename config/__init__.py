"""The only room that knows every other room: settings, wiring, the application and the `idp` command.

Path through it: `settings.py` reads and checks everything once -> `wiring.py` turns settings into stores and use cases
on one readable page -> `app.py` mounts pages and endpoints -> `cli.py` and `commands/` are the `idp` command. Nobody
imports this package: rules are given numbers, they never read settings.
"""
