package config_test

import (
	"encoding/base64"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/usherhq/usher/internal/config"
)

// The keys of profiles are checked before the start. No fault shows a key.
func TestKeysOfProfiles(t *testing.T) {
	dir := t.TempDir()
	put := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	key := func(fill string) string { return base64.StdEncoding.EncodeToString([]byte(strings.Repeat(fill, 32))) }
	first, second := put("first", key("a")+"\n"), put("second", key("b"))
	short, empty := put("short", "c2hvcnQ="), put("empty", "")
	copied, raw := put("copied", key("a")), put("raw", strings.Repeat("a", 32))
	for name, c := range map[string]struct {
		paths []string
		want  string // empty: no fault
	}{
		"none":             {nil, ""},
		"one":              {[]string{first}, ""},
		"two":              {[]string{second, first}, ""},
		"a missing file":   {[]string{first, dir + "/none"}, "/none\", which cannot be used: no such file or directory; name files"},
		"a folder":         {[]string{dir}, "which cannot be used: is a directory"},
		"a short key":      {[]string{short}, "short\", which cannot be used: want 32 bytes in base64, such as from: openssl rand -base64 32"},
		"an empty file":    {[]string{empty}, "which cannot be used: want 32 bytes in base64"},
		"without base64":   {[]string{raw}, "which cannot be used: want 32 bytes in base64"},
		"one path twice":   {[]string{first, second, first}, "first\" twice; keep one of them"},
		"one key, 2 files": {[]string{first, copied}, "copied\", whose key is in another file of the list"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := loadFile(t, "profiles: {keys: ["+strings.Join(c.paths, ", ")+"]}\n")
			got := fmt.Sprint(err)
			if c.want == "" && err != nil || c.want != "" && (len(config.Faults(err)) != 1 || !strings.Contains(got, ":1: profiles.keys: names ") && !strings.Contains(got, "profiles.keys (USHER_PROFILES_KEYS): names ") || !strings.Contains(got, c.want)) {
				t.Errorf("got  %s\nwant %s", got, c.want)
			}
			if strings.Contains(got, key("a")) || strings.Contains(got, "c2hvcnQ") {
				t.Errorf("the fault shows a key: %s", got)
			}
		})
	}
}
