package main

import (
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// A right is one line of the example of NATS users.
type right struct {
	user, verb, subject string
	line                int
}

func (r right) String() string { return fmt.Sprintf("%s may not %s %s", r.user, r.verb, r.subject) }

var (
	userLine  = regexp.MustCompile(`^\s*user: (\w+)$`)
	verbLine  = regexp.MustCompile(`^\s*(publish|subscribe): \[$`)
	rightLine = regexp.MustCompile(`^\s*"(\S+)"( #.*)?$`)
)

// userRights reads the example, and which rights it gives.
func userRights(t *testing.T) (lines []string, all []right) {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", "deploy", "nats", "users.conf"))
	if err != nil {
		t.Fatal(err)
	}
	lines = strings.Split(string(text), "\n")
	var r right
	for i, line := range lines {
		if m := userLine.FindStringSubmatch(line); m != nil {
			r.user = m[1]
		} else if m := verbLine.FindStringSubmatch(line); m != nil {
			r.verb = m[1]
		} else if m := rightLine.FindStringSubmatch(line); m != nil {
			r.subject, r.line = m[1], i
			all = append(all, r)
		}
	}
	return lines, all
}

// uses counts what the users do, from the trace of a server.
type uses struct {
	mu  sync.Mutex
	all map[string]bool // user, verb and subject
}

var useLine = regexp.MustCompile(`/user:(\w+)".* <<- \[(H?PUB|SUB) (\S+)`)

func (*uses) Noticef(string, ...any) {}
func (*uses) Warnf(string, ...any)   {}
func (*uses) Fatalf(string, ...any)  {}
func (*uses) Debugf(string, ...any)  {}
func (*uses) Errorf(string, ...any)  {}
func (u *uses) Tracef(format string, args ...any) {
	m := useLine.FindStringSubmatch(fmt.Sprintf(format, args...))
	if m == nil {
		return
	}
	verb := "publish"
	if m[2] == "SUB" {
		verb = "subscribe"
	}
	u.mu.Lock()
	defer u.mu.Unlock()
	u.all[m[1]+" "+verb+" "+m[3]] = true
}

// of reports whether a right was used.
func (u *uses) of(r right) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	for use := range u.all {
		subject, ok := strings.CutPrefix(use, r.user+" "+r.verb+" ")
		if ok && server.SubjectsCollide(subject, r.subject) {
			return true
		}
	}
	return false
}

// rare reports whether a term may end without a use of a right.
func rare(r right) bool {
	for _, rest := range []string{
		".STREAM.CREATE.EVENTS", // made by the former version in the test
		".STREAM.CREATE.KV_CONTROL",
		".STREAM.UPDATE.",      // of one stream in a term
		".STREAM.PURGE.",       // of streams that are empty at the moment of usher forget
		".LEASES.",             // read while another process owns a vendor
		".STREAM.MSG.GET.KV_E", // with several replicas
		".STREAM.MSG.GET.KV_P",
		".DIRECT.GET.KV_EFFECTS.",
		".KV_PROFILES.", // read in a whole by few commands
		".KV_EFFECTS.",
		"$KV.EFFECTS.",           // of activity that failed or waits
		".KV_ACTIVITY_INDEX",     // read at the start, and by usher user
		".DEADLETTERS",           // counted now and then, while there are some
		".STREAM.MSG.GET.TIMERS", // read while a timer waits
	} {
		if strings.Contains(r.subject, rest) {
			return true
		}
	}
	return false
}

// ofStall reports whether a right is used only if the server is silent for a while: a reader then asks
// for the state of its consumer.
func (r right) ofStall() bool { return strings.Contains(r.subject, "CONSUMER.INFO.") }

// ofReader returns the right to read the same stream: every reader may ask for the state of its
// consumer, and deletes the consumer.
func (r right) ofReader() right {
	for _, request := range []string{"CONSUMER.INFO.", "CONSUMER.DELETE.", "CONSUMER.MSG.NEXT."} {
		if at := strings.Index(r.subject, request); at >= 0 {
			r.subject = strings.TrimSuffix(r.subject[:at]+"CONSUMER.CREATE."+r.subject[at+len(request):], "*") + ">"
		}
	}
	return r
}
