package profile

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/streams"
)

// Records stores values by compare-and-set, as streams.Records does.
type Records interface {
	Load(ctx context.Context, key string) (value []byte, revision uint64, err error)
	Store(ctx context.Context, key string, value []byte, revision uint64) (uint64, error)
}

// Store is the profiles of all users. The methods may be called concurrently.
type Store struct {
	records Records
	cipher  Cipher
}

// NewStore returns the profiles in a bucket.
func NewStore(r Records, c Cipher) *Store { return &Store{r, c} }

// Open opens the bucket of profiles, which must exist.
func Open(ctx context.Context, client streams.Client, c Cipher) (*Store, error) {
	r, err := streams.OpenRecords(ctx, client, streams.ProfilesBucket)
	if err != nil {
		return nil, err
	}
	return NewStore(r, c), nil
}

// Load returns the profile at a key. The profile of an unknown user is the zero Profile.
func (s *Store) Load(ctx context.Context, key string) (Profile, error) {
	p, _, err := s.load(ctx, key)
	return p, err
}

func (s *Store) load(ctx context.Context, key string) (p Profile, revision uint64, err error) {
	value, revision, err := s.records.Load(ctx, key)
	if err != nil {
		return p, 0, err
	}
	p, err = s.Decode(key, value)
	return p, revision, err
}

// Decode decrypts and reads a stored profile.
func (s *Store) Decode(key string, value []byte) (p Profile, err error) {
	if len(value) == 0 {
		return p, nil
	}
	plain, err := s.cipher.open(key, value)
	if err == nil && json.Unmarshal(plain, &p) != nil { // the error may show a value
		err = fmt.Errorf("%w: the profile is damaged: erase the profile by usher forget, and send the user again", ErrUnreadable)
	}
	if err != nil {
		return Profile{}, fmt.Errorf("profile %s: %w", key, err)
	}
	return p, nil
}

// tries bounds the compare-and-sets of one merge.
const tries = 8

// Merge merges an event into the profile at a key, and returns the merged profile. An event that
// changes nothing is not written.
func (s *Store) Merge(ctx context.Context, key string, e events.Event, at events.Position) (Profile, error) {
	for try := 1; ; try++ {
		p, err := s.mergeOnce(ctx, key, e, at)
		if err == nil || !errors.Is(err, streams.ErrStaleRevision) || try == tries {
			return p, err
		}
	}
}

func (s *Store) mergeOnce(ctx context.Context, key string, e events.Event, at events.Position) (Profile, error) {
	p, revision, err := s.load(ctx, key)
	if err != nil {
		return p, err
	}
	changed, err := p.Merge(e, at)
	if err != nil || !changed {
		return p, err
	}
	plain, err := json.Marshal(p)
	if err != nil {
		return p, fmt.Errorf("profile %s: %w", key, err)
	}
	_, err = s.records.Store(ctx, key, s.cipher.seal(key, plain), revision)
	return p, err
}
