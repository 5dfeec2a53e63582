package vendors

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
)

// The limits of a body, in bytes after decompression.
const (
	maxBody      = 4 << 20  // of a successful response; a page of 100 users has less than 500 KiB
	maxErrorBody = 64 << 10 // read of an error
	smallBody    = 64 << 10 // without a need of room
	bodyBudget   = 32 << 20 // of all large bodies in memory
	clientBudget = 8 << 20  // of the large bodies of one Client
)

var errTooLarge = fmt.Errorf("the response is larger than %d MiB", maxBody>>20)

// allBodies is the room of all clients of the process.
var allBodies = newRoom(bodyBudget)

// room limits the memory of bodies from the read to the end of decoding. One element is the room
// for one body of maxBody bytes.
type room chan struct{}

func newRoom(size int) room { return make(room, size/maxBody) }

// take waits for room for one body, at most until ctx ends.
func (r room) take(ctx context.Context) error {
	select {
	case r <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (r room) free() { <-r }

// readError reads the first bytes of a failed response.
func readError(res *http.Response) []byte {
	body, _ := io.ReadAll(io.LimitReader(res.Body, maxErrorBody)) // a half message is better than none
	return bytes.Trim(body, blanks)
}

// readBody reads the body of a successful response. A large body waits for room in the client's
// share first, and then in the process, so no vendor can take the room of all. The caller calls free after decoding.
func (c *Client) readBody(ctx context.Context, res *http.Response) (body []byte, free func(), err error) {
	free = func() {}
	var b bytes.Buffer
	if n, err := io.CopyN(&b, res.Body, smallBody); n < smallBody || err != nil {
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return b.Bytes(), free, err
	}
	if err := c.bodies.take(ctx); err != nil {
		return nil, free, err
	}
	if err := allBodies.take(ctx); err != nil {
		c.bodies.free()
		return nil, free, err
	}
	free = func() { allBodies.free(); c.bodies.free() }
	if _, err = b.ReadFrom(io.LimitReader(res.Body, maxBody+1-smallBody)); err == nil && b.Len() > maxBody {
		err = errTooLarge
	}
	return b.Bytes(), free, err
}
