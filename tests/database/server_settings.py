"""Global settings of a server, changed for a while."""

import contextlib


@contextlib.contextmanager
def setting(server, name, value, default):
    server.run(f"SET GLOBAL {name} = {value}")
    try:
        yield
    finally:
        server.run(f"SET GLOBAL {name} = {default}")
