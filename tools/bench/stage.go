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

// stage is one run's world: a NATS server, the vendors' stand-in and the
// contestant, each in processes of their own, with nothing left of earlier runs.
type stage struct {
	config     Config
	plan       Plan
	contestant Contestant
	dir        string

	nats, vendor *process.Process
	url          string // of the NATS server
	stands       string // the stand-in's address
	nc           *nats.Conn
	js           jetstream.JetStream

	workers   []*worker
	sent      []time.Time // when each event was published
	published int
	samples   []sample
	before    meter // as the contestant began
	after     meter // as it was done
}

// worker is a process of the contestant.
type worker struct {
	*process.Process
	metrics func(context.Context) (float64, error) // allocations so far; nil where nobody counts them
	before  float64
	after   float64
	peak    int64
}

// open starts the world, without the contestant.
func (s *stage) open(ctx context.Context) error {
	if err := s.startNATS(ctx); err != nil {
		return err
	}
	if err := s.makeStreams(ctx); err != nil {
		return err
	}
	return s.startVendor(ctx)
}

// perform has the contestant do the work, and judges and measures what it did.
func (s *stage) perform(ctx context.Context) (Run, error) {
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
	if err := s.judge(ctx, done, asked); err != nil {
		return Run{}, err
	}
	if err := s.stopWorkers(); err != nil {
		return Run{}, err
	}
	return s.figures(done, asked), nil
}

// startWorkers starts the contestant's processes.
func (s *stage) startWorkers(ctx context.Context) error {
	begin := map[string]func(context.Context, string) (*worker, error){Bare: s.startBare, Usher: s.startUsher, Peer: s.startPeer}[s.contestant.Kind]
	if begin == nil {
		return fmt.Errorf("there is no contestant of the kind %q", s.contestant.Kind)
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

// finished waits until there are as many results as there should be. A contestant
// that brings no further one for long has lost the rest.
func (s *stage) finished(ctx context.Context) error {
	want := uint64(s.plan.Load.results(s.plan.Events))
	since, last := time.Now(), uint64(0)
	for {
		have, err := s.stored(ctx)
		if err != nil {
			return err
		}
		s.sample(have)
		if have >= want {
			process.Sleep(ctx, 200*time.Millisecond) // for one too many
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
			return fmt.Errorf("%d of %d results are lost: no new one for %s; the last that was said: %s",
				want-have, want, s.config.patience(), s.workers[0].Output())
		}
		if !process.Sleep(ctx, 50*time.Millisecond) {
			return ctx.Err()
		}
	}
}

// processes are all that must live while the contestant works.
func (s *stage) processes() []*process.Process {
	list := []*process.Process{s.nats}
	if s.vendor != nil { // recordings have it in this process
		list = append(list, s.vendor)
	}
	for _, w := range s.workers {
		list = append(list, w.Process)
	}
	return list
}

// stored is how many results there are.
func (s *stage) stored(ctx context.Context) (uint64, error) {
	ctx, cancel := context.WithTimeout(ctx, streams.CallTimeout)
	defer cancel()
	stream, err := s.js.Stream(ctx, streams.ResultsStream)
	if err != nil {
		return 0, fmt.Errorf("count results: %w", err)
	}
	return stream.CachedInfo().State.Msgs, nil
}

// stopWorkers ends the contestant as it is ended in production.
func (s *stage) stopWorkers() error {
	var faults []error
	for _, w := range s.workers {
		faults = append(faults, w.Stop(2*time.Minute))
	}
	return errors.Join(faults...)
}

// close ends all that still runs, the contestant first.
func (s *stage) close() {
	for _, w := range s.workers {
		w.Kill()
	}
	if s.nc != nil {
		s.nc.Close()
	}
	for _, p := range []*process.Process{s.nats, s.vendor} {
		if p != nil {
			p.Kill()
		}
	}
}

// log returns the file for the output of a program.
func (s *stage) log(name string) string { return filepath.Join(s.dir, name+".log") }

// answers waits until ask succeeds, while the processes live.
func answers(ctx context.Context, who string, ask func() error, needs ...*process.Process) error {
	return process.Wait{For: who + " answers", Needs: needs}.Until(ctx, func() bool { return ask() == nil })
}
