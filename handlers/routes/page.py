"""Routes of the editor's page: the views of `handlers.web.pages`, below ``/desk``. Browsers show a key as a cookie, so they let in by themselves."""

from http import HTTPStatus

from aws_lambda_powertools.event_handler import Response
from aws_lambda_powertools.event_handler.api_gateway import Router

from handlers.access import holder
from handlers.declaring import declared
from handlers.web.mounting import mount
from handlers.web.pages import (
    arrange,
    door,
    event,
    export,
    files,
    listing,
    policy,
    review,
    runs,
    verdicts,
)
from handlers.web.visiting import ROOT, Visitor, token_of

router = Router()


def recognise(key: str) -> Visitor | None:
    """Tell who has a key, or null."""
    caller = holder(key)
    if caller is None or caller.role is None:
        return None
    return Visitor(caller.name, caller.role, token_of(key))


PAGES = (listing, export, event, arrange, review, verdicts, files, runs, policy)

for shown in (*door.shown(recognise), *(each for subject in PAGES for each in subject.SHOWN)):
    mount(router, shown, recognise)


@router.get("/", security=declared("anyone", None)["security"], include_in_schema=False)
def show_way() -> Response[str]:
    """Lead who opens the address of the server in a browser to the page."""
    return Response(int(HTTPStatus.SEE_OTHER), headers={"Location": ROOT})
