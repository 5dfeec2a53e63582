package mailbox

import (
	"fmt"
	"testing"
	"time"

	"github.com/usherhq/usher/handlers"
)

// Mailboxes without work are bounded in number and in bytes, the oldest go first.
func TestIdleMailboxesAreBounded(t *testing.T) {
	for name, size := range map[string]int{"number": 100, "bytes": 200 << 10} {
		t.Run(name, func(t *testing.T) {
			m, err := New(&Vendor{Name: "acme"}, Config{
				CallTimeout: time.Second, CallLease: time.Second, MaxAge: time.Hour, PrerequisiteWait: time.Hour,
				RetryMin: time.Second, RetryMax: time.Second, HoldRetry: time.Second, Remember: time.Hour, RecordBytes: 1 << 20, WaitingBytes: 1 << 20,
			}, Deps{Handlers: []handlers.Handler{}})
			if err != nil {
				t.Fatal(err)
			}
			for i := range 2 * idleUsers {
				m.mu.Lock()
				u := m.user(fmt.Sprint("u", i))
				u.stored.encoded = make([]byte, size)
				m.keep(u)
				m.use(m.user("u0")) // used again and again
				m.keep(m.user("u0"))
				m.mu.Unlock()
			}
			if len(m.users) > idleUsers || len(m.users) != m.idle.Len() || m.idleBytes > idleBytes || m.idleBytes != size*len(m.users) {
				t.Errorf("%d mailboxes, %d idle, %d bytes", len(m.users), m.idle.Len(), m.idleBytes)
			}
			if m.users["u0"] == nil || m.users["u1"] != nil {
				t.Error("the mailboxes that were used last are kept")
			}
		})
	}
}
