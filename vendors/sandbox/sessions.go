package sandbox

import (
	"fmt"
	"maps"
	"time"
)

// sessions are the issued tokens of a vendor with log-ins. The callers hold the vendor's lock.
type sessions struct {
	clock  func() time.Time
	life   time.Duration // of a token
	format string        // of a token, with the number of the session
	given  int
	tokens map[string]session
}

// session is the session of one token.
type session struct {
	user string // the vendor's id of the user
	ends time.Time
}

func newSessions(c Config, life time.Duration, format string) sessions {
	return sessions{clock: c.Clock, life: life, format: format, tokens: map[string]session{}}
}

// give issues a token for the user.
func (s *sessions) give(user string) string {
	s.given++
	token := fmt.Sprintf(s.format, s.given)
	s.tokens[token] = session{user: user, ends: s.clock().Add(s.life)}
	return token
}

// valid reports whether the token's session is active, or ended within grace.
func (s *sessions) valid(token string, grace time.Duration) bool {
	at, ok := s.tokens[token]
	return ok && s.clock().Before(at.ends.Add(grace))
}

// drop ends the sessions of the user.
func (s *sessions) drop(user string) {
	maps.DeleteFunc(s.tokens, func(_ string, at session) bool { return at.user == user })
}

// clear ends all sessions.
func (s *sessions) clear() { clear(s.tokens) }
