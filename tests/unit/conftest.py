"""Hypothesis without deadlines: what is measured is measured by benchmarks, on purpose."""

from hypothesis import settings

settings.register_profile("patient", deadline=None)
settings.load_profile("patient")
