"""The codes: stable names that programs may rely on. Each class is one row of the error reference."""

from scp_portal.kernel.problems.base import Problem

_BEARER = {"WWW-Authenticate": 'Bearer realm="scp"'}
_BEARER_INVALID = {"WWW-Authenticate": 'Bearer realm="scp", error="invalid_token"'}
_SOON = {"Retry-After": "5"}


class AuthenticationRequired(Problem):
    code = "authentication_required"
    status = 401
    category = "client"
    title = "Authentication required"
    meaning = "The request carries no bearer token."
    remedy = (
        "Get an access token for your integration client from the identity server and send it in the Authorization "
        "header."
    )
    default_headers = _BEARER


class TokenInvalid(Problem):
    code = "token_invalid"
    status = 401
    category = "client"
    title = "Token not accepted"
    meaning = "The token is malformed, expired, not signed by the identity server, or not meant for this portal."
    remedy = (
        "Get a new access token and send it unchanged. If the answer stays the same, ask the tenant's "
        "administrator to check the client."
    )
    default_headers = _BEARER_INVALID


class TokenLifetime(Problem):
    code = "token_lifetime"
    status = 401
    category = "client"
    title = "Token lives too long"
    meaning = "The token's life is longer than the portal accepts."
    remedy = "Use the token lifetime that the identity server gives to integration clients."
    default_headers = _BEARER_INVALID


class ClientMismatch(Problem):
    code = "client_mismatch"
    status = 401
    category = "client"
    title = "Token of another client"
    meaning = "The client named in the token is not the one registered for the integration it claims."
    remedy = "Use the client that was issued when the integration was activated."
    default_headers = _BEARER_INVALID


class ScopeViolation(Problem):
    code = "scope_violation"
    status = 403
    category = "policy"
    title = "Outside the integration's scope"
    meaning = "The request asks for something that the integration's verticals, datasets or contract do not grant."
    remedy = "Ask only for what the data contract grants, or request a wider contract."


class ConsentDenied(Problem):
    code = "consent_denied"
    status = 403
    category = "consent"
    title = "No consent"
    meaning = "The persons concerned have not given, or have withdrawn, the consent this access needs."
    remedy = "Do not retry. Access comes back only when the person consents again."


class IntegrationNotActive(Problem):
    code = "integration_not_active"
    status = 403
    category = "policy"
    title = "Integration not active"
    meaning = "The integration is not in a state in which data may flow."
    remedy = "See the integration's state in the portal; only an active integration exchanges data."


class IntegrationRestricted(Problem):
    code = "integration_restricted"
    status = 403
    category = "policy"
    title = "Integration restricted"
    meaning = "The integration is restricted: reading within the remaining scope is possible, everything else is not."
    remedy = "Read the reason on the integration's page and settle it with the tenant's administrator."


class IntegrationWindow(Problem):
    code = "integration_window"
    status = 403
    category = "policy"
    title = "Outside the integration's time window"
    meaning = "The integration is used before its start or after its end."
    remedy = "Wait for the start date, or have the integration renewed."


class DatasetNotPermitted(Problem):
    code = "dataset_not_permitted"
    status = 403
    category = "policy"
    title = "Dataset not permitted"
    meaning = "The data contract does not grant this dataset."
    remedy = "Call the list of datasets to see what the contract grants."


class IpNotAllowed(Problem):
    code = "ip_not_allowed"
    status = 403
    category = "policy"
    title = "Network address not allowed"
    meaning = "The request comes from a network address that is not on the integration's list."
    remedy = "Call from a registered address, or have the list changed."


class MtlsRequired(Problem):
    code = "mtls_required"
    status = 403
    category = "policy"
    title = "Client certificate required"
    meaning = "The integration must present its registered client certificate."
    remedy = "Connect with the certificate that is registered for the integration."


class PermissionRefused(Problem):
    code = "permission_refused"
    status = 403
    category = "policy"
    title = "Not permitted"
    meaning = "The actor does not hold the role that this step needs."
    remedy = "The answer says who may; ask them."


class SodViolation(Problem):
    code = "sod_violation"
    status = 403
    category = "policy"
    title = "Separation of duties"
    meaning = "The person has already acted on this in another role, so someone else must take this step."
    remedy = "Ask another person who holds the role."


class InvalidParameter(Problem):
    code = "invalid_parameter"
    status = 400
    category = "client"
    title = "Invalid parameter"
    meaning = "A query parameter is unknown, repeated or has a value that is not accepted."
    remedy = "Correct the parameter named in the answer."


class CursorInvalid(Problem):
    code = "cursor_invalid"
    status = 400
    category = "client"
    title = "Cursor not valid"
    meaning = "The cursor was changed, has expired, or belongs to another request."
    remedy = "Start again without a cursor."


