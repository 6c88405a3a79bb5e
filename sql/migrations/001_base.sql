-- The onboarding flow: tenants and skills, sessions and their steps, uploads, credentials.
--
-- Run by `finqctl db migrate`, as the role that owns everything here. The server's role (a member of finq_server) may
-- execute the functions granted in functions/grants.sql and can touch no table. A server function is one call, one
-- transaction and one round trip; it answers in `outcome`: 'ok', or the contract's error code.
--
-- Times that come from the server are seconds since 1970. The database's clock decides what has expired, read with
-- clock_timestamp(), because a statement may have waited for a lock.
--
-- Rows that live short (session, step, upload) have version 7 ids that all carry the time of their session's start, so
-- that an id alone tells the week in which its row stands, and a session goes with all that hangs on it. They have no
-- foreign keys for the same reason, and because a key-share lock on the tenant's row would be the one thing that all its
-- sessions contend for.
--
-- Tables that shrink are cut into weeks, from Monday to Monday in UTC: NAME_week holds a partition for each, made ahead and
-- dropped whole, so that what is gone gives its room back. A row that outlives its week is kept: it moves to NAME_kept before
-- (functions/week.sql). A key with the time in it leads to one week and to NAME_kept, whichever has the row.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles r WHERE r.rolname = 'finq_server') THEN
        CREATE ROLE finq_server NOLOGIN;
    END IF;
END $$;

-- Which functions stand here: those whose text, as finqctl carries it, has this hash. Of finqctl, the version that put them here.
CREATE TABLE finq.functions (
    only_one   boolean     NOT NULL DEFAULT true PRIMARY KEY CHECK (only_one),
    hash       bytea       NOT NULL CHECK (length(hash) = 32),
    version    text        NOT NULL,
    applied_at timestamptz NOT NULL
);

-- ---------------------------------------------------------------------------------------------------------------------
-- Tenants and skills
-- ---------------------------------------------------------------------------------------------------------------------

CREATE TABLE finq.servicer (
    servicer_id uuid        NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY,
    name        text        NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 200),
    country     text        NULL,
    created_at  timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TYPE finq.tenant_status AS ENUM ('ACTIVE', 'DISABLED');

CREATE TABLE finq.tenant (
    client_id   uuid               NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY,
    name        text               NOT NULL UNIQUE CHECK (length(name) BETWEEN 1 AND 200),
    servicer_id uuid               NULL REFERENCES finq.servicer (servicer_id),
    status      finq.tenant_status NOT NULL DEFAULT 'ACTIVE',
    created_at  timestamptz        NOT NULL DEFAULT clock_timestamp()
);

CREATE TYPE finq.key_kind AS ENUM ('SECRET', 'APP_KEY');

-- Keys are random and long, so one SHA-256 is all the hashing they need. A key's last use is true to the minute.
CREATE TABLE finq.tenant_key (
    client_id    uuid          NOT NULL REFERENCES finq.tenant (client_id),
    key_id       bigint        NOT NULL GENERATED ALWAYS AS IDENTITY,
    kind         finq.key_kind NOT NULL,
    hash         bytea         NOT NULL CHECK (length(hash) = 32),
    created_at   timestamptz   NOT NULL DEFAULT clock_timestamp(),
    ends_at      timestamptz   NOT NULL DEFAULT 'infinity',
    last_used_at timestamptz   NULL,
    PRIMARY KEY (client_id, key_id)
);

CREATE TABLE finq.skill (
    skill_id     integer     NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name         text        NOT NULL UNIQUE,
    servicer_id  uuid        NOT NULL REFERENCES finq.servicer (servicer_id),
    definition   json        NOT NULL, -- json, not jsonb: the order of a form's members is part of it
    type         text        NOT NULL GENERATED ALWAYS AS (definition ->> 'type') STORED,
    published_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    retired_at   timestamptz NULL      -- a skill that is retired starts no sessions
);

-- Which skills a tenant may use, and what its consents look like (contract section 7). Durations are minutes.
CREATE TABLE finq.tenant_skill (
    client_id                uuid        NOT NULL REFERENCES finq.tenant (client_id),
    skill_id                 integer     NOT NULL REFERENCES finq.skill (skill_id),
    consent_duration         integer     NOT NULL CHECK (consent_duration BETWEEN 1 AND 52560000),
    cache_max_data_retention integer     NOT NULL CHECK (cache_max_data_retention BETWEEN 0 AND 52560000),
    allowed_at               timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (client_id, skill_id)
);

-- What a tenant's pages look like. Colours are six hexadecimal digits: one for light pages, one for dark ones.
CREATE TABLE finq.brand (
    client_id   uuid        NOT NULL PRIMARY KEY REFERENCES finq.tenant (client_id),
    name        text        NULL CHECK (length(name) BETWEEN 1 AND 200),
    colour      text        NULL CHECK (colour ~ '^[0-9a-f]{6}$'),
    dark_colour text        NULL CHECK (dark_colour ~ '^[0-9a-f]{6}$'),
    logo        bytea       NULL CHECK (length(logo) BETWEEN 1 AND 65536),
    logo_type   text        NULL CHECK (logo_type IN ('image/png', 'image/jpeg', 'image/webp', 'image/svg+xml')),
    logo_id     text        NULL, -- of its content: the name that pages call it by
    set_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    CHECK ((colour IS NULL) = (dark_colour IS NULL))
);
CREATE INDEX brand_logo ON finq.brand (logo_id) WHERE logo_id IS NOT NULL;

-- Where a tenant's users may be sent back to, by prefix of the link.
CREATE TABLE finq.redirect_link (
    client_id  uuid        NOT NULL REFERENCES finq.tenant (client_id),
    prefix     text        NOT NULL CHECK (length(prefix) BETWEEN 4 AND 2000),
    allowed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (client_id, prefix)
);

-- ---------------------------------------------------------------------------------------------------------------------
-- Sessions
-- ---------------------------------------------------------------------------------------------------------------------

CREATE TYPE finq.session_status AS ENUM ('SESSION_CREATED', 'SESSION_IN_PROGRESS', 'SESSION_PENDING',
                                         'SESSION_COMPLETED', 'SESSION_FAILED', 'SESSION_EXPIRED');

CREATE TYPE finq.waiting AS ENUM ('BANK', 'DECISION');

