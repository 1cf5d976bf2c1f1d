"""`idp serve`: the serving processes, and how they start, are replaced, reload and stop.

    idp serve (supervisor: signals, drain, the operators' listener)
      gunicorn's master (keeps its workers alive)
        worker, worker, ... (the application, `config.wsgi`)

`supervisor` is the first process, `operations` its listener, `numbers` the files through which workers share metrics.
`gunicorn_master` and `gunicorn_worker` are our changes to gunicorn: `plain` reads what the loop of a worker answers
itself, `inbox` collects everything else, `admission` gives it threads. What requests mean belongs to `idp`.
"""
