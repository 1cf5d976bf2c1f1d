"""What we tell people, and portals: a durable outbox, the texts, and the ways out.

Path through it: a rule writes a `Message` into the outbox, in the same transaction as what it tells about ->
`sending.py` claims what is due, renders it with `texts.py` and hands it to the sender of its channel -> a receipt may
come later. Accepted means that it will be tried until it arrives or its time is over, also after kill -9.

Commands: `idp messages work | list | retry | budget`. Who may be told what, and how often, is decided elsewhere.
"""
