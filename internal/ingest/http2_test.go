package ingest_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
	"weak"

	"github.com/rs/zerolog"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"

	"github.com/usherhq/usher/internal/ingest"
	"github.com/usherhq/usher/vendors/vendortest/memnet"
)

// http2Client returns a framer on a new connection that sent the preface.
func http2Client(t *testing.T, l *memnet.Listener) *http2.Framer {
	t.Helper()
	conn := dial(t, l)
	t.Cleanup(func() { _ = conn.Close() })
	_, err := io.WriteString(conn, http2.ClientPreface)
	f := http2.NewFramer(conn, conn)
	if err == nil {
		err = f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}) // no answer is read
	}
	if err != nil {
		t.Fatal(err)
	}
	return f
}

// get sends the preface and a request, with a window in bytes for the answer.
func get(t *testing.T, f *http2.Framer, conn net.Conn, window uint32, fields ...[2]string) {
	t.Helper()
	_, err := io.WriteString(conn, http2.ClientPreface)
	if err == nil {
		err = f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: window})
	}
	if err == nil {
		err = f.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: headerBlock(fields...), EndStream: true, EndHeaders: true})
	}
	if err != nil {
		t.Fatal(err)
	}
}

// readAll reads what the server sends until the end of the connection, which the result tells.
func readAll(f *http2.Framer) (closed chan struct{}) {
	closed = make(chan struct{})
	go func() {
		defer close(closed)
		for _, err := f.ReadFrame(); err == nil; {
			_, err = f.ReadFrame()
		}
	}()
	return closed
}

// A stranger must not hold more requests in memory than the limit of connections: neither before the
// answer, nor by not reading the answer.
func TestRequestsOverHTTP2CountAsConnections(t *testing.T) {
	const most = 5
	for name, answer := range map[string]http.HandlerFunc{
		"waiting":  func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
		"answered": func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "no") },
	} {
		t.Run(name, func(t *testing.T) { countRequests(t, most, answer) })
	}
}

// countRequests sends requests, and reads no answer.
func countRequests(t *testing.T, most int64, answer http.HandlerFunc) {
	synctest.Test(t, func(t *testing.T) {
		var calls atomic.Int64 // none of which ends
		l, _ := serve(t, ingest.ServerConfig{Slow: time.Minute, Grace: time.Second, Most: int(most)}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			calls.Add(1)
			answer(w, r)
		}))
		f := http2Client(t, l)
		readAll(f)
		for stream := range uint32(4 * most) {
			if f.WriteHeaders(http2.HeadersFrameParam{StreamID: 2*stream + 1, BlockFragment: headerBlock(), EndStream: true, EndHeaders: true}) != nil {
				break // the server closed the connection
			}
			synctest.Wait()
		}
		if got := calls.Load(); got > most || got == 0 {
			t.Errorf("got %d requests in hand, want some and at most %d", got, most)
		}
	})
}

// headerBlock returns the headers of a request.
func headerBlock(fields ...[2]string) []byte {
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, h := range append([][2]string{{":method", "GET"}, {":scheme", "http"}, {":authority", "usher.test"}, {":path", "/"}}, fields...) {
		_ = encoder.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]})
	}
	return block.Bytes()
}

// watched is a listener that tells whether the last connection is still in memory.
type watched struct {
	*memnet.Listener

	last weak.Pointer[watchedConn]
}

type watchedConn struct{ net.Conn }

func (l *watched) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	kept := &watchedConn{conn}
	l.last = weak.Make(kept)
	return kept, nil
}

// A stranger must not fill the memory by connections that end early: net/http would keep each for the
// time of an idle connection.
func TestEndedConnectionIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		l, ended := &watched{Listener: memnet.Listen()}, make(chan error, 1)
		go func() {
			ended <- ingest.Serve(ctx, l, ingest.ServerConfig{Slow: time.Minute, Idle: time.Hour, Grace: time.Second}, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
				<-r.Context().Done()
			}), zerolog.Nop())
		}()
		conn := dial(t, l.Listener)
		f := http2.NewFramer(conn, conn)
		closed := readAll(f)
		get(t, f, conn, 0)
		synctest.Wait()
		_ = conn.Close()
		<-closed
		time.Sleep(10 * time.Minute) // stopped timers hold their functions for a while
		for range 5 {                // pools of net/http forget with the second collection
			runtime.GC()
		}
		if l.last.Value() != nil {
			t.Error("the ended connection is still in memory")
		}
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
}

