package mailbox

import (
	"fmt"
	"testing"

	"github.com/usherhq/usher/internal/fairness"
)

// Mailboxes without work are bounded in number and in bytes, the oldest go first.
func TestIdleMailboxesAreBounded(t *testing.T) {
	for name, size := range map[string]int{"number": 100, "bytes": 200 << 10} {
		t.Run(name, func(t *testing.T) {
			q := newQueue(fairness.NewScheduler(1), nil)
			for i := range 2 * mostIdle {
				q.mu.Lock()
				u := q.user(fmt.Sprint("u", i))
				u.stored.encoded = make([]byte, size)
				q.proceed(u)
				q.proceed(q.user("u0")) // used again and again
				q.mu.Unlock()
			}
			if n := len(q.users); n > mostIdle || n != q.idle.list.Len() || q.idle.bytes > idleBytes || q.idle.bytes != size*n {
				t.Errorf("%d mailboxes, %d idle, %d bytes", n, q.idle.list.Len(), q.idle.bytes)
			}
			if q.users["u0"] == nil || q.users["u1"] != nil {
				t.Error("want the mailboxes of the last use")
			}
		})
	}
}
