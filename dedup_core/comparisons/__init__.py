"""Comparisons: what one kind of evidence says of a pair, in bits.

Each takes row numbers ``a`` and ``b`` (p,), the columns of the events and the weights, and gives (p,) bits: positive
speaks for one event, negative for two, NaN is missing and says nothing. All are symmetric in a and b.
Their docstrings are what a reviewer is shown as the reason.
"""