-- One row a session, made by its first step. What the last submission was and was answered stands in the row, so that
-- a repeated request gets the same answer without another look-up.
--
-- A session that has been answered with a nonce or a temp_token waits for nobody (waits_for is null). One that waits for
-- a bank or a decision keeps the nonce of its last step, which asks for its status and authorises that step's uploads.
-- step_place is the place in the skill of the last step submitted, from 1; next_place that of the step that follows it
-- once the waiting ends, 0 where none does.
--
-- What the log has of an update is what lies between the first column that changes and the last. So those come first that never
-- do, then those of a step, then those of the exchange, which begin with what both change.
CREATE TABLE finq.session (
    session_id           uuid                NOT NULL,
    client_id            uuid                NOT NULL,
    skill_id             integer             NOT NULL,
    tenant_user_id       bytea               NULL,     -- sealed, as all that is said to be, under the session's data key
    user_mac             bytea               NULL,     -- by which it is found: HMAC under the key of FinqDataKey that wraps the data key; of who
                                                       -- has no tenant_user_id and renews a consent, that of the consent's id
    data_key             bytea               NULL,     -- wrapped; NULL once it is destroyed
    started_at           timestamptz         NOT NULL,
    expires_at           timestamptz         NOT NULL, -- FinqSessionTTL after its start; later by what it has waited
    status               finq.session_status NOT NULL,
    step_ordinal         integer             NOT NULL, -- of the last step submitted, from 1; a way back counts too
    step_place           integer             NULL,
    next_place           integer             NULL,
    answer_secret_id     integer             NOT NULL, -- which of the server's secrets sealed the answer's nonce or temp_token
    answer_expires_at    timestamptz         NOT NULL, -- of that one
    reply_until          timestamptz         NULL,
    step_id              uuid                NOT NULL,
    step_body_hash       bytea               NOT NULL, -- empty where the last that was done was to go back
    updated_at           timestamptz         NOT NULL,
    exchanged_at         timestamptz         NULL,
    exchange_key_id      bigint              NULL,
    exchange_secret_id   integer             NULL,
    exchange_salt        bytea               NULL,     -- with that secret, what the access_token is derived from
    credentials_id       uuid                NULL,
    renews               uuid                NULL,     -- the consent that its exchange renews, where it makes none
    generation           integer             NOT NULL DEFAULT 0, -- counts resumptions; an older nonce is dead
    waits_for            finq.waiting        NULL,
    waits_since          timestamptz         NULL,
    resubmit             boolean             NOT NULL DEFAULT false, -- the same step again: what the step before it asks for is there
    reply                bytea               NULL,     -- what the last submission was answered: `data`, where not {}; sealed
    reply_reasons        bytea               NULL,     -- sealed
    told                 bytea               NULL,     -- `data` that came with the end of the waiting; sealed
    reasons              bytea               NULL,     -- of how the session stands now; sealed
    own_reasons          json                NULL,     -- in their place, the database's own words: nothing of a person
    return_link          bytea               NULL,     -- where the bank's return ends: the client's own page; sealed
    return_until         timestamptz         NULL,
    returned_at          timestamptz         NULL,     -- the one use of the state that the bank sends back
    returned_hash        bytea               NULL,     -- by which return, of all that it brought
    returned_by          uuid                NULL,     -- by which request
    returned             json                NULL,     -- what that was answered, once it is concluded; error and description sealed
    went_back            boolean             NOT NULL DEFAULT false, -- some of its steps may be off its path
    is_over              boolean             NULL,     -- finq.session_is_over(status). It is no generated column: an UPDATE makes the expression of
                                                       -- one ready for the table of each week, which was a fifth of a step's cost
    kept                 boolean             NOT NULL DEFAULT false, -- outlives its week, with all that hangs on it
    PRIMARY KEY (session_id, kept)
) PARTITION BY LIST (kept);
CREATE TABLE finq.session_kept PARTITION OF finq.session FOR VALUES IN (true) WITH (fillfactor = 80);
CREATE TABLE finq.session_week PARTITION OF finq.session FOR VALUES IN (false) PARTITION BY RANGE (session_id);

-- Those whose time may be up, and those that have ended without a consent: their expires_at is when they did. No index asks for the
-- status itself, so that no step changes one until its session is over.
CREATE INDEX session_expiry ON finq.session (expires_at) WHERE NOT is_over AND exchanged_at IS NULL;
CREATE INDEX session_ended ON finq.session (expires_at) WHERE is_over;
CREATE INDEX session_consent ON finq.session (credentials_id) WHERE credentials_id IS NOT NULL;
CREATE INDEX session_person ON finq.session (client_id, user_mac) WHERE user_mac IS NOT NULL;
CREATE INDEX session_renewal ON finq.session (renews) WHERE renews IS NOT NULL;
-- Answers of connectors and decisions are found by the step alone.
CREATE INDEX session_waiting ON finq.session (waits_since) WHERE waits_for = 'DECISION';

-- Where a person is taken through an onboarding. Its address is good for as long as the row says, and only with its generation.
CREATE TABLE finq.page (
    page_id        uuid        NOT NULL PRIMARY KEY,
    client_id      uuid        NOT NULL,
    key_id         bigint      NOT NULL, -- of the secret that made it: without that key its session cannot begin
    skill_id       integer     NOT NULL,
    language       text        NULL,
    data_key       bytea       NULL,     -- its own, wrapped; what is sealed under it:
    tenant_user_id bytea       NULL,
    user_mac       bytea       NULL,     -- as a session's
    prefill        bytea       NULL,
    return_link    bytea       NULL,
    generation     integer     NOT NULL DEFAULT 0, -- counts renewals; an older address is dead
    renewed_by     uuid        NULL,     -- the request that made the newest
    created_at     timestamptz NOT NULL DEFAULT clock_timestamp(),
    expires_at     timestamptz NOT NULL,
    session_id     uuid        NULL,     -- from its first start on
    session_key    bytea       NULL,     -- the session's data key, wrapped: whoever starts once more before the first step goes on under it
    begun_at       timestamptz NULL,
    wrong_numbers  smallint    NOT NULL DEFAULT 0 -- that were pressed in hand-offs since its newest address was made
);
CREATE INDEX page_expiry ON finq.page (expires_at);
CREATE INDEX page_session ON finq.page (session_id) WHERE session_id IS NOT NULL;
CREATE INDEX page_person ON finq.page (client_id, user_mac) WHERE user_mac IS NOT NULL;

CREATE TYPE finq.handoff_phase AS ENUM ('OFFERED', 'OPENED', 'TAKEN', 'DONE', 'BACK', 'WRONG');

-- The page's session on its way to another device, and back: the newest offer of a page.
CREATE TABLE finq.handoff (
    page_id       uuid               NOT NULL PRIMARY KEY REFERENCES finq.page (page_id) ON DELETE CASCADE,
    handoff_id    uuid               NOT NULL,
    session_id    uuid               NOT NULL,
    generation    integer            NOT NULL, -- of the session when it was offered
    phase         finq.handoff_phase NOT NULL,
    opened_by     bytea              NULL,     -- SHA-256 of what the device that opened it has made up
    numbers       text               NOT NULL, -- as page/handoff.h has them
    offered_until timestamptz        NOT NULL,
    expires_at    timestamptz        NOT NULL  -- from then on it is over
);
CREATE INDEX handoff_expiry ON finq.handoff (expires_at);

CREATE TABLE finq.step (
    step_id      uuid        NOT NULL,
    session_id   uuid        NOT NULL,
    submitted_at timestamptz NOT NULL,
    ordinal      integer     NOT NULL,
    place        integer     NOT NULL, -- of its step in the skill, from 1
    decided      boolean     NOT NULL, -- a connector, a bank or a person has a say in it: no way leads back
    off_path     boolean     NOT NULL DEFAULT false, -- the user went back over it: it does not count, and goes at the exchange
    kept         boolean     NOT NULL DEFAULT false, -- as its session
    decided_by   uuid        NULL, -- the request that decided about it
    name         text        NOT NULL,
    data         bytea       NOT NULL, -- sealed; within, each number with the digits that came
    PRIMARY KEY (step_id, kept)
) PARTITION BY LIST (kept);
CREATE TABLE finq.step_kept PARTITION OF finq.step FOR VALUES IN (true);
CREATE TABLE finq.step_week PARTITION OF finq.step FOR VALUES IN (false) PARTITION BY RANGE (step_id);

