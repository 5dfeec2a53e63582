package config

import (
	"fmt"
	"slices"
	"time"
)

// margin is how much longer a time limit must be than a limit inside: time for the network, the
// server, and a slow process.
const margin = time.Second

// checkRelations rejects incompatible limits. Each fault names the two settings.
func (l *loader) checkRelations() {
	w, n, a := l.config.Worker, l.config.NATS, l.config.Activity
	l.longer("nats.results_max_age", n.ResultsMaxAge, 0, "activity.memory", a.Memory,
		"the results are the memory of activities, and an older activity would be done twice")
	l.longer("nats.duplicate_window", n.DuplicateWindow, margin, "worker.ack_wait", w.AckWait,
		"a result published again after a lost ack would be in RESULTS twice")
	l.longer("worker.retry_max", w.RetryMax, 0, "worker.retry_min", w.RetryMin,
		"the first wait would be longer than the longest")
	l.longer("nats.results_max_age", n.ResultsMaxAge, 0, "nats.duplicate_window", n.DuplicateWindow,
		"NATS refuses a stream that forgets a message before its id")
	l.longer("nats.audit_max_age", n.AuditMaxAge, 0, "nats.duplicate_window", n.DuplicateWindow,
		"NATS refuses a stream that forgets a message before its id")
	l.longer("nats.history_max_age", n.HistoryMaxAge, 0, "nats.duplicate_window", n.DuplicateWindow,
		"NATS refuses a stream that forgets a message before its id")
	if n.EventsStream == "" { // otherwise the limits of the stream belong to the user
		l.longer("nats.events_max_age", n.EventsMaxAge, 0, "nats.duplicate_window", n.DuplicateWindow,
			"NATS refuses a stream that forgets a message before its id")
	}
	for _, s := range l.relevant() {
		l.checkVendorLimits(s)
	}
}

// relevant returns the vendors that are on or have settings, or all vendors if there are none.
func (l *loader) relevant() []Section {
	all := l.config.Vendors
	some := slices.DeleteFunc(slices.Clone(all), func(s Section) bool { return !l.mentioned(s) })
	if len(some) == 0 {
		return all
	}
	return some
}

// checkVendorLimits checks the limits of one vendor against the limits of worker and streams.
func (l *loader) checkVendorLimits(s Section) {
	c := s.Settings.Common()
	w := l.config.Worker
	n := l.config.NATS
	l.longer("worker.call_lease", w.CallLease, margin, s.key("timeout"), c.Timeout,
		"a call that begins within its lease could not end within it")
	l.longer(s.key("max_age"), c.MaxAge, 0, "worker.prerequisite_wait", w.PrerequisiteWait,
		"an effect would be given up while it may still wait")
	l.longer("activity.memory", l.config.Activity.Memory, 0, s.key("max_age"), c.MaxAge,
		"an activity would be forgotten while it is tried again, and could be done twice")
	if n.EventsStream == "" {
		l.longer("nats.events_max_age", n.EventsMaxAge, margin, s.key("max_age"), c.MaxAge,
			"an event would leave the stream before it is given up, and be lost without a dead letter")
	}
	if w.MaxAckPending <= c.Concurrency {
		l.clash("worker.max_ack_pending", s.key("concurrency"),
			fmt.Sprintf("%d is not above %s (%d): activity at work would leave no room for more", w.MaxAckPending, s.key("concurrency"), c.Concurrency))
	}
	if w.Shutdown < c.Timeout+margin {
		l.warn(fmt.Sprintf("worker.shutdown (%s) is shorter than %s (%s) and %s: a call that is cut off must be looked up again after the restart",
			w.Shutdown, s.key("timeout"), c.Timeout, margin))
	}
}

// longer records a fault if the limit of key is less than by together with inner, the limit of
// than.
func (l *loader) longer(key string, limit, by time.Duration, than string, inner time.Duration, why string) {
	if limit >= inner+by {
		return
	}
	least := fmt.Sprintf("%s (%s)", than, Short(inner))
	if by > 0 {
		least += fmt.Sprintf(" and %s", by)
	}
	l.clash(key, than, fmt.Sprintf("%s is less than %s: %s", Short(limit), least, why))
}

// clash records two incompatible settings, unless either has a fault.
func (l *loader) clash(key, than, problem string) {
	if l.faulty[key] || l.faulty[than] {
		return
	}
	l.faults = append(l.faults, &Error{
		Key:      key,
		Variable: l.settings[key].variable,
		At:       l.config.origins[key],
		Problem:  problem,
		Fix:      "raise " + key + " or lower " + than,
	})
}
