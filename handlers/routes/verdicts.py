"""Routes of verdicts: what people said of pairs, and what is taken back."""

from aws_lambda_powertools.event_handler.api_gateway import Router

router = Router()
