package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/rs/zerolog"

	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/engine"
	"github.com/usherhq/usher/internal/ingest"
	"github.com/usherhq/usher/schemas"
)

// recipeSecret is the secret of all recipes: base64, and user:password.
const recipeSecret = "whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"

// memory is a stream in memory.
type memory struct{ list []events.Event }

func (m *memory) StoreFrom(_ context.Context, _ events.Channel, list []events.Event) error {
	m.list = append(m.list, list...)
	return nil
}

func (m *memory) Keep(context.Context, ingest.Delivery) error { return nil }
func (m *memory) MaxMessage() int64                           { return 0 }

func (m *memory) Room() (left, limit int64) { return 0, 0 }

func (m *memory) KeepRoom() (left, limit int64) { return 0, 0 }

// recipes returns the configurations in docs/recipes.md, by sender.
func recipes(t *testing.T) map[string]config.Config {
	t.Helper()
	all := map[string]config.Config{}
	for _, b := range yamlBlock.FindAllStringSubmatch(string(read(t, "../../docs/recipes.md")), -1) {
		dir := t.TempDir()
		text, file := b[1], filepath.Join(dir, "usher.yaml")
		for _, name := range secretFile.FindAllStringSubmatch(text, -1) {
			secret := recipeSecret
			if strings.Contains(text, "scheme: basic") {
				secret = "user:" + secret
			}
			put(t, filepath.Join(dir, name[1]), secret)
		}
		put(t, file, strings.ReplaceAll(text, "/run/secrets", dir))
		c, err := config.Load(config.Sources{Path: file, Vendors: catalog().Sections()})
		if err != nil {
			t.Fatalf("%v\n%s", err, text)
		}
		if faults := engine.CheckSenders(c); len(faults) > 0 {
			t.Fatalf("%v\n%s", faults, text)
		}
		for name := range c.Webhooks {
			all[name] = c
		}
	}
	return all
}

// sign returns the headers by which the sender signs a body.
func sign(t *testing.T, hook config.Webhook, body []byte) http.Header {
	t.Helper()
	now := time.Now()
	sent := strconv.FormatInt(now.Unix(), 10)
	h := http.Header{}
	switch hook.Scheme {
	case "standard":
		key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(recipeSecret, "whsec_"))
		if err != nil {
			t.Fatal(err)
		}
		h.Set("svix-id", "msg_1")
		h.Set("svix-timestamp", sent)
		h.Set("svix-signature", "v1,"+base64.StdEncoding.EncodeToString(digest(string(key), "msg_1."+sent+"."+string(body))))
	case "stripe":
		header := "Stripe-Signature"
		if hook.Header != "" {
			header, sent = hook.Header, strconv.FormatInt(now.UnixMilli(), 10)
		}
		h.Set(header, "t="+sent+", v1="+hex.EncodeToString(digest(recipeSecret, sent+"."+string(body))))
	case "github":
		if hook.Header == "" {
			h.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(digest(recipeSecret, string(body))))
		} else {
			h.Set(hook.Header, base64.StdEncoding.EncodeToString(digest(recipeSecret, string(body))))
		}
	case "basic":
		h.Set("Authorization", "Basic "+base64.StdEncoding.EncodeToString([]byte("user:"+recipeSecret)))
	case "token":
		if hook.Header == "" {
			h.Set("Authorization", "Bearer "+recipeSecret)
		} else {
			h.Set(hook.Header, recipeSecret)
		}
	default:
		t.Fatalf("no signature for %q", hook.Scheme)
	}
	return h
}

// TestRecipes sends the samples in examples/webhooks through the endpoint, by the recipes in
// docs/recipes.md, and compares the events with the files *.events (-update writes them).
func TestRecipes(t *testing.T) {
	senders := recipes(t)
	if len(senders) < 11 {
		t.Fatalf("docs/recipes.md has %d senders", len(senders))
	}
	for name, c := range senders {
		samples, err := filepath.Glob(filepath.Join("../../examples/webhooks", name, "*.http"))
		if err != nil || len(samples) == 0 {
			t.Errorf("%s has no samples: %v", name, err)
		}
		for _, sample := range samples {
			t.Run(name+"/"+filepath.Base(sample), func(t *testing.T) {
				header, body := readSample(t, sample)
				got := ""
				for attempt := range 2 {
					events := deliver(t, c, name, header, body)
					if attempt == 1 && events != got {
						t.Errorf("a repeat makes other events: %s", cmp.Diff(got, events))
					}
					got = events
				}
				golden := strings.TrimSuffix(sample, ".http") + ".events"
				if *update {
					put(t, golden, got)
				}
				if diff := cmp.Diff(string(read(t, golden)), got); diff != "" {
					t.Errorf("go test ./cmd/usher -run TestRecipes -update (-want +got)\n%s", diff)
				}
			})
		}
	}
	if folders, err := os.ReadDir("../../examples/webhooks"); err != nil || len(folders) != len(senders) {
		t.Errorf("%d folders of samples, %d senders: %v", len(folders), len(senders), err)
	}
}

func readSample(t *testing.T, path string) (http.Header, []byte) {
	t.Helper()
	head, body, found := bytes.Cut(read(t, path), []byte("\n\n"))
	if !found {
		t.Fatalf("%s has no empty line", path)
	}
	header := http.Header{}
	for line := range strings.Lines(string(head)) {
		name, value, _ := strings.Cut(line, ":")
		header.Set(name, strings.TrimSpace(value))
	}
	return header, body
}

// deliver posts a signed delivery, and one with a changed body, and returns the events, a line each.
func deliver(t *testing.T, c config.Config, name string, header http.Header, body []byte) string {
	t.Helper()
	hooks, _, faults := engine.Senders(c)
	if len(faults) > 0 {
		t.Fatal(faults)
	}
	valid, err := schemas.New()
	if err != nil {
		t.Fatal(err)
	}
	stream := &memory{}
	h := ingest.New(ingest.Config{MaxBody: 1 << 20, StoreTime: time.Second, Webhooks: hooks}, ingest.Deps{Stream: stream, Failed: stream, Validate: valid.Validate, Log: zerolog.Nop()})
	signed := sign(t, c.Webhooks[name], body)
	for path := range header {
		signed.Set(path, header.Get(path))
	}
	post := func(body []byte) int {
		r := httptest.NewRequest(http.MethodPost, "/webhooks/"+name, bytes.NewReader(body))
		r.Header = signed.Clone()
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		text, err := io.ReadAll(w.Body)
		if err != nil || bytes.Contains(text, []byte("dead letter")) {
			t.Errorf("got %s, %v", text, err)
		}
		return w.Code
	}
	if code := post(body); code != http.StatusAccepted {
		t.Errorf("got %d, want 202", code)
	}
	if proves := c.Webhooks[name].Scheme; !slices.Contains([]string{"token", "basic"}, proves) && post(append(body, ' ')) != http.StatusUnauthorized {
		t.Error("a changed body is accepted")
	}
	var out strings.Builder
	for _, e := range stream.list {
		fmt.Fprintf(&out, "%s %s %s\n", e.Type(), e.ID(), e.Data())
	}
	return out.String()
}
