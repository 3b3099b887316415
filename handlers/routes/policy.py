"""Routes of the policy: what is in force, and what another one would change."""

from aws_lambda_powertools.event_handler.api_gateway import Router

router = Router()
