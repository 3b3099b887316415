"""Routes of files: what became of each file."""

from aws_lambda_powertools.event_handler.api_gateway import Router

router = Router()
