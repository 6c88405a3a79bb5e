-- The tables, as the migrations leave them: a picture to read, made by `make schema` and compared by a test. Nothing runs it.

CREATE TYPE finq.credential_status AS ENUM ('ACTIVE', 'DELETED', 'EXPIRED');

CREATE TYPE finq.delivery AS ENUM ('WAITING', 'DELIVERED', 'GIVEN_UP');

CREATE TYPE finq.handoff_phase AS ENUM ('OFFERED', 'OPENED', 'TAKEN', 'DONE', 'BACK', 'WRONG');

CREATE TYPE finq.key_kind AS ENUM ('SECRET', 'APP_KEY');

CREATE TYPE finq.session_status AS ENUM ('SESSION_CREATED', 'SESSION_IN_PROGRESS', 'SESSION_PENDING', 'SESSION_COMPLETED', 'SESSION_FAILED', 'SESSION_EXPIRED');

CREATE TYPE finq.tenant_status AS ENUM ('ACTIVE', 'DISABLED');

CREATE TYPE finq.waiting AS ENUM ('BANK', 'DECISION');

CREATE TYPE finq.account_answer AS (
    outcome text,
    data_key bytea,
    is_due boolean,
    account_id uuid,
    mac bytea,
    servicer_id uuid,
    servicer_name text,
    read_at text,
    currency text,
    account_type text,
    account_sub_type text,
    details bytea,
    balances text
);

CREATE TYPE finq.balance_answer AS (
    outcome text,
    is_due boolean,
    balance text
);

CREATE TYPE finq.catalog_answer AS (
    outcome text,
    catalog text
);

CREATE TYPE finq.consent_answer AS (
    outcome text,
    credentials_id uuid,
    status finq.credential_status,
    consent_exp bigint,
    max_data_retention bigint,
    created_at bigint,
    updated_at bigint,
    country text,
    servicer text,
    skill text,
    tenant text,
    tenant_user_id bytea,
    left_ms bigint,
    data_key bytea,
    access text
);

CREATE TYPE finq.exchange_answer AS (
    outcome text,
    credentials_id uuid,
    salt bytea,
    secret_id integer,
    consent_exp bigint,
    max_data_retention bigint,
    missing text,
    tenant_user_id bytea,
    data_key bytea
);

CREATE TYPE finq.page_facts AS (
    outcome text,
    skill_id integer,
    key_id bigint,
    tenant_user_id bytea,
    language text,
    prefill bytea,
    return_link bytea,
    data_key bytea,
    expires_at bigint,
    session_id uuid,
    tenant text,
    colours text,
    logo text,
    status finq.session_status,
    updated_at bigint,
    session_key bytea
);

CREATE TYPE finq.published_skill AS (
    skill_id integer,
    definition text
);

CREATE TYPE finq.return_answer AS (
    outcome text,
    return_link bytea,
    step_id uuid,
    tenant_user_id bytea,
    data bytea,
    status text,
    expires_at bigint,
    secret_id integer,
    error bytea,
    description bytea,
    data_key bytea
);

CREATE TYPE finq.sandbox_order_answer AS (
    outcome text,
    decision text,
    authorised_at bigint,
    now bigint,
    transfers text,
    sealed bytea,
    is_open boolean,
    is_first boolean
);

CREATE TYPE finq.session_standing AS (
    outcome text,
    held boolean,
    status finq.session_status,
    step_id uuid,
    expires_at bigint,
    secret_id integer,
    ordinal integer,
    place integer,
    previous integer,
    generation integer,
    waits boolean,
    told bytea,
    reasons bytea,
    own_reasons text,
    skill_id integer,
    step_place integer,
    uploaded text,
    tenant_user_id bytea,
    data_key bytea,
    updated_at bigint
);

CREATE TYPE finq.step_answer AS (
    outcome text,
    step_id uuid,
    secret_id integer,
    expires_at bigint,
    missing text,
    status finq.session_status,
    next_place integer,
    waits_for finq.waiting,
    reply bytea,
    reasons bytea
);

CREATE TYPE finq.transaction_answer AS (
    outcome text,
    data_key bytea,
    is_due boolean,
    at bigint,
    is_reset boolean,
    as_of text,
    access text,
    number bigint,
    change text,
    reason text,
    replaced_by uuid,
    transaction_id uuid,
    account_id uuid,
    mac bytea,
    ordinal integer,
    is_derived boolean,
    is_booked boolean,
    booked_at bigint,
    amount text,
    is_credit boolean,
    currency text,
    balance text,
    info bytea,
    stored_at bigint
);

CREATE TABLE finq.account (
    credentials_id uuid NOT NULL,
    account_id uuid NOT NULL,
    mac bytea NOT NULL,
    currency text NOT NULL,
    account_type text NOT NULL,
    account_sub_type text NOT NULL,
    details bytea NOT NULL,
    CONSTRAINT account_pkey PRIMARY KEY (credentials_id, account_id)
);

CREATE TABLE finq.account_key (
    client_id uuid NOT NULL,
    data_key bytea NOT NULL,
    CONSTRAINT account_key_client_id_fkey FOREIGN KEY (client_id) REFERENCES finq.tenant(client_id),
    CONSTRAINT account_key_pkey PRIMARY KEY (client_id)
);

