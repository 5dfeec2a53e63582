package mailbox

import (
	"errors"
	"slices"
	"time"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/mailbox/record"
	"github.com/usherhq/usher/internal/pause"
)

// finish publishes the result of an outcome. A failure has a dead letter and a record before, so
// that a replay finds its effect.
func (x *first) finish(o record.Outcome) error {
	f := record.Finished{Effect: x.effect, Outcome: o, By: x.nonces.next()}
	if o.Kind == events.Failed {
		if err := x.publisher.addDeadLetter(x.write, x.Event, &x.effect, o); err != nil {
			return err
		}
		x.deadLetter = true
		err := x.create(&record.Record{Finished: []record.Finished{f}})
		if errors.Is(err, ErrStaleRevision) {
			x.publisher.report(x.Event, &x.effect, o, time.Time{})
			return x.takeUp()
		}
		if err != nil {
			return err
		}
		x.deps.Memory.AddRecord(x.Event.Key)
	}
	x.publisher.report(x.Event, &x.effect, o, time.Time{})
	return x.publish(&f)
}

// publish publishes the result, and tries again: without the result the vendor would be called
// again. If another process may have published another result meanwhile, the first one counts.
func (x *first) publish(f *record.Finished) error {
	if !x.mine() {
		if err := x.deps.Memory.CatchUp(x.write); err != nil {
			return err
		}
		if published, _ := x.deps.Memory.Knows(x.Event.Key); published {
			return nil
		}
	}
	err := x.insist(func() error { return x.publisher.result(x.write, x.Event, f) })
	if err == nil || x.write.Err() != nil || x.effect.Attempts == 0 {
		return err
	}
	return x.publishLater(f, err)
}

// publishLater stores an outcome whose result cannot be stored, as in a full stream, for the owner.
func (x *first) publishLater(f *record.Finished, cause error) error {
	later := *f
	later.Publish = true
	err := x.create(&record.Record{Finished: []record.Finished{later}})
	switch {
	case errors.Is(err, ErrStaleRevision):
		return x.takeUp()
	case err != nil:
		return errors.Join(cause, err)
	}
	x.deps.Memory.AddRecord(x.Event.Key)
	return x.arm(x.now().Add(x.config.RetryMin))
}

// storeTries is how often the outcome of a first attempt is stored. Without the outcome the
// vendor would be called again.
const storeTries = 5

// insist tries a step of NATS several times. A stale revision is final.
func (x *first) insist(step func() error) error {
	for try := 1; ; try++ {
		err := step()
		if err == nil || errors.Is(err, ErrStaleRevision) || try == storeTries || x.write.Err() != nil {
			return err
		}
		pause.For(x.write, 100*time.Millisecond<<try)
	}
}

// create stores the record if there is none. A record that was stored though the answer was
// lost is a conflict too.
func (x *first) create(r *record.Record) error {
	encoded, err := r.Encode()
	if err != nil {
		return err
	}
	return x.insist(func() error {
		_, err := x.deps.Records.Store(x.write, x.key, encoded, 0)
		return err
	})
}

// takeUp continues as the record says. Without a record, a former delivery may have called the
// vendor. In order the call is repeated at once; otherwise the former process may still be calling,
// and the effect is stored with an unknown outcome, for the owner.
func (x *first) takeUp() error {
	encoded, _, err := x.deps.Records.Load(x.write, x.key)
	switch {
	case err != nil:
		return err
	case len(encoded) == 0 && (x.Ordered || !x.Again):
		return x.begin()
	case len(encoded) == 0:
		now := x.now()
		x.effect = x.newEffect(now)
		x.effect.Begun = now
		x.effect.Due = now
		x.effect.Attempts = 1
		x.effect.Tried = true
		x.effect.Unconfirmed = true
		return x.wait()
	}
	r, err := record.Decode(encoded)
	if err != nil {
		return x.publisher.refuse(x.write, x.Event, failed(classRecord, err.Error()))
	}
	return x.follow(r)
}

// follow sets the timer of a pending effect again, or publishes the result of a finished one
// again. Everything else is finished, with a result that is known to be published.
func (x *first) follow(r *record.Record) error {
	key := record.KeyOf(x.Event.Key)
	if i := slices.IndexFunc(r.Pending, func(e record.Effect) bool { return e.Key == key && e.Replay == 0 }); i >= 0 {
		return x.arm(r.Pending[i].Due)
	}
	i := slices.IndexFunc(r.Finished, func(f record.Finished) bool { return f.Key == key && f.Replay == 0 })
	if i < 0 {
		return nil
	}
	f := &r.Finished[i]
	if err := x.publisher.result(x.write, x.Event, f); err != nil {
		return err
	}
	if x.deadLetter && f.Kind != events.Failed { // another delivery ended well meanwhile
		return x.deps.DeadLetters.RemoveEnded(x.write, x.vendor.Name, f.Type, x.Event.Key, 0)
	}
	return nil
}
