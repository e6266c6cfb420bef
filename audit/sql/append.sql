-- The one way in. The columns are read from the body, so that they cannot say something else than what is sealed,
-- and the leaf hash is computed here, so that body and hash agree at birth.

CREATE FUNCTION audit.log_id_of(origin text) RETURNS integer LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT ('x' || left(encode(sha256(convert_to(origin, 'UTF8')), 'hex'), 8))::bit(32)::integer & 2147483647
$$;

-- Makes the log's row when it is not there. The number follows from the origin, so a writer never waits for another
-- transaction that is just making the same row: it goes on, and one of the two rows-to-be is made.
CREATE FUNCTION audit.log_for(tenant text, log_origin text) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    number constant integer := audit.log_id_of(log_origin);
    parts constant text[] := regexp_match(log_origin, '^[A-Za-z0-9][A-Za-z0-9./:-]{0,100}/([A-Za-z0-9_-]{1,32})/([0-9]{1,6})$');
BEGIN
    IF parts IS NULL OR parts[1] <> coalesce(tenant, '_platform') THEN
        RAISE EXCEPTION 'the origin is not a log of this tenant' USING ERRCODE = 'check_violation';
    END IF;
    IF NOT EXISTS (SELECT FROM audit.log WHERE log_id = number AND origin = log_origin)
       AND pg_try_advisory_xact_lock(hashtext('audit.log'), number) THEN
        INSERT INTO audit.log (log_id, tenant_id, origin, epoch) VALUES (number, tenant, log_origin, parts[2]::integer)
        ON CONFLICT (origin) DO NOTHING;
    END IF;
    RETURN number;
END
$$;

CREATE FUNCTION audit.append(leaf_bytes bytea, OUT leaf bytea, OUT moment timestamptz)
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog AS $$
DECLARE
    body jsonb;
    id uuid;
    number integer;
    log_state text;
    class smallint;
BEGIN
    IF current_setting('synchronous_commit') = 'off' THEN
        RAISE EXCEPTION 'audit needs durable commits: synchronous_commit is off' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    IF octet_length(leaf_bytes) > 65535 THEN
        RAISE EXCEPTION 'an audit entry has at most 65535 bytes' USING ERRCODE = 'program_limit_exceeded';
    END IF;
    moment := clock_timestamp();
    body := convert_from(leaf_bytes, 'UTF8')::jsonb;
    id := (body ->> 'id')::uuid;
    IF substr(id::text, 15, 1) <> '7' OR abs(extract(epoch FROM audit.uuid_time(id) - moment)) > 300 THEN
        RAISE EXCEPTION 'the entry''s id is not of this time' USING ERRCODE = 'check_violation';
    END IF;
    leaf := sha256('\x00'::bytea || leaf_bytes);
    number := audit.log_id_of(body ->> 'log');
    SELECT log.state, log.retention_class INTO log_state, class
    FROM audit.log WHERE log.log_id = number AND log.origin = body ->> 'log'
                     AND log.tenant_id IS NOT DISTINCT FROM body ->> 'tenant';
    IF NOT FOUND THEN
        number := audit.log_for(body ->> 'tenant', body ->> 'log');
        log_state := 'active';
        class := 2;
    END IF;
    IF log_state <> 'active' THEN
        RAISE EXCEPTION 'the log is %', log_state USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    INSERT INTO audit.entry (retention_class, entry_id, log_id, tenant_id, recorded_at, leaf_hash, request_id, kind,
                             vertical, actor_kind, actor_id, action, result, subject, data_categories, body)
    VALUES (class, id, number, body ->> 'tenant', moment, leaf, coalesce(body -> 'req' ->> 'id', ''), body ->> 'kind',
            body ->> 'vertical', body -> 'actor' ->> 'kind', body -> 'actor' ->> 'id', body ->> 'action',
            body -> 'result' ->> 'status', body ->> 'subject',
            ARRAY(SELECT jsonb_array_elements_text(body -> 'data_categories')), leaf_bytes);
    INSERT INTO audit.pending (log_id, recorded_at, entry_id, retention_class, leaf_hash)
    VALUES (number, moment, id, class, leaf);
END
$$;

REVOKE ALL ON ALL FUNCTIONS IN SCHEMA audit FROM PUBLIC;
GRANT EXECUTE ON FUNCTION audit.append(bytea), audit.log_for(text, text), audit.ensure_partitions(integer),
                          audit.months_ready(), audit.uuid_floor(timestamptz), audit.uuid_time(uuid) TO scp_app;
SELECT audit.ensure_partitions(4);
