package memory

import "context"

// SetSegment sets the most results of a segment.
func SetSegment(m *Memory, n int) { m.segment = n }

// ArchiveOne stores the next segment, if there are enough results.
var ArchiveOne = func(ctx context.Context, m *Memory, enough int) error { return m.archiveOne(ctx, enough) }
