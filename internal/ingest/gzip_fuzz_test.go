package ingest_test

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/usherhq/usher/internal/ingest"
)

// FuzzPlain unpacks any body. The plain bytes are those of the standard library, and never more
// than the limit.
func FuzzPlain(f *testing.F) {
	f.Add([]byte(compress(f, "{}")), int64(10))
	f.Add([]byte(compress(f, strings.Repeat("a", 100_000))), int64(1<<20))
	f.Add([]byte("no gzip"), int64(1))
	f.Add([]byte(compress(f, "ab")+compress(f, "cd")), int64(4))
	f.Fuzz(func(t *testing.T, sent []byte, limit int64) {
		limit &= 1<<20 - 1
		header, body, err := ingest.Plain(http.Header{"Content-Encoding": {"gzip"}}, sent, limit)
		if err != nil {
			return
		}
		if int64(len(body)) > limit || header.Get("Content-Encoding") != "" {
			t.Errorf("got %d bytes, with the limit %d", len(body), limit)
		}
		reader, err := gzip.NewReader(bytes.NewReader(sent))
		if err != nil {
			t.Fatal(err)
		}
		if want, err := io.ReadAll(reader); err != nil || !bytes.Equal(want, body) {
			t.Errorf("got %q, want %q, %v", body, want, err)
		}
	})
}
