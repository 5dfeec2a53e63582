// Package emailindex finds the users with an e-mail. The index holds keyed hashes of e-mails, never
// an e-mail.
//
// The bucket has two values for each user: mail.<hash>.<digest> with the user id, which the server
// finds by its subject, and user.<digest> with the present hash. A value mail of another hash counts
// for nothing, so an interrupted change does no harm. A value with a user id is never replaced, only
// erased: the server overwrites the bytes of an erased value.
package emailindex

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/keyfile"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/vendors"
)

// Index is the index. The methods may be called concurrently.
type Index struct {
	client  streams.Client
	records *streams.Records
	keys    [][]byte // the first hashes, and every key finds
}

// stored is the value of a user.
type stored struct {
	Hash     string          `json:"hash"`
	Position events.Position `json:"position"` // of the event with the e-mail
}

const (
	keyOfIndex = "key" // a random key, if the configuration has none
	tries      = 8     // compare-and-sets of one change
	hashBytes  = 16
)

// Open opens the index. keyFiles are those of the profiles: each gives a key of its own here. Without
// any, a random key in the bucket itself is used, and made if missing.
func Open(ctx context.Context, c streams.Client, keyFiles []string) (*Index, error) {
	records, err := streams.OpenRecords(ctx, c, streams.EmailsBucket)
	if err != nil {
		return nil, err
	}
	x := &Index{client: c, records: records}
	for _, path := range keyFiles {
		key, err := keyfile.Read(path)
		if err != nil {
			return nil, fmt.Errorf("key of profiles %s: %w", path, err)
		}
		x.keys = append(x.keys, digest(key, "usher index of e-mails"))
	}
	own, err := x.own(ctx, len(x.keys) == 0)
	if own != nil {
		x.keys = append(x.keys, own)
	}
	return x, err
}

// own returns the key in the bucket, and makes one if needed; nil without a key.
func (x *Index) own(ctx context.Context, needed bool) ([]byte, error) {
	key, revision, err := x.records.Load(ctx, keyOfIndex)
	if err != nil || revision > 0 || !needed {
		return key, err
	}
	key = make([]byte, keyfile.Size)
	_, _ = rand.Read(key) // never fails
	_, err = x.records.Store(ctx, keyOfIndex, key, 0)
	if errors.Is(err, streams.ErrStaleRevision) { // another process was faster
		key, _, err = x.records.Load(ctx, keyOfIndex)
	}
	return key, err
}

// Set notes the e-mail of a user, by an event at a position. An older event than the last one
// changes nothing, and an e-mail that is noted already is not written.
func (x *Index) Set(ctx context.Context, user, digest, email string, at events.Position) error {
	for try := 1; ; try++ {
		err := x.setOnce(ctx, user, digest, stored{x.hash(0, email), at}, try > 1)
		if !errors.Is(err, streams.ErrStaleRevision) || try == tries {
			return err
		}
	}
}

// setOnce is a try of Set. again says that the try before may have stored the hash.
func (x *Index) setOnce(ctx context.Context, user, digest string, next stored, again bool) error {
	last, revision, err := x.load(ctx, digest)
	switch {
	case err != nil || next.Hash == last.Hash:
		return err
	case next.Position.Before(last.Position) && again: // such as of a user who was erased meanwhile
		return x.erase(ctx, mailKey(next.Hash, digest))
	case next.Position.Before(last.Position):
		return nil
	}
	value, err := json.Marshal(next)
	if err != nil {
		return err
	}
	// The hash comes first: without it the user is not found, and the event is read again.
	if err := x.addMail(ctx, mailKey(next.Hash, digest), user); err != nil {
		return err
	}
	if _, err := x.records.Store(ctx, userKey(digest), value, revision); err != nil || last.Hash == "" {
		return err
	}
	return x.erase(ctx, mailKey(last.Hash, digest))
}

// addMail stores the user id under a key with a hash, unless it is there.
func (x *Index) addMail(ctx context.Context, key, user string) error {
	_, err := x.records.Store(ctx, key, []byte(user), 0)
	if errors.Is(err, streams.ErrStaleRevision) {
		return nil
	}
	return err
}

