package streams

// Expire ends the validity of a lease that the server still has, as a process sees it that
// was frozen for longer than 0.9 TTL.
func (l *Lease) Expire() { l.end() }

// LookAgain lets the next Fetch look at the consumer.
func (s *Shared) LookAgain() { s.looked = s.looked.Add(-lookEvery) }
