"""The store: PostgreSQL. Each method of `Store` is one transaction."""

from infra.store.files import Ingested, Upload
from infra.store.runs import MatchWork
from infra.store.snapshots import Snapshot
from infra.store.store import Store

__all__ = ["Ingested", "MatchWork", "Snapshot", "Store", "Upload"]
