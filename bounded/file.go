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

func readFile(path string, most int64, silence time.Duration) (text []byte, err error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return os.ReadFile(path) // for an error of opening
	case info.IsDir():
		err = errDirectory
	case info.Mode().IsRegular() && info.Size() > most:
		err = errTooLarge
	case info.Mode().IsRegular():
		text, err = os.ReadFile(path)
	default:
		text, err = readPipe(path, most, silence)
	}
	if _, named := errors.AsType[*fs.PathError](err); err == nil || named {
		return text, err
	}
	return nil, &fs.PathError{Op: "read", Path: path, Err: err}
}

// readPipe reads a pipe or a device in a goroutine, since opening a pipe blocks until there is a writer.
func readPipe(path string, most int64, silence time.Duration) ([]byte, error) {
	pieces, stop := make(chan piece), make(chan struct{})
	defer close(stop)
	go readPieces(path, pieces, stop)
	var text bytes.Buffer
	for {
		select {
		case p := <-pieces:
			if text.Write(p.text); int64(text.Len()) > most {
				return nil, errTooLarge
			}
			if errors.Is(p.err, io.EOF) {
				return text.Bytes(), nil
			}
			if p.err != nil {
				return nil, p.err
			}
		case <-time.After(silence):
			return nil, errSilent
		}
	}
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