-- Who asks a connector about a step: one attempt at a time, until it is submitted or given up, or for so long as an answer may
-- take. A first step has no session's row yet. After a crash nobody is asking: the table may be empty then.
CREATE UNLOGGED TABLE finq.step_claim (
    session_id uuid        NOT NULL PRIMARY KEY,
    ordinal    integer     NOT NULL,
    attempt    uuid        NOT NULL, -- of the submission: the same for the same body
    request_id uuid        NOT NULL, -- that claimed it
    until      timestamptz NOT NULL
);

CREATE INDEX step_claim_until ON finq.step_claim (until);

CREATE TABLE finq.upload (
    step_id     uuid        NOT NULL,
    document    text        NOT NULL,
    upload_id   uuid        NOT NULL, -- also the name of its file; its last four bytes are the mark of the directory that has it
    size        bigint      NOT NULL,
    sha256      bytea       NOT NULL,
    media_type  text        NOT NULL,
    width       integer     NULL, -- of a picture that says so, in pixels, before it is turned
    height      integer     NULL,
    orientation integer     NULL, -- of a picture: as Exif's, 1 to 8
    uploaded_at timestamptz NOT NULL,
    kept        boolean     NOT NULL DEFAULT false, -- as its session
    PRIMARY KEY (step_id, document, kept)
) PARTITION BY LIST (kept);
CREATE TABLE finq.upload_kept PARTITION OF finq.upload FOR VALUES IN (true);
CREATE TABLE finq.upload_week PARTITION OF finq.upload FOR VALUES IN (false) PARTITION BY RANGE (step_id);

-- Uploads that may be cut and go on, until they expire; one of a document, and beside it those whose first request has not been taken yet.
CREATE TABLE finq.partial (
    upload_id  uuid        NOT NULL PRIMARY KEY, -- the name of its file, as an upload's
    step_id    uuid        NOT NULL,
    document   text        NOT NULL,
    client_id  uuid        NOT NULL,
    bytes      bigint      NOT NULL, -- that quotas count: its length, or where nobody has said that, what the latest piece may bring it to
    expires_at timestamptz NOT NULL,
    stored     uuid        NULL      -- the upload that it became; then it has no file any more
);
CREATE INDEX partial_step_id ON finq.partial (step_id, document);
CREATE INDEX partial_client_id ON finq.partial (client_id) INCLUDE (bytes, expires_at) WHERE stored IS NULL;
CREATE INDEX partial_expires_at ON finq.partial (expires_at);

-- How many bytes of documents are stored for a tenant: the sum of its rows. Each transaction that stores or removes adds one, so that none
-- waits for another; the janitor adds them together.
CREATE TABLE finq.stored (
    client_id uuid   NOT NULL,
    bytes     bigint NOT NULL -- negative of what was removed
);
CREATE INDEX stored_client_id ON finq.stored (client_id) INCLUDE (bytes);

-- Files that no upload points to: replaced ones until some server has removed them, and those that a sweep decided
-- against, so that a statement which comes late cannot record them after all.
CREATE TABLE finq.upload_removed (
    upload_id  uuid        NOT NULL PRIMARY KEY,
    removed_at timestamptz NOT NULL,
    decided    boolean     NOT NULL, -- by a sweep; else it was replaced, and no row is needed once its file is gone
    gone_at    timestamptz NULL      -- of a decided one: when its file was
);
CREATE INDEX upload_removed_waits ON finq.upload_removed (substr(uuid_send(upload_id), 13), upload_id) WHERE gone_at IS NULL;
CREATE INDEX upload_removed_gone ON finq.upload_removed (gone_at) WHERE gone_at IS NOT NULL;

-- ---------------------------------------------------------------------------------------------------------------------
-- Consents
-- ---------------------------------------------------------------------------------------------------------------------

CREATE TYPE finq.credential_status AS ENUM ('ACTIVE', 'DELETED', 'EXPIRED');

CREATE TABLE finq.credential (
    credentials_id     uuid                   NOT NULL PRIMARY KEY,
    client_id          uuid                   NOT NULL,
    session_id         uuid                   NOT NULL,
    consent_exp        timestamptz            NOT NULL,
    max_data_retention timestamptz            NOT NULL,
    created_at         timestamptz            NOT NULL,
    updated_at         timestamptz            NOT NULL,
    skill_id           integer                NOT NULL,
    status             finq.credential_status NOT NULL DEFAULT 'ACTIVE',
    expiry_told        boolean                NOT NULL DEFAULT false,
    tenant_user_id     bytea                  NULL, -- the session's, sealed under the data key
    user_mac           bytea                  NULL, -- as the session's; in force, it outlasts the data
    data_key           bytea                  NULL, -- the session's, which those that renew the consent use too; NULL once destroyed
    access_token_hash  bytea                  NOT NULL, -- of the newest
    older_token_hashes bytea[]                NOT NULL DEFAULT '{}', -- of those from before renewals, until a newer one is used; oldest first
    deleted_at         timestamptz            NULL, -- what has expired may be deleted too, and stays EXPIRED
    user_mac_key       text                   NULL, -- of FinqDataKey, that user_mac is of and stays of; once the data are gone
    data_removed_at    timestamptz            NULL, -- when all that was collected for it went: past max_data_retention
    CHECK (status <> 'DELETED' OR deleted_at IS NOT NULL)
);

-- A tenant's consents, newest first: their ids tell the time.
CREATE INDEX credential_client ON finq.credential (client_id, credentials_id);
CREATE INDEX credential_user ON finq.credential (client_id, user_mac, credentials_id) WHERE user_mac IS NOT NULL;
-- Those whose end has been told to be near, and those before: each stands in one of the two.
CREATE INDEX credential_expiry ON finq.credential (consent_exp) WHERE status = 'ACTIVE' AND expiry_told;
CREATE INDEX credential_notice ON finq.credential (consent_exp) WHERE status = 'ACTIVE' AND NOT expiry_told;
-- Whose data are still there, and, a year after they went, those that nobody is told of any more.
CREATE INDEX credential_data ON finq.credential (max_data_retention) WHERE data_removed_at IS NULL;
CREATE INDEX credential_end ON finq.credential (max_data_retention) WHERE data_removed_at IS NOT NULL;

-- ---------------------------------------------------------------------------------------------------------------------
-- Account data: what the banks of consents tell. What is to be found by it stands in clear: ids, amounts, currencies, times and
-- kinds; all else is sealed under the consent's data key. MACs are HMACs with a key of the tenant's, which data_key leads to: by them
-- an account or transaction is the same in all of the tenant's consents, and nobody else's.
-- ---------------------------------------------------------------------------------------------------------------------

CREATE TABLE finq.account_key (
    client_id uuid  NOT NULL PRIMARY KEY REFERENCES finq.tenant (client_id),
    data_key  bytea NOT NULL -- wrapped by a key of FinqDataKey
);

