package sandbox

import (
	"cmp"
	"fmt"
	"net/http"
	"time"
)

// outage is a fault of every call of a vendor, with an end.
type outage struct {
	kind  Kind
	until time.Time
}

// modes has the fault of each mode of Control.
var modes = map[string]Kind{"refuse": Refused, "down": Down, "ok": None}

// Control makes every call of a vendor fail for the time span: "refuse" answers 401, as for
// wrong credentials, and "down" closes the connection. "ok" ends both, and a Trouble. An
// unknown vendor or mode is an error.
func (s *Sandbox) Control(name, mode string, span time.Duration) error {
	kind, ok := modes[mode]
	if !ok {
		return fmt.Errorf("mode: %q is none of refuse, down, trouble, ok", mode)
	}
	v, err := s.vendor(name)
	if err != nil {
		return err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.outage = outage{kind: kind, until: time.Now().Add(span)}
	if kind == None {
		v.trouble = timedTrouble{}
	}
	return nil
}

// vendor returns a vendor by name.
func (s *Sandbox) vendor(name string) (*vendor, error) {
	for _, v := range s.vendors {
		if v.name() == name {
			return v, nil
		}
	}
	return nil, fmt.Errorf("the sandbox has no vendor %q", name)
}

// control is the HTTP form of Control, POST /control/{vendor}?mode=refuse|down|ok&for=5s, and
// of SetTrouble, POST
// /control/{vendor}?mode=trouble&user=sick&status=429&retry_after=60s&delay=20ms&for=5m.
func (s *Sandbox) control(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	span, err := time.ParseDuration(cmp.Or(q.Get("for"), "0s"))
	if err == nil && span < 0 {
		err = fmt.Errorf("for: %s is negative", span)
	}
	switch {
	case err != nil:
	case q.Get("mode") == "trouble":
		var t Trouble
		if t, err = parseTrouble(q); err == nil {
			err = s.SetTrouble(r.PathValue("vendor"), t, span)
		}
	default:
		err = s.Control(r.PathValue("vendor"), q.Get("mode"), span)
	}
	if err != nil {
		answer(w, http.StatusBadRequest, map[string]string{"message": err.Error()})
		return
	}
	w.WriteHeader(http.StatusNoContent)
}
