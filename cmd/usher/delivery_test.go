package main

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/usherhq/usher/internal/cli"
	"github.com/usherhq/usher/internal/cli/app"
)

const trialSettings = `
webhooks:
  clerk:
    scheme: standard
    max_body: 5000
    secrets: [whsec_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX, whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw]
    event: &event {type: body.type, types: {joined: user.created}, id: 'header["x-id"]', data: {user_id: body.id, email: body.email}}
  crm:
    scheme: stripe
    secrets: [0123456789abcdefghijklmnopqrstuvwxyzABCDEFGH]
    event: *event
`

func digest(key, text string) []byte {
	m := hmac.New(sha256.New, []byte(key))
	m.Write([]byte(text))
	return m.Sum(nil)
}

// TestConfigCheckTriesADelivery tries captured requests in the forms of files.
func TestConfigCheckTriesADelivery(t *testing.T) {
	t.Parallel()
	const body = `{"type":"joined","id":"ada.lindqvist","email":"ada@example.org"}`
	const text = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGH"
	key, err := base64.StdEncoding.DecodeString("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	signed := func(at time.Time, key, body string) string {
		sent := strconv.FormatInt(at.Unix(), 10)
		return "svix-id: m1\nsvix-timestamp: " + sent + "\nsvix-signature: v1," + base64.StdEncoding.EncodeToString(digest(key, "m1."+sent+"."+body)) + "\nx-id: d1\n"
	}
	now := time.Now()
	fresh := signed(now, string(key), body)
	stripe := "Stripe-Signature: t=1,v1=" + hex.EncodeToString(digest(text, "1."+body)) + "\nx-id: d1\n"
	paddle := "X-Crm: ts=1;h1=" + hex.EncodeToString(digest(text, "1:"+body)) + "\n"
	large := `{"type":"joined","id":"ada","note":"` + strings.Repeat("a", 4998) + `"}`
	const event = "event      user.created, id d1: email a… (15), user_id a… (13)\n"
	for name, test := range map[string]struct {
		file, sender string
		code         int
		want         []string
	}{
		"a request":                   {"POST /webhooks/clerk HTTP/1.1\r\nHost: x\r\n" + strings.ReplaceAll(fresh, "\n", "\r\n") + "\r\n" + body, "", 0, []string{"sender     clerk\n", "fits in Svix-Signature, with secret 2 of 2: base64 behind whsec_\n", event}},
		"from curl -v":                {"> POST /webhooks/clerk?x=1 HTTP/2\n> " + strings.ReplaceAll(strings.TrimSuffix(fresh, "\n"), "\n", "\n> ") + "\n> \n" + body, "", 0, []string{"fits in Svix-Signature", event}},
		"headers only":                {fresh + "\n" + body, "clerk", 0, []string{event}},
		"a line end of an editor":     {fresh + "\n" + body + "\n", "clerk", 0, []string{event}},
		"the same by Content-Length":  {fresh + "Content-Length: " + strconv.Itoa(len(body)) + "\n\n" + body + "\n", "clerk", 0, []string{event}},
		"an old one":                  {signed(now.Add(-time.Hour), string(key), body) + "\n" + body, "clerk", 0, []string{"fits in Svix-Signature", "older than the tolerance", event}},
		"Stripe's, years old":         {stripe + "\n" + body, "crm", 0, []string{"fits in Stripe-Signature, with secret 1 of 1: the text itself\n", "older than the tolerance"}},
		"another way of signing":      {paddle + "\n" + body, "crm", 1, []string{"signature missing, malformed or wrong", `would fit with secret 1 as the text itself, by template: {header: "X-Crm", separator: ";", signature: "h1=", signed: "{time}:{body}", time: "ts=", key: "text"}`}},
		"another sender's secret":     {signed(now, text, body) + "\n" + body, "clerk", 1, []string{"no v1", "no known way of signing fits"}[1:]},
		"a text that looks like 64":   {signed(now, text, body) + "\n" + body, "crm", 1, []string{"there is no header Stripe-Signature", "would fit with secret 1 as the text itself", `header: "Svix-Signature"`}},
		"a faulty mapping":            {signed(now, string(key), `{"type":"joined"}`) + "\n" + `{"type":"joined"}`, "clerk", 1, []string{"fits in Svix-Signature", "fault      data.email: cannot be evaluated"}},
		"too large for the sender":    {signed(now, string(key), large) + "\n" + large, "clerk", 1, []string{"fits in Svix-Signature", "fault      the body has 5036 bytes, more than webhooks.clerk.max_body (5000): a live delivery gets 413"}},
		"another type":                {signed(now, string(key), `{"type":"left"}`) + "\n" + `{"type":"left"}`, "clerk", 0, []string{"ignored    the mapping has no event"}},
		"no sender":                   {fresh + "\n" + body, "", 2, []string{"add --sender with one of clerk, crm"}},
		"an unknown sender":           {fresh + "\n" + body, "lms", 2, []string{"there is no sender webhooks.lms"}},
		"no request":                  {body, "clerk", 2, []string{"the file is no request"}},
		"no body":                     {strings.TrimSuffix(fresh, "\n"), "clerk", 2, []string{"the file has no body"}},
		"a body that is cut off":      {fresh + "Content-Length: 999\n\n" + body, "clerk", 2, []string{"save the body byte for byte"}},
		"a sender without a delivery": {"", "clerk", 2, []string{"--sender goes with --delivery"}},
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			settings, file := filepath.Join(dir, "usher.yaml"), filepath.Join(dir, "captured.txt")
			put(t, settings, trialSettings)
			put(t, file, test.file)
			args := []string{"--config", settings, "config", "check"}
			if test.file != "" {
				args = append(args, "--delivery", file)
			}
			if test.sender != "" {
				args = append(args, "--sender", test.sender)
			}
			var out bytes.Buffer
			err := run(t.Context(), app.Environment{Args: args, Stdout: &out, Stderr: &out})
			printed := out.String()
			if err != nil {
				printed += err.Error()
			}
			if code := cli.ExitCode(err); err != nil && code != test.code || err == nil && test.code != 0 {
				t.Errorf("got exit code %d, want %d: %v", code, test.code, err)
			}
			for _, want := range test.want {
				if !strings.Contains(printed, want) {
					t.Errorf("got\n%s\nwant %q in it", printed, want)
				}
			}
			for _, secret := range []string{"lindqvist", "ada@", "MfKQ9r8GKYq", text} {
				if strings.Contains(printed, secret) {
					t.Errorf("%q is printed:\n%s", secret, printed)
				}
			}
		})
	}
}