-- A consent's feed: with what its bank's connector is asked, who is asking, and how far the data have come. Its row is made when
-- the connector accepts, which is before there is a consent: the exchange gives that the credentials_id which stands here. The feed
-- of a session that renews a consent is merged into the consent's.
CREATE TABLE finq.feed (
    credentials_id uuid          NOT NULL PRIMARY KEY,
    client_id      uuid          NOT NULL,
    skill_id       integer       NOT NULL,
    session_id     uuid          NOT NULL UNIQUE, -- whose user was at the bank
    connector      text          NOT NULL,
    reference      bytea         NULL, -- the connector's own word for what it was given, sealed; NULL once the connector is to take it back
    reference_key  bytea         NULL, -- its own data key, wrapped: it outlives the consent's until it has been taken back
    visited_at     timestamptz   NOT NULL, -- when the user was at the bank
    seq            bigint        NOT NULL DEFAULT 0, -- of the newest change
    numbered       bigint        NOT NULL DEFAULT 0, -- changes above seq and up to here are of a refresh that has not come to its end
    is_partial     boolean       NOT NULL DEFAULT false, -- the next refresh need not ask for all that the bank has
    refresh_id     uuid          NULL, -- who is asking
    refresh_until  timestamptz   NULL, -- until when nobody else does
    place          integer       NOT NULL DEFAULT 0, -- so many pieces of it are stored
    walked_at      timestamptz   NOT NULL DEFAULT 'infinity', -- so far it has looked for transactions that the bank tells no more
    walked_behind  uuid          NULL,
    told_hash      bytea         NULL, -- of all that the one before was told, where that was one piece
    told           bytea         NULL, -- and which transactions it was told, as who asks notes them (src/data/told.h)
    refreshed_at   timestamptz   NULL, -- when last something was stored, be it that nothing had changed
    due_at         timestamptz   NULL, -- when the bank is asked next where nobody waits for it; NULL for never
    refreshes      timestamptz[] NOT NULL DEFAULT '{}', -- those of the last 24 hours that nobody attended
    frequency      integer       NOT NULL DEFAULT 4, -- so many of these the bank allows
    error          text          NULL, -- what became of the last one; NULL where it was stored
    error_at       timestamptz   NULL,
    round_from     bigint        NULL, -- of who asks for changes: the round that was begun last, and its end
    round_upto     bigint        NULL,
    kept_from      bigint        NOT NULL DEFAULT 0 -- versions that held no longer at this change may be gone
);

CREATE INDEX feed_unread ON finq.feed (visited_at) WHERE refreshed_at IS NULL;
CREATE INDEX feed_due ON finq.feed (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX feed_oldest ON finq.feed (refreshed_at) WHERE due_at IS NOT NULL;

-- References of consents that have ended, until their connectors have taken them back, or for 30 days. Nothing tells whose they were.
CREATE TABLE finq.revocation (
    revocation_id uuid        NOT NULL PRIMARY KEY DEFAULT gen_random_uuid(),
    client_id     uuid        NOT NULL,
    skill_id      integer     NOT NULL,
    connector     text        NOT NULL,
    reference     bytea       NOT NULL,
    reference_key bytea       NOT NULL,
    ended_at      timestamptz NOT NULL DEFAULT clock_timestamp(),
    attempts      integer     NOT NULL DEFAULT 0,
    due_at        timestamptz NOT NULL DEFAULT clock_timestamp() -- when the connector is asked next
);
CREATE INDEX revocation_due ON finq.revocation (due_at);

-- Which transactions a refresh was told of that is stored in pieces, until its end.
CREATE TABLE finq.feed_told (
    refresh_id uuid    NOT NULL,
    mac        bytea   NOT NULL,
    ordinal    integer NOT NULL,
    PRIMARY KEY (refresh_id, mac, ordinal)
);

CREATE TABLE finq.account (
    credentials_id   uuid        NOT NULL,
    account_id       uuid        NOT NULL,
    mac              bytea       NOT NULL,
    currency         text        NOT NULL,
    account_type     text        NOT NULL,
    account_sub_type text        NOT NULL,
    details          bytea       NOT NULL, -- schemes and names, sealed
    PRIMARY KEY (credentials_id, account_id)
);

CREATE TABLE finq.balance (
    credentials_id        uuid        NOT NULL,
    balance_id            uuid        NOT NULL,
    account_id            uuid        NOT NULL,
    type                  text        NOT NULL,
    amount                numeric     NOT NULL CHECK (amount >= 0),
    currency              text        NOT NULL,
    is_credit             boolean     NOT NULL,
    credit_limit_included boolean     NOT NULL,
    credit_line           numeric     NULL,
    native_date           date        NULL,
    native_timestamp      timestamptz NULL,
    PRIMARY KEY (credentials_id, balance_id)
);

-- Versions: each change of a consent's transactions has its number in the feed, from 1 and without gaps. A row is what change
-- number `seq` made of a transaction, and holds until the change superseded_by, which may have been its end. So what was true at
-- any number is what has seq <= number and is not superseded by one up to it.
CREATE TABLE finq.transaction (
    credentials_id uuid        NOT NULL,
    seq            bigint      NOT NULL,
    superseded_by  bigint      NULL,
    transaction_id uuid        NOT NULL, -- the same in all versions, as are mac and ordinal
    account_id     uuid        NOT NULL,
    mac            bytea       NOT NULL,
    ordinal        integer     NOT NULL, -- among those that nothing tells apart, from 0
    is_derived     boolean     NOT NULL, -- the bank has no lasting reference for it
    is_booked      boolean     NOT NULL,
    booked_at      timestamptz NULL,
    amount         numeric     NOT NULL CHECK (amount >= 0),
    is_credit      boolean     NOT NULL,
    currency       text        NOT NULL,
    balance        numeric     NULL, -- of the account behind it
    category       text        NULL,
    info           bytea       NOT NULL, -- sealed
    stored_at      timestamptz NOT NULL,
    ended_at       timestamptz NULL, -- when the change superseded_by was stored
    removed_for    text        NULL, -- why that change was its end; NULL where it was not
    replaced_by    uuid        NULL, -- the transaction that came in its place
    PRIMARY KEY (credentials_id, seq)
);
-- In the order in which they are read: newest first, and before all others those that are not booked yet.
CREATE INDEX transaction_order ON finq.transaction (credentials_id, coalesce(booked_at, 'infinity') DESC, transaction_id, seq);
CREATE INDEX transaction_versions ON finq.transaction (credentials_id, transaction_id, seq);
CREATE INDEX transaction_ends ON finq.transaction (credentials_id, superseded_by) WHERE removed_for IS NOT NULL;
CREATE INDEX transaction_ended ON finq.transaction (credentials_id, ended_at) WHERE ended_at IS NOT NULL;

-- ---------------------------------------------------------------------------------------------------------------------
-- Payments: orders that a bank was asked to carry out, and how each stands. What tells an order or a person is sealed under the session's
-- data key, or stands there as an HMAC with the tenant's key.
-- ---------------------------------------------------------------------------------------------------------------------

-- One row an order, made before its bank is asked. A session has one at a time that is not released: until then the same order
-- alone may be sent again, under the same attempt, so that no order reaches the bank twice.
CREATE TABLE finq.payment (
    payment_id     uuid        NOT NULL PRIMARY KEY,
    client_id      uuid        NOT NULL,
    session_id     uuid        NOT NULL,
    skill_id       integer     NOT NULL,
    step_ids       uuid[]      NOT NULL, -- of the submissions that it was asked with
    connector      text        NOT NULL,
    attempt        uuid        NOT NULL, -- what the bank knows it by
    order_mac      bytea       NOT NULL, -- of all that was ordered
    data_key       bytea       NULL,     -- wrapped, the session's, which may have no row yet; NULL once it is destroyed
    tenant_user_id bytea       NULL,     -- as the session's, and so is this:
    user_mac       bytea       NULL,
    reference      bytea       NULL,     -- the connector's own; sealed
    book           bytea       NOT NULL, -- what the bank has said, in JSON; sealed
    version        integer     NOT NULL DEFAULT 0, -- of the book: who changes it has read it
    phase          text        NOT NULL DEFAULT 'created',
    status         text        NULL,     -- the bank's code
    is_final       boolean     NOT NULL DEFAULT false,
    is_released    boolean     NOT NULL DEFAULT false, -- the bank was never asked, or will not carry it out
    execution_date date        NULL,
    asked_at       timestamptz NOT NULL,
    told_at        timestamptz NULL,     -- when the bank last said something new
    next_at        timestamptz NULL,     -- when it is asked next; NULL where nobody asks any more
    gap            integer     NOT NULL DEFAULT 60, -- seconds until it is asked again after that
    kept           boolean     NOT NULL DEFAULT false, -- a consent has it, and it goes with the consent's data, or once it is over
    credentials_id uuid        NULL      -- of the consent whose data it has outlasted
);
CREATE UNIQUE INDEX payment_session ON finq.payment (session_id) WHERE NOT is_released;
CREATE INDEX payment_sessions ON finq.payment (session_id, payment_id);
CREATE INDEX payment_person ON finq.payment (client_id, user_mac) WHERE user_mac IS NOT NULL;
CREATE INDEX payment_asked ON finq.payment (asked_at) WHERE NOT kept;
CREATE INDEX payment_due ON finq.payment (next_at) WHERE next_at IS NOT NULL;
CREATE INDEX payment_outlasting ON finq.payment (payment_id) WHERE credentials_id IS NOT NULL;

-- Which (message_id, payment_information_id) a tenant has used, and in which session. They stay when all else of it is gone.
CREATE TABLE finq.payment_reference (
    client_id  uuid  NOT NULL,
    mac        bytea NOT NULL CHECK (length(mac) = 32),
    session_id uuid  NOT NULL,
    PRIMARY KEY (client_id, mac)
);
CREATE INDEX payment_reference_session ON finq.payment_reference (session_id);

-- ---------------------------------------------------------------------------------------------------------------------
-- The sandbox bank: what its answers are made from, and how often each customer's data were read.
-- ---------------------------------------------------------------------------------------------------------------------

CREATE TABLE finq.sandbox (
    only_one boolean NOT NULL DEFAULT true PRIMARY KEY CHECK (only_one),
    seed     bytea   NOT NULL,
    days     integer NOT NULL DEFAULT 0 CHECK (days BETWEEN 0 AND 36500) -- by which its calendar is ahead
);
INSERT INTO finq.sandbox (seed) VALUES (sha256(uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())));

