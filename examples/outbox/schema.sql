-- The outbox: events that the transaction of a change has written, and that the relay has not
-- sent yet. A row goes once the event is stored for Usher.
CREATE TABLE IF NOT EXISTS outbox (
    position   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    id         uuid        NOT NULL DEFAULT gen_random_uuid() UNIQUE, -- the id of the event, for all its repeats
    type       text        NOT NULL,
    user_id    text        NOT NULL,
    data       jsonb       NOT NULL,
    time       timestamptz NOT NULL DEFAULT clock_timestamp(),
    refused    text -- why Usher's endpoint will never take the event; a person mends the row, and clears it
);
CREATE INDEX IF NOT EXISTS outbox_of_user ON outbox (user_id, position) WHERE refused IS NOT NULL;

-- put_event writes an event in the transaction of the change. The lock keeps the order of one user:
-- positions are given at the insert, and without the lock an earlier position could be committed
-- later. Transactions of other users do not wait.
CREATE OR REPLACE FUNCTION put_event(event_type text, event_user text, event_data jsonb) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('outbox ' || event_user, 0));
    INSERT INTO outbox (type, user_id, data) VALUES (event_type, event_user, event_data || jsonb_build_object('user_id', event_user));
    PERFORM pg_notify('outbox', '');
END $$;
