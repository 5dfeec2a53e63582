package cli

import (
	"bytes"
	"strings"
	"testing"
)

// FuzzCaptured reads any file as a request. The body is a part of the file, and headers have names.
func FuzzCaptured(f *testing.F) {
	f.Add("POST /webhooks/crm HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\n{}\n")
	f.Add("> POST /webhooks/crm?a=b HTTP/2\n> a: b\n>\n{}")
	f.Add("a:\n\n")
	f.Add("a: b\nContent-Length: 99999999999999999999\n\n")
	f.Fuzz(func(t *testing.T, text string) {
		c, err := readCaptured([]byte(text))
		if err != nil {
			return
		}
		if !bytes.Contains([]byte(text), c.body) || len(c.header) == 0 {
			t.Errorf("got %q, %v", c.body, c.header)
		}
		for name := range c.header {
			if name == "" || strings.ContainsAny(name, " :\r\n") {
				t.Errorf("got the header %q", name)
			}
		}
	})
}