CREATE TABLE finq.sandbox_read (
    customer   text    NOT NULL PRIMARY KEY,
    reads      integer NOT NULL,
    attempt    uuid    NOT NULL, -- the refresh that was counted last
    day        integer NOT NULL, -- of the bank's calendar, on which the last was
    unattended integer NOT NULL  -- how many of that day nobody attended
);

-- Its ledger: each attempt that it was told of is one order, for ever. What it does with one follows from the amounts and the calendar
-- (src/bank/sandbox_outcome.c). Nothing of a person stands here but sealed, and that only while the order waits for its user.
CREATE TABLE finq.sandbox_order (
    attempt       uuid        NOT NULL PRIMARY KEY,                 -- as connectors are told it
    session_id    uuid        NULL,
    message_id    text        NULL,
    body_hash     bytea       NULL CHECK (length(body_hash) = 32),
    transfers     text        NULL,                                 -- JSON: [{payment_information_id, end_to_end_id, amount, currency, on?}]
    sealed        bytea       NULL,                                 -- all of the order, for its page
    ordered_at    timestamptz NOT NULL DEFAULT clock_timestamp(),
    page_until    timestamptz NULL,
    decision      text        NULL CHECK (decision IN ('authorised', 'cancelled', 'never')), -- the last: asked about before it came
    authorised_at timestamptz NULL,                                 -- of the bank's calendar; may be in the future
    account       text        NULL,                                 -- that its user chose, where the order names none
    first_request uuid        NULL,                                 -- the first that was to be told of the authorisation
    CHECK ((decision = 'authorised') = (authorised_at IS NOT NULL)),
    CHECK (decision = 'never' OR body_hash IS NOT NULL)
);
CREATE INDEX sandbox_order_session ON finq.sandbox_order (session_id);
CREATE INDEX sandbox_order_message ON finq.sandbox_order (message_id);
CREATE INDEX sandbox_order_open ON finq.sandbox_order (page_until) WHERE sealed IS NOT NULL;

-- ---------------------------------------------------------------------------------------------------------------------
-- Erasures: that one took place, and how much it took. Who it was stands there as an HMAC alone, with a key that is derived from
-- one of FinqDataKey: by it what was begun before and has no row is known, and the same erasure asked for again.
-- ---------------------------------------------------------------------------------------------------------------------

CREATE TABLE finq.erasure (
    erasure_id uuid        NOT NULL DEFAULT gen_random_uuid() PRIMARY KEY,
    client_id  uuid        NOT NULL,
    user_mac   bytea       NOT NULL CHECK (length(user_mac) = 32), -- as the receipt says it
    erased_at  timestamptz NOT NULL,
    counts     jsonb       NOT NULL,
    access_token_hash bytea NULL -- of whom their consent's access_token named, the tenant having no id of them
);
CREATE INDEX erasure_erased_at ON finq.erasure (erased_at);

-- A row for each key of the file, of which a server may have another as its first.
CREATE TABLE finq.erased_user (
    client_id  uuid        NOT NULL,
    user_mac   bytea       NOT NULL,
    erasure_id uuid        NOT NULL REFERENCES finq.erasure (erasure_id) ON DELETE CASCADE,
    erased_at  timestamptz NOT NULL,
    PRIMARY KEY (client_id, user_mac)
);
CREATE INDEX erased_user_erasure ON finq.erased_user (erasure_id);

-- ---------------------------------------------------------------------------------------------------------------------
-- What the two busiest calls answer, as named types: what OUT parameters make is made anew by each call, which costs a
-- sixth of it.
-- ---------------------------------------------------------------------------------------------------------------------

CREATE TYPE finq.sandbox_order_answer AS (
    outcome text, decision text, authorised_at bigint, now bigint, transfers text, sealed bytea, is_open boolean, is_first boolean
);

CREATE TYPE finq.step_answer AS (
    outcome text, step_id uuid, secret_id integer, expires_at bigint, missing text, status finq.session_status,
    next_place integer, waits_for finq.waiting, reply bytea, reasons bytea
);

