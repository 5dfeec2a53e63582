package hostile

import (
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/nats-io/nats.go"

	"github.com/usherhq/usher/events"
)

// kinds are the attacks of senders by name.
var kinds = map[string]func(*world, context.Context, *rand.Rand){
	"half-sent unsigned bodies": (*world).halfBodies,
	"half-sent headers":         (*world).halfHeaders,
	"connections":               (*world).connections,
	"events":                    (*world).events,
	"batches":                   (*world).batches,
	"signed deliveries":         (*world).deliveries,
	"unsigned deliveries":       (*world).unsigned,
	"wrong tokens":              (*world).wrongTokens,
	"messages on NATS":          (*world).messages,
	"requests over HTTP/2":      (*world).streams,
}

func names[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }

func (w *world) count(add func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	add()
}

// attack makes one attack: each kind in turn first, and then at random.
func (w *world) attack(ctx context.Context, random *rand.Rand) {
	turn := int(w.turns.Add(1)) - 1
	if turn >= len(kinds) {
		turn = random.IntN(len(kinds))
	}
	name := names(kinds)[turn]
	kinds[name](w, ctx, random)
	w.count(func() { w.report.Attacks[name]++ })
}

// sizes are the sizes of hostile texts: within the limits, at the limit of a body, above.
var sizes = []int{2 << 10, 30 << 10, 200 << 10, 1<<20 - 300, 3 << 20}

// texts are JSON made to take much memory, by size. The texts are made once, so that the attackers
// send more than they compute.
var texts = sync.OnceValue(func() map[int][]string {
	made := map[int][]string{}
	for _, size := range sizes {
		fill := func(begin, unit, end string) string {
			return begin + strings.Repeat(unit, max(1, (size-len(begin+end))/len(unit))) + end
		}
		var members strings.Builder
		members.WriteString("{")
		for i := 0; members.Len() < size; i++ {
			fmt.Fprintf(&members, `"%x":0,`, i)
		}
		made[size] = []string{
			fill("[", "[],", "0]"), fill("[", "{},", "0]"), fill("[", `{"a":[]},`, "0]"), fill("", "[", ""), fill(`"`, `\u0061`, `"`),
			fill("[", "1", "]"), fill("[", "[[[[[[[[[[]]]]]]]]]],", "0]"), members.String() + `"":0}`,
		}
	}
	return made
})

// hostileText returns a hostile text of one of the sizes.
func hostileText(random *rand.Rand, size int) string {
	list := texts()[size]
	return list[random.IntN(len(list))]
}

func size(random *rand.Rand) int { return sizes[random.IntN(len(sizes))] }

// send posts an attack and counts the answer.
func (w *world) send(ctx context.Context, path, authorization, contentType, body string) {
	header := http.Header{"Content-Type": {contentType}}
	if authorization != "" {
		header.Set("Authorization", "Bearer "+authorization)
	}
	status := w.post(ctx, w.attacks, path, header, body)
	w.count(func() { w.report.Answers[status]++ })
}

func evilEvent(random *rand.Rand, data string) string {
	kind := []string{events.ActivityTracked, events.UserUpdated, events.UserCreated}[random.IntN(3)]
	return fmt.Sprintf(`{"specversion":"1.0","id":"%x","source":"/evil","type":%q,%s}`, random.Uint64(), kind, data)
}

func evilData(random *rand.Rand) string {
	text := hostileText(random, size(random))
	user := fmt.Sprintf(`"user_id":"evil-%d","email":"evil-%d@example.org","name":"visited"`, random.IntN(500), random.IntN(500))
	switch random.IntN(4) {
	case 0:
		return `"data":` + text
	case 1:
		return `"datacontenttype":"application/json","data_base64":"` + base64.StdEncoding.EncodeToString([]byte(text)) + `"`
	case 2:
		return fmt.Sprintf(`"data":{%s,"attributes":{"a":%s}}`, user, text)
	default:
		return fmt.Sprintf(`"data":{%s,"properties":{"a":%s}}`, user, text)
	}
}