CREATE TABLE finq.audit (
    audit_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    at timestamp with time zone NOT NULL,
    role text NOT NULL,
    address inet,
    application text NOT NULL,
    os_user text,
    object text NOT NULL,
    action text NOT NULL,
    client_id uuid,
    detail jsonb NOT NULL,
    place bigint,
    hash bytea,
    CONSTRAINT audit_action_check CHECK ((action = ANY (ARRAY['INSERT'::text, 'UPDATE'::text, 'DELETE'::text, 'TRUNCATE'::text, 'READ'::text]))),
    CONSTRAINT audit_pkey PRIMARY KEY (audit_id),
    CONSTRAINT audit_place_key UNIQUE (place)
);
CREATE INDEX audit_client_id ON finq.audit USING btree (client_id, audit_id);
CREATE INDEX audit_unchained ON finq.audit USING btree (audit_id) WHERE (place IS NULL);
CREATE TRIGGER audit_keep BEFORE DELETE OR UPDATE ON finq.audit FOR EACH ROW EXECUTE FUNCTION finq.audit_keep();
ALTER TABLE finq.audit ENABLE ALWAYS TRIGGER audit_keep;
CREATE TRIGGER audit_refuse BEFORE DELETE OR UPDATE OR TRUNCATE ON finq.audit FOR EACH STATEMENT EXECUTE FUNCTION finq.audit_refuse();
ALTER TABLE finq.audit ENABLE ALWAYS TRIGGER audit_refuse;
CREATE TRIGGER audit_stamp BEFORE INSERT ON finq.audit FOR EACH ROW EXECUTE FUNCTION finq.audit_stamp();
ALTER TABLE finq.audit ENABLE ALWAYS TRIGGER audit_stamp;

CREATE TABLE finq.audit_checkpoint (
    only_one boolean NOT NULL DEFAULT true,
    place bigint NOT NULL,
    hash bytea NOT NULL,
    CONSTRAINT audit_checkpoint_only_one_check CHECK (only_one),
    CONSTRAINT audit_checkpoint_pkey PRIMARY KEY (only_one)
);
CREATE TRIGGER audit_write AFTER INSERT OR DELETE OR UPDATE ON finq.audit_checkpoint FOR EACH ROW EXECUTE FUNCTION finq.audit_write();

CREATE TABLE finq.audit_head (
    place bigint NOT NULL,
    hash bytea NOT NULL,
    signed_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
    secret_id integer NOT NULL,
    signature bytea NOT NULL,
    CONSTRAINT audit_head_pkey PRIMARY KEY (place),
    CONSTRAINT audit_head_signature_check CHECK ((length(signature) = 32))
);
CREATE TRIGGER audit_keep BEFORE DELETE OR UPDATE ON finq.audit_head FOR EACH ROW EXECUTE FUNCTION finq.audit_keep();
ALTER TABLE finq.audit_head ENABLE ALWAYS TRIGGER audit_keep;
CREATE TRIGGER audit_refuse BEFORE DELETE OR UPDATE OR TRUNCATE ON finq.audit_head FOR EACH STATEMENT EXECUTE FUNCTION finq.audit_refuse();
ALTER TABLE finq.audit_head ENABLE ALWAYS TRIGGER audit_refuse;

CREATE TABLE finq.balance (
    credentials_id uuid NOT NULL,
    balance_id uuid NOT NULL,
    account_id uuid NOT NULL,
    type text NOT NULL,
    amount numeric NOT NULL,
    currency text NOT NULL,
    is_credit boolean NOT NULL,
    credit_limit_included boolean NOT NULL,
    credit_line numeric,
    native_date date,
    native_timestamp timestamp with time zone,
    CONSTRAINT balance_amount_check CHECK ((amount >= (0)::numeric)),
    CONSTRAINT balance_pkey PRIMARY KEY (credentials_id, balance_id)
);

CREATE TABLE finq.brand (
    client_id uuid NOT NULL,
    name text,
    colour text,
    dark_colour text,
    logo bytea,
    logo_type text,
    logo_id text,
    set_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT brand_check CHECK (((colour IS NULL) = (dark_colour IS NULL))),
    CONSTRAINT brand_client_id_fkey FOREIGN KEY (client_id) REFERENCES finq.tenant(client_id),
    CONSTRAINT brand_colour_check CHECK ((colour ~ '^[0-9a-f]{6}$'::text)),
    CONSTRAINT brand_dark_colour_check CHECK ((dark_colour ~ '^[0-9a-f]{6}$'::text)),
    CONSTRAINT brand_logo_check CHECK (((length(logo) >= 1) AND (length(logo) <= 65536))),
    CONSTRAINT brand_logo_type_check CHECK ((logo_type = ANY (ARRAY['image/png'::text, 'image/jpeg'::text, 'image/webp'::text, 'image/svg+xml'::text]))),
    CONSTRAINT brand_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200))),
    CONSTRAINT brand_pkey PRIMARY KEY (client_id)
);
CREATE INDEX brand_logo ON finq.brand USING btree (logo_id) WHERE (logo_id IS NOT NULL);
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON finq.brand FOR EACH STATEMENT EXECUTE FUNCTION finq.audit_write();
CREATE TRIGGER audit_write AFTER INSERT OR DELETE OR UPDATE ON finq.brand FOR EACH ROW EXECUTE FUNCTION finq.audit_write();

