package streams

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"sync"

	"github.com/usherhq/usher/events"
)

// Ownership is the lasting state of a vendor's ownership, in the bucket OWNERSHIP: the fencing
// token, the committed position, and the mark of the last sweep. The keys have no TTL. The
// methods may be called concurrently.
type Ownership struct {
	records *Records
	vendor  string

	mu       sync.Mutex      // held during Commit
	known    events.Position // as last read or written
	revision uint64          // of known; 0: not read yet, or missing. An outdated one meets a conflict
}

// OpenOwnership opens the bucket for a vendor.
func OpenOwnership(ctx context.Context, c Client, vendor string) (*Ownership, error) {
	if err := checkToken("vendor", vendor); err != nil {
		return nil, err
	}
	records, err := OpenRecords(ctx, c, c.Names.WithDefaults().Ownership)
	if err != nil {
		return nil, err
	}
	return &Ownership{records: records, vendor: vendor}, nil
}

func (o *Ownership) key(name string) string { return o.vendor + "." + name }

// RaiseToken raises the fencing token above its last value and above floor, and returns it.
// Call RaiseToken with the lease held, and check afterwards that the lease is still valid: the
// token itself excludes nobody. After an error a number may be skipped, which does no harm.
//
// If the bucket was purged, the token starts low, and every record then names a newer owner:
// the owner that finds a higher token in a record steps down and passes that token as the
// floor of the next ownership.
func (o *Ownership) RaiseToken(ctx context.Context, floor uint64) (uint64, error) {
	for {
		last, revision, err := o.token(ctx)
		if err != nil {
			return 0, err
		}
		token := max(last, floor) + 1
		_, err = o.records.Store(ctx, o.key("token"), strconv.AppendUint(nil, token, 10), revision)
		switch {
		case err == nil:
			return token, nil
		case !errors.Is(err, ErrStaleRevision):
			return 0, err
		}
	}
}

// Token returns the fencing token of the last owner; zero before the first.
func (o *Ownership) Token(ctx context.Context) (uint64, error) {
	token, _, err := o.token(ctx)
	return token, err
}

func (o *Ownership) token(ctx context.Context) (token, revision uint64, err error) {
	value, revision, err := o.records.Load(ctx, o.key("token"))
	if err != nil || revision == 0 {
		return 0, 0, err
	}
	if token, err = strconv.ParseUint(string(value), 10, 64); err != nil {
		return 0, 0, fmt.Errorf("token of %s: %w", o.vendor, err)
	}
	return token, revision, nil
}

// Position reads the committed position; the zero Position before the first Commit.
func (o *Ownership) Position(ctx context.Context) (events.Position, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	err := o.read(ctx)
	return o.known, err
}

// Commit stores a position by compare-and-set. The stored position never goes back: if it is
// higher already, Commit keeps it. A late commit of a former owner does no harm, since a
// committed position is true for every owner.
func (o *Ownership) Commit(ctx context.Context, p events.Position) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.revision == 0 {
		if err := o.read(ctx); err != nil {
			return err
		}
	}
	value, err := json.Marshal(p)
	if err != nil {
		return err
	}
	for p.Compare(o.known) > 0 {
		revision, err := o.records.Store(ctx, o.key("position"), value, o.revision)
		if err == nil {
			o.known, o.revision = p, revision
			return nil
		}
		if !errors.Is(err, ErrStaleRevision) {
			return err
		}
		if err := o.read(ctx); err != nil {
			return err
		}
	}
	return nil
}

// read loads the committed position.
func (o *Ownership) read(ctx context.Context) error {
	value, revision, err := o.records.Load(ctx, o.key("position"))
	if err != nil {
		return err
	}
	var p events.Position
	if revision > 0 {
		if err := json.Unmarshal(value, &p); err != nil {
			return fmt.Errorf("position of %s: %w", o.vendor, err)
		}
	}
	o.known, o.revision = p, revision
	return nil
}

// Swept returns the nonce of the sentinel for which all timers were armed, or nothing.
func (o *Ownership) Swept(ctx context.Context) (nonce string, err error) {
	value, _, err := o.records.Load(ctx, o.key("swept"))
	return string(value), err
}

// SetSwept records that all timers were armed for a sentinel. A late call of a former owner
// with an older nonce only makes the owner sweep again.
func (o *Ownership) SetSwept(ctx context.Context, nonce string) error {
	for {
		_, revision, err := o.records.Load(ctx, o.key("swept"))
		if err != nil {
			return err
		}
		if _, err = o.records.Store(ctx, o.key("swept"), []byte(nonce), revision); !errors.Is(err, ErrStaleRevision) {
			return err
		}
	}
}