// An answered request keeps no headers, neither while the client reads no answer, nor in the pools of net/http.
func TestAnsweredRequestKeepsNoHeader(t *testing.T) {
	for name, window := range map[string]uint32{"an unread answer": 0, "a read answer": 1 << 10} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				values := make(chan weak.Pointer[string], 1)
				l, _ := serve(t, ingest.ServerConfig{Slow: time.Minute, Grace: time.Second}, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					values <- weak.Make(&r.Header["X-Long"][0])
					_, _ = io.WriteString(w, "no")
				}))
				conn := dial(t, l)
				t.Cleanup(func() { _ = conn.Close() })
				f := http2.NewFramer(conn, conn)
				readAll(f)
				get(t, f, conn, window, [2]string{"x-long", strings.Repeat("~", 1<<10)})
				value := <-values
				synctest.Wait()
				runtime.GC()
				if value.Value() != nil {
					t.Error("the header of the answered request is still in memory")
				}
			})
		})
	}
}

// A connection without a request ends after the time for idle connections, a connection with one does not.
func TestIdleConnectionsEnd(t *testing.T) {
	const idle = time.Minute
	for name, begin := range map[string]func(*testing.T, net.Conn){
		"HTTP/1": func(t *testing.T, conn net.Conn) {
			t.Helper()
			if _, err := io.WriteString(conn, "GET / HTTP/1.1\r\nHost: usher.test\r\n\r\n"); err != nil {
				t.Fatal(err)
			}
		},
		"HTTP/2": func(t *testing.T, conn net.Conn) {
			t.Helper()
			get(t, http2.NewFramer(conn, conn), conn, 1<<10)
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				const work = 2 * idle
				l, _ := serve(t, ingest.ServerConfig{Slow: time.Hour, Idle: idle, Grace: time.Second}, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {
					time.Sleep(work)
				}))
				conn := dial(t, l)
				begun := time.Now()
				closed := make(chan time.Duration, 1)
				go func() {
					_, _ = io.Copy(io.Discard, conn)
					closed <- time.Since(begun)
				}()
				begin(t, conn)
				if got := <-closed; got != work+idle {
					t.Errorf("the connection ended after %s, want %s", got, work+idle)
				}
			})
		})
	}
}

// A connection must not make the server keep megabytes of unread requests.
func TestHTTP2KeepsLittle(t *testing.T) {
	const most = 64 << 10
	synctest.Test(t, func(t *testing.T) {
		l, _ := serve(t, ingest.ServerConfig{Slow: time.Minute, Grace: time.Second}, http.NotFoundHandler())
		f := http2Client(t, l)
		got := map[http2.SettingID]uint32{}
		room := uint32(1<<16 - 1) // of a connection, by RFC 9113
		for range 2 {             // settings and the acknowledgement; a window of the connection would come between
			frame, err := f.ReadFrame()
			if err != nil {
				t.Fatal(err)
			}
			switch frame := frame.(type) {
			case *http2.SettingsFrame:
				_ = frame.ForeachSetting(func(s http2.Setting) error { got[s.ID] = s.Val; return nil })
			case *http2.WindowUpdateFrame:
				room += frame.Increment
			}
		}
		if frame, window := got[http2.SettingMaxFrameSize], got[http2.SettingInitialWindowSize]; frame > most || window > most || room > most || frame == 0 {
			t.Errorf("a frame may have %d bytes, a stream %d and a connection %d, want at most %d", frame, window, room, most)
		}
	})
}

// A stranger must not fill the log with errors.
func TestFaultsOfClientsAreNoErrors(t *testing.T) {
	var log bytes.Buffer
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		l, ended := memnet.Listen(), make(chan error, 1)
		go func() {
			ended <- ingest.Serve(ctx, l, ingest.ServerConfig{Slow: time.Minute, Grace: time.Second}, http.NotFoundHandler(), zerolog.New(&log))
		}()
		f := http2Client(t, l)
		closed := readAll(f)
		_ = f.WriteContinuation(1, true, nil) // without a beginning
		<-closed
		conn := dial(t, l)
		_, _ = io.WriteString(conn, "GET /?a;b HTTP/1.1\r\nHost: usher.test\r\nConnection: close\r\n\r\n")
		_, _ = io.ReadAll(conn)
		_ = conn.Close()
		cancel()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	if got := log.String(); !strings.Contains(got, "PROTOCOL_ERROR") || strings.Contains(got, `"level":"error"`) {
		t.Errorf("got %s, want the fault of the client without an error", got)
	}
}