CREATE TABLE finq.credential (
    credentials_id uuid NOT NULL,
    client_id uuid NOT NULL,
    session_id uuid NOT NULL,
    consent_exp timestamp with time zone NOT NULL,
    max_data_retention timestamp with time zone NOT NULL,
    created_at timestamp with time zone NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    skill_id integer NOT NULL,
    status finq.credential_status NOT NULL DEFAULT 'ACTIVE'::finq.credential_status,
    expiry_told boolean NOT NULL DEFAULT false,
    tenant_user_id bytea,
    user_mac bytea,
    data_key bytea,
    access_token_hash bytea NOT NULL,
    older_token_hashes bytea[] NOT NULL DEFAULT '{}'::bytea[],
    deleted_at timestamp with time zone,
    user_mac_key text,
    data_removed_at timestamp with time zone,
    CONSTRAINT credential_check CHECK (((status <> 'DELETED'::finq.credential_status) OR (deleted_at IS NOT NULL))),
    CONSTRAINT credential_pkey PRIMARY KEY (credentials_id)
);
CREATE INDEX credential_client ON finq.credential USING btree (client_id, credentials_id);
CREATE INDEX credential_data ON finq.credential USING btree (max_data_retention) WHERE (data_removed_at IS NULL);
CREATE INDEX credential_end ON finq.credential USING btree (max_data_retention) WHERE (data_removed_at IS NOT NULL);
CREATE INDEX credential_expiry ON finq.credential USING btree (consent_exp) WHERE ((status = 'ACTIVE'::finq.credential_status) AND expiry_told);
CREATE INDEX credential_notice ON finq.credential USING btree (consent_exp) WHERE ((status = 'ACTIVE'::finq.credential_status) AND (NOT expiry_told));
CREATE INDEX credential_user ON finq.credential USING btree (client_id, user_mac, credentials_id) WHERE (user_mac IS NOT NULL);

CREATE TABLE finq.directory_change (
    only_one boolean NOT NULL DEFAULT true,
    version bigint NOT NULL,
    CONSTRAINT directory_change_only_one_check CHECK (only_one),
    CONSTRAINT directory_change_pkey PRIMARY KEY (only_one)
);

CREATE TABLE finq.erased_user (
    client_id uuid NOT NULL,
    user_mac bytea NOT NULL,
    erasure_id uuid NOT NULL,
    erased_at timestamp with time zone NOT NULL,
    CONSTRAINT erased_user_erasure_id_fkey FOREIGN KEY (erasure_id) REFERENCES finq.erasure(erasure_id) ON DELETE CASCADE,
    CONSTRAINT erased_user_pkey PRIMARY KEY (client_id, user_mac)
);
CREATE INDEX erased_user_erasure ON finq.erased_user USING btree (erasure_id);

CREATE TABLE finq.erasure (
    erasure_id uuid NOT NULL DEFAULT gen_random_uuid(),
    client_id uuid NOT NULL,
    user_mac bytea NOT NULL,
    erased_at timestamp with time zone NOT NULL,
    counts jsonb NOT NULL,
    access_token_hash bytea,
    CONSTRAINT erasure_pkey PRIMARY KEY (erasure_id),
    CONSTRAINT erasure_user_mac_check CHECK ((length(user_mac) = 32))
);
CREATE INDEX erasure_erased_at ON finq.erasure USING btree (erased_at);

CREATE TABLE finq.feed (
    credentials_id uuid NOT NULL,
    client_id uuid NOT NULL,
    skill_id integer NOT NULL,
    session_id uuid NOT NULL,
    connector text NOT NULL,
    reference bytea,
    reference_key bytea,
    visited_at timestamp with time zone NOT NULL,
    seq bigint NOT NULL DEFAULT 0,
    numbered bigint NOT NULL DEFAULT 0,
    is_partial boolean NOT NULL DEFAULT false,
    refresh_id uuid,
    refresh_until timestamp with time zone,
    place integer NOT NULL DEFAULT 0,
    walked_at timestamp with time zone NOT NULL DEFAULT 'infinity'::timestamp with time zone,
    walked_behind uuid,
    told_hash bytea,
    told bytea,
    refreshed_at timestamp with time zone,
    due_at timestamp with time zone,
    refreshes timestamp with time zone[] NOT NULL DEFAULT '{}'::timestamp with time zone[],
    frequency integer NOT NULL DEFAULT 4,
    error text,
    error_at timestamp with time zone,
    round_from bigint,
    round_upto bigint,
    kept_from bigint NOT NULL DEFAULT 0,
    CONSTRAINT feed_pkey PRIMARY KEY (credentials_id),
    CONSTRAINT feed_session_id_key UNIQUE (session_id)
);
CREATE INDEX feed_due ON finq.feed USING btree (due_at) WHERE (due_at IS NOT NULL);
CREATE INDEX feed_oldest ON finq.feed USING btree (refreshed_at) WHERE (due_at IS NOT NULL);
CREATE INDEX feed_unread ON finq.feed USING btree (visited_at) WHERE (refreshed_at IS NULL);

CREATE TABLE finq.feed_told (
    refresh_id uuid NOT NULL,
    mac bytea NOT NULL,
    ordinal integer NOT NULL,
    CONSTRAINT feed_told_pkey PRIMARY KEY (refresh_id, mac, ordinal)
);

