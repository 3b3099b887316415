"""The pure core: listings in, canonical events out. Start at `dedup_core.pipeline`."""
