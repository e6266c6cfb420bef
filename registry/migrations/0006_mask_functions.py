"""SQL functions that masks are made of. The text is `registry.policy.functions.FUNCTIONS_SQL` as it was then."""

from django.db import migrations

FUNCTIONS = r"""
-- Keyed digest from core sha256() alone; `inner_pad` and `outer_pad` are the key XOR 0x36 and 0x5c (RFC 2104).
-- convert_to() is STABLE in the catalogue, so this is too.
CREATE OR REPLACE FUNCTION public.scp_hmac_sha256(inner_pad bytea, outer_pad bytea, message text) RETURNS text
  LANGUAGE sql STABLE STRICT PARALLEL SAFE
  RETURN encode(sha256(outer_pad || sha256(inner_pad || convert_to(message, 'UTF8'))), 'hex');

CREATE OR REPLACE FUNCTION public.scp_pseudonym(value jsonb, inner_pad bytea, outer_pad bytea) RETURNS text
  LANGUAGE sql STABLE PARALLEL SAFE
  RETURN CASE WHEN jsonb_typeof(value) IN ('string', 'number') AND length(value #>> '{}') > 0
    THEN 'psn_' || left(encode(sha256(outer_pad || sha256(inner_pad || convert_to(value #>> '{}', 'UTF8'))), 'hex'), 32)
  END;

CREATE OR REPLACE FUNCTION public.scp_redact(value jsonb) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE WHEN value IS NOT NULL THEN '[redacted]' END;

-- A leaf as it is, if it is a leaf of the declared JSON type: what is nested in it was never declared.
CREATE OR REPLACE FUNCTION public.scp_clear(value jsonb, type text) RETURNS jsonb
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE WHEN jsonb_typeof(value) = type THEN value END;

CREATE OR REPLACE FUNCTION public.scp_clear_integer(value jsonb) RETURNS jsonb
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE WHEN jsonb_typeof(value) = 'number' THEN
    CASE WHEN value::numeric = trunc(value::numeric) THEN value END END;

CREATE OR REPLACE FUNCTION public.scp_partial_start(value jsonb, keep integer, shortest integer) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE WHEN jsonb_typeof(value) = 'string' THEN
    CASE WHEN length(value #>> '{}') >= shortest THEN left(value #>> '{}', keep) || '***' ELSE '***' END END;

CREATE OR REPLACE FUNCTION public.scp_partial_end(value jsonb, keep integer, shortest integer) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE WHEN jsonb_typeof(value) = 'string' THEN
    CASE WHEN length(value #>> '{}') >= shortest THEN '***' || right(value #>> '{}', keep) ELSE '***' END END;

-- First character and domain of an address whose local part has at least four; else nothing.
CREATE OR REPLACE FUNCTION public.scp_partial_mail(value jsonb) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE WHEN jsonb_typeof(value) = 'string' THEN
    CASE WHEN value #>> '{}' ~ '^[^@[:space:]]{4,64}@[A-Za-z0-9.-]{1,253}$'
      THEN left(value #>> '{}', 1) || '***@' || split_part(value #>> '{}', '@', 2) ELSE '***' END END;

-- Last two digits of what is a telephone number of at least five; else nothing.
CREATE OR REPLACE FUNCTION public.scp_partial_phone(value jsonb) RETURNS text
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE WHEN jsonb_typeof(value) = 'string' THEN
    CASE WHEN translate(value #>> '{}', ' ()+./-', '') ~ '^[0-9]{5,20}$'
      THEN '***' || right(translate(value #>> '{}', ' ()+./-', ''), 2) ELSE '***' END END;

CREATE OR REPLACE FUNCTION public.scp_number(value jsonb) RETURNS numeric
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN CASE WHEN jsonb_typeof(value) = 'number' THEN
    CASE WHEN abs(value::numeric) < 1e18 THEN value::numeric END END;

CREATE OR REPLACE FUNCTION public.scp_round(value jsonb, base numeric) RETURNS numeric
  LANGUAGE sql IMMUTABLE PARALLEL SAFE
  RETURN floor(public.scp_number(value) / base) * base;

-- The calendar day, in UTC, of an ISO 8601 date or of a time with its offset. The pattern comes first because a bare
-- cast also takes 'now', 'infinity' and 'epoch'; the handler catches what the pattern lets through: 30 February.
CREATE OR REPLACE FUNCTION public.scp_day(value jsonb) RETURNS date
  LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog AS $$
DECLARE
  v text;
BEGIN
  IF jsonb_typeof(value) IS DISTINCT FROM 'string' THEN
    RETURN NULL;
  END IF;
  v := value #>> '{}';
  IF v ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}$' THEN
    RETURN make_date(substr(v, 1, 4)::integer, substr(v, 6, 2)::integer, substr(v, 9, 2)::integer);
  END IF;
  IF v ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.][0-9]{1,9})?)?(Z|[+-][0-9]{2}:?[0-9]{2})$' THEN
    RETURN (v::timestamp with time zone AT TIME ZONE 'UTC')::date;
  END IF;
  RETURN NULL;
EXCEPTION WHEN data_exception THEN
  RETURN NULL;
END $$;

CREATE OR REPLACE FUNCTION public.scp_date(value jsonb, unit text) RETURNS text
  LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog AS $$
DECLARE
  d date := public.scp_day(value);
BEGIN
  RETURN CASE unit
    WHEN 'day' THEN d::text
    WHEN 'month' THEN left(d::text, 7)
    WHEN 'year' THEN left(d::text, 4)
    WHEN 'week' THEN lpad(extract(isoyear FROM d)::text, 4, '0') || '-W' || lpad(extract(week FROM d)::text, 2, '0')
  END;
END $$;

CREATE OR REPLACE FUNCTION public.scp_band(number numeric, edges numeric[]) RETURNS text
  LANGUAGE plpgsql IMMUTABLE STRICT PARALLEL SAFE SET search_path = pg_catalog AS $$
DECLARE
  whole numeric := floor(number);
  at integer := width_bucket(whole, edges);
BEGIN
  IF at = 0 THEN
    RETURN '<' || edges[1]::text;
  ELSIF at = cardinality(edges) THEN
    RETURN edges[at]::text || '+';
  ELSIF edges[at + 1] - edges[at] = 1 THEN
    RETURN edges[at]::text;
  END IF;
  RETURN edges[at]::text || '-' || (edges[at + 1] - 1)::text;
END $$;

CREATE OR REPLACE FUNCTION public.scp_age(value jsonb, as_of date, unit text) RETURNS numeric
  LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog AS $$
DECLARE
  gap interval := age(as_of::timestamp, public.scp_day(value)::timestamp);
BEGIN
  IF gap < interval '0' THEN
    RETURN -1;
  END IF;
  RETURN extract(year FROM gap) * CASE unit WHEN 'months' THEN 12 ELSE 1 END
    + CASE unit WHEN 'months' THEN extract(month FROM gap) ELSE 0 END;
END $$;

-- Centre of the cell that holds the point {lat, lon}; NULL unless both are numbers on the globe.
CREATE OR REPLACE FUNCTION public.scp_geo(value jsonb, step numeric) RETURNS json
  LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE SET search_path = pg_catalog AS $$
DECLARE
  lat numeric;
  lon numeric;
BEGIN
  IF jsonb_typeof(value -> 'lat') IS DISTINCT FROM 'number'
    OR jsonb_typeof(value -> 'lon') IS DISTINCT FROM 'number' THEN
    RETURN NULL;
  END IF;
  lat := (value -> 'lat')::numeric;
  lon := (value -> 'lon')::numeric;
  IF abs(lat) > 90 OR abs(lon) > 180 THEN
    RETURN NULL;
  END IF;
  RETURN json_build_object(
    'lat', floor(least(lat, 90 - step) / step) * step + step / 2,
    'lon', floor(least(lon, 180 - step) / step) * step + step / 2);
END $$;
"""

