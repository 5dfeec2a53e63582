package ledger_test

import (
	"fmt"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/internal/bus"
	"github.com/usherhq/usher/internal/ledger"
	"github.com/usherhq/usher/internal/natstest"
)

func TestCorrected(t *testing.T) {
	active := ledger.Account{AccountID: "7", State: ledger.Active, Life: at(1), Courses: map[string]ledger.Course{"go": {Enrolled: true, Order: at(2)}}}
	gone := ledger.Account{Former: "7", State: ledger.Deleted, Life: at(4), Deleted: at(4)}
	cases := map[string]struct {
		record  ledger.Account
		r       ledger.Repair
		state   ledger.State
		account string
	}{
		"no repair":                               {active, ledger.Repair{}, ledger.Active, "7"},
		"its account is gone":                     {active, ledger.Repair{Account: "7", Order: at(1)}, ledger.Unknown, ""},
		"its enrolment is":                        {active, ledger.Repair{Account: "7", Order: at(2)}, ledger.Unknown, ""},
		"another account was gone":                {active, ledger.Repair{Account: "6", Order: at(1)}, ledger.Active, "7"},
		"an account was gone that is deleted now": {gone, ledger.Repair{Account: "7", Order: at(1)}, ledger.Deleted, ""},
		"its deleted account is there":            {gone, ledger.Repair{Account: "7", Removes: true, Order: at(4)}, ledger.Active, "7"},
		"another deleted account was there":       {gone, ledger.Repair{Account: "6", Removes: true, Order: at(4)}, ledger.Deleted, ""},
		"after an older deletion":                 {gone, ledger.Repair{Account: "7", Removes: true, Order: at(3)}, ledger.Deleted, ""},
		"it was there, and was made anew since":   {active, ledger.Repair{Account: "7", Removes: true, Order: at(1)}, ledger.Active, "7"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			before := fmt.Sprint(c.record)
			got := c.record.Corrected(c.r)
			if got.State != c.state || got.AccountID != c.account {
				t.Errorf("got %q as %q, want %q as %q", got.State, got.AccountID, c.state, c.account)
			}
			if got.State == ledger.Unknown && len(got.Courses) > 0 {
				t.Errorf("got the courses %v of an account that is gone", got.Courses)
			}
			if fmt.Sprint(c.record) != before {
				t.Error("the record itself was changed")
			}
		})
	}
}

// TestNextReplay has the numbers of effects that are remembered and forgotten.
func TestNextReplay(t *testing.T) {
	replayed := func(m ledger.Arrival, n int) ledger.Effect { e := done(m); e.Replay = n; return e }
	cases := map[string]struct {
		record ledger.Account
		want   int
	}{
		"never sent back":             {ledger.Account{Life: at(1), Effects: []ledger.Effect{done(arrival("a", 1))}}, 1},
		"remembered":                  {ledger.Account{Life: at(1), Effects: []ledger.Effect{replayed(arrival("a", 1), 3)}}, 4},
		"forgotten":                   {ledger.Account{Life: at(1), LifeReplay: 3}, 4},
		"forgotten, of another event": {ledger.Account{Life: at(2), LifeReplay: 3}, 1},
		"an enrolment, forgotten":     {ledger.Account{Courses: map[string]ledger.Course{"go": {Order: at(1), Replay: 2}}}, 3},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			if got := c.record.NextReplay("a", at(1)); got != c.want {
				t.Errorf("got %d, want %d", got, c.want)
			}
		})
	}
}

// TestFinishKeepsTheNumber has a replayed creation and enrolment, whose effects
// are forgotten.
func TestFinishKeepsTheNumber(t *testing.T) {
	again := func(m ledger.Arrival) ledger.Arrival {
		m.Replay, m.Carrier.Stream = 2, bus.ReplaysStream
		return m
	}
	a := ledger.Account{}
	for _, m := range []ledger.Arrival{again(arrival("a", 1)), again(enrollment("b", 2, "go"))} {
		if d := a.Arrive(m); d.Step != ledger.Proceed {
			t.Fatalf("got step %v", d.Step)
		}
		a.Finish(m.Key, m.Token, ledger.Outcome{Kind: "done", At: now}, ledger.Change{State: ledger.Active, AccountID: "7", Enrolled: m.Course != "", Applied: true})
	}
	a.Effects = nil
	if got := []int{a.NextReplay("a", at(1)), a.NextReplay("b", at(2))}; !cmp.Equal(got, []int{3, 3}) {
		t.Errorf("got %v, want 3 for both", got)
	}
}

