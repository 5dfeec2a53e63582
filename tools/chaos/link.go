package chaos

import (
	"context"
	"io"
	"net"
	"sync"
	"time"
)

// weather is what befalls a link.
type weather uint8

const (
	fair weather = iota
	cut          // every connection is closed, and none is let in
	held         // nothing passes, and nothing is lost
	slow         // everything passes late
)

// link is the way of one worker to one NATS server: a TCP proxy. (Toxiproxy
// could do more, but would bring an HTTP router and a metrics library into the
// module for what these few lines do.)
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

// set makes the weather last for span.
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

// pump carries bytes one way, until either side closes.
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
