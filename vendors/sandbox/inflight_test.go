package sandbox_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/usherhq/usher/vendors/sandbox"
)

// newSandbox returns a sandbox that is not served.
func newSandbox(t *testing.T, c sandbox.Config) *sandbox.Sandbox {
	t.Helper()
	box, err := sandbox.New(c)
	if err != nil {
		t.Fatal(err)
	}
	return box
}

// create asks Miestro for an account without a connection, and returns the status, 0
// if the stand-in cut the call off. It returns when the stand-in is done with the call.
func create(ctx context.Context, box *sandbox.Sandbox, email string) (status int) {
	body := fmt.Sprintf(`{"name":"Ada","email":%q,"password":"pw","role":0}`, email)
	r := httptest.NewRequestWithContext(ctx, http.MethodPost, users, strings.NewReader(body))
	r.Header.Set("X-Forward-Api-Key", sandbox.MiestroAPIKey)
	r.Header.Set("X-Forward-Api-Secret", sandbox.MiestroAPISecret)
	defer func() {
		if v := recover(); v != nil {
			if err, ok := v.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
				panic(v)
			}
			status = 0
		}
	}()
	w := httptest.NewRecorder()
	box.Handler().ServeHTTP(w, r)
	return w.Code
}

// made returns how many accounts Miestro holds.
func made(box *sandbox.Sandbox) int { return len(box.State().Vendors["miestro"].Users) }

func TestACallIsCarriedOutThoughItsCallerHasGone(t *testing.T) {
	for kind, want := range map[sandbox.Kind]int{
		sandbox.None: 1, sandbox.FailAfter: 1, sandbox.DropAfter: 1,
		sandbox.TooMany: 0, sandbox.FailBefore: 0, sandbox.DropBefore: 0,
	} {
		t.Run(string(kind), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				box := newSandbox(t, sandbox.Config{Latency: time.Second})
				if err := box.Next("miestro", sandbox.Fault{Kind: kind}); err != nil {
					t.Fatal(err)
				}
				ctx, hangUp := context.WithCancel(t.Context())
				go create(ctx, box, "ada@example.org")
				synctest.Wait()
				hangUp()
				synctest.Wait() // the stand-in is done with the caller
				if got := made(box); got != 0 {
					t.Errorf("got %d accounts before the latency is over, want 0", got)
				}
				time.Sleep(10 * time.Second) // the longest latency
				if got := made(box); got != want {
					t.Errorf("got %d accounts after the latency, want %d", got, want)
				}
				if got := made(box); got != want {
					t.Errorf("got %d accounts when asked again, want %d", got, want)
				}
			})
		})
	}
}

func TestACutConnectionLosesNoCall(t *testing.T) {
	box, url := serve(t, sandbox.Config{Latency: 20 * time.Millisecond})
	ctx, hangUp := context.WithCancel(t.Context())
	defer hangUp()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, url+users, strings.NewReader(ada))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Forward-Api-Key", sandbox.MiestroAPIKey)
	r.Header.Set("X-Forward-Api-Secret", sandbox.MiestroAPISecret)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if response, err := http.DefaultClient.Do(r); err == nil {
			_ = response.Body.Close()
		}
	}()
	await(t, "the call is received", func() bool { return box.State().Vendors["miestro"].Calls["POST /users"] == 1 })
	hangUp()
	<-ended
	await(t, "the call is carried out", func() bool { return made(box) == 1 })
}

