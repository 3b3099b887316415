"""Admitting: keys for whoever may invoke a function but can't reach the database, as where it lies in a VPC.

Such a payload of `migrate` is an order of an administrator of the account: nobody else can send one. The key is in the answer and in
no log.
"""

from typing import Annotated, Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

from infra.store import Store, keys

ORDERS: Final = ("add_key", "revoke_key")
"""What a payload holds that is an order about keys."""

Name = Annotated[str, Field(min_length=1, max_length=200)]


class NewKey(BaseModel):
    """A key that is to be."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    role: Literal["reader", "editor", "admin"] = "reader"
    """As in `handlers.declaring`, which would bring all of HTTP with it."""


class Order(BaseModel):
    """``{"add_key": {"name": "ada", "role": "admin"}}``, ``{"revoke_key": "ada"}``, or both: the old one goes first.

    author: who orders it, for the audit trail, which also says by which invocation; the account's own trail says whose that was.
    """

    model_config = ConfigDict(extra="forbid")

    add_key: NewKey | None = None
    revoke_key: Name | None = None
    author: Name | None = None


def is_order(event: dict[str, Any]) -> bool:
    """Tell whether a payload is an order about keys."""
    return any(order in event for order in ORDERS)


def admit(event: dict[str, Any], *, store: Store, invocation: str) -> dict[str, Any]:
    """Carry out an order; gives the new key, which is seen this once, and whether one was revoked. invocation: the function's, by its id.

    A second run finds the name taken and gives no second key. A crash half-way leaves everything as it was.

    Raises:
        ValidationError: no such order.
        NameTaken: a key of this name is valid.
    """
    order = Order.model_validate(event)
    author = f"{order.author} ({invocation})" if order.author else invocation
    done: dict[str, Any] = {}
    with store.engine.begin() as connection:
        if order.revoke_key is not None:
            done["revoked"] = keys.revoke_key(connection, order.revoke_key, author=author)
        if order.add_key is not None:
            name, role = order.add_key.name, order.add_key.role
            done["key"] = keys.add_key(connection, name=name, role=role, author=author)
    return done