CREATE TYPE finq.exchange_answer AS (
    outcome text, credentials_id uuid, salt bytea, secret_id integer, consent_exp bigint, max_data_retention bigint,
    missing text, tenant_user_id bytea, data_key bytea
);

-- And what several calls answer alike.

CREATE TYPE finq.session_standing AS (
    outcome text, held boolean, status finq.session_status, step_id uuid, expires_at bigint, secret_id integer,
    ordinal integer, place integer, previous integer, generation integer, waits boolean, told bytea, reasons bytea,
    own_reasons text, skill_id integer, step_place integer, uploaded text, tenant_user_id bytea, data_key bytea, updated_at bigint
);

CREATE TYPE finq.return_answer AS (
    outcome text, return_link bytea, step_id uuid, tenant_user_id bytea, data bytea, status text, expires_at bigint,
    secret_id integer, error bytea, description bytea, data_key bytea
);

CREATE TYPE finq.page_facts AS (
    outcome text, skill_id integer, key_id bigint, tenant_user_id bytea, language text, prefill bytea, return_link bytea, data_key bytea,
    expires_at bigint, session_id uuid, tenant text, colours text, logo text, status finq.session_status,
    updated_at bigint, -- of the session
    session_key bytea
);

CREATE TYPE finq.published_skill AS (skill_id integer, definition text);

CREATE TYPE finq.catalog_answer AS (outcome text, catalog text);

CREATE TYPE finq.consent_answer AS (
    outcome text, credentials_id uuid, status finq.credential_status, consent_exp bigint, max_data_retention bigint,
    created_at bigint, updated_at bigint, country text, servicer text, skill text, tenant text, tenant_user_id bytea,
    left_ms bigint, -- until consent_exp
    data_key bytea,
    access text -- JSON
);

-- Rows of account data, as they are told. The first row of an answer is none: it tells the outcome, and what the others need.

CREATE TYPE finq.account_answer AS (
    outcome text, data_key bytea, is_due boolean,
    account_id uuid, mac bytea, servicer_id uuid, servicer_name text, read_at text, currency text, account_type text, account_sub_type text,
    details bytea, balances text
);

CREATE TYPE finq.balance_answer AS (
    outcome text, is_due boolean, balance text
);

CREATE TYPE finq.transaction_answer AS (
    outcome text, data_key bytea, is_due boolean, at bigint, is_reset boolean, as_of text, access text,
    number bigint, change text, reason text, replaced_by uuid,
    transaction_id uuid, account_id uuid, mac bytea, ordinal integer, is_derived boolean, is_booked boolean, booked_at bigint, amount text,
    is_credit boolean, currency text, balance text, info bytea, stored_at bigint
);

-- ---------------------------------------------------------------------------------------------------------------------
-- Signed requests (contract section 8): whose keys sign, and which tokens have been used.
--
-- A company may have several tenants that share an issuer and its keys. Whose request it is shows only in the body, so
-- keys are found by the issuer that a token claims; which tenants have registered the key that verified stands beside it.
-- ---------------------------------------------------------------------------------------------------------------------

CREATE TABLE finq.signing_key (
    client_id  uuid        NOT NULL REFERENCES finq.tenant (client_id),
    kid        text        NOT NULL CHECK (kid ~ '^[A-Za-z0-9._-]{1,128}$'),
    issuer     text        NOT NULL CHECK (octet_length(issuer) BETWEEN 1 AND 320),
    algorithm  text        NOT NULL CHECK (algorithm IN ('RS256', 'rsa-v1_5-sha256', 'rsa-pss-sha512',
                                                         'ecdsa-p256-sha256', 'ed25519')),
    spki       bytea       NOT NULL, -- DER SubjectPublicKeyInfo
    created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    revoked_at timestamptz NULL,
    PRIMARY KEY (client_id, kid),    -- revoked ones stay: a kid never comes to name another key
    UNIQUE (client_id, spki)         -- and a revoked key never comes back under another kid
);

CREATE INDEX signing_key_issuer ON finq.signing_key (issuer);

-- Tokens that have been used: the hash of a JWS's jti, or of a message signature's nonce. A row is needed until the token
-- has expired everywhere. The request that used it may say so again: its answer may have been lost.
CREATE TABLE finq.replay (
    client_id  uuid        NOT NULL,
    kid        text        NOT NULL,
    token_hash bytea       NOT NULL,
    expires_at timestamptz NOT NULL,
    request_id uuid        NOT NULL,
    PRIMARY KEY (client_id, kid, token_hash)
);

CREATE INDEX replay_expires_at ON finq.replay (expires_at);

-- ---------------------------------------------------------------------------------------------------------------------
-- Events: written in the transaction of the change they tell of, delivered by `finqctl outbox run`
-- ---------------------------------------------------------------------------------------------------------------------

-- A tenant's own address for events. The signing secret is derived from the server's secret file and the salt: what
-- stands here forges no event. While it is being rotated, the one before signs beside it.
CREATE TABLE finq.webhook (
    client_id     uuid        NOT NULL PRIMARY KEY REFERENCES finq.tenant (client_id),
    url           text        NOT NULL,
    secret_id     integer     NOT NULL,
    salt          bytea       NOT NULL,
    old_secret_id integer     NULL,
    old_salt      bytea       NULL,
    old_until     timestamptz NULL,
    enabled       boolean     NOT NULL DEFAULT true,
    failing_since timestamptz NULL,
    created_at    timestamptz NOT NULL DEFAULT clock_timestamp()
);

CREATE TYPE finq.delivery AS ENUM ('WAITING', 'DELIVERED', 'GIVEN_UP');

CREATE TABLE finq.outbox (
    event_id     bigint        NOT NULL GENERATED ALWAYS AS IDENTITY,
    message_id   uuid          NOT NULL DEFAULT gen_random_uuid(),
    client_id    uuid          NOT NULL,
    session_id   uuid          NOT NULL,
    type         text          NOT NULL,
    payload      json          NOT NULL,
    created_at   timestamptz   NOT NULL DEFAULT clock_timestamp(),
    state        finq.delivery NOT NULL DEFAULT 'WAITING',
    attempts     integer       NOT NULL DEFAULT 0,
    next_at      timestamptz   NOT NULL DEFAULT clock_timestamp(),
    delivered_at timestamptz   NULL,
    last_error   text          NULL,
    tried_since  timestamptz   NULL, -- where later than created_at
    kept         boolean       NOT NULL DEFAULT false, -- outlives its week
    PRIMARY KEY (event_id, created_at, kept)
) PARTITION BY LIST (kept);
CREATE TABLE finq.outbox_kept PARTITION OF finq.outbox FOR VALUES IN (true);
CREATE TABLE finq.outbox_week PARTITION OF finq.outbox FOR VALUES IN (false) PARTITION BY RANGE (created_at);

CREATE INDEX outbox_session ON finq.outbox (session_id, event_id) WHERE state = 'WAITING';
CREATE INDEX outbox_told ON finq.outbox (session_id, event_id) WHERE state <> 'WAITING';
-- By tenant: what waits for a webhook that is switched off is not in the way of the others.
CREATE INDEX outbox_waiting ON finq.outbox (client_id, next_at) WHERE state = 'WAITING';
-- By when they were delivered, or tried in vain for the last time.
CREATE INDEX outbox_ended ON finq.outbox (coalesce(delivered_at, next_at)) WHERE state <> 'WAITING';

