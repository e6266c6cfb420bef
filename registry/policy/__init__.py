"""What may leave, and in which form: the effective policy of one request, and the SQL that carries it out.

Nothing here imports Django or asks the database; the caller brings rows as plain facts.

Build the facts (each `parse` is cached by content, so calling it per request is cheap; the policies' raise RuleError)::

    TenantPolicy.parse(code, policy: dict, *, verticals: Iterable[str], frozen=False)          # registry.Tenant.policy
    VerticalPolicy.parse(code, policy: dict, *, frozen=False)                          # registry.TenantVertical.policy
    registry.contracts.parse(document: str | dict) -> ContractVersion                 # DataContract.document or .parsed
    IntegrationFacts(integration_id, tenant_id, status, verticals, auth_client_id, active_from, active_until,
                     ip_allowlist=(), mtls_required=False, certificate_thumbprint="", sunset_at=None)
    TokenFacts(client_id, tenant_id, integration_id, verticals, certificate_thumbprint="")      # "" = not bound
    Request(dataset, operation, channel, now, tenant_id=None, verticals=None, fields=None,
            source_ip=None, certificate_thumbprint="", known_fields=frozenset())

Decide::

    compile.decide(integration, token, tenant, verticals: Mapping[str, VerticalPolicy], contract, request)
        -> EffectivePolicy(tenant_id, dataset, verticals, fields: tuple[FieldRule, ...], row_filters,
                           consent_min_notice, person_free, subject_path, min_cell, round_to, page_size,
                           rate_per_minute, retention_days, categories, contract_ref, policy_hash)
        raises ClientMismatch, IntegrationNotActive, IntegrationWindow, IntegrationRestricted, IpNotAllowed,
               MtlsRequired, ScopeViolation(incident=True), DatasetNotPermitted, UnknownField
    compile.explain(tenant, verticals, contract, dataset, asked=None) -> list[FieldExplanation]

Carry out (every fragment is a `Sql(text, params)` with %s placeholders, never a literal of the caller's)::

    masks.projection(fields, *, keys, as_of, payload="r.payload", columns={}) -> Sql        # one json object per row
    masks.schema_guard(fields, *, payload="r.payload", columns={}) -> Sql        # boolean: the row keeps its types
    masks.pads(key: bytes) -> Pads                                               # for keys={"integration": pads(k)}
    filters.row_filter_sql(row_filters, *, payload="r.payload") -> Sql                      # boolean, never NULL
    filters.consent_clause(verticals, notice_min, *, tenant="r.tenant_id", person="r.person_id") -> Sql
    functions.FUNCTIONS_SQL, functions.DROP_FUNCTIONS_SQL                               # for the migration
"""
