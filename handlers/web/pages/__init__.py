"""Pages: one module a subject, each with ``SHOWN``: its views and their ways in."""
