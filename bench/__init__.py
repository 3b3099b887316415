"""Benchmarks, and the generator of the listings that they run on; no part of the product."""
