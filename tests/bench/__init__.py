"""`make bench`: what each operation costs, as a ratio to a bare WSGI application measured in the same run.

`journeys` are what visitors do, one request after the other; `load` drives many of them at once from processes of
their own; `servers` starts what is measured; `gauge` reads its CPU time and memory from the kernel; `table` tells.
Nothing here asserts on time.

`capacity` turns numbers of people into machines and disks; `volume` and `loading` measure what it calculates with.
"""
