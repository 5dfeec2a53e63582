package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	patience = 2 * time.Minute
	users    = 20
	changes  = 40 // of a user, the creation included
	token    = "only-for-these-tests"
)

// free returns an address that is free.
func free(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

func until(t *testing.T, condition string, ok func() bool) {
	t.Helper()
	for limit := time.Now().Add(patience); !ok(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(limit) {
			t.Fatalf("condition not met after %s: %s", patience, condition)
		}
	}
}

// postgres starts a server, and returns the URL of its database.
func postgres(t *testing.T) string {
	t.Helper()
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin")
	for _, name := range []string{"initdb", "postgres"} { // not in the path of Debian
		if path, err := exec.LookPath(name); err == nil {
			found = append(found, filepath.Dir(path))
		}
	}
	if len(found) == 0 {
		t.Fatal("there is no PostgreSQL: apt-get install postgresql")
	}
	dir, err := os.MkdirTemp("", "outbox")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	attributes := &syscall.SysProcAttr{}
	if os.Getuid() == 0 { // PostgreSQL does not run as root
		attributes.Credential = owner(t, dir)
	}
	data := filepath.Join(dir, "data")
	command := func(name string, args ...string) *exec.Cmd {
		c := exec.Command(filepath.Join(found[0], name), args...)
		c.Dir, c.SysProcAttr = dir, attributes
		return c
	}
	if out, err := command("initdb", "-D", data, "-U", "school", "-A", "trust", "--no-sync", "--locale=C").CombinedOutput(); err != nil {
		t.Fatalf("initdb: %v\n%s", err, out)
	}
	server := command("postgres", "-D", data, "-h", "", "-k", dir, "-c", "fsync=off") // a socket, since another program may take a free port
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = server.Process.Signal(syscall.SIGINT); _ = server.Wait() })
	url := "postgres://school@/postgres?host=" + dir
	until(t, "PostgreSQL accepts connections", func() bool {
		db, err := pgx.Connect(t.Context(), url)
		if err == nil {
			db.Close(t.Context())
		}
		return err == nil
	})
	return url
}

// owner gives a folder to the user postgres, or to nobody.
func owner(t *testing.T, dir string) *syscall.Credential {
	t.Helper()
	who, err := user.Lookup("postgres")
	if err != nil {
		who, err = user.Lookup("nobody")
	}
	if err != nil {
		t.Fatal(err)
	}
	uid, _ := strconv.Atoi(who.Uid)
	gid, _ := strconv.Atoi(who.Gid)
	if err := os.Chown(dir, uid, gid); err != nil {
		t.Fatal(err)
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}
}

// usher starts an usher serve that stores events, and returns the addresses of NATS and HTTP.
func usher(t *testing.T, dir string) (natsURL, url string) {
	t.Helper()
	program := filepath.Join(dir, "usher")
	build := exec.Command("go", "build", "-C", "../..", "-o", program, "./cmd/usher")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("build usher: %v\n%s", err, out)
	}
	natsAddr, addr := free(t), free(t)                                                                                          // of its own for each: usher listens later
	const settings = "vendors: {usermost: {mode: shadow, license_code: none, api_key: none, base_url: 'http://127.0.0.1:1'}}\n" // no call is made
	if err := os.WriteFile(filepath.Join(dir, "usher.yaml"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	serve := exec.Command(program, "serve")
	serve.Dir, serve.Stderr = dir, os.Stderr
	serve.Env = append(os.Environ(), "USHER_NATS_EMBEDDED_ADDR="+natsAddr, "USHER_NATS_EMBEDDED_SYNC=1s", "USHER_NATS_USER=school", "USHER_NATS_PASSWORD="+token,
		"USHER_HTTP_ADDR="+addr, "USHER_HTTP_TOKENS="+token, "USHER_HTTP_RATE=0", "USHER_LOG_LEVEL=error")
	if err := serve.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = serve.Process.Signal(syscall.SIGTERM); _ = serve.Wait() })
	until(t, "usher serve is ready", func() bool {
		answer, err := http.Get("http://" + addr + "/readyz")
		if err == nil {
			answer.Body.Close()
		}
		return err == nil && answer.StatusCode == http.StatusOK
	})
	return "nats://school:" + token + "@" + natsAddr, "http://" + addr
}

