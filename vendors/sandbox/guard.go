package sandbox

import (
	"net/http"
	"sync"
)

// guard lets calls into a stand-in one at a time.
type guard struct{ mu sync.Mutex }

// open lets every call in.
func (g *guard) open(next http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		g.mu.Lock()
		defer g.mu.Unlock()
		next(w, r)
	}
}

// only lets in the calls that allowed accepts, and answers others with 401 and the refusal.
func (g *guard) only(allowed func(*http.Request) bool, refusal object, next http.HandlerFunc) http.HandlerFunc {
	return g.open(func(w http.ResponseWriter, r *http.Request) {
		if !allowed(r) {
			answer(w, http.StatusUnauthorized, refusal)
			return
		}
		next(w, r)
	})
}

// loginGuard is the guard of a stand-in whose clients log in.
type loginGuard struct {
	guard

	sessions sessions
}

// expire makes every token worthless, even for a refresh.
func (g *loginGuard) expire() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.sessions.clear()
}