-- ---------------------------------------------------------------------------------------------------------------------
-- Leases: what one alone may do at a time, over all servers. A row says who does it, and until when nobody else may. Each
-- time that it is taken it has another epoch, by which whoever was stopped meanwhile finds out that he has lost it.
-- ---------------------------------------------------------------------------------------------------------------------

CREATE TABLE finq.lease (
    name     text        NOT NULL PRIMARY KEY,
    holder   text        NULL, -- for people
    epoch    bigint      NOT NULL DEFAULT 0,
    taken_at timestamptz NOT NULL DEFAULT '-infinity',
    until    timestamptz NOT NULL DEFAULT '-infinity',
    given_at timestamptz NULL  -- when it was last given back, with its work done
);
INSERT INTO finq.lease (name) VALUES ('janitor'), ('outbox'), ('audit_head'); -- the last is nobody's: it was given back when a head was signed, its epoch is that head's place

-- How long what has ended stays, in seconds: what a server's janitor last went by, and what finqctl's goes by where it is told nothing.
CREATE TABLE finq.retention (
    only_one boolean NOT NULL DEFAULT true PRIMARY KEY CHECK (only_one),
    sessions integer NOT NULL DEFAULT 2592000,
    events   integer NOT NULL DEFAULT 2592000,
    audit    integer NOT NULL DEFAULT 315360000
);
INSERT INTO finq.retention (only_one) VALUES (true);

-- Past weeks that could not be dropped yet: rows stay in the way of them that somebody holds, or somebody held the table.
CREATE TABLE finq.week_held (
    partition text        NOT NULL PRIMARY KEY,
    why       text        NOT NULL CHECK (why IN ('pinned', 'contended')),
    since     timestamptz NOT NULL
);

-- ---------------------------------------------------------------------------------------------------------------------
-- The audit trail: who changed what. Triggers write it, in the transaction of the change, so that a statement typed into
-- psql leaves its line as finqctl does. Lines are only ever added, and removed from the oldest on, past FinqAuditRetention.
--
-- What a superuser could do to it all the same, a chain shows: once a line's transaction is over the janitor gives it a place and
-- the SHA-256 of the line before and of itself. What is removed leaves the place and hash of its last line. Each hour the
-- newest place and hash are signed with a key that is not in the database.
-- ---------------------------------------------------------------------------------------------------------------------

CREATE TABLE finq.audit (
    audit_id    bigint      NOT NULL GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at          timestamptz NOT NULL,
    role        text        NOT NULL, -- that logged in to the database
    address     inet        NULL,     -- where it came from; NULL for a local socket
    application text        NOT NULL,
    os_user     text        NULL,     -- as finqctl tells it: a hint, no proof
    object      text        NOT NULL, -- the table
    action      text        NOT NULL CHECK (action IN ('INSERT', 'UPDATE', 'DELETE', 'TRUNCATE', 'READ')),
    client_id   uuid        NULL,     -- of the tenant that it is about
    detail      jsonb       NOT NULL, -- the row; of a change, each column's old and new value. No key's hash, no definition
    place       bigint      NULL UNIQUE,
    hash        bytea       NULL
);

CREATE INDEX audit_client_id ON finq.audit (client_id, audit_id);
CREATE INDEX audit_unchained ON finq.audit (audit_id) WHERE place IS NULL;

-- The last line that was removed: where the chain begins.
CREATE TABLE finq.audit_checkpoint (
    only_one boolean NOT NULL DEFAULT true PRIMARY KEY CHECK (only_one),
    place    bigint  NOT NULL,
    hash     bytea   NOT NULL
);
INSERT INTO finq.audit_checkpoint (place, hash) VALUES (0, sha256(''));

-- HMAC-SHA-256 of the hash, in which its place is, with a key derived from the server's secret of that id.
CREATE TABLE finq.audit_head (
    place     bigint      NOT NULL PRIMARY KEY,
    hash      bytea       NOT NULL,
    signed_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    secret_id integer     NOT NULL,
    signature bytea       NOT NULL CHECK (length(signature) = 32)
);

-- Whoever adds a line, it names its true author.
CREATE FUNCTION finq.audit_stamp() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    NEW.at := clock_timestamp();
    NEW.role := session_user;
    NEW.address := inet_client_addr();
    NEW.application := current_setting('application_name');
    NEW.os_user := nullif(current_setting('finq.os_user', true), '');
    NEW.place := NULL;
    NEW.hash := NULL;
    RETURN NEW;
END $$;

-- The janitor alone chains lines, and removes them and their heads; it says that it is at it.
CREATE FUNCTION finq.audit_refuse() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    IF current_setting('finq.audit_keeper', true) = 'on' AND TG_OP <> 'TRUNCATE' THEN
        RETURN NULL;
    END IF;
    RAISE insufficient_privilege USING MESSAGE = format('%s of finq.%s: its lines are only ever added.', TG_OP, TG_TABLE_NAME);
END $$;

-- And to it as to all others: a line keeps what it says, and its place; what goes is chained, and up to the checkpoint.
CREATE FUNCTION finq.audit_keep() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    IF TG_OP = 'UPDATE' AND OLD.place IS NULL
       AND to_jsonb(NEW) - ARRAY['place', 'hash'] = to_jsonb(OLD) - ARRAY['place', 'hash'] THEN
        RETURN NEW;
    ELSIF TG_OP = 'DELETE' AND OLD.place <= (SELECT c.place FROM finq.audit_checkpoint c) THEN
        RETURN OLD;
    END IF;
    RAISE insufficient_privilege USING MESSAGE = format('%s of finq.%s: its lines are only ever added.', TG_OP, TG_TABLE_NAME);
END $$;

CREATE TRIGGER audit_stamp BEFORE INSERT ON finq.audit FOR EACH ROW EXECUTE FUNCTION finq.audit_stamp();
CREATE TRIGGER audit_refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON finq.audit
    FOR EACH STATEMENT EXECUTE FUNCTION finq.audit_refuse();
CREATE TRIGGER audit_keep BEFORE UPDATE OR DELETE ON finq.audit FOR EACH ROW EXECUTE FUNCTION finq.audit_keep();
-- Always: in a session that applies replication's changes too.
ALTER TABLE finq.audit ENABLE ALWAYS TRIGGER audit_stamp;
ALTER TABLE finq.audit ENABLE ALWAYS TRIGGER audit_refuse;
ALTER TABLE finq.audit ENABLE ALWAYS TRIGGER audit_keep;

CREATE TRIGGER audit_refuse BEFORE UPDATE OR DELETE OR TRUNCATE ON finq.audit_head
    FOR EACH STATEMENT EXECUTE FUNCTION finq.audit_refuse();
CREATE TRIGGER audit_keep BEFORE UPDATE OR DELETE ON finq.audit_head FOR EACH ROW EXECUTE FUNCTION finq.audit_keep();
ALTER TABLE finq.audit_head ENABLE ALWAYS TRIGGER audit_refuse;
ALTER TABLE finq.audit_head ENABLE ALWAYS TRIGGER audit_keep;

