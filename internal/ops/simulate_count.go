package ops

import (
	"cmp"
	"slices"

	"github.com/usherhq/usher/internal/mailbox/record"
)

// tally counts the rows of a simulation, and finds users with one e-mail.
type tally struct {
	users  int
	counts map[SimulationCount]int
	emails map[emailAt]bool // whether the user with the e-mail has an account in the records
}

// emailAt is the digest of an e-mail at a vendor.
type emailAt struct {
	vendor string
	digest record.Key
}

func newTally() *tally {
	return &tally{counts: map[SimulationCount]int{}, emails: map[emailAt]bool{}}
}

// withKnown returns an empty tally with the e-mails of the users with an account in the records.
func (t *tally) withKnown() *tally {
	next := newTally()
	for at, known := range t.emails {
		if known {
			next.emails[at] = true
		}
	}
	return next
}

// add counts the rows of a batch.
func (t *tally) add(batch [][]judged, row func(SimulatedRow) error) error {
	for _, rows := range batch {
		t.users++
		for _, j := range rows {
			t.settle(&j)
			t.counts[SimulationCount{Vendor: j.Vendor, Would: j.Would, Reason: j.Reason}]++
			if row == nil || j.UserID == "" { // the profile of a deleted user names nobody
				continue
			}
			if err := row(j.SimulatedRow); err != nil {
				return err
			}
		}
	}
	return nil
}

// settle turns a creation with an e-mail of another user into a conflict. If the other user has an
// account already and comes later, the earlier creation is the conflict.
func (t *tally) settle(j *judged) {
	if j.email == "" {
		return
	}
	at := emailAt{j.Vendor, record.KeyOf(record.Digest(j.email))}
	known, taken := t.emails[at]
	switch {
	case j.known && taken && !known:
		t.counts[SimulationCount{Vendor: j.Vendor, Would: WouldCreate}]--
		t.counts[SimulationCount{Vendor: j.Vendor, Would: WouldConflict}]++
		j.Message = "a user listed before, without an account in the records, has the same e-mail"
	case !j.known && taken:
		j.Would, j.Reason, j.Message = WouldConflict, "", "another user has the same e-mail"
		return
	}
	t.emails[at] = known || j.known
}

// simulation returns the counts.
func (t *tally) simulation() Simulation {
	out := Simulation{Users: t.users, Counts: []SimulationCount{}}
	for c, n := range t.counts {
		if c.Users = n; n == 0 {
			continue
		}
		out.Counts = append(out.Counts, c)
		switch c.Would {
		case WouldDelete, WouldDisable:
			out.Removed += n
		case WouldConflict:
			out.Conflicts += n
		}
	}
	slices.SortFunc(out.Counts, func(a, b SimulationCount) int {
		return cmp.Or(cmp.Compare(a.Vendor, b.Vendor), cmp.Compare(a.Would, b.Would), cmp.Compare(a.Reason, b.Reason))
	})
	return out
}