CREATE TABLE finq.functions (
    only_one boolean NOT NULL DEFAULT true,
    hash bytea NOT NULL,
    version text NOT NULL,
    applied_at timestamp with time zone NOT NULL,
    CONSTRAINT functions_hash_check CHECK ((length(hash) = 32)),
    CONSTRAINT functions_only_one_check CHECK (only_one),
    CONSTRAINT functions_pkey PRIMARY KEY (only_one)
);
CREATE TRIGGER audit_write AFTER INSERT OR DELETE OR UPDATE ON finq.functions FOR EACH ROW EXECUTE FUNCTION finq.audit_write();

CREATE TABLE finq.handoff (
    page_id uuid NOT NULL,
    handoff_id uuid NOT NULL,
    session_id uuid NOT NULL,
    generation integer NOT NULL,
    phase finq.handoff_phase NOT NULL,
    opened_by bytea,
    numbers text NOT NULL,
    offered_until timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    CONSTRAINT handoff_page_id_fkey FOREIGN KEY (page_id) REFERENCES finq.page(page_id) ON DELETE CASCADE,
    CONSTRAINT handoff_pkey PRIMARY KEY (page_id)
);
CREATE INDEX handoff_expiry ON finq.handoff USING btree (expires_at);

CREATE TABLE finq.lease (
    name text NOT NULL,
    holder text,
    epoch bigint NOT NULL DEFAULT 0,
    taken_at timestamp with time zone NOT NULL DEFAULT '-infinity'::timestamp with time zone,
    until timestamp with time zone NOT NULL DEFAULT '-infinity'::timestamp with time zone,
    given_at timestamp with time zone,
    CONSTRAINT lease_pkey PRIMARY KEY (name)
);

CREATE TABLE finq.migration (
    version integer NOT NULL,
    name text NOT NULL,
    applied_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT migration_pkey PRIMARY KEY (version)
);
CREATE TRIGGER audit_write AFTER INSERT OR DELETE OR UPDATE ON finq.migration FOR EACH ROW EXECUTE FUNCTION finq.audit_write();

CREATE TABLE finq.outbox (
    event_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    message_id uuid NOT NULL DEFAULT gen_random_uuid(),
    client_id uuid NOT NULL,
    session_id uuid NOT NULL,
    type text NOT NULL,
    payload json NOT NULL,
    created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
    state finq.delivery NOT NULL DEFAULT 'WAITING'::finq.delivery,
    attempts integer NOT NULL DEFAULT 0,
    next_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
    delivered_at timestamp with time zone,
    last_error text,
    tried_since timestamp with time zone,
    kept boolean NOT NULL DEFAULT false,
    CONSTRAINT outbox_pkey PRIMARY KEY (event_id, created_at, kept)
) PARTITION BY LIST (kept);
CREATE INDEX outbox_ended ON ONLY finq.outbox USING btree (COALESCE(delivered_at, next_at)) WHERE (state <> 'WAITING'::finq.delivery);
CREATE INDEX outbox_session ON ONLY finq.outbox USING btree (session_id, event_id) WHERE (state = 'WAITING'::finq.delivery);
CREATE INDEX outbox_told ON ONLY finq.outbox USING btree (session_id, event_id) WHERE (state <> 'WAITING'::finq.delivery);
CREATE INDEX outbox_waiting ON ONLY finq.outbox USING btree (client_id, next_at) WHERE (state = 'WAITING'::finq.delivery);

CREATE TABLE finq.outbox_kept PARTITION OF finq.outbox FOR VALUES IN (true);

CREATE TABLE finq.outbox_week PARTITION OF finq.outbox FOR VALUES IN (false) PARTITION BY RANGE (created_at);

CREATE TABLE finq.page (
    page_id uuid NOT NULL,
    client_id uuid NOT NULL,
    key_id bigint NOT NULL,
    skill_id integer NOT NULL,
    language text,
    data_key bytea,
    tenant_user_id bytea,
    user_mac bytea,
    prefill bytea,
    return_link bytea,
    generation integer NOT NULL DEFAULT 0,
    renewed_by uuid,
    created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
    expires_at timestamp with time zone NOT NULL,
    session_id uuid,
    session_key bytea,
    begun_at timestamp with time zone,
    wrong_numbers smallint NOT NULL DEFAULT 0,
    CONSTRAINT page_pkey PRIMARY KEY (page_id)
);
CREATE INDEX page_expiry ON finq.page USING btree (expires_at);
CREATE INDEX page_person ON finq.page USING btree (client_id, user_mac) WHERE (user_mac IS NOT NULL);
CREATE INDEX page_session ON finq.page USING btree (session_id) WHERE (session_id IS NOT NULL);

CREATE TABLE finq.partial (
    upload_id uuid NOT NULL,
    step_id uuid NOT NULL,
    document text NOT NULL,
    client_id uuid NOT NULL,
    bytes bigint NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    stored uuid,
    CONSTRAINT partial_pkey PRIMARY KEY (upload_id)
);
CREATE INDEX partial_client_id ON finq.partial USING btree (client_id) INCLUDE (bytes, expires_at) WHERE (stored IS NULL);
CREATE INDEX partial_expires_at ON finq.partial USING btree (expires_at);
CREATE INDEX partial_step_id ON finq.partial USING btree (step_id, document);

