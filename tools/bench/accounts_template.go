package bench

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/streams"
	"github.com/usherhq/usher/tools/process"
)

// template holds the stored messages of one account, by bucket. Further accounts differ in user id,
// account id, e-mail and the digests of them.
type template struct {
	vendor   string
	account  string // id of the account at the vendor
	mail     string // hash of the e-mail in the subject
	messages map[string][]streams.Message
}

// template lets usher make the account of the first user, and returns the messages in the buckets.
func (s *env) template(ctx context.Context) (*template, error) {
	s.config.progress("usher makes the first account")
	if err := s.startWorkers(ctx); err != nil {
		return nil, err
	}
	life := s.plan.Load.life()
	for step := range len(life) - 1 { // without the deletion
		now := time.Now()
		e, err := s.plan.Load.write(step, firstUser, step, now)
		if err != nil {
			return nil, err
		}
		if err := s.send(e, now); err != nil {
			return nil, err
		}
	}
	client, err := s.client()
	if err != nil {
		return nil, err
	}
	done := process.Wait{For: "the first account has its results, and the index its e-mail", Needs: s.processes()}
	err = done.Until(ctx, func() bool {
		have, err := s.stored(ctx)
		indexed, failed := client.LastOf(ctx, "KV_"+streams.EmailsBucket, []string{"$KV." + streams.EmailsBucket + ".user.>"}, time.Time{})
		return err == nil && failed == nil && have >= uint64(len(life)-1) && indexed > 0
	})
	if err == nil {
		err = s.stopWorkers()
	}
	if err != nil {
		return nil, err
	}
	return s.readTemplate(ctx, client)
}

func (s *env) readTemplate(ctx context.Context, client streams.Client) (*template, error) {
	t := &template{vendor: s.plan.Load.Vendors[0], messages: map[string][]streams.Message{}}
	for m, err := range client.Messages(ctx, streams.ResultsStream, streams.Query{}) {
		var r events.Result
		if err = errors.Join(err, resultOf(m.Data, &r)); err != nil {
			return nil, err
		}
		t.account = r.AccountID
	}
	for _, bucket := range accountBuckets {
		for m, err := range client.Messages(ctx, "KV_"+bucket, streams.Query{}) {
			if err != nil {
				return nil, err
			}
			if strings.HasSuffix(m.Subject, ".key") { // the index has one key of hashes
				continue
			}
			if hash, ok := strings.CutPrefix(m.Subject, "$KV."+bucket+".mail."); ok {
				t.mail, _, _ = strings.Cut(hash, ".")
			}
			t.messages[bucket] = append(t.messages[bucket], m)
		}
		if len(t.messages[bucket]) == 0 {
			return nil, fmt.Errorf("bucket %s has no message of the first account", bucket)
		}
	}
	if t.account == "" {
		return nil, errors.New("the results name no account")
	}
	return t, nil
}

// resultOf reads the data of a result.
func resultOf(payload []byte, into *events.Result) error {
	var e struct {
		Data json.RawMessage `json:"data"`
	}
	if err := json.Unmarshal(payload, &e); err != nil {
		return err
	}
	return json.Unmarshal(e.Data, into)
}

// user returns the id of user i.
func (t *template) user(i int) string { return "u" + strconv.Itoa(firstUser+i) }

// recordKey returns the key of the record of user i, as in internal/mailbox/record.
func (t *template) recordKey(i int) string { return t.vendor + "." + digest(t.user(i)) }

// accountOf returns the id of the account of user i, but the first.
func (t *template) accountOf(i int) string { return strconv.Itoa(firstUser + i) }

// digest returns the first half of the SHA-256 of an id in hex digits.
func digest(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:16])
}

// replacer replaces the values of the first account by those of account i.
func (t *template) replacer(i int) *strings.Replacer {
	account := t.accountOf(i)
	pairs := []string{
		digest(t.user(0)), digest(t.user(i)), digest(t.account), digest(account),
		t.user(0), t.user(i), strconv.Quote(t.account), strconv.Quote(account),
	}
	if t.mail != "" {
		pairs = append(pairs, t.mail, digest("mail of "+account))
	}
	return strings.NewReplacer(pairs...)
}

// multiply writes the messages of a bucket for n accounts.
func (s *env) multiply(ctx context.Context, t *template, bucket string, n int) error {
	begun := time.Now()
	for i := 1; i < n; i++ {
		if err := s.storeAccount(ctx, t, bucket, i); err != nil {
			return err
		}
		if i%(max(10, n)/10) == 0 {
			s.config.progress("%s: %d of %d accounts, %.0f a second", bucket, i, n, float64(i)/time.Since(begun).Seconds())
		}
	}
	return s.confirmed(ctx)
}

// storeAccount writes the messages of a bucket for account i, with the headers of usher's last write
// and without its comparison of revisions, without waiting for the server.
func (s *env) storeAccount(ctx context.Context, t *template, bucket string, i int) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	replace := t.replacer(i)
	for _, m := range t.messages[bucket] {
		copied := &nats.Msg{Subject: replace.Replace(m.Subject), Data: []byte(replace.Replace(string(m.Data)))}
		if copied.Header = maps.Clone(m.Header); copied.Header != nil {
			copied.Header.Del(jetstream.ExpectedLastSubjSeqHeader)
		}
		if _, err := s.js.PublishMsgAsync(copied, jetstream.WithStallWait(30*time.Second)); err != nil {
			return err
		}
	}
	return nil
}

// rewrite stores the records of n accounts again.
func (s *env) rewrite(ctx context.Context, t *template, n int) error {
	for i := range n {
		if err := s.storeAccount(ctx, t, streams.AccountsBucket, 1+i*97%max(1, n)); err != nil {
			return err
		}
	}
	return s.confirmed(ctx)
}
