package worker

// tenure is the time for which a lane is this process'. A task that has not begun
// when it is over is given back: the next owner will have newer events of the
// same users.
type tenure struct {
	over chan struct{} // closed when it is over
}

func newTenure() *tenure { return &tenure{over: make(chan struct{})} }

func (t *tenure) isOver() bool { return isClosed(t.over) }