// change writes the n-th change of a user and its event, in one transaction. Each third
// transaction is rolled back at first.
func change(ctx context.Context, db *pgx.Conn, user string, n int) error {
	kind, data := "user.updated", fmt.Sprintf(`{"email":"%s@example.org","last_name":"%d"}`, user, n)
	if n == 0 {
		kind = "user.created"
	}
	write := func(data string) error {
		return pgx.BeginFunc(ctx, db, func(tx pgx.Tx) error {
			if _, err := tx.Exec(ctx, "INSERT INTO people (id, n) VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET n = $2", user, n); err != nil {
				return err
			}
			if _, err := tx.Exec(ctx, "SELECT put_event($1, $2, $3)", kind, user, data); err != nil {
				return err
			}
			if strings.Contains(data, "rolled back") {
				return pgx.ErrTxCommitRollback
			}
			return nil
		})
	}
	if n%3 == 2 {
		if err := write(`{"last_name":"rolled back"}`); !errors.Is(err, pgx.ErrTxCommitRollback) {
			return fmt.Errorf("got %w, want a rollback", err)
		}
	}
	return write(data)
}

// produce makes all changes, those of a user over several connections in turn.
func produce(ctx context.Context, database string) error {
	failed := make(chan error, 5)
	for part := range cap(failed) {
		go func() {
			failed <- func() error {
				var conns []*pgx.Conn
				for range 2 {
					db, err := pgx.Connect(ctx, database)
					if err != nil {
						return err
					}
					defer db.Close(ctx)
					conns = append(conns, db)
				}
				for n := range changes {
					for u := part; u < users; u += cap(failed) {
						if err := change(ctx, conns[(n+u)%len(conns)], fmt.Sprint("u", u), n); err != nil {
							return err
						}
					}
				}
				return nil
			}()
		}()
	}
	var err error
	for range cap(failed) {
		err = errors.Join(err, <-failed)
	}
	return err
}

// killing runs the relay, and kills it after each few events, until the outbox is empty. Returns the
// number of kills with work left.
func killing(t *testing.T, program string, environ []string, produced <-chan error, db *pgx.Conn) (kills int) {
	t.Helper()
	first := func() (position int64, left bool) {
		var p *int64
		if err := db.QueryRow(t.Context(), "SELECT min(position) FROM outbox").Scan(&p); err != nil {
			t.Fatal(err)
		}
		if p == nil {
			return 0, false
		}
		return *p, true
	}
	ended := func() bool {
		select {
		case err := <-produced:
			if err != nil {
				t.Fatal(err)
			}
			produced = nil
		default:
		}
		return produced == nil
	}
	for {
		relay := exec.Command(program)
		relay.Env, relay.Stderr = append(os.Environ(), environ...), os.Stderr
		if err := relay.Start(); err != nil {
			t.Fatal(err)
		}
		from, _ := first()
		some := rand.Int64N(40)
		until(t, "the relay gets on", func() bool {
			at, left := first()
			return left && at > from+some || !left && ended()
		})
		_ = relay.Process.Kill()
		_ = relay.Wait()
		if _, left := first(); !left {
			return kills
		}
		kills++
	}
}

// stored returns the changes by user, in the order of the stream.
func stored(t *testing.T, natsURL string, after uint64) (by map[string][]string, last uint64) {
	t.Helper()
	nc, err := nats.Connect(natsURL)
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), "EVENTS")
	if err != nil {
		t.Fatal(err)
	}
	by, last = map[string][]string{}, stream.CachedInfo().State.LastSeq
	for seq := after + 1; seq <= last; seq++ {
		m, err := stream.GetMsg(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		var e struct {
			Data struct {
				UserID string `json:"user_id"`
				Last   string `json:"last_name"`
			} `json:"data"`
		}
		if err := json.Unmarshal(m.Data, &e); err != nil {
			t.Fatal(err)
		}
		by[e.Data.UserID] = append(by[e.Data.UserID], e.Data.Last)
	}
	return by, last
}

