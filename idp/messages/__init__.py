"""What we tell people and portals: a durable outbox, the texts, and the senders.

Path through it: a rule writes a `Message` into the outbox, in the same transaction as the event it reports ->
`sending.py` claims what is due, renders it with `texts.py` and hands it to the sender of its channel -> a receipt may
come later. An accepted message is tried until it arrives or expires, even after kill -9.

Commands: `idp messages work | list | retry | budget`. Who may be sent what, and how often, is decided elsewhere.
"""