CREATE TABLE finq.payment (
    payment_id uuid NOT NULL,
    client_id uuid NOT NULL,
    session_id uuid NOT NULL,
    skill_id integer NOT NULL,
    step_ids uuid[] NOT NULL,
    connector text NOT NULL,
    attempt uuid NOT NULL,
    order_mac bytea NOT NULL,
    data_key bytea,
    tenant_user_id bytea,
    user_mac bytea,
    reference bytea,
    book bytea NOT NULL,
    version integer NOT NULL DEFAULT 0,
    phase text NOT NULL DEFAULT 'created'::text,
    status text,
    is_final boolean NOT NULL DEFAULT false,
    is_released boolean NOT NULL DEFAULT false,
    execution_date date,
    asked_at timestamp with time zone NOT NULL,
    told_at timestamp with time zone,
    next_at timestamp with time zone,
    gap integer NOT NULL DEFAULT 60,
    kept boolean NOT NULL DEFAULT false,
    credentials_id uuid,
    CONSTRAINT payment_pkey PRIMARY KEY (payment_id)
);
CREATE INDEX payment_asked ON finq.payment USING btree (asked_at) WHERE (NOT kept);
CREATE INDEX payment_due ON finq.payment USING btree (next_at) WHERE (next_at IS NOT NULL);
CREATE INDEX payment_outlasting ON finq.payment USING btree (payment_id) WHERE (credentials_id IS NOT NULL);
CREATE INDEX payment_person ON finq.payment USING btree (client_id, user_mac) WHERE (user_mac IS NOT NULL);
CREATE UNIQUE INDEX payment_session ON finq.payment USING btree (session_id) WHERE (NOT is_released);
CREATE INDEX payment_sessions ON finq.payment USING btree (session_id, payment_id);

CREATE TABLE finq.payment_reference (
    client_id uuid NOT NULL,
    mac bytea NOT NULL,
    session_id uuid NOT NULL,
    CONSTRAINT payment_reference_mac_check CHECK ((length(mac) = 32)),
    CONSTRAINT payment_reference_pkey PRIMARY KEY (client_id, mac)
);
CREATE INDEX payment_reference_session ON finq.payment_reference USING btree (session_id);

CREATE TABLE finq.redirect_link (
    client_id uuid NOT NULL,
    prefix text NOT NULL,
    allowed_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT redirect_link_client_id_fkey FOREIGN KEY (client_id) REFERENCES finq.tenant(client_id),
    CONSTRAINT redirect_link_pkey PRIMARY KEY (client_id, prefix),
    CONSTRAINT redirect_link_prefix_check CHECK (((length(prefix) >= 4) AND (length(prefix) <= 2000)))
);
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON finq.redirect_link FOR EACH STATEMENT EXECUTE FUNCTION finq.audit_write();
CREATE TRIGGER audit_write AFTER INSERT OR DELETE OR UPDATE ON finq.redirect_link FOR EACH ROW EXECUTE FUNCTION finq.audit_write();

CREATE TABLE finq.replay (
    client_id uuid NOT NULL,
    kid text NOT NULL,
    token_hash bytea NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    request_id uuid NOT NULL,
    CONSTRAINT replay_pkey PRIMARY KEY (client_id, kid, token_hash)
);
CREATE INDEX replay_expires_at ON finq.replay USING btree (expires_at);

CREATE TABLE finq.retention (
    only_one boolean NOT NULL DEFAULT true,
    sessions integer NOT NULL DEFAULT 2592000,
    events integer NOT NULL DEFAULT 2592000,
    audit integer NOT NULL DEFAULT 315360000,
    CONSTRAINT retention_only_one_check CHECK (only_one),
    CONSTRAINT retention_pkey PRIMARY KEY (only_one)
);

CREATE TABLE finq.revocation (
    revocation_id uuid NOT NULL DEFAULT gen_random_uuid(),
    client_id uuid NOT NULL,
    skill_id integer NOT NULL,
    connector text NOT NULL,
    reference bytea NOT NULL,
    reference_key bytea NOT NULL,
    ended_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
    attempts integer NOT NULL DEFAULT 0,
    due_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT revocation_pkey PRIMARY KEY (revocation_id)
);
CREATE INDEX revocation_due ON finq.revocation USING btree (due_at);

CREATE TABLE finq.sandbox (
    only_one boolean NOT NULL DEFAULT true,
    seed bytea NOT NULL,
    days integer NOT NULL DEFAULT 0,
    CONSTRAINT sandbox_days_check CHECK (((days >= 0) AND (days <= 36500))),
    CONSTRAINT sandbox_only_one_check CHECK (only_one),
    CONSTRAINT sandbox_pkey PRIMARY KEY (only_one)
);

CREATE TABLE finq.sandbox_order (
    attempt uuid NOT NULL,
    session_id uuid,
    message_id text,
    body_hash bytea,
    transfers text,
    sealed bytea,
    ordered_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
    page_until timestamp with time zone,
    decision text,
    authorised_at timestamp with time zone,
    account text,
    first_request uuid,
    CONSTRAINT sandbox_order_body_hash_check CHECK ((length(body_hash) = 32)),
    CONSTRAINT sandbox_order_check CHECK (((decision = 'authorised'::text) = (authorised_at IS NOT NULL))),
    CONSTRAINT sandbox_order_check1 CHECK (((decision = 'never'::text) OR (body_hash IS NOT NULL))),
    CONSTRAINT sandbox_order_decision_check CHECK ((decision = ANY (ARRAY['authorised'::text, 'cancelled'::text, 'never'::text]))),
    CONSTRAINT sandbox_order_pkey PRIMARY KEY (attempt)
);
CREATE INDEX sandbox_order_message ON finq.sandbox_order USING btree (message_id);
CREATE INDEX sandbox_order_open ON finq.sandbox_order USING btree (page_until) WHERE (sealed IS NOT NULL);
CREATE INDEX sandbox_order_session ON finq.sandbox_order USING btree (session_id);

