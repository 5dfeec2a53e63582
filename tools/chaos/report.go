package chaos

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/usherhq/usher/internal/streams"
)

// Report holds the results of one or several runs.
type Report struct {
	Seed             uint64
	Dir              string         // directory of logs and stores
	Events           int            // without duplicates
	Posts            int            // stored publications
	Effects          int            // requested by the events
	Outcomes         map[string]int // of the effects
	Storms           map[string]int // by kind
	Died             int            // processes that ended unexpectedly
	LostAnswers      int            // repeated enrolments at Miestro after a lost answer
	CutOff           int            // repeated enrolments at Miestro after an interrupted attempt
	Harmless         int            // repeated calls that the vendor deduplicates
	Republished      int            // results published again, with the same content
	SupersededLife   int            // creations and deletions overtaken inside usher
	SupersededCourse int            // enrolments overtaken inside usher by an enrolment in the same course
	Overtaken        int            // enrolments overtaken inside usher by a deletion
	Late             int            // duplicates that counted at the position of the duplicate
	Took             time.Duration
	Violations       int

	history    *history
	violations []violation
}

// violation is a broken invariant.
type violation struct {
	kind, user, vendor, text string
}

func (v violation) String() string {
	return strings.TrimSpace(v.kind+": "+v.vendor+" "+v.user) + ": " + v.text
}

func (r *Report) violate(v violation) {
	r.Violations++
	r.violations = append(r.violations, v)
}

// Found returns at most n violations as text.
func (r *Report) Found(n int) []string {
	var out []string
	for _, v := range r.violations[:min(n, len(r.violations))] {
		out = append(out, v.String())
	}
	return out
}

// Kinds counts the violations by kind.
func (r *Report) Kinds() map[string]int {
	kinds := map[string]int{}
	for _, v := range r.violations {
		kinds[v.kind]++
	}
	return kinds
}

// String returns the summary of a run in one line.
func (r *Report) String() string {
	total := 0
	for _, n := range r.Storms {
		total += n
	}
	return fmt.Sprintf("%d events (%d publications), %d effects (%s), %d storms (%s), %d died, repeated calls: %d enrolments at miestro after a lost answer, %d after a cut, %d harmless, %d results published again, "+
		"superseded inside usher: %d creations or deletions, %d by the same course, %d enrolments overtaken by a deletion; %d late duplicates, %.0f s, %d violations",
		r.Events, r.Posts, r.Effects, count(r.Outcomes), total, count(r.Storms), r.Died, r.LostAnswers, r.CutOff, r.Harmless, r.Republished,
		r.SupersededLife, r.SupersededCourse, r.Overtaken, r.Late, r.Took.Seconds(), r.Violations)
}

func count(m map[string]int) string {
	var parts []string
	for _, name := range slices.Sorted(maps.Keys(m)) {
		parts = append(parts, fmt.Sprintf("%s %d", name, m[name]))
	}
	return strings.Join(parts, ", ")
}

// Add adds another run to the sums.
func (r *Report) Add(o *Report) {
	for to, n := range map[*int]int{
		&r.Events: o.Events, &r.Posts: o.Posts, &r.Effects: o.Effects, &r.Died: o.Died, &r.LostAnswers: o.LostAnswers,
		&r.CutOff: o.CutOff, &r.Harmless: o.Harmless, &r.Republished: o.Republished, &r.SupersededLife: o.SupersededLife,
		&r.SupersededCourse: o.SupersededCourse, &r.Overtaken: o.Overtaken, &r.Late: o.Late, &r.Violations: o.Violations,
	} {
		*to += n
	}
	r.Took += o.Took
	if r.Storms == nil {
		r.Storms, r.Outcomes = map[string]int{}, map[string]int{}
	}
	for kind, n := range o.Storms {
		r.Storms[kind] += n
	}
	for kind, n := range o.Outcomes {
		r.Outcomes[kind] += n
	}
}

// keep writes all violations beside the logs, with the events, results, records and log lines of the
// first users with violations.
func (r *Report) keep(w *world) error {
	if r.Violations == 0 {
		return nil
	}
	const most = 60 // users with evidence
	var b strings.Builder
	seen := map[string]bool{}
	slices.SortStableFunc(r.violations, func(a, b violation) int { return cmp.Compare(a.kind, b.kind) })
	for _, v := range r.violations {
		fmt.Fprintln(&b, v)
		if who := v.vendor + " " + v.user; v.user != "" && !seen[who] && len(seen) < most {
			seen[who] = true
			r.evidence(&b, w, v)
		}
	}
	return os.WriteFile(filepath.Join(w.config.Dir, "violations.txt"), []byte(b.String()), 0o600)
}

// evidence writes all data of one user at one vendor.
func (r *Report) evidence(b *strings.Builder, w *world, v violation) {
	var ids []string
	for _, a := range r.history.users[v.user] {
		ids = append(ids, `"`+a.id+`"`)
		fmt.Fprintf(b, "\tEVENTS %v %s %s %s\n", a.places, a.kind, a.id, a.course)
		for _, result := range r.history.of(a, v.vendor) {
			fmt.Fprintf(b, "\t\tRESULTS %d %s at %s attempts %d %s\n", result.seq, result.Outcome, result.at.Format(time.StampMicro), result.Attempts, result.AccountID)
		}
	}
	fmt.Fprintf(b, "\trecord %s\n", record(w, v))
	logs, _ := filepath.Glob(filepath.Join(w.config.Dir, "worker-*.log"))
	for _, log := range logs {
		text, err := os.ReadFile(log)
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(text)) {
			ours := slices.ContainsFunc(ids, func(id string) bool { return strings.Contains(line, id) })
			if ours && strings.Contains(line, `"`+v.vendor+`"`) {
				fmt.Fprintf(b, "\t%s %s", filepath.Base(log), line)
			}
		}
	}
}

// record returns the stored record of a user at a vendor.
func record(w *world, v violation) string {
	ctx, cancel := context.WithTimeout(context.Background(), streams.CallTimeout)
	defer cancel()
	bucket, err := w.js.KeyValue(ctx, w.config.Shape.names().Bucket(streams.AccountsBucket))
	if err != nil {
		return err.Error()
	}
	sum := sha256.Sum256([]byte(v.user))
	entry, err := bucket.Get(ctx, v.vendor+"."+hex.EncodeToString(sum[:16]))
	if err != nil {
		return err.Error()
	}
	return string(entry.Value())
}

// Tell writes the summary of a run, and the directory of the logs after a violation.
func (r *Report) Tell(out io.Writer) error {
	_, err := fmt.Fprintf(out, "seed %d: %s\n", r.Seed, r)
	if r.Violations > 0 {
		_, more := fmt.Fprintf(out, "\t%s\n\t%s\n\tkept in %s (violations.txt, logs, stores); again: make chaos SEEDS=1 SEED=%d\n",
			count(r.Kinds()), strings.Join(r.Found(10), "\n\t"), r.Dir, r.Seed)
		err = errors.Join(err, more)
	}
	return err
}
