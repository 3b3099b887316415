"""Labelled listings and the floors under what the matcher makes of them."""
