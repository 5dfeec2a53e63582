package ledger

import (
	"encoding/json"
	"maps"
	"slices"
	"strconv"
	"time"
)

// write appends the record as JSON, as the tags of its fields say. Every effect
// writes its record twice, and encoding/json takes five times as long. A test holds
// it to what encoding/json reads.
func (a *Account) write(b []byte) []byte {
	w := writer{append(b, '{')}
	w.text("user_id", a.UserID)
	w.text("account_id", a.AccountID)
	w.text("state", string(a.State))
	w.order("life", a.Life)
	w.order("data", a.Data)
	w.order("deleted", a.Deleted)
	w.number("life_replay", int64(a.LifeReplay))
	w.number("data_replay", int64(a.DataReplay))
	w.text("former", a.Former)
	if len(a.Courses) > 0 {
		w.name("courses")
		w.open('{')
		for _, name := range slices.Sorted(maps.Keys(a.Courses)) {
			c := a.Courses[name]
			w.name(name)
			w.open('{')
			w.flag("enrolled", c.Enrolled)
			w.order("order", c.Order)
			w.number("replay", int64(c.Replay))
			w.close('}')
		}
		w.close('}')
	}
	w.effects("effects", a.Effects)
	w.effects("past", a.Past)
	if c := a.Claim; c != nil {
		w.name("claim")
		w.open('{')
		w.text("key", c.Key)
		w.carrier(c.Carrier)
		w.number("delivery", int64(c.Delivery))
		w.text("token", c.Token)
		w.flag("taken", c.Taken)
		w.close('}')
	}
	w.time("forgotten", a.Forgotten)
	w.close('}')
	return w.b
}

// writer writes JSON. What is zero is left out.
type writer struct{ b []byte }

func (w *writer) open(c byte)  { w.b = append(w.b, c) }
func (w *writer) close(c byte) { w.b = append(w.b, c) }

// next writes a comma, unless it stands at the beginning of an object or a list.
func (w *writer) next() {
	if last := w.b[len(w.b)-1]; last != '{' && last != '[' {
		w.b = append(w.b, ',')
	}
}

func (w *writer) name(name string) {
	w.next()
	w.quoted(name)
	w.b = append(w.b, ':')
}

func (w *writer) text(name, s string) {
	if s != "" {
		w.name(name)
		w.quoted(s)
	}
}

func (w *writer) number(name string, n int64) {
	if n != 0 {
		w.name(name)
		w.b = strconv.AppendInt(w.b, n, 10)
	}
}

func (w *writer) flag(name string, yes bool) {
	if yes {
		w.name(name)
		w.b = append(w.b, "true"...)
	}
}

func (w *writer) time(name string, t time.Time) {
	if !t.IsZero() {
		w.name(name)
		w.b = append(t.AppendFormat(append(w.b, '"'), time.RFC3339Nano), '"')
	}
}

func (w *writer) order(name string, o Order) {
	if o != (Order{}) {
		w.name(name)
		w.open('{')
		w.place(o)
		w.close('}')
	}
}

// place writes the members of an order.
func (w *writer) place(o Order) {
	w.number("e", o.Epoch)
	w.name("s")
	w.b = strconv.AppendUint(w.b, o.Seq, 10)
}

func (w *writer) carrier(c Carrier) {
	w.name("carrier")
	w.open('{')
	w.text("stream", c.Stream)
	w.place(c.Order)
	w.close('}')
}

func (w *writer) effects(name string, list []Effect) {
	if len(list) == 0 {
		return
	}
	w.name(name)
	w.open('[')
	for i := range list {
		w.next()
		w.effect(&list[i])
	}
	w.close(']')
}

func (w *writer) effect(e *Effect) {
	w.open('{')
	w.text("key", e.Key)
	w.text("type", e.Type)
	w.text("scope", string(e.Scope))
	w.text("course", e.Course)
	w.order("order", e.Order)
	w.carrier(e.Carrier)
	w.number("replay", int64(e.Replay))
	w.text("phase", string(e.Phase))
	w.number("attempts", int64(e.Attempts))
	w.number("panics", int64(e.Panics))
	w.time("first", e.First)
	w.time("begun", e.Begun)
	w.time("due", e.Due)
	w.time("last", e.Last)
	w.flag("unsettled", e.Unsettled)
	w.flag("prerequisite", e.Prerequisite)
	if o := e.Outcome; o != nil {
		w.name("outcome")
		w.open('{')
		w.text("kind", o.Kind)
		w.text("account_id", o.AccountID)
		w.number("attempts", int64(o.Attempts))
		w.number("took_ms", o.TookMS)
		w.time("at", o.At)
		w.text("class", o.Class)
		w.number("status", int64(o.Status))
		w.text("message", o.Message)
		w.text("by", o.By)
		w.close('}')
	}
	w.close('}')
}

// quoted writes a text; one that needs escapes is encoding/json's affair.
func (w *writer) quoted(s string) {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			escaped, _ := json.Marshal(s) // of a string it cannot fail
			w.b = append(w.b, escaped...)
			return
		}
	}
	w.b = append(append(append(w.b, '"'), s...), '"')
}
