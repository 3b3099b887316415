"""The editor's page: server-rendered, on the use cases of the API; it decides nothing by itself.

`visiting` reads a request, `shell` answers with a page, `assets` with a file, `pages` has one module a subject.
Everything that listings say is escaped, and the page's policy lets no script run but its own files.
"""