class UnknownField(Problem):
    code = "unknown_field"
    status = 400
    category = "client"
    title = "Unknown field"
    meaning = "The dataset has no field of that name."
    remedy = "Call the dataset's description to see its fields."


class MalformedRequest(Problem):
    code = "malformed_request"
    status = 400
    category = "client"
    title = "Malformed request"
    meaning = "The request could not be read."
    remedy = "Send well-formed HTTP and JSON in UTF-8, without duplicate keys."


class NotFound(Problem):
    code = "not_found"
    status = 404
    category = "client"
    title = "Not found"
    meaning = "There is nothing here, or nothing that you may see."
    remedy = "Check the address and the identifier."


class MethodNotAllowed(Problem):
    code = "method_not_allowed"
    status = 405
    category = "client"
    title = "Method not allowed"
    meaning = "This address does not support the method."
    remedy = "Use one of the methods in the Allow header."


class NotAcceptable(Problem):
    code = "not_acceptable"
    status = 406
    category = "client"
    title = "Not acceptable"
    meaning = "The portal cannot answer in the media type that was asked for."
    remedy = "Accept application/json."


class UnsupportedMediaType(Problem):
    code = "unsupported_media_type"
    status = 415
    category = "client"
    title = "Unsupported media type"
    meaning = "The body's media type or encoding is not supported."
    remedy = "Send application/json in UTF-8, without content encoding."


class PayloadTooLarge(Problem):
    code = "payload_too_large"
    status = 413
    category = "client"
    title = "Body too large"
    meaning = "The request's body is larger than this address accepts."
    remedy = "Send less in one request."


class CursorStale(Problem):
    code = "cursor_stale"
    status = 409
    category = "client"
    title = "Cursor out of date"
    meaning = "The rules under which the cursor was made have changed since."
    remedy = "Start again without a cursor."


class IllegalTransition(Problem):
    code = "illegal_transition"
    status = 409
    category = "client"
    title = "Step not possible now"
    meaning = "The present state does not allow this step."
    remedy = "Reload to see the present state and the steps it allows."


class ArchivedImmutable(Problem):
    code = "archived_immutable"
    status = 409
    category = "policy"
    title = "Archived"
    meaning = "What is archived can no longer be changed."
    remedy = "Create a new one."


class Conflict(Problem):
    code = "conflict"
    status = 409
    category = "client"
    title = "Changed meanwhile"
    meaning = "Someone else changed this at the same time."
    remedy = "Reload and try again."
    retryable = True


class ContentChanged(Problem):
    code = "content_changed"
    status = 412
    category = "client"
    title = "Content changed"
    meaning = "What you saw is not what is there now."
    remedy = "Reload, look at the present content and decide again."


class ValidationFailed(Problem):
    code = "validation_failed"
    status = 422
    category = "client"
    title = "Not valid"
    meaning = "The content does not meet the rules; each fault is listed."
    remedy = "Correct the fields named in the answer."


class RateLimited(Problem):
    code = "rate_limited"
    status = 429
    category = "policy"
    title = "Too many requests"
    meaning = "The integration has used up its allowance for now."
    remedy = "Wait as long as the Retry-After header says."
    retryable = True


class InternalError(Problem):
    code = "internal_error"
    status = 500
    title = "Internal error"
    meaning = "Something failed in the portal; nothing was changed and no data was sent."
    remedy = "Try again later. If it stays, give the request id to the operator."


class SchemaGuard(Problem):
    code = "schema_guard"
    status = 500
    title = "Answer withheld"
    meaning = "The portal was about to send a document that does not fit its own schema, and withheld it."
    remedy = "Give the request id to the operator."


class AuditUnavailable(Problem):
    code = "audit_unavailable"
    status = 503
    title = "Audit trail unavailable"
    meaning = "The request could not be recorded, so it was not carried out and no data was sent."
    remedy = "Try again in a few seconds."
    retryable = True
    default_headers = _SOON


class IdpUnavailable(Problem):
    code = "idp_unavailable"
    status = 503
    title = "Identity server unavailable"
    meaning = "The identity server does not answer, and this step needs it."
    remedy = "Try again in a few seconds."
    retryable = True
    default_headers = _SOON


class DatabaseUnavailable(Problem):
    code = "database_unavailable"
    status = 503
    title = "Database unavailable"
    meaning = "The portal cannot reach its database."
    remedy = "Try again in a few seconds."
    retryable = True
    default_headers = _SOON


class QueryTimeout(Problem):
    code = "query_timeout"
    status = 503
    title = "Took too long"
    meaning = "The request took longer than the portal allows and was stopped."
    remedy = "Ask for less at once, or try again later."
    retryable = True
    default_headers = _SOON
