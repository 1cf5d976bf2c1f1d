"""`idp serve`: the processes that serve, how they start, are replaced, reload and stop.

    idp serve (supervisor: signals, drain, the operators' listener)
      gunicorn's master, or granian's parent (keeps its workers alive)
        worker, worker, ... (the application, `config.wsgi`)

`supervisor` is the first process, `operations` its listener, `numbers` the files through which workers share metrics.
`gunicorn_master`, `gunicorn_worker` and `inbox` are ours of gunicorn; `granian_parent` is granian with our settings.
What requests mean is left to `idp`.
"""
