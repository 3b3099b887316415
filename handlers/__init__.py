"""Every way in: the functions, the command line, and the wiring between them and the world."""
