package mailbox

// The bounds of the records of idle mailboxes that are kept in memory.
const (
	idleUsers = 4096
	idleBytes = 16 << 20
)

// keep keeps an idle mailbox with its record, and drops the oldest ones beyond the bounds.
// Its caller holds the lock.
func (m *Mailboxes) keep(u *user) {
	u.idle, u.idleBytes = m.idle.PushBack(u), len(u.stored.encoded)
	m.idleBytes += u.idleBytes
	for m.idle.Len() > idleUsers || m.idleBytes > idleBytes {
		oldest := m.idle.Front().Value.(*user)
		m.use(oldest)
		delete(m.users, oldest.key)
	}
}

// use takes a mailbox out of the idle ones. Its caller holds the lock.
func (m *Mailboxes) use(u *user) {
	if u.idle != nil {
		m.idle.Remove(u.idle)
		m.idleBytes -= u.idleBytes
		u.idle = nil
	}
}