CREATE TABLE finq.sandbox_read (
    customer text NOT NULL,
    reads integer NOT NULL,
    attempt uuid NOT NULL,
    day integer NOT NULL,
    unattended integer NOT NULL,
    CONSTRAINT sandbox_read_pkey PRIMARY KEY (customer)
);

CREATE TABLE finq.servicer (
    servicer_id uuid NOT NULL DEFAULT gen_random_uuid(),
    name text NOT NULL,
    country text,
    created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT servicer_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200))),
    CONSTRAINT servicer_name_key UNIQUE (name),
    CONSTRAINT servicer_pkey PRIMARY KEY (servicer_id)
);
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON finq.servicer FOR EACH STATEMENT EXECUTE FUNCTION finq.audit_write();
CREATE TRIGGER audit_write AFTER INSERT OR DELETE OR UPDATE ON finq.servicer FOR EACH ROW EXECUTE FUNCTION finq.audit_write();

CREATE TABLE finq.session (
    session_id uuid NOT NULL,
    client_id uuid NOT NULL,
    skill_id integer NOT NULL,
    tenant_user_id bytea,
    user_mac bytea,
    data_key bytea,
    started_at timestamp with time zone NOT NULL,
    expires_at timestamp with time zone NOT NULL,
    status finq.session_status NOT NULL,
    step_ordinal integer NOT NULL,
    step_place integer,
    next_place integer,
    answer_secret_id integer NOT NULL,
    answer_expires_at timestamp with time zone NOT NULL,
    reply_until timestamp with time zone,
    step_id uuid NOT NULL,
    step_body_hash bytea NOT NULL,
    updated_at timestamp with time zone NOT NULL,
    exchanged_at timestamp with time zone,
    exchange_key_id bigint,
    exchange_secret_id integer,
    exchange_salt bytea,
    credentials_id uuid,
    renews uuid,
    generation integer NOT NULL DEFAULT 0,
    waits_for finq.waiting,
    waits_since timestamp with time zone,
    resubmit boolean NOT NULL DEFAULT false,
    reply bytea,
    reply_reasons bytea,
    told bytea,
    reasons bytea,
    own_reasons json,
    return_link bytea,
    return_until timestamp with time zone,
    returned_at timestamp with time zone,
    returned_hash bytea,
    returned_by uuid,
    returned json,
    went_back boolean NOT NULL DEFAULT false,
    is_over boolean,
    kept boolean NOT NULL DEFAULT false,
    CONSTRAINT session_pkey PRIMARY KEY (session_id, kept)
) PARTITION BY LIST (kept);
CREATE INDEX session_consent ON ONLY finq.session USING btree (credentials_id) WHERE (credentials_id IS NOT NULL);
CREATE INDEX session_ended ON ONLY finq.session USING btree (expires_at) WHERE is_over;
CREATE INDEX session_expiry ON ONLY finq.session USING btree (expires_at) WHERE ((NOT is_over) AND (exchanged_at IS NULL));
CREATE INDEX session_person ON ONLY finq.session USING btree (client_id, user_mac) WHERE (user_mac IS NOT NULL);
CREATE INDEX session_renewal ON ONLY finq.session USING btree (renews) WHERE (renews IS NOT NULL);
CREATE INDEX session_waiting ON ONLY finq.session USING btree (waits_since) WHERE (waits_for = 'DECISION'::finq.waiting);

CREATE TABLE finq.session_kept PARTITION OF finq.session FOR VALUES IN (true) WITH (fillfactor=80);

CREATE TABLE finq.session_week PARTITION OF finq.session FOR VALUES IN (false) PARTITION BY RANGE (session_id);

CREATE TABLE finq.signing_key (
    client_id uuid NOT NULL,
    kid text NOT NULL,
    issuer text NOT NULL,
    algorithm text NOT NULL,
    spki bytea NOT NULL,
    created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
    revoked_at timestamp with time zone,
    CONSTRAINT signing_key_algorithm_check CHECK ((algorithm = ANY (ARRAY['RS256'::text, 'rsa-v1_5-sha256'::text, 'rsa-pss-sha512'::text, 'ecdsa-p256-sha256'::text, 'ed25519'::text]))),
    CONSTRAINT signing_key_client_id_fkey FOREIGN KEY (client_id) REFERENCES finq.tenant(client_id),
    CONSTRAINT signing_key_client_id_spki_key UNIQUE (client_id, spki),
    CONSTRAINT signing_key_issuer_check CHECK (((octet_length(issuer) >= 1) AND (octet_length(issuer) <= 320))),
    CONSTRAINT signing_key_kid_check CHECK ((kid ~ '^[A-Za-z0-9._-]{1,128}$'::text)),
    CONSTRAINT signing_key_pkey PRIMARY KEY (client_id, kid)
);
CREATE INDEX signing_key_issuer ON finq.signing_key USING btree (issuer);
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON finq.signing_key FOR EACH STATEMENT EXECUTE FUNCTION finq.audit_write();
CREATE TRIGGER audit_write AFTER INSERT OR DELETE OR UPDATE ON finq.signing_key FOR EACH ROW EXECUTE FUNCTION finq.audit_write();

