"""Every way in: the functions, the command line, and the wiring between them and the world."""

import gc

# Imports make some 300,000 objects that stay. To look through them for garbage at every 700 was a seventh of a cold start (ingest, median
# of 9 in turn: 0.61 s, without 0.51 s). Here, because it has to come before the imports of all modules below.
gc.set_threshold(300_000, 20, 20)
