package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usherhq/usher/internal/cli"
	"github.com/usherhq/usher/internal/cli/app"
)

// TestConfigCheckListsFaultsOfSenders has a fault in each part of a sender and of a
// client.
func TestConfigCheckListsFaultsOfSenders(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "usher.yaml")
	text := `
http:
  clients: [{name: crm, token: a-token-that-only-this-test-knows, types: [user.renamed]}]
webhooks:
  clerk:
    scheme: standard
    secrets: [whsec_short]
    event: {type: body.type, types: {user.created: user.renamed}, data: {user_id: body.data.id}}
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	err := run(t.Context(), app.Environment{
		Args:    []string{"--config", file, "config", "check"},
		Environ: []string{"USHER_USERMOST_LICENSE_CODE=a", "USHER_USERMOST_API_KEY=b"}, Stdout: &out, Stderr: &out,
	})
	if cli.ExitCode(err) != cli.ExitUsage {
		t.Errorf("got exit code %d, want %d", cli.ExitCode(err), cli.ExitUsage)
	}
	for _, want := range []string{"webhooks.clerk: secret 1 of 1", "webhooks.clerk.event: types.user.created", "http.clients: crm may send"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("got\n%s\nwant %q in it", &out, want)
		}
	}
}