func TestARequestThatIsNotWholeIsNotReceived(t *testing.T) {
	box := newSandbox(t, sandbox.Config{})
	server := httptest.NewServer(box.Handler())
	defer server.Close()
	var d net.Dialer
	conn, err := d.DialContext(t.Context(), "tcp", strings.TrimPrefix(server.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	_, err = fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: sandbox\r\nContent-Length: 500\r\n\r\n%s", users, ada)
	if err := errors.Join(err, conn.Close()); err != nil {
		t.Fatal(err)
	}
	server.Close() // waits for the call
	if state := box.State().Vendors["miestro"]; len(state.Calls) != 0 || len(state.Users) != 0 {
		t.Errorf("got calls %v and users %v, want none", state.Calls, state.Users)
	}
}

func TestLateCreations(t *testing.T) {
	const lateBy = 5 * time.Second
	for name, test := range map[string]struct {
		config sandbox.Config
		forced sandbox.Kind
		hangUp bool
	}{
		"by a fault":               {sandbox.Config{LateBy: lateBy}, sandbox.Late, false},
		"by a share":               {sandbox.Config{LateBy: lateBy, Late: 1}, "", false},
		"since the caller is gone": {sandbox.Config{LateBy: lateBy, Latency: time.Millisecond}, "", true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				box := newSandbox(t, test.config)
				if test.forced != "" {
					if err := box.Next("miestro", sandbox.Fault{Kind: test.forced, On: "POST /users"}); err != nil {
						t.Fatal(err)
					}
				}
				ctx, hangUp := context.WithCancel(t.Context())
				defer hangUp()
				status := make(chan int, 1)
				go func() { status <- create(ctx, box, "ada@example.org") }()
				synctest.Wait()
				if test.hangUp {
					hangUp()
				}
				if got := <-status; !test.hangUp && got != 0 {
					t.Errorf("got %d, want the call to be cut off", got)
				}
				time.Sleep(lateBy - time.Nanosecond)
				if got := made(box); got != 0 {
					t.Errorf("got %d accounts too soon, want 0", got)
				}
				time.Sleep(time.Nanosecond)
				if err := box.ChangeManually("miestro", sandbox.Remove, "ada@example.org"); err != nil {
					t.Errorf("the creation has not landed: %v", err)
				}
			})
		})
	}
}

func TestCallersThatWaitAreNotLate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := newSandbox(t, sandbox.Config{Latency: time.Millisecond, LateBy: time.Hour})
		if got := create(t.Context(), box, "ada@example.org"); got != http.StatusOK || made(box) != 1 {
			t.Errorf("got %d and %d accounts, want 200 and 1 account", got, made(box))
		}
	})
}

func TestACallFindsTheCreationsThatHaveLanded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := newSandbox(t, sandbox.Config{LateBy: time.Second})
		if err := box.Next("miestro", sandbox.Fault{Kind: sandbox.Late}); err != nil {
			t.Fatal(err)
		}
		create(t.Context(), box, "ada@example.org")
		time.Sleep(time.Second)
		if got := create(t.Context(), box, "ada@example.org"); got != http.StatusUnprocessableEntity {
			t.Errorf("got %d for an e-mail that is taken, want 422", got)
		}
	})
}

func TestTheCallThatLandsFirstIsCarriedOutFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		box := newSandbox(t, sandbox.Config{Late: 1, LateBy: time.Minute})
		for i := range 3 {
			create(t.Context(), box, fmt.Sprintf("u%d@example.org", i))
		}
		time.Sleep(time.Minute)
		for i, u := range box.State().Vendors["miestro"].Users {
			if want := fmt.Sprintf("u%d@example.org", i); u.Email != want {
				t.Errorf("got %s at place %d, want %s", u.Email, i, want)
			}
		}
	})
}

func TestCallsInFlightAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const most = 4096
		box := newSandbox(t, sandbox.Config{Late: 1, LateBy: time.Hour})
		for i := range most + 2 {
			create(t.Context(), box, fmt.Sprintf("u%d@example.org", i))
		}
		if got := made(box); got != 2 {
			t.Errorf("got %d accounts with %d calls in flight, want 2", got, most)
		}
		time.Sleep(time.Hour)
		if got := made(box); got != most+2 {
			t.Errorf("got %d accounts in the end, want %d", got, most+2)
		}
	})
}

// await waits until ok returns true.
func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for deadline := time.Now().Add(2 * time.Minute); !ok(); time.Sleep(time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("two minutes have passed before %s", what)
		}
	}
}
