package vendors

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/usherhq/usher/bounded"
)

// The limits of a body, in bytes after decompression.
const (
	maxBody      = 4 << 20  // of a successful response; a page of 100 users has less than 500 KiB
	maxErrorBody = 64 << 10 // read of an error
	smallBody    = 64 << 10 // without a need of room
	bodyBudget   = 16 << 20 // of the second large bodies of all Clients; the first of each has a place of its own
	clientBudget = 8 << 20  // of the large bodies of one Client
)

var errTooLarge = fmt.Errorf("the response is larger than %d MiB", maxBody>>20)

// The limits of the JSON in a response (docs/design.md, rule 6.9).
const (
	maxDepth       = 64     // levels of arrays and objects
	maxNumber      = 128    // bytes of a number
	maxValues      = 131072 // values of a successful response: one for 32 bytes of the largest body
	maxErrorValues = 1024   // values of an error
	maxItems       = 10_000 // elements of lists, for a call without Call.Items
	leastItems     = 200    // elements of lists that every call may return: a vendor may ignore the requested size
)

// secondBodies is the room of the process for the second large body of each client.
var secondBodies = bounded.NewRoom(bodyBudget / maxBody)

// itemLimit returns the limit of list elements in the response to a call that requested a number of
// items, 0 for an unknown number.
func itemLimit(requested int) int {
	if requested == 0 {
		return maxItems
	}
	return max(2*requested, leastItems)
}

// checkJSON returns an error if the JSON in body exceeds a limit of responses.
func checkJSON(body []byte, values, items int) error {
	limits := bounded.JSON{Levels: maxDepth, Values: values, Items: items, Number: maxNumber}
	if err := limits.Check(body); err != nil {
		return fmt.Errorf("the response has %w", err)
	}
	return nil
}

// readError reads the first bytes of a failed response.
func readError(res *http.Response) []byte {
	body, _ := io.ReadAll(io.LimitReader(res.Body, maxErrorBody)) // a half message is better than none
	return bytes.Trim(body, blanks)
}

// readBody reads the body of a successful response. A large body waits for room first. The caller calls
// free after decoding.
func (c *Client) readBody(ctx context.Context, res *http.Response) (body []byte, free func(), err error) {
	var b bytes.Buffer
	if n := res.ContentLength; n > 0 && n < smallBody {
		b.Grow(int(n) + bytes.MinRead) // else ReadFrom grows once more at the end
	}
	if n, err := io.CopyN(&b, res.Body, smallBody); n < smallBody || err != nil {
		if errors.Is(err, io.EOF) {
			err = nil
		}
		return b.Bytes(), func() {}, err
	}
	if free, err = c.takeRoom(ctx); err != nil {
		return nil, func() {}, err
	}
	if _, err = b.ReadFrom(io.LimitReader(res.Body, maxBody+1-smallBody)); err == nil && b.Len() > maxBody {
		err = errTooLarge
	}
	return b.Bytes(), free, err
}

// takeRoom waits for room for a large body. One place is the client's alone: other vendors, however slow
// and however many, hold up no body. The second place comes from the room of the process.
func (c *Client) takeRoom(ctx context.Context) (free func(), err error) {
	if err := c.bodies.Take(ctx); err != nil {
		return nil, err
	}
	place := c.first
	select {
	case c.first <- struct{}{}:
	default:
		select {
		case c.first <- struct{}{}:
		case secondBodies <- struct{}{}:
			place = secondBodies
		case <-ctx.Done():
			c.bodies.Free()
			return nil, ctx.Err()
		}
	}
	return func() { place.Free(); c.bodies.Free() }, nil
}
