package console

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"

	"github.com/rs/zerolog"

	"github.com/usherhq/usher/internal/ops"
)

// One follower serves all who watch; it stays for a while after the last has left.
func TestTheFollowerIsShared(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(Deps{Service: func() *ops.Service { return nil }, Log: zerolog.Nop()})
		now := func() *follower {
			h.mu.Lock()
			defer h.mu.Unlock()
			return h.now
		}
		first, leave := h.join("ann")
		second, leaveToo := h.join("ann")
		if first == nil || first != second {
			t.Fatal("each has a follower of its own")
		}
		leave()
		leave() // does not count twice
		time.Sleep(2 * linger)
		if again, leaveAgain := h.join("ann"); again != first {
			t.Error("it ends while somebody watches")
		} else {
			leaveAgain()
		}
		leaveToo()
		time.Sleep(linger / 2)
		if now() != first {
			t.Error("it ends at once with the last viewer")
		}
		time.Sleep(linger)
		if now() != nil {
			t.Error("it stays though nobody watches")
		}
		h.close()
		h.close()
		if f, _ := h.join("ann"); f != nil {
			t.Error("it begins anew after the end")
		}
	})
}

func TestViewersAreLimited(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := newHub(Deps{Service: func() *ops.Service { return nil }, Log: zerolog.Nop()})
		for i := range maxViewers {
			if f, _ := h.join(fmt.Sprint("person ", i/maxOfOne)); f == nil {
				t.Fatal("too few may watch")
			}
			if i < maxOfOne {
				continue
			}
			if f, _ := h.join("person 0"); f != nil {
				t.Fatal("one person watches too often")
			}
		}
		if f, _ := h.join("ann"); f != nil {
			t.Error("too many watch")
		}
		h.close()
	})
}
