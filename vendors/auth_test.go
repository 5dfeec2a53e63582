package vendors_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usherhq/usher/vendors"
)

// numbered hands out the tokens t1, t2, … for an hour each.
func numbered(wait time.Duration) (*vendors.Tokens, *atomic.Int64) {
	n := new(atomic.Int64)
	return vendors.NewTokens("Authorization", "Bearer ", func(context.Context, vendors.Secret) (vendors.Secret, time.Duration, error) {
		<-time.After(wait) // on the test's own clock
		return vendors.Secret(fmt.Sprintf("t%d", n.Add(1))), time.Hour, nil
	}), n
}

// carried is the header that a call would be sent with.
func carried(t *testing.T, tokens *vendors.Tokens) http.Header {
	t.Helper()
	h := http.Header{}
	if err := tokens.Authorize(t.Context(), h); err != nil {
		t.Fatal(err)
	}
	return h
}

func TestTokensLogInOnceForAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens, n := numbered(time.Second)
		var wg sync.WaitGroup
		for range 100 {
			wg.Go(func() {
				h := http.Header{}
				if err := tokens.Authorize(t.Context(), h); err != nil || h.Get("Authorization") != "Bearer t1" {
					t.Errorf("got %v, %v, want Bearer t1", h, err)
				}
			})
		}
		wg.Wait()
		if n.Load() != 1 {
			t.Errorf("got %d log-ins, want 1", n.Load())
		}
	})
}

func TestTokensAreRenewedWhenTheyEnd(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens, _ := numbered(0)
		for _, want := range []string{"Bearer t1", "Bearer t2"} {
			if got := carried(t, tokens).Get("Authorization"); got != want {
				t.Errorf("got %s, want %s", got, want)
			}
			<-time.After(time.Hour + time.Second)
		}
	})
}

func TestTokensAreRenewedOnceAfterARefusal(t *testing.T) {
	tokens, n := numbered(0)
	first := carried(t, tokens)
	for range 3 { // three callers were refused with the same token
		if !tokens.Refused(first) {
			t.Error("got no hope of another token")
		}
		if got := carried(t, tokens).Get("Authorization"); got != "Bearer t2" {
			t.Errorf("got %s, want Bearer t2", got)
		}
	}
	if n.Load() != 2 {
		t.Errorf("got %d log-ins, want 2", n.Load())
	}
}

func TestTokensWaitNoLongerThanTheCaller(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tokens, _ := numbered(time.Minute)
		var wg sync.WaitGroup
		defer wg.Wait()
		wg.Go(func() { _ = tokens.Authorize(t.Context(), http.Header{}) })
		synctest.Wait()
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := tokens.Authorize(ctx, http.Header{}); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("got %v, want the caller's deadline", err)
		}
	})
}

func TestTokensPassTheOldOneOn(t *testing.T) {
	var olds []string
	tokens := vendors.NewTokens("X-Token", "", func(_ context.Context, old vendors.Secret) (vendors.Secret, time.Duration, error) {
		olds = append(olds, old.Reveal())
		return vendors.Secret(fmt.Sprint("t", len(olds))), -time.Second, nil
	})
	carried(t, tokens)
	h := carried(t, tokens)
	tokens.Refused(h)
	carried(t, tokens)
	if got := fmt.Sprint(olds); got != "[ t1 ]" {
		t.Errorf("got %q, want none at first, then t1, and none after the refusal", got)
	}
}

// session is a vendor whose tokens end when the test says.
type session struct {
	valid  string
	refuse bool // every log-in
	ended  bool // every token at once
	logins int
	calls  int
}

func (s *session) serve(r *http.Request) (*http.Response, error) {
	if r.URL.Path == "/api/login" {
		s.logins++
		if s.refuse {
			return answer(r, 401, `{"message":"Invalid login details"}`), nil
		}
		s.valid = fmt.Sprint("t", s.logins)
		return answer(r, 200, `{"token":"`+s.valid+`"}`), nil
	}
	s.calls++
	if s.ended || r.Header.Get("X-Token") != s.valid {
		return answer(r, 401, `{"message":"Unauthenticated."}`), nil
	}
	return answer(r, 200, `{}`), nil
}

// client logs in through a client with the same timeout.
func (s *session) client() *vendors.Client {
	login := client(roundTrip(s.serve), nil)
	tokens := vendors.NewTokens("X-Token", "", func(ctx context.Context, _ vendors.Secret) (vendors.Secret, time.Duration, error) {
		var out struct{ Token vendors.Secret }
		err := login.Do(ctx, vendors.Call{Op: "log in", Method: "POST", Path: "/login", NoAuth: true, Out: &out})
		return out.Token, time.Hour, err
	})
	return client(roundTrip(s.serve), tokens)
}

func TestDoLogsInAgainOnce(t *testing.T) {
	s := &session{}
	c := s.client()
	post := vendors.Call{Op: "create", Method: "POST", Path: "/users"}
	if err := c.Do(t.Context(), post); err != nil || s.logins != 1 || s.calls != 1 {
		t.Fatalf("got %v after %d log-ins and %d calls, want 1 and 1", err, s.logins, s.calls)
	}
	s.valid = "another"
	if err := c.Do(t.Context(), post); err != nil || s.logins != 2 || s.calls != 3 {
		t.Errorf("got %v after %d log-ins and %d calls, want 2 and 3", err, s.logins, s.calls)
	}
}

// A vendor that accepts the log-in and refuses each token has not refused the password.
func TestDoDoesNotInsistOnARefusedToken(t *testing.T) {
	s := &session{ended: true}
	err := s.client().Do(t.Context(), vendors.Call{Op: "create", Method: "POST", Path: "/users"})
	if vendors.ClassOf(err) != vendors.Unusable || !errors.Is(err, vendors.ErrTokenRefused) || vendors.StatusOf(err) != 401 {
		t.Errorf("got %v (class %v), want a refused token", err, vendors.ClassOf(err))
	}
	if s.logins != 2 || s.calls != 2 {
		t.Errorf("got %d log-ins and %d calls, want 2 and 2", s.logins, s.calls)
	}
}

func TestDoDoesNotInsistOnARefusedLogIn(t *testing.T) {
	s := &session{refuse: true}
	err := s.client().Do(t.Context(), vendors.Call{Op: "list", Method: "GET", Path: "/users"})
	if vendors.ClassOf(err) != vendors.Unusable || s.logins != 1 || s.calls != 0 {
		t.Errorf("got %v after %d log-ins and %d calls, want one log-in", err, s.logins, s.calls)
	}
}
