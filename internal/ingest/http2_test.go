package ingest_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

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
		var block bytes.Buffer
		encoder := hpack.NewEncoder(&block)
		for stream := range uint32(4 * most) {
			block.Reset()
			for _, h := range []hpack.HeaderField{{Name: ":method", Value: "GET"}, {Name: ":scheme", Value: "http"}, {Name: ":authority", Value: "usher.test"}, {Name: ":path", Value: "/"}} {
				_ = encoder.WriteField(h)
			}
			if f.WriteHeaders(http2.HeadersFrameParam{StreamID: 2*stream + 1, BlockFragment: block.Bytes(), EndStream: true, EndHeaders: true}) != nil {
				break // the server closed the connection
			}
			synctest.Wait()
		}
		if got := calls.Load(); got > most || got == 0 {
			t.Errorf("got %d requests in hand, want some and at most %d", got, most)
		}
	})
}

// A connection must not make the server keep megabytes of unread requests.
func TestHTTP2KeepsLittle(t *testing.T) {
	const most = 64 << 10
	synctest.Test(t, func(t *testing.T) {
		l, _ := serve(t, ingest.ServerConfig{Slow: time.Minute, Grace: time.Second}, http.NotFoundHandler())
		f := http2Client(t, l)
		got := map[http2.SettingID]uint32{}
		room := uint32(1<<16 - 1) // of a connection, by RFC 9113
		for range 3 {             // settings, the window of the connection, and the acknowledgement
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