CREATE TABLE finq.skill (
    skill_id integer NOT NULL GENERATED ALWAYS AS IDENTITY,
    name text NOT NULL,
    servicer_id uuid NOT NULL,
    definition json NOT NULL,
    type text NOT NULL GENERATED ALWAYS AS ((definition ->> 'type'::text)) STORED,
    published_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
    retired_at timestamp with time zone,
    CONSTRAINT skill_name_key UNIQUE (name),
    CONSTRAINT skill_pkey PRIMARY KEY (skill_id),
    CONSTRAINT skill_servicer_id_fkey FOREIGN KEY (servicer_id) REFERENCES finq.servicer(servicer_id)
);
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON finq.skill FOR EACH STATEMENT EXECUTE FUNCTION finq.audit_write();
CREATE TRIGGER audit_write AFTER INSERT OR DELETE OR UPDATE ON finq.skill FOR EACH ROW EXECUTE FUNCTION finq.audit_write();
CREATE TRIGGER directory_changed AFTER INSERT OR DELETE OR UPDATE ON finq.skill FOR EACH STATEMENT EXECUTE FUNCTION finq.directory_changed();

CREATE TABLE finq.step (
    step_id uuid NOT NULL,
    session_id uuid NOT NULL,
    submitted_at timestamp with time zone NOT NULL,
    ordinal integer NOT NULL,
    place integer NOT NULL,
    decided boolean NOT NULL,
    off_path boolean NOT NULL DEFAULT false,
    kept boolean NOT NULL DEFAULT false,
    decided_by uuid,
    name text NOT NULL,
    data bytea NOT NULL,
    CONSTRAINT step_pkey PRIMARY KEY (step_id, kept)
) PARTITION BY LIST (kept);

CREATE TABLE finq.step_claim (
    session_id uuid NOT NULL,
    ordinal integer NOT NULL,
    attempt uuid NOT NULL,
    request_id uuid NOT NULL,
    until timestamp with time zone NOT NULL,
    CONSTRAINT step_claim_pkey PRIMARY KEY (session_id)
);
CREATE INDEX step_claim_until ON finq.step_claim USING btree (until);

CREATE TABLE finq.step_kept PARTITION OF finq.step FOR VALUES IN (true);

CREATE TABLE finq.step_week PARTITION OF finq.step FOR VALUES IN (false) PARTITION BY RANGE (step_id);

CREATE TABLE finq.stored (
    client_id uuid NOT NULL,
    bytes bigint NOT NULL
);
CREATE INDEX stored_client_id ON finq.stored USING btree (client_id) INCLUDE (bytes);

CREATE TABLE finq.tenant (
    client_id uuid NOT NULL DEFAULT gen_random_uuid(),
    name text NOT NULL,
    servicer_id uuid,
    status finq.tenant_status NOT NULL DEFAULT 'ACTIVE'::finq.tenant_status,
    created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT tenant_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200))),
    CONSTRAINT tenant_name_key UNIQUE (name),
    CONSTRAINT tenant_pkey PRIMARY KEY (client_id),
    CONSTRAINT tenant_servicer_id_fkey FOREIGN KEY (servicer_id) REFERENCES finq.servicer(servicer_id)
);
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON finq.tenant FOR EACH STATEMENT EXECUTE FUNCTION finq.audit_write();
CREATE TRIGGER audit_write AFTER INSERT OR DELETE OR UPDATE ON finq.tenant FOR EACH ROW EXECUTE FUNCTION finq.audit_write();
CREATE TRIGGER directory_changed AFTER INSERT OR DELETE OR UPDATE ON finq.tenant FOR EACH STATEMENT EXECUTE FUNCTION finq.directory_changed();

CREATE TABLE finq.tenant_key (
    client_id uuid NOT NULL,
    key_id bigint NOT NULL GENERATED ALWAYS AS IDENTITY,
    kind finq.key_kind NOT NULL,
    hash bytea NOT NULL,
    created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
    ends_at timestamp with time zone NOT NULL DEFAULT 'infinity'::timestamp with time zone,
    last_used_at timestamp with time zone,
    CONSTRAINT tenant_key_client_id_fkey FOREIGN KEY (client_id) REFERENCES finq.tenant(client_id),
    CONSTRAINT tenant_key_hash_check CHECK ((length(hash) = 32)),
    CONSTRAINT tenant_key_pkey PRIMARY KEY (client_id, key_id)
);
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON finq.tenant_key FOR EACH STATEMENT EXECUTE FUNCTION finq.audit_write();
CREATE TRIGGER audit_write AFTER INSERT OR DELETE OR UPDATE OF client_id, key_id, kind, hash, created_at, ends_at ON finq.tenant_key FOR EACH ROW EXECUTE FUNCTION finq.audit_write();
CREATE TRIGGER directory_changed AFTER INSERT OR DELETE OR UPDATE OF client_id, key_id, kind, hash, ends_at ON finq.tenant_key FOR EACH STATEMENT EXECUTE FUNCTION finq.directory_changed();