SIGNATURES = (
    "scp_geo(jsonb, numeric)",
    "scp_age(jsonb, date, text)",
    "scp_band(numeric, numeric[])",
    "scp_date(jsonb, text)",
    "scp_day(jsonb)",
    "scp_round(jsonb, numeric)",
    "scp_number(jsonb)",
    "scp_partial_phone(jsonb)",
    "scp_partial_mail(jsonb)",
    "scp_partial_end(jsonb, integer, integer)",
    "scp_partial_start(jsonb, integer, integer)",
    "scp_clear_integer(jsonb)",
    "scp_clear(jsonb, text)",
    "scp_redact(jsonb)",
    "scp_pseudonym(jsonb, bytea, bytea)",
    "scp_hmac_sha256(bytea, bytea, text)",
)


def rights(signature: str) -> str:
    return (
        f"REVOKE ALL ON FUNCTION public.{signature} FROM PUBLIC;"
        f"GRANT EXECUTE ON FUNCTION public.{signature} TO scp_app;"
    )


class Migration(migrations.Migration):
    dependencies = [("registry", "0005_consent_projection")]

    operations = [
        migrations.RunSQL(FUNCTIONS, "".join(f"DROP FUNCTION public.{signature};" for signature in SIGNATURES)),
        migrations.RunSQL("".join(map(rights, SIGNATURES)), migrations.RunSQL.noop),
    ]
