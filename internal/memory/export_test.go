package memory

// SetSegment sets the most results of a segment.
func SetSegment(m *Memory, n int) { m.segment = n }
