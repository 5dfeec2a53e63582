package bounded

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
	"testing"
	"testing/iotest"
	"time"
)

// TestReadFile reads every kind of file in bounded time and memory.
func TestReadFile(t *testing.T) {
	dir := t.TempDir()
	small, large := filepath.Join(dir, "small"), filepath.Join(dir, "large")
	for path, size := range map[string]int{small: 10, large: 101} {
		if err := os.WriteFile(path, bytes.Repeat([]byte("x"), size), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, c := range map[string]struct {
		path string
		want int
		err  error
	}{
		"a file":           {small, 10, nil},
		"a large file":     {large, 0, errTooLarge},
		"a missing file":   {filepath.Join(dir, "none"), 0, fs.ErrNotExist},
		"a directory":      {dir, 0, errDirectory},
		"an empty device":  {os.DevNull, 0, nil},
		"an endless one":   {"/dev/zero", 0, errTooLarge},
		"nobody writes":    {fifo(t, nil), 0, errSilent},
		"a writer":         {fifo(t, []byte("0123456789")), 10, nil},
		"too much to read": {fifo(t, bytes.Repeat([]byte("x"), 101)), 0, errTooLarge},
	} {
		t.Run(name, func(t *testing.T) {
			wait := time.Minute
			if errors.Is(c.err, errSilent) {
				wait = 10 * time.Millisecond
			}
			text, err := readFile(c.path, 100, wait)
			if len(text) != c.want || !errors.Is(err, c.err) {
				t.Errorf("got %d bytes and %v, want %d and %v", len(text), err, c.want, c.err)
			}
			if _, named := errors.AsType[*fs.PathError](err); err != nil && !named {
				t.Errorf("the error %v names no path", err)
			}
		})
	}
}

// fifo returns the path of a pipe that gets a text; nil: no writer, until the end of the test.
func fifo(t *testing.T, text []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "pipe")
	if err := syscall.Mkfifo(path, 0o600); err != nil {
		t.Fatal(err)
	}
	write := func() {
		w, err := os.OpenFile(path, os.O_WRONLY, 0)
		if err != nil {
			t.Error(err)
			return
		}
		_, _ = w.Write(text) // the reader may have enough
		_ = w.Close()
	}
	if text == nil {
		t.Cleanup(write) // releases the reader
		return path
	}
	go write()
	return path
}

// TestOpen reads a stream in small parts, and leaves a stream in the middle.
func TestOpen(t *testing.T) {
	path := fifo(t, bytes.Repeat([]byte("x"), 100_000))
	f, err := openFile(path, 1<<20, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	n, err := io.Copy(io.Discard, iotest.HalfReader(f))
	if err = errors.Join(err, f.Close()); n != 100_000 || err != nil {
		t.Errorf("got %d bytes and %v, want all", n, err)
	}
	endless, err := openFile("/dev/zero", 1<<20, time.Minute)
	if err != nil {
		t.Fatal(err)
	}
	if n, err := io.ReadFull(endless, make([]byte, 100)); n != 100 || err != nil {
		t.Errorf("got %d bytes and %v, want the start of a device", n, err)
	}
	if err := endless.Close(); err != nil {
		t.Error(err)
	}
}
