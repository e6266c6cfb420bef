"""Everything that may be done with an integration: a function per verb, keyword `actor`, one transaction each.

Refusals are problems: PermissionRefused or SodViolation (403), IllegalTransition or ArchivedImmutable (409),
ContentChanged (412), ValidationFailed with one error per fault (422). `activate` alone talks to the identity server
and therefore must not run inside a transaction of its caller: see `registry.actions.clients`.
"""

from registry.actions.clients import Activation, activate, rotate_secret
from registry.actions.integrations.clock import expire, lapse, settle
from registry.actions.integrations.requests import (
    cancel,
    create,
    edit,
    revise,
    submit,
    void_approval,
    withdraw_request,
)
from registry.actions.integrations.reviews import accept, approve, reject, return_for_changes
from registry.actions.integrations.running import (
    archive,
    cancel_deprecation,
    confirm_renewal,
    deprecate,
    renew,
    restrict,
    resume,
    resume_restricted,
    suspend,
    terminate,
)

__all__ = [
    "Activation",
    "accept",
    "activate",
    "approve",
    "archive",
    "cancel",
    "cancel_deprecation",
    "confirm_renewal",
    "create",
    "deprecate",
    "edit",
    "expire",
    "lapse",
    "reject",
    "renew",
    "restrict",
    "resume",
    "resume_restricted",
    "return_for_changes",
    "revise",
    "rotate_secret",
    "settle",
    "submit",
    "suspend",
    "terminate",
    "void_approval",
    "withdraw_request",
]