// TestOutbox changes users while the relay is killed all the time: nothing is lost, nothing is
// stored twice, and the order of each user is kept.
func TestOutbox(t *testing.T) {
	dir := t.TempDir()
	database := postgres(t)
	natsURL, url := usher(t, dir)
	program := filepath.Join(dir, "outbox")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		t.Fatalf("build the relay: %v\n%s", err, out)
	}
	db, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(context.Background())
	schema, err := os.ReadFile("schema.sql")
	if err == nil {
		_, err = db.Exec(t.Context(), string(schema)+"CREATE TABLE people (id text PRIMARY KEY, n integer);")
	}
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for n := range changes {
		want = append(want, strconv.Itoa(n))
	}
	after := uint64(0)
	for _, way := range []struct{ name, environ string }{{"NATS", "NATS_URL=" + natsURL}, {"HTTP", "USHER_URL=" + url}} {
		t.Run(way.name, func(t *testing.T) {
			produced := make(chan error, 1)
			go func() { produced <- produce(t.Context(), database) }()
			kills := killing(t, program, []string{"DATABASE_URL=" + database, "USHER_TOKEN=" + token, way.environ}, produced, db)
			if kills < 3 {
				t.Errorf("the relay was killed %d times with work left: the test shows little", kills)
			}
			var by map[string][]string
			by, after = stored(t, natsURL, after)
			for u := range users {
				if got := by[fmt.Sprint("u", u)]; strings.Join(got, " ") != strings.Join(want, " ") {
					t.Errorf("u%d: got the changes %v, want %v", u, got, want)
				}
			}
			if len(by) != users {
				t.Errorf("got %d users, want %d", len(by), users)
			}
			t.Logf("%d kills", kills)
		})
	}
}

// TestRefusedEvent has an event that Usher refuses: later events of the user wait, others do not.
func TestRefusedEvent(t *testing.T) {
	database := postgres(t)
	db, err := pgx.Connect(t.Context(), database)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(context.Background())
	schema, err := os.ReadFile("schema.sql")
	if err == nil {
		_, err = db.Exec(t.Context(), string(schema)+`SELECT put_event('user.created', 'bad', '{"n":1}'), put_event('user.updated', 'bad', '{"n":2}'), put_event('user.created', 'good', '{"n":3}')`)
	}
	if err != nil {
		t.Fatal(err)
	}
	var sent recorder
	for range 2 {
		if _, err := sendBatch(t.Context(), db, &sent); err != nil {
			t.Fatal(err)
		}
	}
	if got := fmt.Sprint(sent); got != "[user.created bad user.created good]" {
		t.Errorf("got %s", got)
	}
	if _, err := db.Exec(t.Context(), `UPDATE outbox SET refused = NULL`); err != nil {
		t.Fatal(err)
	}
	mended := recorder{"mended"}
	if _, err := sendBatch(t.Context(), db, &mended); err != nil || fmt.Sprint(mended) != "[mended user.created bad user.updated bad]" {
		t.Errorf("got %v and %v, want the rest in order", mended, err)
	}
}

// recorder lists what was sent, and refuses the user bad unless the list begins with mended.
type recorder []string

func (r *recorder) send(_ context.Context, e event) error {
	var data struct {
		UserID string `json:"user_id"`
	}
	if err := json.Unmarshal(e.Data, &data); err != nil {
		return err
	}
	mended := len(*r) > 0 && (*r)[0] == "mended"
	*r = append(*r, e.Type+" "+data.UserID)
	if data.UserID == "bad" && !mended {
		return errRefused{"422"}
	}
	return nil
}
