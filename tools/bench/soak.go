package bench

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/tools/process"
)

// Soak holds the figures of usher serve with the embedded NATS server under a steady load of
// activities over HTTP.
type Soak struct {
	Seconds  float64   `json:"seconds"`
	Rate     int       `json:"rate"`      // activities a second
	Sent     int       `json:"sent"`      // activities
	MemoryMB []float64 `json:"memory_mb"` // medians by tenth of the time
	DiskMB   []float64 `json:"disk_mb"`   // at the end of each tenth
	Behind   []float64 `json:"behind"`    // activities sent and not yet at the vendor, medians by tenth
	Goal     Goal      `json:"goal"`
}

const (
	soakTenths = 10
	// indexBytes is the documented growth of the memory of activities, for each activity.
	indexBytes = 16
	// soakBatch is the number of batches a second.
	soakBatch = 10
)

// Soak sends rate activities a second for a time, or until ctx ends, and compares the memory of the
// last tenth with the second. The error tells lost and repeated activities.
func (c Config) Soak(ctx context.Context, rate int, span time.Duration) (out Soak, err error) {
	dir, err := os.MkdirTemp(c.Dir, "usher-bench-")
	if err != nil {
		return out, err
	}
	s := &env{config: c, plan: Plan{Load: loads[0], Concurrency: full, Rate: rate}, dir: dir}
	defer func() { s.close(); err = errors.Join(err, os.RemoveAll(dir)) }()
	whole := context.WithoutCancel(ctx) // an interrupt ends the load, not the measurement
	if err := s.startVendor(whole); err != nil {
		return out, err
	}
	addr, err := s.startEmbedded(whole)
	if err != nil {
		return out, err
	}
	samples, err := s.soak(ctx, "http://"+addr+"/events", span)
	if err != nil {
		return out, err
	}
	if err := s.soaked(whole); err != nil {
		return out, err
	}
	return newSoak(rate, s.published, samples), s.stopWorkers()
}

// text returns the figures by tenth for people.
func (s Soak) text() string {
	line := func(name string, list []float64) string {
		return fmt.Sprintf("  %s by tenth: %s\n", name, strings.Trim(fmt.Sprintf("%.0f", list), "[]"))
	}
	return fmt.Sprintf("soak: %d activities in %.0f s\n", s.Sent, s.Seconds) +
		line("memory in MB", s.MemoryMB) + line("disk in MB", s.DiskMB) + line("activities behind", s.Behind) + "\n"
}

// soakSample is the state of a soak at a time.
type soakSample struct {
	at           time.Duration // since the begin
	memory, disk int64         // bytes
	sent, behind int           // activities
}

// soakWarmUp is the part of a soak before the samples: until then the server remembers ever more messages
// of its duplicate window.
func soakWarmUp(span time.Duration) time.Duration { return min(duplicateWindow+30*time.Second, span/5) }

// soak sends batches at equal intervals, and after the warm-up looks at the process once a second.
func (s *env) soak(ctx context.Context, url string, span time.Duration) (list []soakSample, err error) {
	whole, begun, warm := context.WithoutCancel(ctx), time.Now(), soakWarmUp(span)
	for i := 0; time.Since(begun) < warm+span && ctx.Err() == nil; i++ {
		if err := s.postNext(whole, url); err != nil {
			return list, err
		}
		if i%soakBatch == 0 {
			one, err := s.soakSample(whole, time.Since(begun)-warm)
			if err != nil {
				return list, err
			}
			if one.at >= 0 {
				list = append(list, one)
			}
			s.config.progress("soak: %s of %s, %d sent, %d behind, %d MB, disk %d MB", (one.at + warm).Round(time.Second), warm+span, one.sent, one.behind, one.memory>>20, one.disk>>20)
		}
		process.Sleep(ctx, time.Until(begun.Add(time.Duration(i+1)*time.Second/soakBatch)))
	}
	return list, nil
}

// postNext sends the next batch.
func (s *env) postNext(ctx context.Context, url string) error {
	batch := make([]events.Event, max(1, s.plan.Rate/soakBatch))
	for i := range batch {
		e, err := s.plan.Load.event(s.published+i, time.Now())
		if err != nil {
			return err
		}
		batch[i] = e
	}
	if err := post(ctx, url, batch...); err != nil {
		return err
	}
	s.published += len(batch)
	return nil
}

func (s *env) soakSample(ctx context.Context, at time.Duration) (one soakSample, err error) {
	asked, err := s.asked(ctx)
	if err != nil {
		return one, err
	}
	one = soakSample{at: at, sent: s.published, behind: s.published - asked.Distinct}
	one.memory, _ = s.workers[0].Memory()
	one.disk, err = diskUsage(s.store())
	return one, err
}

// soaked waits until the vendor has each activity once.
func (s *env) soaked(ctx context.Context) error {
	var asked Asked
	done := process.Wait{For: "the vendor has every activity", Limit: s.config.patience(), Needs: s.processes()[1:]}
	err := done.Until(ctx, func() bool {
		var err error
		asked, err = s.asked(ctx)
		return err == nil && asked.Distinct >= s.published
	})
	if err == nil && asked.Twice > 0 {
		err = fmt.Errorf("%d of %d activities came twice", asked.Twice, s.published)
	}
	return err
}

// diskUsage adds up the sizes of all files below a directory.
func diskUsage(dir string) (sum int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return ignoreGone(err)
		}
		info, err := d.Info()
		if err == nil {
			sum += info.Size()
		}
		return ignoreGone(err)
	})
	return sum, err
}

// ignoreGone passes over a file that the server removed meanwhile.
func ignoreGone(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// newSoak sums samples up by tenth, and judges the memory.
func newSoak(rate, sent int, samples []soakSample) Soak {
	out := Soak{Rate: rate, Sent: sent}
	if len(samples) < soakTenths {
		out.Goal = Goal{"soak", "flat memory", "too short for tenths", false}
		return out
	}
	out.Seconds = samples[len(samples)-1].at.Seconds()
	var middle []int // activities sent at the middle of each tenth
	for i := range soakTenths {
		part := samples[i*len(samples)/soakTenths : (i+1)*len(samples)/soakTenths]
		of := func(figure func(soakSample) float64) float64 {
			list := make([]float64, len(part))
			for i, one := range part {
				list[i] = figure(one)
			}
			return median(list)
		}
		out.MemoryMB = append(out.MemoryMB, of(func(one soakSample) float64 { return float64(one.memory) / (1 << 20) }))
		out.Behind = append(out.Behind, of(func(one soakSample) float64 { return float64(one.behind) }))
		out.DiskMB = append(out.DiskMB, float64(part[len(part)-1].disk)/(1<<20))
		middle = append(middle, part[len(part)/2].sent)
	}
	second, last := out.MemoryMB[1], out.MemoryMB[soakTenths-1]
	index := float64(indexBytes*(middle[soakTenths-1]-middle[1])) / (1 << 20)
	out.Goal = Goal{
		fmt.Sprintf("soak, %d activities a second for %s, embedded server", rate, time.Duration(out.Seconds*float64(time.Second)).Round(time.Second)),
		"memory of the last tenth ≤ 1.05 × the second, beside 16 B for each activity",
		fmt.Sprintf("%.0f MB and %.0f MB, of which %.0f MB for the activities in between; disk %.0f B for each activity", last, second, index, out.DiskMB[soakTenths-1]*(1<<20)/float64(max(1, sent))),
		last-index <= 1.05*second,
	}
	return out
}
