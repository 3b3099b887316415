"""Measures: what the functions count, as CloudWatch's metrics, by way of their log lines."""

import os
from typing import Final

from aws_lambda_powertools import Metrics

NAMESPACE: Final = "POWERTOOLS_METRICS_NAMESPACE"
"""Powertools' own variable. The template gives each stack a namespace, so that staging's files are not counted as production's."""


def measures(service: str) -> Metrics:
    """Give a function its metrics; without the variable they are the command line's and the tests', in a namespace of no stack."""
    return Metrics(namespace=os.environ.get(NAMESPACE, "event-dedup"), service=service)
