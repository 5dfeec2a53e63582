package config_test

import (
	"strings"
	"testing"

	"github.com/usherhq/usher/internal/config"
)

// TestProxiesAreShownWithoutPasswords is about usher config show.
func TestProxiesAreShownWithoutPasswords(t *testing.T) {
	for proxy, want := range map[string]string{
		"http://user:s3cr3t@proxy.example:3128": "http://[redacted]@proxy.example:3128", "socks5://s3cr3t@proxy.example": "socks5://[redacted]@proxy.example",
		"https://proxy.example": "https://proxy.example", "off": "off",
	} {
		c := load(t, config.Sources{Environ: []string{"USHER_LEAD_PROXY=" + proxy}})
		for _, s := range c.Show() {
			if s.Key == "vendors.lead.proxy" && s.Text() != want {
				t.Errorf("got %s, want %s", s.Text(), want)
			}
			if strings.Contains(s.Text(), "s3cr3t") {
				t.Errorf("%s shows the password", s.Key)
			}
		}
	}
}
