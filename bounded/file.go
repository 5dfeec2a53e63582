package bounded

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"time"
)

// The most bytes of a file named by a person.
const (
	SettingsFile = 16 << 20 // a configuration, a description, a secret, a certificate
	DataFile     = 1 << 30  // events and users
)

// silence is how long a pipe or a device may give nothing: a pipe without a writer would wait for ever.
const silence = 30 * time.Second

// The causes of the errors of ReadFile.
var (
	errDirectory = errors.New("is a directory")
	errTooLarge  = errors.New("is too large for such a file")
	errSilent    = errors.New("is a pipe or a device that gave nothing for 30 seconds: nobody writes to it")
)

// ReadFile reads a file of at most some bytes. A pipe, as of /dev/stdin or <(command), is read to the end,
// and fails after half a minute of silence. The error is a *fs.PathError.
func ReadFile(path string, most int64) ([]byte, error) { return readFile(path, most, silence) }

func readFile(path string, most int64, silence time.Duration) ([]byte, error) {
	f, err := openFile(path, most, silence)
	if err != nil {
		return nil, err
	}
	var text bytes.Buffer
	if info, err := os.Stat(path); err == nil && info.Mode().IsRegular() {
		text.Grow(int(info.Size()) + bytes.MinRead) // a large file is read without a copy
	}
	_, err = text.ReadFrom(f)
	if err = errors.Join(err, f.Close()); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}

// Open opens a file for reading as a stream, under the rule of ReadFile. Errors of the stream are
// *fs.PathError, too.
func Open(path string, most int64) (io.ReadCloser, error) { return openFile(path, most, silence) }

func openFile(path string, most int64, silence time.Duration) (io.ReadCloser, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil: // an error of opening follows
	case info.IsDir():
		return nil, &fs.PathError{Op: "read", Path: path, Err: errDirectory}
	case !info.Mode().IsRegular():
		return &limited{newPipe(path, silence), path, most}, nil
	case info.Size() > most:
		return nil, &fs.PathError{Op: "read", Path: path, Err: errTooLarge}
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	return &limited{f, path, most}, nil
}

// limited is a file of at most so many further bytes.
type limited struct {
	io.ReadCloser
	path string
	left int64
}

// Read reads until the limit.
func (l *limited) Read(into []byte) (int, error) {
	n, err := l.ReadCloser.Read(into)
	if l.left -= int64(n); l.left < 0 {
		n, err = 0, errTooLarge
	}
	if _, named := errors.AsType[*fs.PathError](err); err == nil || named || errors.Is(err, io.EOF) {
		return n, err
	}
	return n, &fs.PathError{Op: "read", Path: l.path, Err: err}
}

// pipe is a pipe or a device, read in a goroutine, since opening a pipe blocks until there is a writer.
type pipe struct {
	pieces  chan piece
	stop    chan struct{}
	silence time.Duration
	unread  piece
}

func newPipe(path string, silence time.Duration) *pipe {
	p := &pipe{pieces: make(chan piece), stop: make(chan struct{}), silence: silence}
	go readPieces(path, p.pieces, p.stop)
	return p
}

// Read waits for the next piece, at most until the end of the silence.
func (p *pipe) Read(into []byte) (int, error) {
	for len(p.unread.text) == 0 && p.unread.err == nil {
		select {
		case p.unread = <-p.pieces:
		case <-time.After(p.silence):
			return 0, errSilent
		}
	}
	n := copy(into, p.unread.text)
	if p.unread.text = p.unread.text[n:]; len(p.unread.text) > 0 {
		return n, nil
	}
	return n, p.unread.err
}

// Close ends the goroutine, after its present read.
func (p *pipe) Close() error {
	close(p.stop)
	return nil
}

// piece is a part of a text, and the error behind the part.
type piece struct {
	text []byte
	err  error
}

// readPieces sends the parts of a file until an error, or until stop.
func readPieces(path string, to chan<- piece, stop <-chan struct{}) {
	f, err := os.Open(path)
	for end := false; !end; end = err != nil {
		p := piece{err: err}
		if err == nil {
			room := make([]byte, 64<<10)
			var n int
			n, err = f.Read(room)
			p = piece{room[:n], err}
		}
		select {
		case to <- p:
		case <-stop:
			err = io.EOF
		}
	}
	if f != nil {
		_ = f.Close()
	}
}
