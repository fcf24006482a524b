"""``python -m parzen``: the command line."""

from parzen.cli import app

app(prog_name="parzen")
