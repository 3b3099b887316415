"""Routes: one module a subject. The same routes serve Lambda (`handlers.api`) and `event-dedup serve`.

A module has a router, which `handlers.api.ROUTERS` lists, and functions that ask a use case and say how its answer looks::

    router = Router()

    @router.post("/verdicts", **declared("editor", VERDICT, 409, status=201))
    def give(request: Request, verdict: Annotated[NewVerdict, Body()]) -> Response[str]:
        \"\"\"Say it in one line: it becomes the route's description in the OpenAPI document.\"\"\"
        given = deciding.give(wiring.for_deciding(), verdict, who=who(request).name)
        return answered(given, HTTPStatus.CREATED)

    @router.exception_handler(Contradiction)
    def contradicted(error: Contradiction) -> Response[str]:
        return problem(HTTPStatus.CONFLICT, str(error), verdicts=error.sequences)

- ``declared`` names the least role that may call; a route that declares none does not exist (404).
- What comes in stands in the signature and is validated; what is wrong becomes a 422 that names it.
- The request is an argument of the type ``Request``. ``router.current_event`` is another's, where many requests are under way.
- `handlers.access.who` tells who asks, for the audit trail. `handlers.answers` has the forms of answers: ``answered``,
  ``tagged`` (ETag, 304), ``problem``. An error that a use case raises gets its handler beside the routes that meet it.
- After a change: ``python -m handlers.api > docs/openapi.json``.
"""
