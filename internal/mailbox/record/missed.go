package record

import "slices"

// mostMissed is the number of dead letters in Missed, at most. Further ones wait for a person.
const mostMissed = 64

// missedBytes is the encoded length of an entry of Missed, at most.
const missedBytes = 80

// Miss notes the dead letter of an effect that waited for an account in vain, by the type and the key
// of the event: the account sends the dead letter back. A failed replay is not noted, since a dead
// letter is sent back automatically once.
func (r *Record) Miss(e *Effect, eventKey string) {
	name := e.Type + "." + eventKey
	if e.Replay == 0 && r.State != Active && len(r.Missed) < mostMissed && len(name) <= missedBytes && !slices.Contains(r.Missed, name) {
		r.Missed = append(r.Missed, name)
	}
}

// HasReturns reports whether the account has come, and dead letters have to be sent back.
func (r *Record) HasReturns() bool { return r.State == Active && len(r.Missed) > 0 }

// RemoveMissed removes the dead letters that were sent back. Others may have come since.
func (r *Record) RemoveMissed(sent []string) {
	r.Missed = slices.DeleteFunc(r.Missed, func(name string) bool { return slices.Contains(sent, name) })
	if len(r.Missed) == 0 {
		r.Missed = nil
	}
}

// PostponeMissed puts a dead letter behind the others: a letter refused by NATS delays no other.
func (r *Record) PostponeMissed(name string) {
	if i := slices.Index(r.Missed, name); i >= 0 {
		r.Missed = append(slices.Delete(r.Missed, i, i+1), name)
	}
}
