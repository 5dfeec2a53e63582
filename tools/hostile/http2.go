package hostile

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// streams opens connections of HTTP/2 with many requests each, half-sent, whose answers are never read.
func (w *world) streams(ctx context.Context, random *rand.Rand) {
	path := []string{"/metrics", "/events", "/webhooks/evil", "/schemas/user.created"}[random.IntN(4)]
	var all []net.Conn
	var reading sync.WaitGroup
	for range 5 {
		conn, err := w.dial(ctx)
		if err != nil {
			break
		}
		all = append(all, conn)
		reading.Go(func() { _, _ = io.Copy(io.Discard, conn) }) // what the server sends; ends with Close
		if sendStreams(conn, path, random.IntN(40<<10)) != nil {
			break // the server gave the connection up
		}
	}
	select {
	case <-ctx.Done():
	case <-time.After(500 * time.Millisecond):
	}
	for _, conn := range all {
		_ = conn.Close()
	}
	reading.Wait()
}

// sendStreams sends requests with a header of a size in bytes and the begin of a body.
func sendStreams(conn net.Conn, path string, size int) error {
	f := http2.NewFramer(conn, nil)
	_, err := io.WriteString(conn, http2.ClientPreface)
	if err == nil {
		err = f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
	}
	if err == nil {
		err = f.WriteSettingsAck()
	}
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for stream := uint32(1); stream < 500 && err == nil; stream += 2 {
		block.Reset()
		for _, h := range [][2]string{{":method", "POST"}, {":scheme", "http"}, {":authority", "127.0.0.1"}, {":path", path}, {"x-long", strings.Repeat("~", size) + fmt.Sprint(stream)}} {
			_ = encoder.WriteField(hpack.HeaderField{Name: h[0], Value: h[1]})
		}
		err = writeHeaders(f, stream, block.Bytes())
		if err == nil {
			err = f.WriteData(stream, false, []byte("[["))
		}
	}
	return err
}

// writeHeaders writes a block of headers in frames of 16 KiB at most.
func writeHeaders(f *http2.Framer, stream uint32, block []byte) error {
	const most = 16 << 10
	n := min(len(block), most)
	err := f.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block[:n], EndHeaders: n == len(block)})
	for block = block[n:]; len(block) > 0 && err == nil; block = block[n:] {
		n = min(len(block), most)
		err = f.WriteContinuation(stream, n == len(block), block[:n])
	}
	return err
}