CREATE TABLE finq.tenant_skill (
    client_id uuid NOT NULL,
    skill_id integer NOT NULL,
    consent_duration integer NOT NULL,
    cache_max_data_retention integer NOT NULL,
    allowed_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT tenant_skill_cache_max_data_retention_check CHECK (((cache_max_data_retention >= 0) AND (cache_max_data_retention <= 52560000))),
    CONSTRAINT tenant_skill_client_id_fkey FOREIGN KEY (client_id) REFERENCES finq.tenant(client_id),
    CONSTRAINT tenant_skill_consent_duration_check CHECK (((consent_duration >= 1) AND (consent_duration <= 52560000))),
    CONSTRAINT tenant_skill_pkey PRIMARY KEY (client_id, skill_id),
    CONSTRAINT tenant_skill_skill_id_fkey FOREIGN KEY (skill_id) REFERENCES finq.skill(skill_id)
);
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON finq.tenant_skill FOR EACH STATEMENT EXECUTE FUNCTION finq.audit_write();
CREATE TRIGGER audit_write AFTER INSERT OR DELETE OR UPDATE ON finq.tenant_skill FOR EACH ROW EXECUTE FUNCTION finq.audit_write();
CREATE TRIGGER directory_changed AFTER INSERT OR DELETE OR UPDATE ON finq.tenant_skill FOR EACH STATEMENT EXECUTE FUNCTION finq.directory_changed();

CREATE TABLE finq.transaction (
    credentials_id uuid NOT NULL,
    seq bigint NOT NULL,
    superseded_by bigint,
    transaction_id uuid NOT NULL,
    account_id uuid NOT NULL,
    mac bytea NOT NULL,
    ordinal integer NOT NULL,
    is_derived boolean NOT NULL,
    is_booked boolean NOT NULL,
    booked_at timestamp with time zone,
    amount numeric NOT NULL,
    is_credit boolean NOT NULL,
    currency text NOT NULL,
    balance numeric,
    category text,
    info bytea NOT NULL,
    stored_at timestamp with time zone NOT NULL,
    ended_at timestamp with time zone,
    removed_for text,
    replaced_by uuid,
    CONSTRAINT transaction_amount_check CHECK ((amount >= (0)::numeric)),
    CONSTRAINT transaction_pkey PRIMARY KEY (credentials_id, seq)
);
CREATE INDEX transaction_ended ON finq.transaction USING btree (credentials_id, ended_at) WHERE (ended_at IS NOT NULL);
CREATE INDEX transaction_ends ON finq.transaction USING btree (credentials_id, superseded_by) WHERE (removed_for IS NOT NULL);
CREATE INDEX transaction_order ON finq.transaction USING btree (credentials_id, COALESCE(booked_at, 'infinity'::timestamp with time zone) DESC, transaction_id, seq);
CREATE INDEX transaction_versions ON finq.transaction USING btree (credentials_id, transaction_id, seq);

CREATE TABLE finq.upload (
    step_id uuid NOT NULL,
    document text NOT NULL,
    upload_id uuid NOT NULL,
    size bigint NOT NULL,
    sha256 bytea NOT NULL,
    media_type text NOT NULL,
    width integer,
    height integer,
    orientation integer,
    uploaded_at timestamp with time zone NOT NULL,
    kept boolean NOT NULL DEFAULT false,
    CONSTRAINT upload_pkey PRIMARY KEY (step_id, document, kept)
) PARTITION BY LIST (kept);

CREATE TABLE finq.upload_kept PARTITION OF finq.upload FOR VALUES IN (true);

CREATE TABLE finq.upload_removed (
    upload_id uuid NOT NULL,
    removed_at timestamp with time zone NOT NULL,
    decided boolean NOT NULL,
    gone_at timestamp with time zone,
    CONSTRAINT upload_removed_pkey PRIMARY KEY (upload_id)
);
CREATE INDEX upload_removed_gone ON finq.upload_removed USING btree (gone_at) WHERE (gone_at IS NOT NULL);
CREATE INDEX upload_removed_waits ON finq.upload_removed USING btree (substr(uuid_send(upload_id), 13), upload_id) WHERE (gone_at IS NULL);

CREATE TABLE finq.upload_week PARTITION OF finq.upload FOR VALUES IN (false) PARTITION BY RANGE (step_id);

CREATE TABLE finq.webhook (
    client_id uuid NOT NULL,
    url text NOT NULL,
    secret_id integer NOT NULL,
    salt bytea NOT NULL,
    old_secret_id integer,
    old_salt bytea,
    old_until timestamp with time zone,
    enabled boolean NOT NULL DEFAULT true,
    failing_since timestamp with time zone,
    created_at timestamp with time zone NOT NULL DEFAULT clock_timestamp(),
    CONSTRAINT webhook_client_id_fkey FOREIGN KEY (client_id) REFERENCES finq.tenant(client_id),
    CONSTRAINT webhook_pkey PRIMARY KEY (client_id)
);
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON finq.webhook FOR EACH STATEMENT EXECUTE FUNCTION finq.audit_write();
CREATE TRIGGER audit_write AFTER INSERT OR DELETE OR UPDATE OF url, secret_id, salt, enabled ON finq.webhook FOR EACH ROW EXECUTE FUNCTION finq.audit_write();

CREATE TABLE finq.week_held (
    partition text NOT NULL,
    why text NOT NULL,
    since timestamp with time zone NOT NULL,
    CONSTRAINT week_held_pkey PRIMARY KEY (partition),
    CONSTRAINT week_held_why_check CHECK ((why = ANY (ARRAY['pinned'::text, 'contended'::text])))
);
