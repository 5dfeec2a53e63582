package cli

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/usherhq/usher/bounded"
	"github.com/usherhq/usher/events"
	"github.com/usherhq/usher/internal/cli/app"
	"github.com/usherhq/usher/internal/cli/output"
	"github.com/usherhq/usher/internal/config"
	"github.com/usherhq/usher/internal/engine"
)

// captured is a request in a file.
type captured struct {
	sender string // of the path; empty without one
	header http.Header
	body   []byte
}

var headerName = regexp.MustCompile(`^[A-Za-z0-9_-]+$`)

// readCaptured reads a request: a request line, if any, headers, an empty line, the body. Lines may
// have the "> " of curl -v in front.
func readCaptured(text []byte) (captured, error) {
	c := captured{header: http.Header{}}
	for first := true; ; first = false {
		line, rest, found := bytes.Cut(text, []byte("\n"))
		text = rest
		part := strings.TrimSuffix(strings.TrimPrefix(string(bytes.TrimSuffix(line, []byte("\r"))), "> "), ">")
		name, value, isHeader := strings.Cut(part, ":")
		switch {
		case first && strings.Contains(part, " HTTP/"):
			_, path, _ := strings.Cut(strings.Split(part, " HTTP/")[0], " ")
			path, _, _ = strings.Cut(path, "?")
			_, c.sender, _ = strings.Cut(path, "/webhooks/")
		case part == "" && len(c.header) > 0:
			return c, c.setBody(rest)
		case !isHeader || !headerName.MatchString(name):
			return c, errors.New("the file is no request: write headers, an empty line, and the body as sent; a request line such as POST /webhooks/NAME HTTP/1.1 may come first")
		default:
			c.header.Add(strings.TrimSpace(name), strings.TrimSpace(value))
		}
		if !found {
			return c, errors.New("the file has no body: write an empty line behind the headers, and the body as sent")
		}
	}
}

// setBody takes the body, without a line end that an editor has appended: Content-Length says so.
func (c *captured) setBody(rest []byte) error {
	length, err := strconv.Atoi(c.header.Get("Content-Length"))
	switch {
	case c.header.Get("Content-Length") == "":
	case err != nil || length < 0:
		return errors.New("Content-Length is not a number")
	case length > len(rest):
		return fmt.Errorf("the body has %d bytes, and Content-Length says %d: save the body byte for byte", len(rest), length)
	default:
		rest = rest[:length]
	}
	c.body = rest
	return nil
}

// senderOf returns the sender of a request: of the flag, of the path, or the only one.
func senderOf(c config.Config, flag, path string) (string, error) {
	names := slices.Sorted(maps.Keys(c.Webhooks))
	switch {
	case flag != "":
		return flag, nil
	case path != "":
		return path, nil
	case len(names) == 1:
		return names[0], nil
	default:
		return "", app.Usage(fmt.Errorf("the request does not say whose it is: add --sender with one of %s", strings.Join(names, ", ")))
	}
}

// try tries a captured delivery, and prints the outcome. Values of people are masked.
func (k configCheckCmd) try(a *app.App, c config.Config) error {
	text, err := bounded.ReadFile(k.Delivery, bounded.SettingsFile)
	if err != nil {
		return app.Usage(err)
	}
	request, err := readCaptured(text)
	if err != nil {
		return app.Usage(fmt.Errorf("%s: %w", k.Delivery, err))
	}
	sender, err := senderOf(c, k.Sender, request.sender)
	if err != nil {
		return err
	}
	t, err := engine.Try(c, sender, request.header, request.body)
	if err != nil {
		return app.Usage(err)
	}
	if !t.Verified && bytes.HasSuffix(request.body, []byte("\n")) { // a line end of an editor
		again, err := engine.Try(c, sender, request.header, bytes.TrimRight(request.body, "\r\n"))
		if err == nil && (again.Verified || len(again.Fits) > 0) {
			t = again
		}
	}
	if err := printTrial(a.Stdout, t); err != nil {
		return err
	}
	if !t.Verified || len(t.Faults) > 0 {
		return app.ErrSilent
	}
	return nil
}

// printTrial prints the outcome of a trial for a person.
func printTrial(w io.Writer, t engine.Trial) error {
	var b strings.Builder
	fmt.Fprintf(&b, "sender     %s\n", t.Sender)
	fmt.Fprintf(&b, "signature  %s\n", t.Signature)
	if t.Stale {
		b.WriteString("           the captured delivery is older than the tolerance: a live one must be fresh\n")
	}
	for _, fit := range t.Fits {
		fmt.Fprintf(&b, "           would fit with %s\n", fit)
	}
	if !t.Verified && len(t.Fits) == 0 {
		b.WriteString("           no known way of signing fits: is the body byte for byte as sent, and the secret of this sender?\n")
	}
	for _, f := range t.Faults {
		fmt.Fprintf(&b, "fault      %s\n", f)
	}
	for _, e := range t.Events {
		fmt.Fprintf(&b, "event      %s, id %s: %s\n", e.Type(), output.Plain(e.ID(), ""), masked(e))
	}
	if len(t.Events)+len(t.Faults) == 0 {
		b.WriteString("ignored    the mapping has no event for this delivery: see types\n")
	}
	_, err := io.WriteString(w, b.String())
	return err
}

// masked returns the members of an event with the first letter and the length of each text.
func masked(e events.Event) string {
	var data map[string]any
	if err := json.Unmarshal(e.Data(), &data); err != nil {
		return "no data"
	}
	var all []string
	for _, name := range slices.Sorted(maps.Keys(data)) {
		text, ok := data[name].(string)
		if !ok {
			all = append(all, name+" …")
			continue
		}
		letter, _ := utf8.DecodeRuneInString(text)
		all = append(all, fmt.Sprintf("%s %s… (%d)", name, output.Plain(string(letter), ""), utf8.RuneCountInString(text)))
	}
	return strings.Join(all, ", ")
}
