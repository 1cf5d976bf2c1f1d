"""The only room that knows every other room: settings, the container, the application and the `idp` command.

Reading order: `settings.py` defines the settings, `loading.py` reads and checks them once -> `stores.py` builds every
store and `container.py` every use case, room by room (`rooms/`) -> `routes.py` lists pages, `endpoints.py` the machine
endpoints -> `app.py` makes one application of them. `cli/` is the `idp` command. No other room imports this package:
rules get numbers and never read settings.
"""
