package streams

// Expire ends the validity of a lease that the server still has, as a process sees it that
// was frozen for longer than 0.9 TTL.
func (l *Lease) Expire() { l.end() }
