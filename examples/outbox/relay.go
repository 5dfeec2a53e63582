// Program outbox sends the events of an outbox in PostgreSQL to Usher: to NATS, or to POST /events.
// Run one or several: one works, the others wait for its end.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"log"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5"
)

const (
	source = "/school" // of all events; id and source together name an event
	batch  = 100
	lock   = 4711 // the advisory lock of the relay
)

// event is a row of the outbox as a CloudEvent.
type event struct {
	SpecVersion string          `json:"specversion"`
	ID          string          `json:"id"`
	Source      string          `json:"source"`
	Type        string          `json:"type"`
	Time        time.Time       `json:"time"`
	Data        json.RawMessage `json:"data"`

	position int64
}

// errRefused is the error of an event that Usher never accepts without a change.
type errRefused struct{ reason string }

func (e errRefused) Error() string { return e.reason }

// sender stores an event for Usher, and returns after the storage. A repeat does no harm.
type sender interface {
	send(ctx context.Context, e event) error
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	to, err := newSender(os.Getenv("NATS_URL"), os.Getenv("USHER_URL"), os.Getenv("USHER_TOKEN"))
	if err != nil {
		log.Fatal(err)
	}
	for ctx.Err() == nil {
		if err := relay(ctx, os.Getenv("DATABASE_URL"), to); err != nil && ctx.Err() == nil {
			log.Printf("%v; trying again", err)
			pause(ctx, time.Second)
		}
	}
}

// relay sends the events of the outbox until an error, or until ctx ends.
func relay(ctx context.Context, database string, to sender) error {
	db, err := pgx.Connect(ctx, database)
	if err != nil {
		return err
	}
	defer db.Close(context.WithoutCancel(ctx))
	if _, err := db.Exec(ctx, "LISTEN outbox"); err != nil {
		return err
	}
	if _, err := db.Exec(ctx, "SELECT pg_advisory_lock($1)", lock); err != nil { // until the session ends
		return err
	}
	for {
		n, err := sendBatch(ctx, db, to)
		if err != nil {
			return err
		}
		if n == batch {
			continue
		}
		wait, cancel := context.WithTimeout(ctx, time.Second)
		_, err = db.WaitForNotification(wait)
		cancel()
		if err != nil && (ctx.Err() != nil || !errors.Is(err, context.DeadlineExceeded)) {
			return err
		}
	}
}

// next reads the first events that wait, but none of a user behind a refused event.
const next = `SELECT position, id, type, time, data FROM outbox o
WHERE refused IS NULL AND NOT EXISTS (
  SELECT FROM outbox r WHERE r.user_id = o.user_id AND r.position < o.position AND r.refused IS NOT NULL)
ORDER BY position LIMIT $1`

// sendBatch sends the first events, one after another, and removes each stored event. After a kill
// between the two steps the relay sends the event again, under the same id.
func sendBatch(ctx context.Context, db *pgx.Conn, to sender) (n int, err error) {
	rows, err := db.Query(ctx, next, batch)
	if err != nil {
		return 0, err
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (event, error) {
		e := event{SpecVersion: "1.0", Source: source}
		return e, row.Scan(&e.position, &e.ID, &e.Type, &e.Time, &e.Data)
	})
	if err != nil {
		return 0, err
	}
	for _, e := range list {
		var refused errRefused
		err := to.send(ctx, e)
		switch {
		case errors.As(err, &refused):
			log.Printf("event %s is refused, and later events of the user wait: %v", e.ID, refused)
			_, err = db.Exec(ctx, "UPDATE outbox SET refused = $2 WHERE position = $1", e.position, refused.reason)
			return batch, err // read again: the batch may have later events of the user
		case err == nil:
			_, err = db.Exec(ctx, "DELETE FROM outbox WHERE position = $1", e.position)
		}
		if err != nil {
			return 0, err
		}
	}
	return len(list), nil
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
