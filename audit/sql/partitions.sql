-- Entries lie in a partition per retention class and month. Without a partition an append fails, which is meant:
-- there is no DEFAULT partition, months are made ahead, and health turns red below two.

CREATE FUNCTION audit.uuid_floor(moment timestamptz) RETURNS uuid LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT (lpad(to_hex(floor(extract(epoch FROM moment) * 1000)::bigint), 12, '0') || repeat('0', 20))::uuid
$$;

CREATE FUNCTION audit.uuid_time(id uuid) RETURNS timestamptz LANGUAGE sql IMMUTABLE STRICT AS $$
    SELECT to_timestamp(('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint / 1000.0)
$$;

CREATE FUNCTION audit.ensure_partitions(months_ahead integer) RETURNS integer
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog SET timezone = 'UTC' AS $$
DECLARE
    class smallint;
    class_table text;
    month timestamptz;
    month_table text;
    made integer := 0;
BEGIN
    IF months_ahead NOT BETWEEN 1 AND 36 THEN
        RAISE EXCEPTION 'months_ahead must be between 1 and 36' USING ERRCODE = 'invalid_parameter_value';
    END IF;
    PERFORM pg_advisory_xact_lock(hashtext('audit.ensure_partitions'));
    FOR class IN SELECT retention_class FROM audit.retention_class ORDER BY 1 LOOP
        class_table := format('entry_c%s', class);
        IF to_regclass(format('audit.%I', class_table)) IS NULL THEN
            EXECUTE format('CREATE TABLE audit.%I (LIKE audit.entry INCLUDING DEFAULTS INCLUDING CONSTRAINTS)'
                           ' PARTITION BY RANGE (entry_id)', class_table);
            PERFORM audit.guard_partition(class_table);
            EXECUTE format('ALTER TABLE audit.entry ATTACH PARTITION audit.%I FOR VALUES IN (%s)', class_table, class);
        END IF;
        -- From yesterday's month on: an id may be five minutes older than the database's clock.
        FOR month IN SELECT generate_series(date_trunc('month', now() - interval '1 day'),
                                            date_trunc('month', now()) + make_interval(months => months_ahead),
                                            interval '1 month') LOOP
            month_table := format('%s_%s', class_table, to_char(month, 'YYYYMM'));
            CONTINUE WHEN to_regclass(format('audit.%I', month_table)) IS NOT NULL;
            -- Made beside and attached: CREATE ... PARTITION OF would lock out every writer.
            EXECUTE format('CREATE TABLE audit.%I (LIKE audit.entry INCLUDING DEFAULTS INCLUDING CONSTRAINTS)', month_table);
            PERFORM audit.guard_partition(month_table);
            EXECUTE format('ALTER TABLE audit.%I ATTACH PARTITION audit.%I FOR VALUES FROM (%L) TO (%L)', class_table,
                           month_table, audit.uuid_floor(month), audit.uuid_floor(month + interval '1 month'));
            made := made + 1;
        END LOOP;
    END LOOP;
    RETURN made;
END
$$;

-- A parent's policies and TRUNCATE triggers do not reach a partition that is named directly, so each has its own.
CREATE FUNCTION audit.guard_partition(name text) RETURNS void LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
    EXECUTE format('ALTER TABLE audit.%I ENABLE ROW LEVEL SECURITY', name);
    EXECUTE format('ALTER TABLE audit.%I FORCE ROW LEVEL SECURITY', name);
    EXECUTE format('REVOKE ALL ON audit.%I FROM PUBLIC, scp_app', name);
    PERFORM audit.guard_truncate(format('audit.%I', name)::regclass);
END
$$;

-- How many whole months after this one every retention class is ready for.
CREATE FUNCTION audit.months_ready() RETURNS integer
    LANGUAGE sql STABLE SECURITY DEFINER SET search_path = pg_catalog SET timezone = 'UTC' AS $$
    SELECT coalesce(min(ahead), 37) - 1
    FROM generate_series(0, 36) AS ahead, audit.retention_class
    WHERE to_regclass(format('audit.entry_c%s_%s', retention_class,
                             to_char(date_trunc('month', now()) + make_interval(months => ahead), 'YYYYMM'))) IS NULL
$$;
