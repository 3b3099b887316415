"""Routes of feeds: events as others read them."""

from aws_lambda_powertools.event_handler.api_gateway import Router

router = Router()
