package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/tools/process"
)

// env is the environment of one run: a NATS server, fake vendors and the contestant in separate
// processes, without state of earlier runs.
type env struct {
	config     Config
	plan       Plan
	contestant Contestant
	dir        string

	nats, vendor *process.Process
	cluster      []*node // in place of nats
	replicas     int     // of streams and buckets in the cluster
	url          string  // addresses of the NATS server or servers
	heapAddr     string  // address for the heap of the NATS server; empty for a foreign nats-server
	emptyHeap    int64   // bytes in use by the server without data
	vendorAddr   string  // address of the fake vendors
	nc           *nats.Conn
	js           jetstream.JetStream

	database *postgres // for River; otherwise nil

	workers   []*worker
	sent      []time.Time // times of publication of the events
	published int
	samples   []sample
	before    meter // at the start of the contestant
	after     meter // after the last result
}

// worker is a process of the contestant.
type worker struct {
	*process.Process
	metrics func(context.Context) (float64, error) // allocations so far; nil for the peer
	before  float64
	after   float64
	peak    int64
}

// open starts all processes but the contestant.
func (s *env) open(ctx context.Context) error {
	if err := s.startNATS(ctx); err != nil {
		return err
	}
	if err := s.makeStreams(ctx); err != nil {
		return err
	}
	var err error
	if s.emptyHeap, err = s.heap(ctx); err != nil {
		return err
	}
	if s.contestant.Kind == River {
		if err := s.startPostgres(ctx); err != nil {
			return err
		}
	}
	return s.startVendor(ctx)
}

// measure runs the contestant, checks the results, and returns the figures.
func (s *env) measure(ctx context.Context) (Run, error) {
	paced := s.plan.Rate > 0
	if !paced {
		if err := s.publishAll(ctx); err != nil {
			return Run{}, err
		}
	}
	s.before = s.meter()
	if err := s.startWorkers(ctx); err != nil {
		return Run{}, err
	}
	if paced {
		if err := s.publishPaced(ctx); err != nil {
			return Run{}, err
		}
	}
	if err := s.finished(ctx); err != nil {
		return Run{}, err
	}
	s.after = s.meter()
	s.count(ctx)
	done, err := s.results(ctx)
	if err != nil {
		return Run{}, err
	}
	asked, err := s.asked(ctx)
	if err != nil {
		return Run{}, err
	}
	if err := s.check(ctx, done, asked); err != nil {
		return Run{}, err
	}
	if err := s.stopWorkers(); err != nil {
		return Run{}, err
	}
	return s.figures(done, asked), nil
}

// startWorkers starts the contestant's processes.
func (s *env) startWorkers(ctx context.Context) error {
	begin := map[string]func(context.Context, string) (*worker, error){
		Bare: s.startBare, Usher: s.startUsher, Peer: s.startPeer, River: s.startRiver,
	}[s.contestant.Kind]
	if begin == nil {
		return fmt.Errorf("unknown kind of contestant %q", s.contestant.Kind)
	}
	for i := range max(1, s.contestant.Processes) {
		w, err := begin(ctx, fmt.Sprintf("%s-%d", s.contestant.Kind, i+1))
		if w != nil {
			s.workers = append(s.workers, w)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// finished waits for all results. After the patience without a new result, the rest counts as
// lost.
func (s *env) finished(ctx context.Context) error {
	want := uint64(s.plan.Load.results(s.plan.Events))
	since, last := time.Now(), uint64(0)
	for {
		have, err := s.stored(ctx)
		if err != nil {
			return err
		}
		s.sample(have)
		if have >= want {
			process.Sleep(ctx, 200*time.Millisecond) // a repeated result may follow
			return ctx.Err()
		}
		for _, p := range s.processes() {
			if p.Ended() {
				return p.DiedError()
			}
		}
		if have != last {
			since, last = time.Now(), have
		}
		if time.Since(since) > s.config.patience() {
			return fmt.Errorf("%d of %d results are lost: no new result for %s; last output: %s",
				want-have, want, s.config.patience(), s.workers[0].Output())
		}
		if !process.Sleep(ctx, 50*time.Millisecond) {
			return ctx.Err()
		}
	}
}

// processes returns all processes that must not end before the contestant finishes.
func (s *env) processes() []*process.Process {
	list := s.servers()
	if s.vendor != nil { // during a recording the vendors run in this process
		list = append(list, s.vendor)
	}
	if s.database != nil {
		list = append(list, s.database.Process)
	}
	for _, w := range s.workers {
		list = append(list, w.Process)
	}
	return list
}

// stored returns the number of stored results.
func (s *env) stored(ctx context.Context) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, streams.CallTimeout)
	defer cancel()
	stream, err := s.js.Stream(ctx, streams.ResultsStream)
	if err != nil {
		return 0, fmt.Errorf("count results: %w", err)
	}
	return stream.CachedInfo().State.Msgs, nil
}

// stopWorkers stops the contestant gracefully, as in production.
func (s *env) stopWorkers() error {
	var faults []error
	for _, w := range s.workers {
		faults = append(faults, w.Stop(2*time.Minute))
	}
	if s.database != nil { // without clients
		faults = append(faults, s.database.Stop(2*time.Minute))
	}
	return errors.Join(faults...)
}

// close kills all running processes, the contestant first.
func (s *env) close() {
	for _, w := range s.workers {
		w.Kill()
	}
	if s.nc != nil {
		s.nc.Close()
	}
	if s.database != nil {
		_ = s.database.Stop(time.Minute) // killed, its processes would still write into the directory
	}
	for _, p := range append(s.servers(), s.vendor) {
		if p != nil {
			p.Kill()
		}
	}
}

// log returns the file for the output of a program.
func (s *env) log(name string) string { return filepath.Join(s.dir, name+".log") }

// answers waits until ask succeeds, while the processes live.
func answers(ctx context.Context, name string, ask func() error, needs ...*process.Process) error {
	return process.Wait{For: name + " answers", Needs: needs}.Until(ctx, func() bool { return ask() == nil })
}
