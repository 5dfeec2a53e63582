// Command river is the contestant of usher-bench on River, the queue of jobs in PostgreSQL: events of
// a NATS stream become unique jobs, and workers call the vendor and publish the results. The module is
// separate, so that no other program depends on River. See docs/benchmarks.md.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"
)

// Settings of River, chosen for the highest rate.
const (
	connections = 10 // of the pool; more connections wait for the same disk
	// cooldown is the shortest time between two fetches of jobs. With less, fetches are smaller and more
	// frequent, and take the CPU of the workers.
	cooldown = 20 * time.Millisecond
	poll     = 100 * time.Millisecond
	// remembered is the time until finished jobs are removed, like activity.memory of usher: a repeated
	// event within that time makes no job.
	remembered = 168 * time.Hour
)

// options are the flags of the program.
type options struct {
	database    string // connection string of PostgreSQL
	nats        string // URL of the server
	stream      string // of the events
	durable     string // consumer of the stream
	vendor      string // URL for activity
	key         string // bearer token of the vendor
	subject     string // of the results
	concurrency int    // concurrent jobs
}

func main() {
	var o options
	migrate := flag.Bool("migrate", false, "create the tables, and end")
	flag.StringVar(&o.database, "database", "", "connection string of PostgreSQL")
	flag.StringVar(&o.nats, "nats", "", "URL of the NATS server")
	flag.StringVar(&o.stream, "stream", "", "stream of events")
	flag.StringVar(&o.durable, "durable", "", "consumer of the stream")
	flag.StringVar(&o.vendor, "vendor", "", "URL of the vendor for activity")
	flag.StringVar(&o.key, "key", "", "bearer token of the vendor")
	flag.StringVar(&o.subject, "subject", "", "subject of results")
	flag.IntVar(&o.concurrency, "concurrency", 256, "concurrent jobs")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o, *migrate); err != nil {
		fmt.Fprintln(os.Stderr, "river: "+err.Error())
		os.Exit(1) //nolint:gocritic // nothing is left to stop
	}
}

// run works until ctx ends, or creates the tables.
func run(ctx context.Context, o options, migrate bool) error {
	config, err := pgxpool.ParseConfig(o.database)
	if err != nil {
		return err
	}
	config.MaxConns = connections
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return err
	}
	defer pool.Close()
	if migrate {
		return createTables(ctx, pool)
	}
	nc, err := nats.Connect(o.nats, nats.Name("river"), nats.MaxReconnects(-1))
	if err != nil {
		return err
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		return err
	}
	return work(ctx, o, js, pool)
}

func createTables(ctx context.Context, pool *pgxpool.Pool) error {
	migrator, err := rivermigrate.New(riverpgxv5.New(pool), nil)
	if err != nil {
		return err
	}
	_, err = migrator.Migrate(ctx, rivermigrate.DirectionUp, nil)
	return err
}

// work inserts and works jobs until ctx ends. Jobs in progress finish.
func work(ctx context.Context, o options, js jetstream.JetStream, pool *pgxpool.Pool) error {
	workers := river.NewWorkers()
	river.AddWorker(workers, &worker{options: o, js: js, client: newClient(o.concurrency)})
	client, err := river.NewClient(riverpgxv5.New(pool), &river.Config{
		Queues:                      map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: o.concurrency}},
		Workers:                     workers,
		FetchCooldown:               cooldown,
		FetchPollInterval:           poll,
		CompletedJobRetentionPeriod: remembered,
		JobTimeout:                  30 * time.Second,
		RescueStuckJobsAfter:        time.Minute,
		SoftStopTimeout:             10 * time.Second,
	})
	if err != nil {
		return err
	}
	if err := client.Start(ctx); err != nil {
		return err
	}
	consumer, err := js.Consumer(ctx, o.stream, o.durable)
	if err == nil {
		err = (&inserter{consumer: consumer, client: client}).run(ctx)
	}
	if err != nil && ctx.Err() == nil {
		return errors.Join(err, client.Stop(context.WithoutCancel(ctx)))
	}
	<-client.Stopped()
	return nil
}