func (w *world) events(ctx context.Context, random *rand.Rand) {
	w.send(ctx, "/events", evilToken, events.ContentType, evilEvent(random, evilData(random)))
}

func (w *world) batches(ctx context.Context, random *rand.Rand) {
	var b strings.Builder
	for b.Len() < 1<<20-40<<10 {
		b.WriteString("," + evilEvent(random, `"data":{"user_id":"evil","name":"n","properties":{"a":`+hostileText(random, sizes[0])+`}}`))
	}
	w.send(ctx, "/events", evilToken, events.BatchContentType, "["+b.String()[1:]+"]")
}

func (w *world) deliveries(ctx context.Context, random *rand.Rand) {
	body := fmt.Sprintf(`{"type":"user","id":"evil-%d","note":%s}`, random.IntN(500), hostileText(random, size(random)))
	w.send(ctx, "/webhooks/evil", evilSecret, "application/json", body)
}

func (w *world) unsigned(ctx context.Context, random *rand.Rand) {
	w.send(ctx, "/webhooks/evil", "guessed", "application/json", hostileText(random, size(random)))
}

func (w *world) wrongTokens(ctx context.Context, random *rand.Rand) {
	for range 20 {
		w.send(ctx, "/events", fmt.Sprint("guess-", random.Uint64()), events.ContentType, evilEvent(random, `"data":{}`))
	}
}

// dial opens a connection from the address of the attackers.
func (w *world) dial(ctx context.Context) (net.Conn, error) {
	dialer := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP("127.0.0.1")}, Timeout: time.Second}
	conn, err := dialer.DialContext(ctx, "tcp", w.worker.Addr())
	if err != nil {
		return nil, err
	}
	return conn, conn.SetDeadline(time.Now().Add(2 * time.Second))
}

// open opens connections, writes a text on each, and closes all after a while.
func (w *world) open(ctx context.Context, n int, text string) {
	var all []net.Conn
	for range n {
		conn, err := w.dial(ctx)
		if err != nil {
			break
		}
		_, _ = io.WriteString(conn, text)
		all = append(all, conn)
	}
	select {
	case <-ctx.Done():
	case <-time.After(500 * time.Millisecond):
	}
	for _, conn := range all {
		_ = conn.Close()
	}
}

func (w *world) halfBodies(ctx context.Context, random *rand.Rand) {
	text := hostileText(random, sizes[3])
	w.open(ctx, 90, "POST /webhooks/evil HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 1048576\r\n\r\n"+text[:min(len(text), 1<<20-1)])
}

func (w *world) halfHeaders(ctx context.Context, random *rand.Rand) {
	w.open(ctx, 50, "POST /events HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Long: "+strings.Repeat("a", random.IntN(60<<10)))
}

func (w *world) connections(ctx context.Context, random *rand.Rand) {
	w.open(ctx, 100+random.IntN(200), "GET /healthz HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
}

// messages publishes hostile messages, as a producer with the right to publish events.
func (w *world) messages(ctx context.Context, random *rand.Rand) {
	for range 4 {
		m := &nats.Msg{Subject: []string{events.ActivityTracked, events.UserUpdated}[random.IntN(2)], Header: nats.Header{}}
		m.Data = []byte(evilEvent(random, evilData(random)))
		if random.IntN(3) == 0 {
			m.Data = []byte(hostileText(random, size(random)))
		}
		m.Data = m.Data[:min(len(m.Data), 1<<20-4096)]
		m.Header.Set("Usher-Repair", "5")
		m.Header.Set("ce-"+strings.Repeat("x", random.IntN(2000)), "1")
		limited, cancel := context.WithTimeout(ctx, 10*time.Second)
		_, _ = w.producer.PublishMsg(limited, m) // a refused message is an answer too
		cancel()
	}
}