// Find returns the ids of the users with an e-mail, sorted.
func (x *Index) Find(ctx context.Context, email string) ([]string, error) {
	var users []string
	for i := range x.keys {
		hash := x.hash(i, email)
		keys, err := x.records.Keys(ctx, mailKey(hash, "*"))
		if err != nil {
			return nil, err
		}
		for _, key := range keys {
			user, err := x.user(ctx, key, hash)
			if err != nil {
				return nil, err
			}
			if user != "" {
				users = append(users, user)
			}
		}
	}
	slices.Sort(users)
	return slices.Compact(users), nil
}

// user returns the user id at a key, if the hash is the present one of the user; else "".
func (x *Index) user(ctx context.Context, key, hash string) (string, error) {
	u, _, err := x.load(ctx, key[strings.LastIndexByte(key, '.')+1:])
	if err != nil || u.Hash != hash {
		return "", err
	}
	user, _, err := x.records.Load(ctx, key)
	return string(user), err
}

// Count returns the number of values of a user.
func (x *Index) Count(ctx context.Context, digest string) (int, error) {
	keys, err := x.of(ctx, digest)
	return len(keys), err
}

// Erase removes all values of a user, lets the server overwrite the bytes on the disk, and returns
// their number. The key of the user keeps a position without a hash: events before change nothing, such
// as an event in the hands of a worker. The position also holds off an earlier hash of the user:
// nats-server notes the removal of a replaced message in memory only, and a kill would bring the message
// back.
func (x *Index) Erase(ctx context.Context, digest string, before events.Position) (int, error) {
	for try := 1; ; try++ {
		n, err := x.eraseOnce(ctx, digest, before)
		if !errors.Is(err, streams.ErrStaleRevision) || try == tries {
			return n, err
		}
	}
}

func (x *Index) eraseOnce(ctx context.Context, digest string, before events.Position) (n int, err error) {
	value, err := json.Marshal(stored{Position: before})
	if err != nil {
		return 0, err
	}
	last, revision, err := x.load(ctx, digest)
	if err == nil && last.Hash != "" {
		n, revision, err = 1, 0, x.erase(ctx, userKey(digest))
	}
	if err == nil {
		_, err = x.records.Store(ctx, userKey(digest), value, revision)
	}
	if err != nil {
		return 0, err
	}
	keys, err := x.of(ctx, digest) // none is added from now on
	for _, key := range keys {
		if err := x.erase(ctx, key); err != nil {
			return 0, err
		}
	}
	return n + len(keys), err
}

// of returns the keys of a user, under every hash.
func (x *Index) of(ctx context.Context, digest string) ([]string, error) {
	mails, err := x.records.Keys(ctx, mailKey("*", digest))
	if err != nil {
		return nil, err
	}
	last, revision, err := x.load(ctx, digest)
	if revision > 0 && last.Hash != "" {
		mails = append(mails, userKey(digest))
	}
	return mails, err
}

func (x *Index) load(ctx context.Context, digest string) (s stored, revision uint64, err error) {
	value, revision, err := x.records.Load(ctx, userKey(digest))
	if err == nil && revision > 0 {
		err = json.Unmarshal(value, &s)
	}
	return s, revision, err
}

// erase removes a key without a marker.
func (x *Index) erase(ctx context.Context, key string) error {
	_, revision, err := x.records.Load(ctx, key)
	if err != nil || revision == 0 {
		return err
	}
	return x.client.Erase(ctx, "KV_"+streams.EmailsBucket, revision)
}

// hash returns the hash of an e-mail by the key with an index.
func (x *Index) hash(i int, email string) string {
	return hex.EncodeToString(digest(x.keys[i], vendors.NormalEmail(email))[:hashBytes])
}

func digest(key []byte, text string) []byte {
	mac := hmac.New(sha256.New, key)
	_, _ = mac.Write([]byte(text)) // never fails
	return mac.Sum(nil)
}

func userKey(digest string) string { return "user." + digest }

func mailKey(hash, digest string) string { return "mail." + hash + "." + digest }
