package bench

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/usherhq/usher/internal/scenario"
	"github.com/usherhq/usher/tools/process"
	"github.com/usherhq/usher/vendors/sandbox"
)

// startUsher starts usher serve with all features of production: schemas, records, claims,
// results, HTTP endpoint, metrics, and a JSON log line per effect. Only the rate limits of the
// vendors are off.
func (s *env) startUsher(ctx context.Context, name string) (*worker, error) {
	file := s.configFile()
	text := scenario.CourseFile(courses)
	if s.contestant.Rules {
		text += teamRules
	}
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		return nil, err
	}
	addr, err := process.FreeAddr(ctx)
	if err != nil {
		return nil, err
	}
	p, err := process.Start(s.log(name), s.environ(addr), s.config.Usher, "--config", file, "serve")
	if err != nil {
		return nil, err
	}
	w := &worker{Process: p, metrics: func(ctx context.Context) (float64, error) { return allocations(ctx, addr) }}
	return w, answers(ctx, "usher serve", func() error {
		w.before, err = w.metrics(ctx)
		return err
	}, p)
}

// configFile is the configuration file of usher.
func (s *env) configFile() string { return filepath.Join(s.dir, "usher.yaml") }

// teamRules are a scope and ten mapped fields at Miestro.
const teamRules = `vendors:
  miestro:
    scope: user.?attributes.role.orValue("") == "learner" && user.email.endsWith("@example.org")
    map:
      email: user.email.lowerAscii()
      first_name: user.first_name
      last_name: user.last_name + " (" + user.attributes.team + ")"
      locale: user.?locale.orValue("en")
      time_zone: user.?time_zone.orValue("Europe/Vienna")
      phone: user.?phone
      attributes.role: user.attributes.role.upperAscii()
      attributes.group: user.attributes.team + "-" + user.attributes.campus
      attributes.year: user.attributes.year
      attributes.name: user.first_name + " " + user.last_name
`

// environ returns the environment variables of usher serve.
func (s *env) environ(addr string) []string {
	environ := slices.DeleteFunc(sandbox.Environ(s.vendorAddr), func(variable string) bool {
		return !slices.ContainsFunc(s.plan.Load.Vendors, func(v string) bool {
			return strings.HasPrefix(variable, "USHER_"+strings.ToUpper(v)+"_")
		})
	})
	environ = append(environ, "USHER_NATS_URL="+s.url, "USHER_HTTP_ADDR="+addr, "USHER_LOG_FORMAT=json",
		"USHER_DELETIONS_COUNT=1000000000", "USHER_DELETIONS_SHARE=1") // the deletion guard counts, but never stops deletions
	if s.replicas > 1 {
		environ = append(environ, "USHER_NATS_REPLICAS="+strconv.Itoa(s.replicas))
	}
	if s.contestant.Processes > 1 { // in order, one process takes the activity of a vendor
		environ = append(environ, "USHER_ACTIVITY_ORDER=none")
	}
	for _, v := range s.plan.Load.Vendors {
		prefix := "USHER_" + strings.ToUpper(v)
		environ = append(environ, prefix+"_RATE=0", prefix+"_CONCURRENCY="+strconv.Itoa(s.plan.Concurrency))
		if v == "meiro" || v == "magloft" {
			environ = append(environ, prefix+"_MODE="+map[string]string{"meiro": "customers", "magloft": "readers"}[v])
		}
	}
	return environ
}

// allocations returns the number of allocated objects of a process, by the metrics.
func allocations(ctx context.Context, addr string) (float64, error) {
	text, err := process.Get(ctx, "http://"+addr+"/metrics")
	if err != nil {
		return 0, err
	}
	_, rest, ok := bytes.Cut(text, []byte("\ngo_memstats_mallocs_total "))
	if !ok {
		return 0, errors.New("go_memstats_mallocs_total is missing in the metrics")
	}
	figure, _, _ := bytes.Cut(rest, []byte("\n"))
	return strconv.ParseFloat(string(figure), 64)
}

// count reads the figures of processes before the end.
func (s *env) count(ctx context.Context) {
	for _, w := range s.workers {
		_, w.peak = w.Memory()
		if w.metrics != nil {
			w.after, _ = w.metrics(ctx) // without an answer the figure is missing
		}
	}
	if s.database != nil {
		s.database.memory = s.database.TreeMemory()
	}
}

// run runs a command of usher to its end, and returns the output.
func (s *env) run(ctx context.Context, args ...string) (string, error) {
	return runToEnd(ctx, process.Command{
		Log: s.log("usher-" + args[0]), Environ: s.environ(""), Program: s.config.Usher, Args: append([]string{"--config", s.configFile()}, args...),
	})
}

// runToEnd runs a program to its end, and returns the output.
func runToEnd(ctx context.Context, c process.Command) (string, error) {
	p, err := c.Start()
	if err != nil {
		return "", err
	}
	p.ExpectEnd()
	select {
	case <-p.Done():
	case <-ctx.Done():
		p.Kill()
		return "", ctx.Err()
	}
	if p.ExitCode() != 0 {
		return "", fmt.Errorf("%s: exit code %d: %s", strings.TrimSuffix(filepath.Base(c.Log), ".log"), p.ExitCode(), p.Output())
	}
	return p.Output(), nil
}