-- A row as the trail shows it.
CREATE FUNCTION finq.audit_shown(p_row jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN p_row - ARRAY['hash', 'definition', 'last_used_at', 'logo'];

-- What differs between two rows, [old, new] by column; of what is not shown, only that it differs. NULL where nothing does.
CREATE FUNCTION finq.audit_difference(p_old jsonb, p_new jsonb) RETURNS jsonb
    LANGUAGE sql IMMUTABLE PARALLEL SAFE
    RETURN (SELECT jsonb_object_agg(n.key, CASE WHEN finq.audit_shown(p_new) ? n.key
                                                THEN jsonb_build_array(p_old -> n.key, n.value) ELSE '"changed"' END)
              FROM jsonb_each(p_new) AS n (key, value)
             WHERE p_old -> n.key IS DISTINCT FROM n.value);

CREATE FUNCTION finq.audit_write() RETURNS trigger
    LANGUAGE plpgsql
AS $$
DECLARE
    v_row        jsonb := CASE TG_OP WHEN 'DELETE' THEN to_jsonb(OLD) WHEN 'TRUNCATE' THEN '{}' ELSE to_jsonb(NEW) END;
    v_difference jsonb;
    v_detail     jsonb := finq.audit_shown(v_row);
BEGIN
    IF TG_OP = 'UPDATE' THEN
        v_difference := finq.audit_difference(to_jsonb(OLD), v_row);
        IF v_difference IS NULL THEN
            RETURN NULL;
        END IF;
        -- what the row is called, and what became of it
        v_detail := (SELECT coalesce(jsonb_object_agg(k.key, v_row -> k.key), '{}')
                       FROM unnest(ARRAY['name', 'key_id', 'kid', 'kind', 'skill_id', 'servicer_id']) AS k (key)
                      WHERE v_row ? k.key) || jsonb_build_object('changed', v_difference);
    END IF;
    INSERT INTO finq.audit (object, action, client_id, detail)
    VALUES (TG_TABLE_NAME, TG_OP, (v_row ->> 'client_id')::uuid, v_detail);
    RETURN NULL;
END $$;

CREATE TRIGGER audit_write AFTER INSERT OR UPDATE OR DELETE ON finq.migration
    FOR EACH ROW EXECUTE FUNCTION finq.audit_write();
CREATE TRIGGER audit_write AFTER INSERT OR UPDATE OR DELETE ON finq.functions
    FOR EACH ROW EXECUTE FUNCTION finq.audit_write();
CREATE TRIGGER audit_write AFTER INSERT OR UPDATE OR DELETE ON finq.servicer
    FOR EACH ROW EXECUTE FUNCTION finq.audit_write();
CREATE TRIGGER audit_write AFTER INSERT OR UPDATE OR DELETE ON finq.tenant
    FOR EACH ROW EXECUTE FUNCTION finq.audit_write();
-- Not last_used_at: the server's requests write that one.
CREATE TRIGGER audit_write AFTER INSERT OR UPDATE OF client_id, key_id, kind, hash, created_at, ends_at OR DELETE
    ON finq.tenant_key FOR EACH ROW EXECUTE FUNCTION finq.audit_write();
CREATE TRIGGER audit_write AFTER INSERT OR UPDATE OR DELETE ON finq.skill
    FOR EACH ROW EXECUTE FUNCTION finq.audit_write();
CREATE TRIGGER audit_write AFTER INSERT OR UPDATE OR DELETE ON finq.tenant_skill
    FOR EACH ROW EXECUTE FUNCTION finq.audit_write();
CREATE TRIGGER audit_write AFTER INSERT OR UPDATE OR DELETE ON finq.signing_key
    FOR EACH ROW EXECUTE FUNCTION finq.audit_write();
CREATE TRIGGER audit_write AFTER INSERT OR UPDATE OR DELETE ON finq.redirect_link
    FOR EACH ROW EXECUTE FUNCTION finq.audit_write();
-- Not failing_since: deliveries write that one.
CREATE TRIGGER audit_write AFTER INSERT OR UPDATE OF url, secret_id, salt, enabled OR DELETE ON finq.webhook
    FOR EACH ROW EXECUTE FUNCTION finq.audit_write();

-- That lines were removed, and up to which.
CREATE TRIGGER audit_write AFTER INSERT OR UPDATE OR DELETE ON finq.audit_checkpoint
    FOR EACH ROW EXECUTE FUNCTION finq.audit_write();

CREATE TRIGGER audit_write AFTER INSERT OR UPDATE OR DELETE ON finq.brand
    FOR EACH ROW EXECUTE FUNCTION finq.audit_write();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON finq.brand FOR EACH STATEMENT EXECUTE FUNCTION finq.audit_write();

CREATE TRIGGER audit_truncate AFTER TRUNCATE ON finq.servicer FOR EACH STATEMENT EXECUTE FUNCTION finq.audit_write();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON finq.tenant FOR EACH STATEMENT EXECUTE FUNCTION finq.audit_write();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON finq.tenant_key FOR EACH STATEMENT EXECUTE FUNCTION finq.audit_write();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON finq.skill FOR EACH STATEMENT EXECUTE FUNCTION finq.audit_write();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON finq.tenant_skill FOR EACH STATEMENT EXECUTE FUNCTION finq.audit_write();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON finq.signing_key FOR EACH STATEMENT EXECUTE FUNCTION finq.audit_write();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON finq.redirect_link FOR EACH STATEMENT EXECUTE FUNCTION finq.audit_write();
CREATE TRIGGER audit_truncate AFTER TRUNCATE ON finq.webhook FOR EACH STATEMENT EXECUTE FUNCTION finq.audit_write();

-- ---------------------------------------------------------------------------------------------------------------------
-- What servers remember of tenants stays true until something changes: they ask for one number every FinqCacheTTL,
-- instead of for each tenant again.
-- ---------------------------------------------------------------------------------------------------------------------

CREATE TABLE finq.directory_change (
    only_one boolean NOT NULL DEFAULT true PRIMARY KEY CHECK (only_one),
    version  bigint  NOT NULL
);
INSERT INTO finq.directory_change (version) VALUES (1);

-- In the transaction of the change, so that who sees the number sees what it stands for.
CREATE FUNCTION finq.directory_changed() RETURNS trigger
    LANGUAGE plpgsql
AS $$
BEGIN
    UPDATE finq.directory_change c SET version = c.version + 1;
    RETURN NULL;
END $$;

CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE ON finq.tenant
    FOR EACH STATEMENT EXECUTE FUNCTION finq.directory_changed();
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE ON finq.tenant_skill
    FOR EACH STATEMENT EXECUTE FUNCTION finq.directory_changed();
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OR DELETE ON finq.skill
    FOR EACH STATEMENT EXECUTE FUNCTION finq.directory_changed();
-- not when a key's last use is noted
CREATE TRIGGER directory_changed AFTER INSERT OR UPDATE OF client_id, key_id, kind, hash, ends_at OR DELETE ON finq.tenant_key
    FOR EACH STATEMENT EXECUTE FUNCTION finq.directory_changed();
