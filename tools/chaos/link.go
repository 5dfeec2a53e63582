package chaos

import (
	"context"
	"io"
	"net"
	"sync"
	"time"
)

// weather is the state of a link.
type weather uint8

const (
	fair weather = iota
	cut          // all connections are closed and rejected
	held         // data are delayed until the end, without loss
	slow         // all data are delayed
)

// link is a TCP proxy between one worker and one NATS server. (Toxiproxy would add an HTTP router and
// a metrics library to the module.)
type link struct {
	target   string
	listener net.Listener
	pumps    sync.WaitGroup

	mu      sync.Mutex
	weather weather
	until   time.Time
	conns   map[net.Conn]bool
}

func newLink(ctx context.Context, target string) (*link, error) {
	var lc net.ListenConfig
	listener, err := lc.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return nil, err
	}
	l := &link{target: target, listener: listener, conns: map[net.Conn]bool{}}
	l.pumps.Go(l.accept)
	return l, nil
}

func (l *link) addr() string { return l.listener.Addr().String() }

// set sets the weather for span.
func (l *link) set(w weather, span time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.weather, l.until = w, time.Now().Add(span)
	if w == cut {
		l.closeAll()
	}
}

func (l *link) now() (weather, time.Duration) {
	l.mu.Lock()
	defer l.mu.Unlock()
	left := time.Until(l.until)
	if left <= 0 {
		return fair, 0
	}
	return l.weather, left
}

func (l *link) closeAll() {
	for c := range l.conns {
		_ = c.Close()
	}
	clear(l.conns)
}

func (l *link) accept() {
	for {
		in, err := l.listener.Accept()
		if err != nil {
			return
		}
		w, _ := l.now()
		out, err := l.dial()
		if err != nil || w == cut {
			_ = in.Close()
			if err == nil {
				_ = out.Close()
			}
			continue
		}
		l.mu.Lock()
		l.conns[in], l.conns[out] = true, true
		l.mu.Unlock()
		l.pumps.Go(func() { l.pump(in, out) })
		l.pumps.Go(func() { l.pump(out, in) })
	}
}

func (l *link) dial() (net.Conn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Second)
	defer cancel()
	var d net.Dialer
	return d.DialContext(ctx, "tcp", l.target)
}

// pump copies bytes in one direction until either side closes.
func (l *link) pump(from, to net.Conn) {
	defer l.drop(from, to)
	buffer := make([]byte, 32<<10)
	for {
		n, err := from.Read(buffer)
		for w, left := l.now(); w == held; w, left = l.now() {
			time.Sleep(min(left, 50*time.Millisecond))
		}
		if w, _ := l.now(); w == slow {
			time.Sleep(20 * time.Millisecond)
		}
		if _, err := to.Write(buffer[:n]); err != nil {
			return
		}
		if err != nil {
			return
		}
	}
}

func (l *link) drop(conns ...io.Closer) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, c := range conns {
		_ = c.Close()
		if conn, ok := c.(net.Conn); ok {
			delete(l.conns, conn)
		}
	}
}

func (l *link) close() {
	_ = l.listener.Close()
	l.set(cut, time.Hour)
	l.pumps.Wait()
}