func TestANewAccountIsInNoCourse(t *testing.T) {
	m := arrival("a", 1)
	a := ledger.Account{
		AccountID: "7", State: ledger.Active, Life: at(1), Courses: map[string]ledger.Course{"go": {Enrolled: true, Order: at(2)}},
		Effects: []ledger.Effect{tried(m)}, Claim: &ledger.Claim{Key: "a", Carrier: m.Carrier, Delivery: 1, Token: "ta"},
	}
	a.Finish("a", "ta", ledger.Outcome{Kind: "done", At: now}, ledger.Change{State: ledger.Active, AccountID: "8", Applied: true})
	if diff := cmp.Diff(map[string]ledger.Course{"go": {Order: at(2)}}, a.Courses); diff != "" || a.AccountID != "8" {
		t.Errorf("got account %s (-want +got)\n%s", a.AccountID, diff)
	}
}

func TestIdle(t *testing.T) {
	for name, c := range map[string]struct {
		a    ledger.Account
		want bool
	}{
		"nothing":  {ledger.Account{}, true},
		"finished": {ledger.Account{Effects: []ledger.Effect{done(arrival("a", 1))}}, true},
		"waiting":  {ledger.Account{Effects: []ledger.Effect{done(arrival("a", 1)), waiting(enrollment("b", 2, "go"))}}, false},
		"claimed":  {ledger.Account{Effects: []ledger.Effect{done(arrival("a", 1))}, Claim: claimed(arrival("a", 1), 1)}, false},
	} {
		if got := c.a.Idle(); got != c.want {
			t.Errorf("%s: got %v, want %v", name, got, c.want)
		}
	}
}

// TestWalk walks records while they are written anew: each is met all the same,
// and none of another vendor.
func TestWalk(t *testing.T) {
	nc, err := nats.Connect(natstest.Start(t, bus.EmbeddedOptions{Addr: "127.0.0.1:0"}).URL())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	bucket, err := js.CreateKeyValue(t.Context(), jetstream.KeyValueConfig{Bucket: "ACCOUNTS"})
	if err != nil {
		t.Fatal(err)
	}
	const records = 2000
	put := func(vendor string, n int, state ledger.State) {
		if _, err := bucket.PutString(t.Context(), ledger.AccountKey(vendor, fmt.Sprint("u", n)), fmt.Sprintf(`{"user_id":"u%d","state":%q}`, n, state)); err != nil {
			t.Error(err)
		}
	}
	for n := range records {
		put("acme", n, ledger.Active)
	}
	put("other", 1, ledger.Active)
	if err := bucket.Delete(t.Context(), ledger.AccountKey("acme", "u0")); err != nil {
		t.Fatal(err)
	}
	var writing sync.WaitGroup
	writing.Go(func() {
		for n := 1; n < records; n++ {
			put("acme", n, ledger.Deleted)
		}
	})
	met := map[string]bool{}
	err = ledger.KV{Bucket: bucket}.Walk(t.Context(), ledger.AccountsOf("acme"), func(r ledger.Record) error {
		met[r.Account.UserID] = true
		if r.Revision == 0 || r.Key != ledger.AccountKey("acme", r.Account.UserID) {
			t.Errorf("got %+v", r)
		}
		return nil
	})
	writing.Wait()
	if err != nil || len(met) != records-1 {
		t.Errorf("got %d records, %v, want %d", len(met), err, records-1)
	}
	for _, pattern := range []string{ledger.AccountsOf("nobody"), ledger.AccountKey("acme", "u0")} {
		if err := (ledger.KV{Bucket: bucket}).Walk(t.Context(), pattern, func(r ledger.Record) error { t.Errorf("got %+v", r); return nil }); err != nil {
			t.Error(err)
		}
	}
	r, err := ledger.KV{Bucket: bucket}.Record(t.Context(), ledger.AccountKey("acme", "u1"))
	if err != nil || r.Account.State != ledger.Deleted || r.Revision == 0 {
		t.Errorf("got %+v, %v", r, err)
	}
}
