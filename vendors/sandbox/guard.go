package sandbox

import (
	"net/http"
	"sync"
)

// guard admits one call at a time to a fake vendor.
type guard struct{ mu sync.Mutex }

// open admits every call.
func (g *guard) open(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		defer g.mu.Unlock()
		next(w, r)
	}
}

// only admits the calls that allowed accepts, and answers 401 with the refusal to others.
func (g *guard) only(allowed func(*http.Request) bool, refusal object, next http.HandlerFunc) http.HandlerFunc {
	return g.open(func(w http.ResponseWriter, r *http.Request) {
		if !allowed(r) {
			answer(w, http.StatusUnauthorized, refusal)
			return
		}
		next(w, r)
	})
}

// loginGuard is the guard of a fake vendor with log-ins.
type loginGuard struct {
	guard

	sessions sessions
}

// expire invalidates every token, even for a refresh.
func (g *loginGuard) expire() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sessions.clear()
}
