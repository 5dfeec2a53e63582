package main

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/usherhq/usher/internal/cli/app"
)

// auditAPI is the setting of the example: AUDIT is in an account of its own.
const (
	auditAPI  = "JS.audit.API"
	withAudit = "USHER_NATS_AUDIT_API_PREFIX=" + auditAPI
)

// usersConf returns the users for nats-server, as usher nats rights prints them with variables.
func usersConf(t testing.TB, environ ...string) string {
	t.Helper()
	var out, errors bytes.Buffer
	err := run(t.Context(), app.Environment{
		Args: []string{"nats", "rights"}, Stdout: &out, Stderr: &errors,
		Environ: append([]string{"USHER_NATS_URL=nats://127.0.0.1:4222"}, environ...),
	})
	if err != nil {
		t.Fatalf("usher nats rights: %v\n%s", err, &errors)
	}
	return out.String()
}

// TestUsersConf compares the example with the command. Run it with -update to write the
// example.
func TestUsersConf(t *testing.T) {
	t.Parallel()
	file, want := filepath.Join("..", "..", "deploy", "nats", "users.conf"), usersConf(t, withAudit)
	if *update {
		if err := os.WriteFile(file, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	have, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != want {
		t.Errorf("deploy/nats/users.conf is not what usher nats rights prints: go test ./cmd/usher -run TestUsersConf -update writes it")
	}
}
