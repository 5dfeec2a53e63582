package fairness_test

import (
	"fmt"
	"runtime"
	"testing"

	"pgregory.net/rapid"

	"github.com/usherhq/usher/internal/fairness"
)

func TestUserShareBoundsOneUserOnly(t *testing.T) {
	u := fairness.NewUserShare(2)
	for i, step := range []struct {
		user    string
		release bool
		want    bool
	}{
		{user: "a", want: true},
		{user: "a", want: true},
		{user: "a", want: false},
		{user: "b", want: true},
		{user: "a", release: true},
		{user: "a", want: true},
		{user: "a", want: false},
		{user: "c", release: true}, // never taken
		{user: "c", want: true},
		{user: "c", want: true},
		{user: "c", want: false},
	} {
		if step.release {
			u.Release(step.user)
			continue
		}
		if got := u.Take(step.user); got != step.want {
			t.Errorf("step %d: got %v for user %s, want %v", i, got, step.user, step.want)
		}
	}
}

func TestUserShareInRandomHistories(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		limit := rapid.IntRange(1, 4).Draw(rt, "limit")
		u, inHand := fairness.NewUserShare(limit), map[string]int{}
		users := rapid.SampledFrom([]string{"a", "b", "c", "d", "e"})
		rt.Repeat(map[string]func(*rapid.T){
			"take": func(rt *rapid.T) {
				user := users.Draw(rt, "user")
				if got, want := u.Take(user), inHand[user] < limit; got != want {
					rt.Fatalf("got %v for a user with %d of %d in hand", got, inHand[user], limit)
				} else if got {
					inHand[user]++
				}
			},
			"release": func(rt *rapid.T) {
				user := users.Draw(rt, "user")
				u.Release(user)
				if inHand[user]--; inHand[user] <= 0 {
					delete(inHand, user)
				}
			},
			"": func(rt *rapid.T) {
				if got, want := u.Users(), len(inHand); got != want {
					rt.Fatalf("got %d users in memory, want %d", got, want)
				}
			},
		})
	})
}

func TestUserShareKeepsNoMemoryForIdleUsers(t *testing.T) {
	const users = 100_000
	u := fairness.NewUserShare(1)
	before := heap()
	for i := range users {
		u.Take(fmt.Sprint("user ", i))
	}
	for i := range users {
		u.Release(fmt.Sprint("user ", i))
	}
	if grown := heap() - before; grown > 256<<10 {
		t.Errorf("got %d bytes in use for idle users, want next to none", grown)
	}
	runtime.KeepAlive(u)
}

// heap returns the bytes of live memory.
func heap() int64 {
	runtime.GC()
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}
